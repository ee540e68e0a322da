//! The document that a run leaves behind: its shape, how it is read, merged and shown.
//!
//! Nothing here knows `tracing`, sinks or prices.

mod balance;
mod burn;
mod cells;
mod document;
mod efficiency;
mod merge;
mod reader;
mod record;
mod rows;
mod settle;
mod table;
mod take;
mod timestamp;

pub use balance::Unbalanced;
pub use burn::BurnRate;
pub use document::{
    BudgetSummary, Figures, GateVerdict, Limits, ModelRow, OperationRow, RunSummary, SCHEMA_VERSION,
    StageLimits, StageRow, Status,
};
pub use efficiency::Efficiency;
pub use reader::ReadError;
pub use record::OperationRecord;
pub(crate) use record::{OperationFields, Records, seconds};
pub use rows::Rows;
pub(crate) use take::{Account, Ending};
pub use timestamp::{Timestamp, TimestampError};
