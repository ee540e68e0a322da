//! The arithmetic of a run: usage, money, cells, stages, verdicts.
//!
//! A run's [`Ledger`] is a map from (stage, agent, model, operation) to sums. Rows in each of these dimensions are sums over the
//! same cells, so they add up to the same totals.
//!
//! # Invariants
//!
//! - No `tracing`, no I/O, no clock, no prices. Times are nanoseconds that the caller measured.
//! - Merging is associative and commutative. A run is kept in one part per thread, and the parts are merged in any order.
//! - Sums saturate and never wrap. Money is an integer, so its sums are exact.
//! - Unknown is absent, never 0.

mod agent;
pub(crate) mod bounds;
mod call;
mod calls;
mod cell;
mod gate;
mod hash;
mod into_count;
mod into_usd;
mod kind;
mod last_hit_map;
mod money;
mod parts;
pub(crate) mod rfc3339;
mod room;
mod rooms;
mod run_attributes;
mod run_ledger;
mod stage;
mod stage_id;
mod symbol;
mod sync;
mod usage;

pub(crate) use agent::AgentTotals;
pub(crate) use call::{Call, CallNames, CallText, CallTexts, IS_MESSAGE, Rank, response_hash};
pub(crate) use calls::MAX_CALLS;
pub(crate) use cell::{CellKey, CellTotals, Sources, multiplied, total};
pub use gate::Verdict;
pub(crate) use hash::FastHash;
pub use into_count::IntoCount;
pub use into_usd::IntoUsd;
pub use kind::Kind;
pub(crate) use kind::Measure;
pub use money::{Usd, UsdError};
pub(crate) use parts::{ACCOUNTABLE, EXPECTING, SEALED, Sealed, WATCHED};
pub(crate) use room::{Room, RunDetails, Write};
pub(crate) use rooms::Rooms;
pub(crate) use run_attributes::RunAttributes;
pub(crate) use run_ledger::Ledger;
pub(crate) use stage::StageEnd;
pub(crate) use stage::{Attempt, Attempts, MAX_ATTEMPTS, Outcome, StageTotals};
pub(crate) use stage_id::StageId;
pub(crate) use symbol::{Symbol, SymbolCache};
pub(crate) use usage::MAX_COUNT;
pub use usage::Usage;
