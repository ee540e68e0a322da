//! The run history: the [`Store`] trait, what it is asked and what it answers, and the store in SQLite.
//!
//! Everything that can be worked out from documents and rows alone (comparing two runs, judging a project's health,
//! medians) is in files without a database; SQL is in `sqlite/` and nowhere else. Nothing here knows `tracing`, prices,
//! or how a table is shown.
//!
//! # What is kept
//!
//! A run is stored as its **parts**: usually one, several where several processes worked on one `run_id`. Each part's
//! document is kept word for word; the run is the merge of its parts, as [`RunSummary::merge`](crate::RunSummary::merge)
//! has it. Beside the documents stand rows that can be asked: the run, its stages, models, operations, gates and tags.
//!
//! ```
//! use tracing_budget::RunSummary;
//! use tracing_budget_history::{Filter, Page, Sort, Sqlite, Store};
//!
//! # let directory = std::env::temp_dir().join(format!("tracing-budget-doc-history-{}", std::process::id()));
//! let store = Sqlite::open(directory.join("runs.db"))?;
//! let mut run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
//! run.project = "apprentice".into();
//! store.put(&run)?;
//!
//! let page = store.list(&Filter::new().project("apprentice"), Sort::default(), &Page::first(20))?;
//! assert_eq!(page.runs[0].run_id, "0193c0de");
//! assert!(page.runs[0].stale); // it says that it runs, and nobody says so any more
//! assert_eq!(store.get("0193c0de")?, Some(run));
//! # drop(store);
//! # std::fs::remove_dir_all(directory)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod compare;
mod cursor;
mod error;
mod filter;
pub mod grammar;
pub mod health;
mod heartbeat;
mod histogram;
pub mod reprice;
mod resolve_run_id;
mod row;
pub mod series;
mod sink;
mod sort;
mod sqlite;
mod statistics;
pub mod stats;
mod store;
mod tally;
mod time_partition;

pub use cursor::Cursor;
pub use error::StoreError;
pub use filter::{Filter, Page, Prune, Scope};
pub use heartbeat::Heartbeat;
pub use resolve_run_id::{RunIdError, resolve_run_id};
pub use row::{RunPage, RunRow};
pub use sink::{BuilderExt, HistorySink};
pub use sort::{Order, Sort, SortBy};
pub use sqlite::Sqlite;
pub use store::{Put, Store, Stored};

// The README's code is compiled, and run where it is not marked otherwise.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/history.md")]
struct HistoryPage;
