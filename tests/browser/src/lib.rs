//! Sample runs: a month of two projects, with every way in which a run can end.

mod seed;

pub use seed::{Sample, failed, going_on, month};
