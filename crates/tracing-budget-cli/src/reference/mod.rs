//! The program described by itself: completions, manual pages, and the documents that are written from its own words.

mod commands;
mod metrics;
mod write;

pub(super) use write::{completions, manual, markdown};
