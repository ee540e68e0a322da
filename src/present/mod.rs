//! How figures and text are shown. Every program that shows a run (table, command line, dashboard, panel, tools for agents)
//! uses this module, so that one value looks the same everywhere.
//!
//! | to show | use |
//! |---|---|
//! | counts, money, durations, shares | [`numbers`] |
//! | the cells of a row of figures | [`Figures::cost_cell`](crate::summary::Figures::cost_cell) and its neighbours |
//! | stages as a tree | [`stages::tree`] |
//! | a status or a verdict | [`status`], [`verdict`] |
//! | the calls and the hours that a rate is for | [`rates`] |
//! | a run's id | [`id::short`] |
//! | text in a terminal | [`columns`] |
//! | a whole run | the `Display` of [`RunSummary`](crate::RunSummary) |
//! | its calls, one by one | [`calls::table`] |
//!
//! ```
//! use tracing_budget::present::{id, numbers, status};
//! use tracing_budget::Status;
//!
//! assert_eq!(numbers::duration(125.0), "2m 05s");
//! assert_eq!(status::glyph(Status::Completed), '✓');
//! assert_eq!(id::short("01a203ce-87bb-70e1-99c4-398a2f623e34"), "2f623e34");
//! ```
//!
//! # Invariants
//!
//! - Uses `ledger` and `summary`, and no other room.
//! - Formats values. It never computes a figure, rounds for storage, reads a clock or does I/O.
//! - Text of a document is untrusted: it passes [`columns::one_line`] before a terminal sees it. HTML is escaped by the server.

pub mod calls;
pub mod columns;
mod figures;
pub mod id;
mod nearest;
pub mod numbers;
pub mod rates;
pub mod stages;
pub mod status;
mod table;
pub mod verdict;

pub use nearest::nearest;
