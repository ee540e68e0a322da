//! The guard: its drop ends and delivers what is left.

use std::sync::Arc;

use super::core::Core;
use super::handle::Handle;
use crate::sink::FlushError;

/// Ends the open runs and delivers every summary when it is dropped. Keep it until the end of `main`.
///
/// What happened [outside of any run](crate::audit::Outside) is printed in one line on stderr, if anything did.
///
/// Runs that are still open when it is dropped end as `incomplete`. Runs that end later are lost, and one line on stderr reports
/// them. Bind it to a name: `let (budget, _guard) = …`. The pattern `_` drops it at once.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (budget, guard) = tracing_budget::layer().build()?;
/// let subscriber = tracing_subscriber::registry().with(budget);
/// tracing::subscriber::with_default(subscriber, || {
///     // the pipeline
/// });
/// guard.flush()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping the guard at once ends the layer's work"]
pub struct BudgetGuard {
    core: Arc<Core>,
}

impl BudgetGuard {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Waits until every ended run is delivered to every sink.
    ///
    /// The wait is bounded by the time limits of [`Delivery`](crate::sink::Delivery).
    ///
    /// # Errors
    ///
    /// - A sink lost a run since the last flush, after all retries. The error names the sink and the reason.
    /// - The journal could not be written since the last flush.
    pub fn flush(&self) -> Result<(), FlushError> {
        // The sinks first: each delivery writes a line to the journal, which its flush then includes.
        let delivered = self.core.delivery.worker.flush();
        match self.core.delivery.journal.as_ref().map(|journal| journal.flush()) {
            Some(Err(reason)) => Err(FlushError::with_journal(delivered, reason)),
            _ => delivered,
        }
    }

    /// Returns a handle that reads the runs in flight, on any thread.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.core))
    }
}

impl std::fmt::Debug for BudgetGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BudgetGuard").field("handle", &self.handle()).finish()
    }
}

impl Drop for BudgetGuard {
    /// Ends open runs as `incomplete`, and waits, within the time limits of [`Delivery`](crate::sink::Delivery), until every
    /// summary is delivered.
    fn drop(&mut self) {
        // In this order: the worker delivers what `finish_all` ends, and the journal strikes off what the worker delivered.
        self.core.finish_all();
        self.core.report_outside();
        // The worker has reported lost runs on stderr. A drop cannot return an error.
        let _ = self.core.delivery.worker.close(self.core.options.close_timeout);
        if let Some(journal) = &self.core.delivery.journal {
            journal.close();
        }
    }
}
