//! The `tracing` layer: from callbacks to the ledger.
//!
//! A span opens and is placed (`parent`, `placing`); what it records becomes a reading (`callsite`, `visit`, `told`,
//! `reading`); it closes and its reading is settled (`settle`): the ledger of its run adds it to a cell. When the root
//! closes, the run is finished (`finish`) and the worker takes the summary to the sinks.
//!
//! Nothing here does arithmetic on rows, reads prices or does I/O.

mod audit;
mod bill;
mod budget_layer;
mod builder;
mod callsite;
mod class;
mod clock;
mod core;
mod desk;
mod direct;
mod events;
mod finish;
mod gates;
mod guard;
mod handle;
mod here;
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
mod said;
mod settle;
mod settlement;
mod slots;
mod stats;
mod switch;
mod table;
mod told;
mod visit;

pub use audit::{Audit, CallAudit, Discrepancy, RunAudit, SinkAudit, SpanAudit};
pub(crate) use budget_layer::BudgetLayer;
pub use builder::{BuildError, Builder, OwnFilter, Unfiltered, layer};
pub(crate) use core::Core;
pub use guard::BudgetGuard;
pub use handle::Handle;
pub(crate) use limits::Hold;
pub use stats::Stats;
pub(crate) use table::Place;
