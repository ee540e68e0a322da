//! The run history as tools for an agent, over standard input and output (Model Context Protocol).
//!
//! ```no_run
//! use std::sync::Arc;
//! use tracing_budget::PriceBook;
//! use tracing_budget_history::Sqlite;
//!
//! tracing_budget_cli::mcp::serve(Arc::new(Sqlite::open_default()?), PriceBook::new())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Invariants
//!
//! - The tools only read: an agent can neither delete nor change runs.
//! - Parameters and results are small and described field by field, as a model reads every word of them: at most 20 rows
//!   of a kind per result.
//! - Filters and times are those of the command line, parsed by the same grammar.
//! - Absent: judging and comparing runs, which belongs to the history.

mod params;
mod results;
mod tools;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueHint};
use rmcp::ServiceExt;

use crate::exit::Exit;
use crate::prices;
use crate::session::Session;
use tools::Tools;
use tracing_budget::price::PriceBook;
use tracing_budget_history::Store;

/// Arguments of `mcp`.
#[derive(Debug, Args)]
pub(crate) struct McpArgs {
    /// Price file (repeatable): TOML, added to the published prices, or a data.json of genai-prices in place of them.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    prices: Vec<PathBuf>,
}

/// Serves until the client disconnects. Creates a missing history: an agent may start before the first run.
pub(crate) fn run(args: &McpArgs, session: &Session) -> anyhow::Result<Exit> {
    serve(Arc::new(session.store_or_new()?), prices::load(&args.prices)?)?;
    Ok(Exit::Success)
}

/// Serves one client over standard input and output until it disconnects.
///
/// Nothing else may write to standard output meanwhile: it would break the protocol.
///
/// # Errors
///
/// If standard input or output fails, or the client violates the protocol.
pub fn serve(store: Arc<dyn Store>, prices: PriceBook) -> io::Result<()> {
    // A current-thread runtime: there is one client, and its requests wait for the database on blocking threads.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let service =
            Tools::new(store, prices).serve(rmcp::transport::stdio()).await.map_err(io::Error::other)?;
        service.waiting().await.map_err(io::Error::other)?;
        Ok(())
    })
}
