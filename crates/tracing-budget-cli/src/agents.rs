//! `mcp`: an agent asks, over standard input and output.

use std::sync::Arc;

use super::args::McpArgs;
use super::exit::End;
use super::prices;
use super::session::Session;
use crate::mcp;

/// Serves until the agent hangs up. An agent may be there before the first run is, so the history is begun if need be.
pub(super) fn serve(args: &McpArgs, session: &Session) -> anyhow::Result<End> {
    mcp::serve(Arc::new(session.store_or_new()?), prices::load(&args.prices)?)?;
    Ok(End::Good)
}
