//! What a program calls: explicit runs, gates, usage of clients that emit none, operations, the current run, and cost trackers.
//!
//! # Invariants
//!
//! - Records of the current run are `tracing` events, so they cost nothing where no layer listens, and every layer sees the same.
//! - A cost tracker has a ledger of its own and emits nothing, so no amount is counted twice.
//! - Nothing below this room names it.

mod call;
mod cost_summary;
mod cost_tracker;
mod current;
mod gate;
mod limits;
mod operation;
mod operation_builder;
mod permit;
mod run;
mod run_operation;
mod team;
mod usage;

pub use call::{Call, CallBuilder, call};
pub use cost_summary::{CostSummary, OperationCost, TeamSummary};
pub use cost_tracker::CostTracker;
pub use current::{Current, current};
pub use gate::{GateBuilder, gate};
pub use limits::{check, remaining, reserve, reserve_tokens};
pub use operation::{CurrentRun, operation};
pub use operation_builder::OperationBuilder;
pub use permit::Permit;
pub use run::{Run, run};
pub use run_operation::LayerRun;
pub use usage::{UsageRecord, record_usage};
