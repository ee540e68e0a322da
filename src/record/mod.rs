//! The words in which a program records an operation that is no span: one builder, whether it goes to the current run, to a
//! run by its id, or to a cost tracker.
//!
//! Where a record goes is said by the rooms that take it: each adds `record` to the builder for its own destination.
//! Nothing here knows `tracing`, runs or ledgers of runs.

mod builder;

pub use builder::OperationBuilder;
pub(crate) use builder::{Recorded, amount};
