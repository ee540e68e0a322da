//! The list of runs: narrowed by the address, with the cost and the duration of each above.

mod filters;
mod list;
mod trend;
mod view;

pub(super) use view::show;
