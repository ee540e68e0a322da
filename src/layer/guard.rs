//! The guard: whoever holds it answers for what is not delivered yet.

use std::sync::Arc;

use super::core::Core;
use super::handle::Handle;
use crate::sink::FlushError;

/// Ends and delivers what is left when it is dropped. Keep it until the end of `main`.
///
/// Runs that are still open when it is dropped end as `incomplete`; runs that end later are lost, which is said on stderr. A
/// name is needed to keep it: `let (budget, _guard) = …`, as a mere `_` drops it at once.
#[must_use = "dropping the guard at once ends the layer's work"]
pub struct BudgetGuard {
    core: Arc<Core>,
}

impl BudgetGuard {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Waits until every run that has ended is with every sink.
    ///
    /// # Errors
    ///
    /// When a sink has lost a run since the last flush, for all its retries; the error names the sink and the reason. Also
    /// when the journal, if there is one, could not be written since then.
    pub fn flush(&self) -> Result<(), FlushError> {
        let delivered = self.core.worker.flush();
        match self.core.journal.as_ref().map(|journal| journal.flush()) {
            Some(Err(reason)) => Err(FlushError::with_journal(delivered, reason)),
            _ => delivered,
        }
    }

    /// A handle to look at runs in flight from anywhere.
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
    /// Closes what is still open as `incomplete`, and waits, within the bounds of [`Delivery`](crate::sink::Delivery),
    /// until all is with the sinks.
    fn drop(&mut self) {
        self.core.finish_all();
        // What a sink lost has been said on stderr, and there is nobody left to tell.
        let _ = self.core.worker.close(self.core.options.close_timeout);
        if let Some(journal) = &self.core.journal {
            journal.close();
        }
    }
}
