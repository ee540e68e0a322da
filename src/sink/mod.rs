//! Destinations of finished runs: the [`Sink`] trait, the sinks of this crate, and the thread that calls them.
//!
//! ```text
//! pipeline -> Worker (queue) -> delivery thread -> SinkWorker (one sink) -> Sink
//! ```
//!
//! # Invariants
//!
//! - Sinks run on one thread of the layer, without an active `tracing` subscriber. They may do I/O, block, log and fail: the
//!   pipeline is not affected.
//! - Every call of a user's code is under `catch_panic`; the thread ends only when it is stopped.
//! - Each run is delivered, failed, dropped or lost, and counted as one of these. A job that is dropped counts itself.
//! - A run is given to every sink before the first one gets it again. Alerts precede the run that they are about.
//! - No lock is held while a sink runs.
//! - Every wait for the delivery thread has a timeout: a root for room in the queue, a flush, a close. A sink may hang for ever.
//! - A fork of the process has no delivery thread: nothing waits for one there, and its runs count as lost.
//! - Each kind of failure is printed once. All diagnostics of the crate go through `print_diagnostic`.
//! - A file of [`JsonDir`] is whole or absent for every reader, and never overwritten. No root and no other sink waits for its sync.
//!
//! Absent: spans, callsites, prices and the ledger. A sink gets a finished document; nothing here changes a figure.

mod alert_queue;
mod contract;
mod delivery;
mod delivery_state;
mod diagnostics;
mod error;
mod file_name;
mod json_dir;
mod json_lines;
mod memory;
mod poll_schedule;
mod private_file;
mod process;
mod sink_worker;
mod sync_batch;
#[cfg(test)]
mod tests;
mod worker;

pub(crate) use alert_queue::Callback;
pub use contract::Sink;
pub use delivery::{Delivery, DeliveryStats, FlushError, SinkLoss, SinkStats, WhenFull};
pub(crate) use diagnostics::{catch_panic, print_diagnostic};
pub use error::{OpenError, SinkError};
pub use json_dir::JsonDir;
pub use json_lines::JsonLines;
pub use memory::Memory;
pub(crate) use private_file::private;
pub(crate) use process::Process;
pub(crate) use worker::Worker;
