//! The promises of the run history, one file each.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod documents;
mod files;
mod fixtures;
mod golden;
mod in_flight;
mod killed;
mod lists;
mod many_processes;
mod replaced;
mod statistics;
mod stored_once;
mod sums;
mod unwritable;
