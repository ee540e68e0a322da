//! The layer and its neighbours leave each other alone, in whatever order they are stacked.
#![allow(clippy::unwrap_used)]

mod filters;
mod fmt_beside;
mod guards;
mod open_telemetry;
mod pipeline;
mod reloading;
mod wrapping;
