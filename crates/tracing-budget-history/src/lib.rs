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

mod answers;
mod compare;
mod cover;
mod cursor;
mod error;
mod find;
mod health;
mod histogram;
mod query;
pub mod reprice;
mod row;
mod series;
mod sink;
mod sqlite;
mod statistics;
mod store;
mod tally;

pub use answers::{GateStats, ModelStats, Overview, ProjectRow, StageStats, StatusCounts, Typical};
pub use compare::{Comparison, Delta, FiguresDelta, GateChange, RowDelta, RunHead, compare};
pub use cursor::Cursor;
pub use error::StoreError;
pub use find::{FindError, find_run};
pub use health::{Finding, FindingKind, Health, HealthQuery, PipelineHealth, Severity};
pub use query::{Filter, Order, Page, Prune, Scope, Sort, SortBy, SortError};
pub use row::{RunPage, RunRow};
pub use series::{Amount, Bucket, By, Line, Measure, Series, SeriesQuery};
pub use sink::{BuilderExt, HistorySink};
pub use sqlite::Sqlite;
pub use store::{Heartbeat, Put, Store, Stored};

// The README's code is compiled, and run where it is not marked otherwise.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/history.md")]
struct HistoryPage;
