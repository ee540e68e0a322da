//! The arithmetic: usage, money, cells, stages, gates. Knows neither `tracing` nor I/O nor prices.

mod cell;
mod gate;
mod hash;
mod into_usd;
mod last_hit_map;
mod money;
pub(crate) mod rfc3339;
mod run_attributes;
mod run_ledger;
mod stage;
mod symbol;
mod usage;

pub(crate) use cell::{CellKey, CellTotals, Sources};
pub use gate::Verdict;
pub(crate) use hash::FastHash;
pub use into_usd::IntoUsd;
pub use money::{Usd, UsdError};
pub(crate) use run_attributes::RunAttributes;
pub(crate) use run_ledger::Ledger;
pub(crate) use stage::StageEnd;
pub(crate) use stage::{Outcome, StageStart, StageTotals};
pub(crate) use symbol::{Symbol, SymbolCache};
pub(crate) use usage::MAX_COUNT;
pub use usage::{Kind, Usage};
