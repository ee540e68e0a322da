//! The run history of [`tracing-budget`](tracing_budget): every run of an LLM pipeline, in flight or ended, in one
//! SQLite file that any number of processes may write at once.
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
//! assert!(page.runs[0].stale); // its status is `running`, and no process sends heartbeats for it
//! assert_eq!(store.get("0193c0de")?, Some(run));
//! # drop(store);
//! # std::fs::remove_dir_all(directory)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | fill a history from a layer | [`BuilderExt::history`], [`HistorySink`] |
//! | store and read runs | [`Store`], [`Sqlite`], [`Put`] |
//! | list runs | [`Filter`], [`Sort`], [`Page`] → [`RunPage`] |
//! | read filters and times that people type | [`grammar`] |
//! | find one run by a short id | [`resolve_run_id`] |
//! | sum over many runs | [`Scope`], [`stats`], [`series`] |
//! | find what changed | [`compare`], [`health`] |
//! | price runs again | [`reprice`] |
//! | check the sums, and rebuild them | [`Sqlite::verify`], [`Sqlite::repair`] |
//!
//! # What is kept
//!
//! A run is stored as its **parts**: usually one, several where several processes worked on one `run_id`. Each part's
//! document is stored unchanged. The run is the merge of its parts, by [`RunSummary::merge`]. Beside the documents are
//! rows for queries (the run, its stages, models, operations, gates and tags) and sums by hour and by day.
//!
//! # Invariants
//!
//! - SQL is in `sqlite/` only. Comparisons, health, statistics and repricing work on documents and rows in memory.
//! - [`Filter::matches`] defines a filter; a store's query returns the same runs.
//! - Sums equal those of the documents, to the last pico-dollar, after every change.
//! - [`Heartbeat::is_fresh`] alone decides whether a run is in flight or stale.
//! - Absent: `tracing` spans and subscribers, output formats, HTTP, terminals, and a clock in [`grammar`].
//!
//! [`RunSummary::merge`]: tracing_budget::RunSummary::merge

mod cancel;
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
mod storable;
mod store;
mod tally;
mod time_partition;
mod verification;

pub use cancel::Cancel;
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
pub use verification::{Difference, UnsoundRun, Verification};

// The README's code is compiled, and run where it is not marked otherwise.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/history.md")]
struct HistoryPage;
