//! `prices`: what the price book says. Rates are asked of the book like any call's cost, so that a price shown here is
//! the price that a run is given.

mod book;
mod calc;
mod diff;
mod find;
mod list;
mod rates;

pub(super) use book::load;
pub(super) use calc::calc;
pub(super) use diff::diff;
pub(super) use find::find;
pub(super) use list::list;
