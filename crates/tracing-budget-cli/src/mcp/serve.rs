//! Standard input and output, until the client hangs up.

use std::io;
use std::sync::Arc;

use rmcp::ServiceExt;

use super::tools::Tools;
use tracing_budget::price::PriceBook;
use tracing_budget_history::Store;

/// Answers an agent over standard input and output until it hangs up. Nothing else may be written to standard output
/// meanwhile.
///
/// # Errors
///
/// If standard input or output fails, or the client does not speak the protocol.
pub fn serve(store: Arc<dyn Store>, prices: PriceBook) -> io::Result<()> {
    // One client, whose questions are answered from a database: one thread that waits and those that block.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let service =
            Tools::new(store, prices).serve(rmcp::transport::stdio()).await.map_err(io::Error::other)?;
        service.waiting().await.map_err(io::Error::other)?;
        Ok(())
    })
}
