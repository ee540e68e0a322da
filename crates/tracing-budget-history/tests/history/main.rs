//! The run history keeps what it is given, and answers truly.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod answers;
mod files;
mod golden;
mod in_flight;
mod lists;
mod made_up;
mod many_processes;
mod stored_once;
