//! The guard: its drop ends and delivers what is left.

use std::sync::Arc;
use std::time::Instant;

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
    /// The wait is bounded by [`Delivery::flush_timeout`](crate::sink::Delivery::flush_timeout), whatever a sink does.
    ///
    /// # Errors
    ///
    /// - A sink did not return in time. The error names it; the next flush waits for it again.
    /// - A sink lost a run since the last flush, after all retries. The error names the sink and the reason.
    /// - The journal could not be written since the last flush, or its disk did not answer in time.
    /// - The process is a fork of the one that built the layer.
    pub fn flush(&self) -> Result<(), FlushError> {
        if self.core.delivery.worker.is_forked() {
            return self.core.delivery.worker.flush();
        }
        let timeout = self.core.options.flush_timeout;
        let begun = Instant::now();
        // Runs that have ended before prices were known are not on their way yet. Their files may be on a disk that hangs.
        self.core.early.wait_for(timeout);
        // The sinks first: each delivery writes a line to the journal, which its flush then includes.
        let delivered = self.core.delivery.worker.flush();
        let left = timeout.saturating_sub(begun.elapsed());
        match self.core.delivery.journal.as_ref().map(|journal| journal.flush(left)) {
            Some(Err(reason)) => Err(FlushError::with_journal(delivered, reason)),
            _ => delivered,
        }
    }

    /// Ends open runs as `incomplete`, delivers every summary, and ends the layer's work; the drop without its silence.
    ///
    /// The wait is bounded by [`Delivery::close_timeout`](crate::sink::Delivery::close_timeout), whatever a sink does.
    ///
    /// ```
    /// let (budget, guard) = tracing_budget::layer().build::<tracing_subscriber::Registry>()?;
    /// // the pipeline
    /// if let Err(lost) = guard.shutdown() {
    ///     eprintln!("not every run is kept: {lost}");
    /// }
    /// # drop(budget);
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`flush`](Self::flush), and if a sink did not return in time.
    pub fn shutdown(self) -> Result<(), FlushError> {
        self.core.shutdown()
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
        // The worker has reported lost runs on stderr. A drop cannot return an error.
        let _ = self.core.shutdown();
    }
}
