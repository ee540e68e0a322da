//! The commands under `runs`, one file each.

mod compare;
mod health;
mod list;
mod remove;
mod short;
mod show;
mod summary;

pub(super) use compare::compare;
pub(super) use health::health;
pub(super) use list::{list, sheet as list_sheet};
pub(super) use remove::{delete, prune};
pub(super) use short::short_ids;
pub(super) use show::show;
pub(super) use summary::summary;
