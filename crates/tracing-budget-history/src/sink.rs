//! The sink that fills a store.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tracing_budget::Builder;

use super::error::StoreError;
use super::heartbeat::Heartbeat;
use super::sqlite::Sqlite;
use super::store::{Put, Store};
use tracing_budget::sink::{Sink, SinkError};
use tracing_budget::summary::{RunSummary, Timestamp};

/// Stores runs: those in flight once a second, ended ones in batches.
///
/// A run is in the history as `running` as soon as it is accountable, so that other processes see it, and is refreshed
/// for as long as it runs. A process that dies leaves its runs as they were last stored, and they are shown as stale
/// after three intervals.
///
/// Runs that ended are written together: when there are [`BATCH`](Self::BATCH) of them, at the next refresh of the
/// runs in flight, and when the layer is flushed or its guard dropped, whichever is first. Until then they are in
/// memory only; a killed process can lose what ended in its last second, of which the history keeps the last refresh.
///
/// ```no_run
/// use tracing_budget_history::HistorySink;
/// use tracing_subscriber::prelude::*;
///
/// let (budget, guard) = tracing_budget::layer().sink(HistorySink::open_default()?).build()?;
/// tracing_subscriber::registry().with(budget).init();
/// // … the pipeline …
/// guard.flush()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct HistorySink {
    store: Arc<dyn Store>,
    interval: Duration,
    ended: Vec<RunSummary>,
    last_write: Instant,
}

impl HistorySink {
    /// Runs that have ended are written together when there are this many.
    ///
    /// So many runs touch mostly the same index pages, some megabytes, which are then written once instead of once a
    /// run.
    pub const BATCH: usize = 1_024;

    /// Fills the run history in this file, which is created if it is missing.
    ///
    /// # Errors
    ///
    /// As [`Sqlite::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Ok(Self::new(Arc::new(Sqlite::open(path)?)))
    }

    /// Fills the run history of this user.
    ///
    /// # Errors
    ///
    /// As [`Sqlite::open_default`].
    pub fn open_default() -> Result<Self, StoreError> {
        Ok(Self::new(Arc::new(Sqlite::open_default()?)))
    }

    /// Fills a store, which others may use as well.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, interval: Duration::from_secs(1), ended: Vec::new(), last_write: Instant::now() }
    }

    /// Sets the interval at which runs in flight are stored; 1 s by default. A run is stale after
    /// [`Heartbeat::INTERVALS`] of them.
    #[must_use]
    pub const fn refresh(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Stores ended runs and runs in flight in one transaction.
    fn write(&mut self, in_flight: &[RunSummary]) -> Result<(), SinkError> {
        if self.ended.is_empty() && in_flight.is_empty() {
            return Ok(());
        }
        let beat = Heartbeat { at: Timestamp::from(SystemTime::now()), every: self.interval };
        let ended = self.ended.iter().map(Put::new);
        let running = in_flight.iter().map(|run| Put::new(run).heartbeat(beat));
        self.store.put_all(&ended.chain(running).collect::<Vec<_>>()).map_err(SinkError::new)?;
        self.ended.clear();
        self.last_write = Instant::now();
        Ok(())
    }
}

/// Adds the run history to the builder of a layer.
pub trait BuilderExt {
    /// Keeps the runs in a history, which is created where it is missing; see [`HistorySink`]. The file is opened when
    /// the layer is built, and not for a layer that is switched off.
    ///
    /// The history of the user, in the platform's data directory, is `.open_sink(HistorySink::open_default)`.
    ///
    /// ```no_run
    /// use tracing_budget_history::BuilderExt;
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (budget, guard) = tracing_budget::layer().history("runs.db").build()?;
    /// tracing_subscriber::registry().with(budget).init();
    /// # drop(guard);
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    #[must_use]
    fn history(self, file: impl Into<PathBuf>) -> Self;
}

impl<F> BuilderExt for Builder<F> {
    fn history(self, file: impl Into<PathBuf>) -> Self {
        let file = file.into();
        self.open_sink(move || HistorySink::open(file))
    }
}

impl std::fmt::Debug for HistorySink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { interval, ended, .. } = self;
        f.debug_struct("HistorySink").field("interval", interval).field("waiting", &ended.len()).finish()
    }
}

impl Sink for HistorySink {
    fn name(&self) -> Cow<'_, str> {
        "history".into()
    }

    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        self.ended.push(run.clone());
        // By time too: a stream of short runs may leave no time for a refresh in between.
        if self.ended.len() < Self::BATCH && self.last_write.elapsed() < 2 * self.interval {
            return Ok(());
        }
        let written = self.write(&[]);
        if written.is_err() {
            // The worker delivers this run again; the others stay in the batch.
            self.ended.pop();
        }
        written
    }

    fn interval(&self) -> Option<Duration> {
        Some(self.interval)
    }

    fn runs_in_flight(&mut self, runs: &[RunSummary]) -> Result<(), SinkError> {
        self.write(runs)
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.write(&[])
    }
}
