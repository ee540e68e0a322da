//! Where an LLM pipeline's tokens, money and time went, stage by stage.

mod ledger;
pub mod sink;
mod summary;

pub use ledger::{Kind, Usage, Usd, UsdError, Verdict};
pub use summary::{
    BudgetSummary, Figures, GateVerdict, Limits, ModelRow, OperationRow, Rows, RunSummary, SCHEMA_VERSION,
    StageRow, Status, Timestamp, TimestampError,
};
