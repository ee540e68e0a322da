//! Two runs side by side: chosen first, then compared.

mod change;
mod choose;
mod tables;
mod view;

pub(super) use view::show;
