//! The arithmetic: usage, money, cells, stages, gates. Knows neither `tracing` nor I/O nor prices.

mod book;
mod cell;
mod gate;
mod hash;
mod money;
mod name;
pub(crate) mod rfc3339;
mod shelf;
mod stage;
mod told;
mod usage;

pub(crate) use book::Ledger;
pub(crate) use cell::{CellKey, Sources, Tally};
pub use gate::Verdict;
pub(crate) use hash::FastHash;
pub use money::{Usd, UsdError};
pub(crate) use name::{Name, NearNames};
pub(crate) use stage::Ended;
pub(crate) use stage::{Began, Outcome, StageTally};
pub(crate) use told::RunReading;
pub(crate) use usage::MAX_COUNT;
pub use usage::{Kind, Usage};
