//! What a store of runs promises.

use std::borrow::Cow;

use super::error::StoreError;
use super::filter::{Filter, Page, Prune, Scope};
use super::health::{Health, HealthQuery};
use super::heartbeat::Heartbeat;
use super::row::{RunPage, RunRow};
use super::series::{Series, SeriesQuery};
use super::sort::Sort;
use super::stats::{GateStats, ModelStats, Overview, ProjectRow, ProjectTotals, StageStats};
use tracing_budget::summary::RunSummary;

/// A run history.
///
/// Methods block, on disks and on other processes that write: call them from threads that may block. Many threads may
/// use a store at once.
///
/// An unknown run id is not an error: [`get`](Self::get) returns `None`.
pub trait Store: Send + Sync {
    /// Stores a run, once however often it is given; see [`Put`] for what "once" means.
    ///
    /// # Errors
    ///
    /// If the run cannot be written; then nothing of it is.
    fn put(&self, run: &RunSummary) -> Result<Stored, StoreError> {
        let stored = self.put_all(&[Put::new(run)])?;
        Ok(stored.first().copied().unwrap_or(Stored::Unchanged))
    }

    /// Stores many in one transaction: all of them or, on an error, none. The answers are in the order of the runs.
    ///
    /// # Errors
    ///
    /// If any of them cannot be written.
    fn put_all(&self, runs: &[Put<'_>]) -> Result<Vec<Stored>, StoreError>;

    /// Replaces a stored run's figures, as repricing does. The old document is kept beside the new one; delivering the
    /// old one again changes nothing.
    ///
    /// # Errors
    ///
    /// If there is no such run, or it cannot be written.
    fn replace(&self, run: &RunSummary, reason: &str) -> Result<(), StoreError>;

    /// The run of this id, all parts merged.
    ///
    /// # Errors
    ///
    /// If the store or the document cannot be read.
    fn get(&self, run_id: &str) -> Result<Option<RunSummary>, StoreError>;

    /// The list's row of this run, with [`stale`](RunRow::stale), which a document does not have.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn row(&self, run_id: &str) -> Result<Option<RunRow>, StoreError>;

    /// The ids that begin with this, at most `limit`, in order; see [`resolve_run_id`](crate::resolve_run_id).
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn ids_beginning_with(&self, start: &str, limit: usize) -> Result<Vec<String>, StoreError>;

    /// The ids that end with this, at most `limit`, in order. Reads every id: ids that share a beginning, as those of
    /// one day do, differ at their ends.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn ids_ending_with(&self, end: &str, limit: usize) -> Result<Vec<String>, StoreError>;

    /// One page of the runs that match.
    ///
    /// # Errors
    ///
    /// If the cursor belongs to another list, or the store cannot be read.
    fn list(&self, filter: &Filter, sort: Sort, page: &Page) -> Result<RunPage, StoreError>;

    /// The projects, with their pipelines, by name.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn projects(&self) -> Result<Vec<ProjectRow>, StoreError>;

    /// The sums of the `limit` projects with the most runs, in this order, and a row `(other)` for all further ones.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn project_totals(&self, limit: usize) -> Result<Vec<ProjectTotals>, StoreError>;

    /// The runs in figures: counts by status, the last failure and its reason, the usual run.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn summary(&self, scope: &Scope) -> Result<Overview, StoreError>;

    /// A measure over time, for whole runs or a line for each stage or model.
    ///
    /// # Errors
    ///
    /// If the measure has no meaning by that, or the store cannot be read.
    fn series(&self, query: &SeriesQuery) -> Result<Series, StoreError>;

    /// The stages of the ended runs, the most expensive first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn stages(&self, scope: &Scope) -> Result<Vec<StageStats>, StoreError>;

    /// The models of the ended runs, the most expensive first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn models(&self, scope: &Scope) -> Result<Vec<ModelStats>, StoreError>;

    /// The gates of the runs that ended, those that fail most first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn gates(&self, scope: &Scope) -> Result<Vec<GateStats>, StoreError>;

    /// The newest runs against those before them.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn health(&self, query: &HealthQuery) -> Result<Health, StoreError>;

    /// Deletes these runs and returns how many of them were stored.
    ///
    /// # Errors
    ///
    /// If the store cannot be written; then all of them are still there.
    fn delete(&self, run_ids: &[&str]) -> Result<u64, StoreError>;

    /// Deletes old runs that have ended or are stale, and returns how many. Many are deleted in several transactions.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    fn prune(&self, prune: &Prune) -> Result<u64, StoreError>;
}

/// A run to be stored.
///
/// What is stored once is a **part** of a run: the summary of one process. Parts are distinguished by the name given
/// here, or by the one that the summary of a layer or of a recovered journal has ([`RunSummary::part`]). Without a name,
/// as for a document from a file, the document decides:
///
/// - a document that is already there, or was until it was replaced, changes nothing;
/// - one that began at the same millisecond in the same pipeline as a part that is still `running` is that part, and
///   takes its place;
/// - anything else is a further part, and is merged with the others.
///
/// A part that has ended is never changed by a later delivery.
///
/// ```
/// use tracing_budget::RunSummary;
/// use tracing_budget_history::Put;
///
/// let run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
/// let put = Put::new(&run).part("indexer-7");
/// # Ok::<(), tracing_budget::summary::TimestampError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Put<'a> {
    pub(super) run: &'a RunSummary,
    pub(super) part: Option<&'a str>,
    pub(super) heartbeat: Option<Heartbeat>,
}

impl<'a> Put<'a> {
    /// A run under its own part's name, if it has one; else the document decides which part it is.
    #[must_use]
    pub const fn new(run: &'a RunSummary) -> Self {
        Self { run, part: None, heartbeat: None }
    }

    /// Names the part, whatever it was called where it began; two processes that work on one run must name theirs differently.
    #[must_use]
    pub const fn part(mut self, name: &'a str) -> Self {
        self.part = Some(name);
        self
    }

    /// The name of the part: the given one, or its own.
    pub(super) fn name(&self) -> Option<Cow<'a, str>> {
        self.part.map(Cow::Borrowed).or_else(|| self.run.part().map(Cow::Owned))
    }

    /// Promises a further delivery while the run is in flight. A `running` part without a heartbeat is stale at once.
    #[must_use]
    pub const fn heartbeat(mut self, heartbeat: Heartbeat) -> Self {
        self.heartbeat = Some(heartbeat);
        self
    }
}

/// The result of a delivery.
// Exhaustive: a caller that counts deliveries must decide on every result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stored {
    /// The run is new.
    Inserted,
    /// The run was stored before: this is a further part of it, or a newer state of one.
    Updated,
    /// It was stored before, or its part has ended: nothing changed.
    Unchanged,
}
