//! Looking at runs in flight, and ending them.

use std::sync::Arc;

use super::core::Core;
use super::run::Run;
use super::stats::Stats;
use crate::summary::RunSummary;

/// Looks at the runs in flight of one layer. Cheap to clone, and good on any thread.
///
/// ```
/// use tracing_budget::Status;
/// use tracing_subscriber::prelude::*;
///
/// let (budget, guard) = tracing_budget::layer().build()?;
/// let handle = guard.handle();
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
///     let _pipeline = tracing::info_span!("pipeline").entered();
///     tracing::info!(model = "gpt-5", input_tokens = 3_000, output_tokens = 987);
///     let runs = handle.snapshot();
///     assert_eq!(runs[0].status, Status::Running);
///     assert_eq!(runs[0].budget_summary.total.tokens_used, Some(3_987));
/// });
/// assert!(handle.snapshot().is_empty());
/// assert_eq!(handle.stats().runs_finished, 1);
/// # Ok::<(), tracing_budget::BuildError>(())
/// ```
#[derive(Clone)]
pub struct Handle {
    core: Arc<Core>,
}

impl Handle {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// The runs in flight as they stand, oldest first, with status `running`. A run appears when something accountable
    /// happens in it. Figures are those of spans that have closed and of events; a call under way is not in them.
    #[must_use]
    pub fn snapshot(&self) -> Vec<RunSummary> {
        self.core.snapshots()
    }

    /// Ends a run whose root is still open: all that its spans have told so far is booked, the summary has the status
    /// `incomplete` and goes to the sinks. What comes later is counted in [`Stats::late`]. Returns whether there was such
    /// a run in flight.
    pub fn finish(&self, run_id: &str) -> bool {
        let found = self.core.runs_in_flight().into_iter().find(|run| run.public_id() == run_id);
        found.is_some_and(|run| self.core.finish(run.serial))
    }

    /// Forgets all runs in flight, those included in which nothing has happened yet. They leave no summary, what their
    /// spans tell from now on is counted in [`Stats::late`], and a new root begins a new run.
    pub fn reset(&self) {
        self.core.reset();
    }

    /// Whether there is a layer behind this handle; `false` where it was switched off or could not be built.
    ///
    /// ```
    /// let (budget, guard) = tracing_budget::layer().enabled(false).build::<tracing_subscriber::Registry>()?;
    /// assert!(!guard.handle().is_enabled());
    /// # drop(budget);
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.why_disabled().is_none()
    }

    /// Why nothing is counted: the variable that switched the layer off, `ENABLE_COST_TRACKING=false` for example, or the error
    /// that [`build_or_disabled`](crate::Builder::build_or_disabled) met. `None` for a layer that works.
    #[must_use]
    pub fn why_disabled(&self) -> Option<&str> {
        self.core.options.disabled.as_deref()
    }

    /// What the layer has counted of itself.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let journal = self.core.journal.as_ref().map(|journal| journal.stats());
        self.core.counters.stats(self.core.table.len() as u64, self.core.worker.stats(), journal)
    }
}

impl Core {
    /// The runs in flight, oldest first.
    pub(crate) fn runs_in_flight(&self) -> Vec<Arc<Run>> {
        let mut runs: Vec<_> = self.runs.iter().map(|run| Arc::clone(&run)).collect();
        runs.sort_unstable_by_key(|run| run.serial);
        runs
    }

    pub(crate) fn snapshots(&self) -> Vec<RunSummary> {
        self.runs_in_flight().iter().map(|run| self.snapshot(run)).collect()
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle")
            .field("disabled", &self.why_disabled())
            .field("stats", &self.stats())
            .finish()
    }
}
