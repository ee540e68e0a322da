//! A [`tracing`] layer that tells the author of an LLM pipeline where the tokens, the money and the time went, stage by
//! stage, and which quality gates ran. The pipeline is annotated with `#[instrument]`, and when the root span closes, a
//! summary of the run goes to the sinks: no service, no key, no account.
//!
//! ```
//! use tracing::{Span, field::Empty, instrument};
//! use tracing_budget::sink::Memory;
//! use tracing_budget::{Verdict, gate};
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
//! // A stage that tells its own usage.
//! #[instrument(fields(model = "claude-sonnet-4-5", input_tokens = Empty, output_tokens = Empty))]
//! fn discovery() {
//!     Span::current().record("input_tokens", 3_000).record("output_tokens", 987);
//!     gate("lint").verdict(Verdict::Pass).emit();
//! }
//!
//! pipeline();
//! guard.flush()?;
//! let run = memory.take().remove(0);
//! println!("{run}"); // a table
//! assert_eq!(run.budget_summary.per_agent["discovery"].figures.tokens_used, Some(3_987));
//! # #[cfg(feature = "prices")]
//! assert_eq!(run.budget_summary.total.cost_usd, "0.023805".parse().ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Libraries that follow the OpenTelemetry GenAI conventions, such as rig, genai and adk, open spans with usage themselves; they
//! need no code. For clients that emit nothing there are [`call`] and [`record_usage`]. Which fields are understood, what
//! is attributed to what, and what no layer can see is in the
#![doc = concat!("[README](https://docs.rs/crate/tracing-budget/", env!("CARGO_PKG_VERSION"), ").")]
//!
//! # Map
//!
//! | to | use |
//! |---|---|
//! | set up a layer | [`layer`] → [`Builder`] → [`BudgetGuard`] |
//! | tell usage that no library tells | [`call`], [`record_usage`], [`Usage`] |
//! | record what is no model call | [`operation()`], [`Handle::operation`]; [`CostTracker`] without a subscriber |
//! | tell what a check said | [`gate`], [`Verdict`] |
//! | look at runs in flight | [`BudgetGuard::handle`] → [`Handle`], [`current`] |
//! | ask before spending, and be told when a limit is near | [`Builder::limit_usd`], [`Current::check`], [`Current::reserve`] → [`Permit`], [`Builder::on_alert`] → [`Alert`] |
//! | read what a run leaves behind | [`RunSummary`] → [`BudgetSummary`] → [`StageRow`], [`ModelRow`], [`OperationRow`], [`GateVerdict`] |
//! | see what the money brought, and how fast it goes | [`Efficiency`], [`BurnRate`] |
//! | switch it all off | [`Builder::enabled`], `TRACING_BUDGET=off` |
//! | say where runs go | [`sink`] |
//! | bring prices of your own, or price a call by hand | [`PriceBook`], [`Rates`] |
//!
//! # What unknown is
//!
//! Unknown is never zero and never guessed: a cost or a token count that nobody knows is `None`, in JSON `null`. Money is
//! [`Usd`], whole pico-dollars, so that rows add up to the total to the last digit.
//!
//! # Features
//!
//! - `prices` (default): public list prices, price files with patterns, and reading usage out of raw responses. Without
//!   it, only exact names that were given prices by builder calls are priced.
//! - `history`: runs kept in SQLite, those in flight included, and what they would cost at other prices (the modules `history` and `reprice`).
//! - `tui`: a live panel for terminal programs: the module `tui`.
//! - `cli`: what the program `tracing-budget` needs; a library has no use for it.
//! - `server`: the HTTP API and the dashboard, [`server`].

mod api;
pub mod journal;
mod layer;
mod ledger;
pub mod limit;
pub mod present;
pub mod price;
pub mod sink;
pub mod summary;

pub use api::{Call, Current, Permit, call, current, gate, operation, record_usage};
pub use layer::{BudgetGuard, BuildError, Builder, Handle, layer};
pub use ledger::{Kind, Usage, Usd, Verdict};
pub use limit::Alert;
pub use price::PriceBook;
pub use summary::{RunSummary, Status};
pub use tracker::CostTracker;

/// The builders and records behind [`call`], [`gate`], [`operation`] and [`record_usage`].
pub mod record {
    pub use crate::api::{CallBuilder, CurrentRun, GateBuilder, LayerRun, OperationBuilder, UsageRecord};
}

/// Cost trackers: exact sums for one agent or a team, without a subscriber.
pub mod tracker {
    pub use crate::api::{CostSummary, CostTracker, OperationCost, TeamSummary};
}

/// What the layer observed against what it accounted for, and what it counts of itself.
pub mod audit {
    pub use crate::layer::{Audit, CallAudit, Discrepancy, RunAudit, SinkAudit, SpanAudit, Stats};
}

/// Types behind [`Builder`].
pub mod builder {
    pub use crate::layer::{LimitError, OwnFilter, Unfiltered};
}

/// Types behind [`Usd`].
pub mod money {
    pub use crate::ledger::UsdError;
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
    #[doc = include_str!("../docs/summary.md")]
    struct Summary;
    #[doc = include_str!("../docs/visibility.md")]
    struct Visibility;
}
