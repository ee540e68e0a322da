//! The document that a run leaves behind: its shape, how it is read, merged and shown.
//!
//! Nothing here knows `tracing`, sinks or prices.

mod balance;
mod columns;
mod document;
mod merge;
mod numbers;
mod reader;
mod rows;
mod settle;
mod table;
mod take;
mod timestamp;

pub use balance::Unbalanced;
pub use document::{
    BudgetSummary, Figures, GateVerdict, Limits, ModelRow, OperationRow, RunSummary, SCHEMA_VERSION,
    StageRow, Status,
};
pub use reader::ReadError;
pub use rows::Rows;
pub(crate) use take::{Account, Ending};
pub use timestamp::{Timestamp, TimestampError};
