//! The arithmetic: usage, money, cells, stages, gates. Knows neither `tracing` nor I/O nor prices.

mod book;
mod cell;
mod gate;
mod hash;
mod into_usd;
mod money;
mod name;
mod shelf;
mod stage;
mod told;
mod usage;

pub(crate) use book::Ledger;
pub(crate) use cell::{CellKey, Sources, Tally};
pub use gate::Verdict;
#[cfg(feature = "prices")]
pub(crate) use hash::fnv1a_64;
pub(crate) use hash::{FastHash, fnv1a_128};
pub use into_usd::IntoUsd;
pub use money::{Usd, UsdError};
pub(crate) use name::{Name, NearNames};
pub(crate) use stage::Ended;
pub(crate) use stage::{Began, Outcome, StageTally};
pub(crate) use told::RunReading;
pub(crate) use usage::MAX_COUNT;
pub use usage::{Kind, Usage};
