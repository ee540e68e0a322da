//! A [`tracing`] layer that shows where the tokens, the money and the time of an LLM pipeline went, stage by stage, and which
//! quality gates ran. Annotate the pipeline with `#[instrument]`; when the root span closes, a summary of the run goes to the
//! sinks. No service, no key, no account.
//!
//! ```
//! use tracing::{Span, field::Empty, instrument};
//! use tracing_budget::gate;
//! use tracing_budget::sink::Memory;
//! use tracing_subscriber::prelude::*;
//!
//! let memory = Memory::new(); // or `.json_dir("target/budget")`: one file a run
//! let (budget, guard) = tracing_budget::layer().limit_usd("5.00").sink(memory.clone()).build()?;
//! tracing_subscriber::registry().with(budget).init();
//!
//! #[instrument] // the root span: a run
//! fn pipeline() {
//!     discovery();
//! }
//!
//! // A child of the root: a stage. This one reports its own usage.
//! #[instrument(fields(model = "claude-sonnet-4-5", input_tokens = Empty, output_tokens = Empty))]
//! fn discovery() {
//!     Span::current().record("input_tokens", 3_000).record("output_tokens", 987);
//!     gate("lint").pass();
//! }
//!
//! pipeline();
//! guard.flush()?;
//! let run = memory.take().remove(0);
//! println!("{run}"); // the table below
//! assert_eq!(run.stages()["discovery"].figures.tokens_used, Some(3_987));
//! # #[cfg(feature = "prices")]
//! assert_eq!(run.cost_usd(), "0.023805".parse().ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Libraries that follow the OpenTelemetry GenAI conventions, such as rig, genai and adk, open spans with usage themselves and
//! need no code. For clients that emit nothing there are [`call`] and [`record_usage`]. Which fields are read, what is
//! attributed to what, and what no layer can see is in the
#![doc = concat!("[README](https://docs.rs/crate/tracing-budget/", env!("CARGO_PKG_VERSION"), ")")]
//! and its pages.
//!
//! # Map
//!
//! | task | items |
//! |---|---|
//! | set up a layer | [`layer`] → [`Builder`] → [`BudgetGuard`] |
//! | report usage of a client that emits none | [`call`], [`record_usage`], [`Usage`] |
//! | record a cost that is not a model call | [`operation()`], [`Handle::operation`]; [`CostTracker`] without a subscriber |
//! | open and end a run by hand | [`run()`] → [`Run`] |
//! | record the verdict of a check | [`gate`], [`Verdict`] |
//! | look at runs in flight | [`BudgetGuard::handle`] → [`Handle`], [`current`] |
//! | limit what is spent | [`Builder::limit_usd`], [`Builder::total_limit_usd`], [`reserve()`] → [`Permit::call`], [`check()`], [`remaining()`], [`Builder::on_alert`] → [`Alert`] |
//! | read a summary | [`RunSummary`] → [`StageRow`](summary::StageRow), [`ModelRow`](summary::ModelRow), [`GateVerdict`](summary::GateVerdict): module [`summary`] |
//! | choose destinations of runs | module [`sink`]; a run history is the crate `tracing-budget-history` |
//! | survive a kill | [`Builder::journal`], module [`journal`] |
//! | set prices, price a call by hand | [`PriceBook`], module [`price`] |
//! | assert costs in tests | module [`testing`] |
//! | switch it off | [`Builder::enabled`], `TRACING_BUDGET=off` |
//!
//! # Unknown is not zero
//!
//! A cost or a token count that is unknown is `None`, in JSON `null`, and a sum that lacks something carries a count of what it
//! lacks. Money is [`Usd`], whole pico-dollars, so rows add up to the total to the last digit.
//!
//! # Features
//!
//! - `prices` (default): public list prices, patterns in names, and `reply`: usage read from raw responses. Without it, only exact names
//!   with prices from builder calls are priced.
//! - `price-files`: prices in TOML files.

mod api;
mod attribution;
mod fnv;
#[cfg(test)]
mod generated;
pub mod journal;
mod layer;
mod ledger;
pub mod limit;
pub mod present;
pub mod price;
#[cfg(feature = "prices")]
pub mod reply;
pub mod sink;
pub mod summary;
pub mod testing;

pub use api::{
    Call, Current, Permit, Run, call, check, current, gate, operation, record_usage, remaining, reserve,
    reserve_tokens, run,
};
pub use layer::{BudgetGuard, BuildError, Builder, Handle, layer};
pub use ledger::{Kind, Usage, Usd, Verdict};
pub use limit::Alert;
pub use price::PriceBook;
pub use summary::{RunSummary, Status};
pub use tracker::CostTracker;

/// The builders and records behind [`call`], [`gate`], [`operation`] and [`record_usage`].
pub mod record {
    pub use crate::ledger::IntoCount;

    pub use crate::api::{CallBuilder, CurrentRun, GateBuilder, LayerRun, OperationBuilder, UsageRecord};
}

/// Cost trackers: exact sums for one agent or a team, without a subscriber.
pub mod tracker {
    pub use crate::api::{CostSummary, CostTracker, OperationCost, TeamSummary};
}

/// What the layer observed against what it accounted for, and what it counts of itself.
pub mod audit {
    pub use crate::layer::{Audit, CallAudit, Discrepancy, Outside, RunAudit, SinkAudit, SpanAudit, Stats};
}

/// Types behind [`Builder`].
pub mod builder {
    pub use crate::layer::{ErrorEvents, OwnFilter, Unfiltered};
}

/// Money arguments and their errors; the amount itself is [`Usd`].
pub mod money {
    pub use crate::ledger::{IntoUsd, UsdError};
}

// The code of the README and of the pages is compiled, and run where it is not marked otherwise.
#[cfg(all(doctest, feature = "prices"))]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/clients.md")]
    struct Clients;
    #[doc = include_str!("../docs/costs.md")]
    struct Costs;
    #[doc = include_str!("../docs/gates.md")]
    struct Gates;
    #[doc = include_str!("../docs/journal.md")]
    struct Journal;
    #[doc = include_str!("../docs/limits.md")]
    struct Limits;
    #[doc = include_str!("../docs/replies.md")]
    struct Replies;
    #[doc = include_str!("../docs/shutdown.md")]
    struct Shutdown;
    #[doc = include_str!("../docs/summary.md")]
    struct Summary;
    #[doc = include_str!("../docs/testing.md")]
    struct Testing;
    #[doc = include_str!("../docs/visibility.md")]
    struct Visibility;
}
