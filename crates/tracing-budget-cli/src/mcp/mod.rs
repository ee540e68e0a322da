//! The face for agents: the run history as tools of the Model Context Protocol, over standard input and output.
//!
//! What may be asked is in `questions`, what is answered in `answers`: small structures, as a model reads every word of
//! them. The tools only ask the store and the price book and shape what comes back; how runs are judged or compared is
//! the history's.
//!
//! ```no_run
//! use std::sync::Arc;
//! use tracing_budget::PriceBook;
//! use tracing_budget_history::Sqlite;
//!
//! tracing_budget_cli::mcp::serve(Arc::new(Sqlite::open_default()?), PriceBook::new())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answers;
mod pages;
mod questions;
mod serve;
mod tools;

pub use serve::serve;
