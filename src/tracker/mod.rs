//! A cost tracker: a ledger for one agent, without any subscriber.
//!
//! It has nothing to do with runs: what is recorded here is in no run, and what is in a run is not here, so that nothing is
//! counted twice. Nothing here knows `tracing`, prices or I/O.

mod cost_tracker;
mod document;
mod team;

pub use cost_tracker::CostTracker;
pub use document::{CostSummary, OperationCost, TeamSummary};
