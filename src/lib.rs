//! Where an LLM pipeline's tokens, money and time went, stage by stage.

mod ledger;
mod summary;

pub use ledger::{Kind, Usage, Usd, UsdError, Verdict};
pub use summary::{
    BudgetSummary, Figures, GateVerdict, Limits, ModelRow, OperationRow, ReadError, Rows, RunSummary,
    SCHEMA_VERSION, StageRow, Status, Timestamp, TimestampError, Unbalanced,
};
