//! The document that a run leaves behind: its shape, how it is read, merged and shown.
//!
//! Nothing here knows `tracing`, sinks or prices.

mod document;
mod rows;
mod timestamp;

pub use document::{
    BudgetSummary, Figures, GateVerdict, Limits, ModelRow, OperationRow, RunSummary, SCHEMA_VERSION,
    StageRow, Status,
};
pub use rows::Rows;
pub use timestamp::{Timestamp, TimestampError};
