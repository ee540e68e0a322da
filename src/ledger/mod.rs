//! The arithmetic: usage, money, rows, runs. Knows neither `tracing` nor I/O.

mod gate;
mod money;
mod usage;

pub use gate::Verdict;
pub use money::{Usd, UsdError};
pub use usage::{Kind, MAX_COUNT, Usage};
