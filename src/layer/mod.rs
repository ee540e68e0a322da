//! The `tracing` layer: from callbacks to the ledger of a run.
//!
//! A span opens and is placed below the nearest span that matters (`open`, `ancestors`). What it records becomes its reading
//! (`record`, `visit`). When it closes, the rules of [`attribution`](crate::attribution) charge its amounts; they are priced, passed on
//! to the spans around it, and booked in the ledger of its run (`close`, `book`). When the root closes, the run ends (`end`), and
//! its summary goes to the sinks' worker. [`Core`] has one part for each: the span table, the run registry, the pricer, the delivery.
//!
//! # Invariants
//!
//! - Every amount is booked once: by the span's own close, by the end of its run, or not at all, which a counter in [`Stats`]
//!   shows.
//! - A run that is sealed takes nothing more. Its summary and its ledger are equal to the last digit.
//! - A span with nothing to account costs two lookups in thread-local memory: no lock, no allocation, no shared cache line.
//! - Lock order: the list of waiting spans or the slot of one span, alone; the details of a run, then one part of its ledger; the
//!   journal last. Never two slots at once: span ids are reused, so the second slot may be the first (deadlock). Never a slot and
//!   the details.
//!
//! Absent, and to be kept absent:
//!
//! - No rule of attribution: which span is what, and what it adds, is in `attribution`.
//! - No user code under a lock, or while a thread-local is borrowed: `Debug` impls of field values can trace.
//! - No event from inside a callback: the subscriber would call this layer again. Alerts are emitted by the worker's thread.
//! - No I/O and no waiting for a sink. The journal's writer and the worker have threads of their own.
//! - No panic: a poisoned lock is taken, and no index or `unwrap` depends on what a program records.
//! - No prompt or completion text: visitors drop unknown fields without formatting them.
//! - No extension of the registry: one costs a boxed insert and two locks per span.

mod accounted;
mod ancestors;
mod audit;
mod book;
mod books;
mod budget_layer;
mod builder;
mod callsites;
mod clock;
mod close;
mod core;
mod count_outside;
mod delivery;
mod direct;
mod early;
mod end;
mod event;
mod gates;
mod guard;
mod handle;
mod happened;
mod installed;
mod journal_plan;
mod journaled;
mod limits;
mod locate;
mod open;
mod outside;
mod position;
mod price_cache;
mod pricer;
mod probe;
mod record;
mod responses;
mod run;
mod run_registry;
mod settle_early;
mod slots;
mod span_state;
mod span_table;
mod stats;
mod switch;
mod tellings;
mod thread_state;
mod visit;
mod waiting;
mod warn_once;

pub use audit::{Audit, CallAudit, Discrepancy, RunAudit, SinkAudit, SpanAudit};
pub use builder::{BuildError, Builder, ErrorEvents, OwnFilter, Unfiltered, layer};
pub(crate) use core::Core;
pub use guard::BudgetGuard;
pub use handle::Handle;
pub(crate) use limits::Hold;
pub(crate) use locate::{Location, locate};
pub use outside::Outside;
pub(crate) use position::Position;
pub use stats::Stats;
