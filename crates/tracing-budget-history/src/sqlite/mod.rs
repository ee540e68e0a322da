//! The store in SQLite: the file and who may open it, what is written, what is asked.
//!
//! SQL lives here and nowhere else.

mod aggregate;
mod amounts;
mod conditions;
mod error;
mod file;
mod list;
mod read;
mod remove;
mod rollup;
mod run_row;
mod schema;
mod store;
mod unaggregated;
mod write;

pub use store::Sqlite;
