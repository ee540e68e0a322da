//! The run history as tools for an agent, over standard input and output.
//!
//! An MCP client starts this program; `tracing-budget mcp` is the same, with options.
//! `cargo run -p tracing-budget-cli --example agent_tools -- runs.db`

use std::error::Error;
use std::sync::Arc;

use tracing_budget::PriceBook;
use tracing_budget_history::Sqlite;

fn main() -> Result<(), Box<dyn Error>> {
    let store = match std::env::args_os().nth(1) {
        Some(file) => Sqlite::open(file)?,
        None => Sqlite::open_default()?,
    };
    tracing_budget_cli::mcp::serve(Arc::new(store), PriceBook::new())?;
    Ok(())
}
