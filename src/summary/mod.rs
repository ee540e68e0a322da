//! The document that a run leaves behind: its shape, how it is read, merged and shown.
//!
//! Nothing here knows `tracing`, sinks or prices.

mod build;
mod burn_rate;
mod document;
mod efficiency;
mod merge;
mod reader;
mod record;
mod rows;
mod settle;
mod timestamp;
mod validate;

pub(crate) use build::{EndReason, SummaryInput};
pub use burn_rate::BurnRate;
pub use document::{
    BudgetSummary, Figures, GateVerdict, Limits, ModelRow, OperationRow, RunSummary, SCHEMA_VERSION,
    StageLimits, StageRow, Status,
};
pub use efficiency::Efficiency;
pub use reader::ReadError;
pub use record::OperationRecord;
pub(crate) use record::{OperationFields, Records, seconds};
pub use rows::Rows;
pub use timestamp::{Timestamp, TimestampError};
pub use validate::Unbalanced;
