//! The `tracing` layer: from callbacks to the ledger of a run.
//!
//! A span opens and is placed (`parent`, `placing`). What it records becomes a reading (`callsite`, `visit`, `field_value`, `reading`).
//! When it closes, its reading is priced and added to a cell of its run's ledger (`settle`, `bill`). When the root closes, the
//! run ends (`finish`), and its summary goes to the sinks' worker.
//!
//! # Invariants
//!
//! - Every amount is booked once: by the span's own close, by the end of its run, or not at all, which a counter in [`Stats`]
//!   shows.
//! - A run that is sealed takes nothing more. Its summary and its ledger are equal to the last digit.
//! - A span with nothing to account costs two lookups in thread-local memory: no lock, no allocation, no shared cache line.
//! - Lock order: slot of a span, then `lingering` or the map of a lane; parts and `rest` of a run, one at a time; the journal last.
//!   Never two slots at once, except by `try_with`: span ids are reused, so the second slot may be the first (deadlock).
//!
//! Absent, and to be kept absent:
//!
//! - No user code under a lock, or while a thread-local is borrowed: `Debug` impls of field values can trace.
//! - No event from inside a callback: the subscriber would call this layer again. Alerts are emitted by the worker's thread.
//! - No I/O and no waiting for a sink. The journal's writer and the worker have threads of their own.
//! - No panic: a poisoned lock is taken, and no index or `unwrap` depends on what a program records.
//! - No arithmetic on rows and no price: both belong to `ledger` and `price`.
//! - No prompt or completion text: visitors drop unknown fields without formatting them.
//! - No extension of the registry: one costs a boxed insert and two locks per span.

mod audit;
mod bill;
mod budget_layer;
mod builder;
mod callsite;
mod callsite_flags;
mod clock;
mod core;
mod desk;
mod direct;
mod events;
mod field_value;
mod finish;
mod gates;
mod guard;
mod handle;
mod journal_plan;
mod journaled;
mod limits;
mod models;
mod open_run;
mod parent;
mod placing;
mod reading;
mod recording;
mod root;
mod run;
mod settle;
mod settlement;
mod slots;
mod stats;
mod switch;
mod table;
mod thread_state;
mod visit;
mod warn_once;

pub use audit::{Audit, CallAudit, Discrepancy, RunAudit, SinkAudit, SpanAudit};
pub(crate) use budget_layer::BudgetLayer;
pub use builder::{BuildError, Builder, ErrorEvents, OwnFilter, Unfiltered, layer};
pub(crate) use core::Core;
pub use guard::BudgetGuard;
pub use handle::Handle;
pub(crate) use limits::Hold;
pub use stats::Stats;
pub(crate) use table::Place;
