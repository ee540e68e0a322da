//! How cost, success, duration, gates and unpriced calls went, day by day.

mod asked;
mod rows;
mod sections;
mod view;

pub(super) use view::show;
