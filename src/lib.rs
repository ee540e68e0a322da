//! Where an LLM pipeline's tokens, money and time went, stage by stage.

mod emit;
mod layer;
mod ledger;
mod price;
pub mod sink;
mod summary;

pub use emit::{Call, CallBuilder, Current, GateBuilder, UsageRecord, call, current, gate, record_usage};
pub use layer::{BudgetGuard, BuildError, Builder, Handle, LimitError, Stats, layer};
pub use ledger::{Kind, Usage, Usd, UsdError, Verdict};
pub use price::{
    BookName, Price, PriceBook, PriceBookBuilder, PriceBookError, PricedModel, Rates, Source, UnknownModel,
    Unpriced,
};
#[cfg(feature = "prices")]
pub use price::{ResponseError, ResponseUsage};
pub use summary::{
    BudgetSummary, Figures, GateVerdict, Limits, ModelRow, OperationRow, ReadError, Rows, RunSummary,
    SCHEMA_VERSION, StageRow, Status, Timestamp, TimestampError, Unbalanced,
};
