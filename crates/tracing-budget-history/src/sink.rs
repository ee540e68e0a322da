//! The sink that fills a store.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tracing_budget::Builder;

use super::error::StoreError;
use super::heartbeat::Heartbeat;
use super::sqlite::Sqlite;
use super::store::{Put, Store};
use tracing_budget::sink::{Sink, SinkError};
use tracing_budget::summary::{RunSummary, Timestamp};

/// Stores runs: those in flight once a second, ended ones as they end.
///
/// A run is in the history as `running` as soon as it is accountable, so that other processes see it, and is refreshed
/// for as long as it runs. A process that dies leaves its runs as they were last stored, and they are shown as stale
/// after three intervals.
///
/// A run that ended is in the file before the sink has taken it, in a transaction of its own: the layer forgets a run, and what its
/// journal has of it, as soon as a sink has taken it.
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
}

impl HistorySink {
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
        Self { store, interval: Duration::from_secs(1) }
    }

    /// Sets the interval at which runs in flight are stored; 1 s by default. A run is stale after
    /// [`Heartbeat::INTERVALS`] of them.
    #[must_use]
    pub const fn refresh(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
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
        f.debug_struct("HistorySink").field("interval", &self.interval).finish_non_exhaustive()
    }
}

impl Sink for HistorySink {
    fn name(&self) -> Cow<'_, str> {
        "history".into()
    }

    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        self.store.put(run).map(drop).map_err(SinkError::new)
    }

    fn interval(&self) -> Option<Duration> {
        Some(self.interval)
    }

    fn runs_in_flight(&mut self, runs: &[RunSummary]) -> Result<(), SinkError> {
        if runs.is_empty() {
            return Ok(());
        }
        let beat = Heartbeat { at: Timestamp::from(SystemTime::now()), every: self.interval };
        let puts: Vec<Put<'_>> = runs.iter().map(|run| Put::new(run).heartbeat(beat)).collect();
        self.store.put_all(&puts).map(drop).map_err(SinkError::new)
    }
}
