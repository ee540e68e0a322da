//! Where a finished run goes: the [`Sink`] trait, the sinks of the house, and the thread that feeds them.
//!
//! A sink sees finished documents and nothing else; what a run is and what it costs is settled before.
//! Sinks run on one thread of the layer, with no `tracing` subscriber active, so they may do I/O, block, log
//! and fail without reaching the pipeline.
//!
//! Nothing here knows spans, callsites or prices.

mod contract;
mod delivery;
mod error;
mod file_name;
mod json_dir;
mod json_lines;
mod memory;
mod worker;

pub use contract::Sink;
pub use delivery::{Delivery, DeliveryStats, FlushError, SinkLoss, SinkStats, WhenFull};
pub use error::{OpenError, SinkError};
pub use json_dir::JsonDir;
pub use json_lines::JsonLines;
pub use memory::Memory;
pub(crate) use worker::say;
pub(crate) use worker::{Callback, Worker};
