//! Snapshots of runs in flight, and ending them early.

use std::sync::Arc;

use super::core::Core;
use super::stats::Stats;
use crate::limit::Remaining;
use crate::price::PriceBook;
use crate::sink::FlushError;
use crate::summary::RunSummary;

/// Reads and ends the runs in flight of one layer.
///
/// A handle is cheap to clone and can be used on any thread, for as long as the program likes. It does not keep runs from being
/// delivered: that is what the [`BudgetGuard`](crate::BudgetGuard) is for.
///
/// ```
/// use tracing_budget::Status;
/// use tracing_subscriber::prelude::*;
///
/// let (budget, guard) = tracing_budget::layer().build()?;
/// let handle = guard.handle();
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
///     let _pipeline = tracing::info_span!("pipeline").entered();
///     tracing_budget::record_usage(&tracing_budget::Usage::new().input(3_000).output(987));
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

    /// Returns a summary of every run in flight, oldest first, with status `running`.
    ///
    /// A run appears once it has recorded usage, cost, a call, a gate or a declared stage. The figures are those of closed spans
    /// and of events; a call that is still open is not included.
    ///
    /// ```
    /// let (budget, guard) = tracing_budget::layer().build::<tracing_subscriber::Registry>()?;
    /// for run in guard.handle().snapshot() {
    ///     println!("{}: {:?} tokens", run.run_id, run.budget_summary.total.tokens_used);
    /// }
    /// # drop(budget);
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Vec<RunSummary> {
        self.core.snapshots()
    }

    /// Ends a run with a root span that is still open, and delivers its summary with the status `incomplete`.
    ///
    /// Everything that the run's spans have recorded so far is booked. What they record later is counted in [`Stats::late`].
    /// Returns `false` if no run in flight has this id.
    ///
    /// ```
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (budget, guard) = tracing_budget::layer().build()?;
    /// let handle = guard.handle();
    /// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
    ///     let _pipeline = tracing::info_span!("pipeline").entered();
    ///     tracing_budget::record_usage(&tracing_budget::Usage::new().input(100).output(10));
    ///     let run_id = handle.snapshot()[0].run_id.clone();
    ///     assert!(handle.finish(&run_id));
    ///     assert!(!handle.finish(&run_id), "it has ended already");
    /// });
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    pub fn finish(&self, run_id: &str) -> bool {
        // A run may have nothing yet but what waits for prices.
        self.core.early.wait();
        self.core.run_with_id(run_id).is_some_and(|run| self.core.finish(run))
    }

    /// Ends open runs as `incomplete`, delivers every summary, and ends the layer's work, as the guard's drop does.
    ///
    /// For code that ends the process while the guard is elsewhere: the handler of a signal, or the line before
    /// [`std::process::exit`], which drops nothing. The wait is bounded as that of
    /// [`BudgetGuard::shutdown`](crate::BudgetGuard::shutdown); a second call, and the guard's drop, wait for the first. Runs that
    /// end later are lost, and counted.
    ///
    /// ```no_run
    /// let (budget, guard) = tracing_budget::layer().json_dir("target/budget").build::<tracing_subscriber::Registry>()?;
    /// let handle = guard.handle();
    /// # drop(budget);
    /// // Elsewhere, where the program gives up:
    /// let status = if handle.shutdown().is_ok() { 1 } else { 2 };
    /// std::process::exit(status);
    /// # #[allow(unreachable_code)]
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`BudgetGuard::shutdown`](crate::BudgetGuard::shutdown), and if a sink calls it, which would wait for itself.
    pub fn shutdown(&self) -> Result<(), FlushError> {
        self.core.shutdown()
    }

    /// Drops all runs in flight without a summary.
    ///
    /// This includes runs that have recorded nothing yet. What their spans record from now on is counted in [`Stats::late`]. The
    /// next root span opens a new run.
    pub fn reset(&self) {
        self.core.reset();
    }

    /// Replaces the price book: calls that end after this has returned are priced by the new one.
    ///
    /// For a process that runs for months: build a book from a newer file, and set it. No call is lost or priced twice; one that ends
    /// while this runs is priced by either book. The book is read here first, so that no call waits for it. A run in which both
    /// books were in force names both in `price_sources`; the record of a call names its own. What was priced before keeps its price.
    ///
    /// ```
    /// use tracing_budget::{PriceBook, price::Rates};
    ///
    /// let (budget, guard) = tracing_budget::layer().build::<tracing_subscriber::Registry>()?;
    /// let renewed = PriceBook::builder().price("qwen3-32b", Rates::per_million().input("0.12")).build()?;
    /// guard.handle().set_prices(renewed);
    /// # drop(budget);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_prices(&self, book: impl Into<Arc<PriceBook>>) {
        let book = book.into();
        book.warm();
        // What closed before has the price of its time.
        self.core.early.wait();
        self.core.pricer.set_book(book, self.core.clock.now());
    }

    /// Returns what is left of [`Builder::total_limit_usd`](crate::Builder::total_limit_usd) and
    /// [`total_limit_tokens`](crate::Builder::total_limit_tokens), after what is used and reserved. `None` without such a limit,
    /// and if calls without a price make it unverifiable.
    ///
    /// ```
    /// let (budget, guard) = tracing_budget::layer().total_limit_tokens(500).build::<tracing_subscriber::Registry>()?;
    /// let left = guard.handle().total_remaining();
    /// assert_eq!((left.usd, left.tokens), (None, Some(500)));
    /// # drop(budget);
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    #[must_use]
    pub fn total_remaining(&self) -> Remaining {
        self.core.total_remaining()
    }

    /// Returns whether the layer works; `false` if it is switched off or could not be built.
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

    /// Returns why the layer counts nothing, or `None` if it works.
    ///
    /// The reason is the setting that switched the layer off, such as `ENABLE_COST_TRACKING=false`, or the error of
    /// [`build_or_disabled`](crate::Builder::build_or_disabled).
    #[must_use]
    pub fn why_disabled(&self) -> Option<&str> {
        self.core.options.disabled.as_deref()
    }

    /// Returns the statistics of the layer: runs, dropped figures, deliveries, the journal.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core.early.wait();
        let journal = self.core.delivery.journal.as_ref().map(|journal| journal.stats());
        let delivery = self.core.delivery.worker.stats();
        self.core.counters.stats(self.core.spans.len() as u64, self.core.outside(), delivery, journal)
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
