//! The one grammar of filters and times: the same text names the same runs on the command line, in the API, on the
//! dashboard and in the tools for agents.
//!
//! A caller brings pairs of words and texts, from an address, from arguments or from JSON, and a time zone for the days
//! in them. [`RunQuery`] holds the words as they were typed; [`RunQuery::filter`] resolves them to a [`Filter`], which
//! a [`Store`] takes.
//!
//! ```
//! use tracing_budget_history::grammar::{RunQuery, Zone};
//!
//! let query = RunQuery::from_pairs([
//!     ("project", "apprentice"),
//!     ("since", "2026-11-01"),
//!     ("until", "2026-11-19"), // the 19th is included
//!     ("status", "failed"),
//!     ("status", "interrupted"),
//!     ("tz", "Europe/Berlin"),
//! ])?;
//! let filter = query.filter("2026-11-30T12:00:00Z".parse()?, &Zone::utc());
//! assert_eq!(filter.scope.until, Some("2026-11-19T23:00:00Z".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Invariants
//!
//! - A day includes all of itself, as `since` and as `until`.
//! - The clock and the default zone are arguments; nothing here reads them.
//! - A text that [`RunQuery::pairs`] writes is read back as the same query.
//! - Nothing here knows a database, a web framework or an argument parser.
//!
//! [`Filter`]: crate::Filter
//! [`Store`]: crate::Store

mod error;
mod run_query;
mod sort;
mod when;
mod zone;

pub use error::{ValueError, WordError};
pub use run_query::{RunQuery, STATUSES, Word, status, tag};
pub use when::When;
pub use zone::Zone;
