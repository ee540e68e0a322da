//! The summary of a run: the document, how it is built from a ledger, read, validated and merged.
//!
//! Files, the history, the HTTP API and live snapshots all have this one document. It is described by
//! `schema/run-summary.v1.schema.json`.
//!
//! # Invariants
//!
//! - Uses `ledger` alone: no `tracing`, no sinks, no prices, no clock, no presentation (that is `present`).
//! - Rows add up to the totals in every dimension. [`RunSummary::check`] verifies it wherever a document is read.
//! - [`RunSummary::merge`] is associative and commutative.
//! - Unknown is null. It is 0 in no figure, and each sum that lacks a call counts it.
//! - Keys are stable. A change that an earlier reader could not understand raises [`SCHEMA_VERSION`].

mod build;
mod burn_rate;
mod call;
mod document;
mod efficiency;
mod fold;
mod keys;
mod merge;
mod part;
mod reader;
mod record;
mod rows;
mod settle;
mod status;
mod timestamp;
mod units;
mod validate;

/// The row of amounts outside of any stage, of any agent, and of amounts without a known model.
const UNATTRIBUTED: &str = "unattributed";

pub(crate) use build::{BookPeriod, EndReason, SummaryInput};
pub use burn_rate::BurnRate;
pub use call::CallRecord;
pub use document::{
    AgentRow, BudgetSummary, Figures, GateVerdict, Limits, ModelRow, OperationRow, RunSummary,
    SCHEMA_VERSION, StageAttempt, StageLimits, StageRow,
};
pub use efficiency::Efficiency;
pub(crate) use fold::bound_verdicts;
pub use reader::ReadError;
pub use record::OperationRecord;
pub(crate) use record::{OperationFields, Records, measured, seconds};
pub use rows::Rows;
pub use status::Status;
pub use timestamp::{Timestamp, TimestampError};
pub use units::Units;
pub use validate::Unbalanced;
