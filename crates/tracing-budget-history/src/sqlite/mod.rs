//! The store in SQLite.
//!
//! `store` has the readers and the trait, `writer` the connection that writes, and `files` what became of its files. Each
//! other file is one kind of statement: `list`, `read`, `write`, `remove`, `aggregate`. `rollup` keeps the sums by hour and
//! day, `unaggregated` computes the ends of a period from single rows, and `verify` compares the sums with the documents.
//!
//! # Invariants
//!
//! - All changes of a run, its rows and its sums are in one transaction: a killed process leaves all of them or none.
//! - Running runs are in no sum.
//! - A file that is not a run history, is damaged, or is newer is never written.
//! - Values reach SQL as parameters; only names of columns and tables are formatted into it.
//! - Absent: decisions about runs. What a run is, and when it is stale, is in the files above.

mod aggregate;
mod amounts;
mod conditions;
mod error;
mod file;
mod files;
mod list;
mod read;
mod remove;
mod rollup;
mod run_row;
mod schema;
mod store;
mod unaggregated;
mod verify;
mod write;
mod writer;

pub use store::Sqlite;
