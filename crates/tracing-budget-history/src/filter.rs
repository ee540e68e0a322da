//! Which runs a query is about, and which page of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cursor::Cursor;
use tracing_budget::summary::{RunSummary, Status, Timestamp};
use tracing_budget::{Usd, Verdict};

/// Selects runs by project, pipeline and time; all runs by default.
///
/// ```
/// use tracing_budget::RunSummary;
/// use tracing_budget_history::Scope;
///
/// let november = Scope::new().since("2026-11-01T00:00:00Z".parse()?).until("2026-12-01T00:00:00Z".parse()?);
/// assert!(november.matches(&RunSummary::new("a", "2026-11-30T23:59:59Z".parse()?)));
/// assert!(!november.matches(&RunSummary::new("b", "2026-12-01T00:00:00Z".parse()?)));
/// # Ok::<(), tracing_budget::summary::TimestampError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Scope {
    /// Only this project.
    pub project: Option<String>,
    /// Only this pipeline.
    pub pipeline: Option<String>,
    /// Runs that started at this time or later.
    pub since: Option<Timestamp>,
    /// Runs that started before this time.
    pub until: Option<Timestamp>,
}

impl Scope {
    /// All runs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only this project.
    #[must_use]
    pub fn project(mut self, project: impl Into<String>) -> Self {
        self.project = Some(project.into());
        self
    }

    /// Only this pipeline.
    #[must_use]
    pub fn pipeline(mut self, pipeline: impl Into<String>) -> Self {
        self.pipeline = Some(pipeline.into());
        self
    }

    /// Runs that started at this time or later.
    #[must_use]
    pub fn since(mut self, since: Timestamp) -> Self {
        self.since = Some(since);
        self
    }

    /// Runs that started before this time.
    #[must_use]
    pub fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    /// Whether a run is in the scope.
    #[must_use]
    pub fn matches(&self, run: &RunSummary) -> bool {
        self.project.as_ref().is_none_or(|project| *project == run.project)
            && self.pipeline.as_ref().is_none_or(|pipeline| *pipeline == run.pipeline)
            && self.since.is_none_or(|since| run.started_at >= since)
            && self.until.is_none_or(|until| run.started_at < until)
    }
}

/// Selects the runs of a list: all conditions must hold.
///
/// ```
/// use tracing_budget::{Status, Verdict};
/// use tracing_budget_history::Filter;
///
/// let filter = Filter::new()
///     .project("apprentice")
///     .status(Status::Failed)
///     .status(Status::Interrupted)
///     .gate("lint", Verdict::Fail)
///     .min_cost_usd("0.50".parse()?);
/// # Ok::<(), tracing_budget::money::UsdError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Filter {
    /// Project, pipeline and time.
    #[serde(flatten)]
    pub scope: Scope,
    /// One of these statuses; any status if the list is empty.
    pub status: Vec<Status>,
    /// All of these tags, with these values.
    pub tags: BTreeMap<String, String>,
    /// A stage of this name was begun.
    pub stage: Option<String>,
    /// This model was called: `provider/model`, or the model's name alone.
    pub model: Option<String>,
    /// A gate of this name is in the run; with `verdict`, with that verdict.
    pub gate: Option<String>,
    /// A gate has this verdict; with `gate`, the gate of that name.
    pub verdict: Option<Verdict>,
    /// The known cost is at least this; runs of unknown cost are left out.
    pub min_cost_usd: Option<Usd>,
}

impl Filter {
    /// All runs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only this project.
    #[must_use]
    pub fn project(mut self, project: impl Into<String>) -> Self {
        self.scope.project = Some(project.into());
        self
    }

    /// Only this pipeline.
    #[must_use]
    pub fn pipeline(mut self, pipeline: impl Into<String>) -> Self {
        self.scope.pipeline = Some(pipeline.into());
        self
    }

    /// Runs that started at this time or later.
    #[must_use]
    pub fn since(mut self, since: Timestamp) -> Self {
        self.scope.since = Some(since);
        self
    }

    /// Runs that started before this time.
    #[must_use]
    pub fn until(mut self, until: Timestamp) -> Self {
        self.scope.until = Some(until);
        self
    }

    /// Also runs of this status; the first call leaves all others out.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status.push(status);
        self
    }

    /// Only runs with this tag.
    #[must_use]
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(name.into(), value.into());
        self
    }

    /// Only runs that began this stage.
    #[must_use]
    pub fn stage(mut self, name: impl Into<String>) -> Self {
        self.stage = Some(name.into());
        self
    }

    /// Only runs that called this model: `provider/model`, or the model's name alone.
    #[must_use]
    pub fn model(mut self, name: impl Into<String>) -> Self {
        self.model = Some(name.into());
        self
    }

    /// Only runs in which this gate has this verdict.
    #[must_use]
    pub fn gate(mut self, name: impl Into<String>, verdict: Verdict) -> Self {
        self.gate = Some(name.into());
        self.verdict = Some(verdict);
        self
    }

    /// Only runs of at least this known cost.
    #[must_use]
    pub fn min_cost_usd(mut self, cost: Usd) -> Self {
        self.min_cost_usd = Some(cost);
        self
    }

    /// Whether a run matches: the definition that every store's query must agree with.
    #[must_use]
    pub fn matches(&self, run: &RunSummary) -> bool {
        let figures = &run.budget_summary;
        self.scope.matches(run)
            && (self.status.is_empty() || self.status.contains(&run.status))
            && self.tags.iter().all(|(name, value)| run.tags.get(name) == Some(value))
            && self
                .stage
                .as_ref()
                .is_none_or(|name| figures.per_agent.get(name).is_some_and(|row| row.calls > 0))
            && self.model.as_ref().is_none_or(|name| {
                figures.per_model.iter().any(|(row, _)| row == name || bare_model(row) == name)
            })
            && ((self.gate.is_none() && self.verdict.is_none())
                || figures.gate_verdicts.iter().any(|gate| {
                    self.gate.as_ref().is_none_or(|name| *name == gate.gate_name)
                        && self.verdict.as_ref().is_none_or(|verdict| *verdict == gate.verdict)
                }))
            && self.min_cost_usd.is_none_or(|least| figures.total.cost_usd.is_some_and(|cost| cost >= least))
    }
}

impl From<Scope> for Filter {
    fn from(scope: Scope) -> Self {
        Self { scope, ..Self::default() }
    }
}

/// A model's name without its provider.
pub(super) fn bare_model(row: &str) -> &str {
    row.split_once('/').map_or(row, |(_, model)| model)
}

/// One page of a list.
///
/// ```
/// use tracing_budget_history::{Filter, Page, Sort, Sqlite, Store, StoreError};
///
/// fn ids(store: &Sqlite) -> Result<Vec<String>, StoreError> {
///     let (mut ids, mut page) = (Vec::new(), Page::first(100));
///     loop {
///         let list = store.list(&Filter::new(), Sort::default(), &page)?;
///         ids.extend(list.runs.into_iter().map(|run| run.run_id));
///         match list.next {
///             Some(cursor) => page = Page::after(100, cursor),
///             None => return Ok(ids),
///         }
///     }
/// }
/// ```
// Exhaustive: a page is a size and a place, and is written as a literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Maximum number of runs, clamped to 1 to [`Page::MAX`].
    pub limit: usize,
    /// The end of the page before; `None` for the first page.
    pub cursor: Option<Cursor>,
}

impl Page {
    /// Maximum number of runs in a page: a page is held in memory, with a row of about 500 bytes for each run.
    pub const MAX: usize = 1_000;

    /// The first page.
    #[must_use]
    pub const fn first(limit: usize) -> Self {
        Self { limit, cursor: None }
    }

    /// The page after a cursor.
    #[must_use]
    pub const fn after(limit: usize, cursor: Cursor) -> Self {
        Self { limit, cursor: Some(cursor) }
    }

    pub(super) fn size(&self) -> usize {
        self.limit.clamp(1, Self::MAX)
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::first(50)
    }
}

/// Selects old runs to delete: all conditions must hold. Without `older_than` and `keep_last`, no run matches.
///
/// A run in flight is never pruned; a stale run may be.
///
/// ```
/// use tracing_budget_history::Prune;
///
/// // Runs before 2026, except the newest 100 of each project; only counts them.
/// let mut prune = Prune::older_than("2026-01-01T00:00:00Z".parse()?).dry_run();
/// prune.keep_last = Some(100);
/// # Ok::<(), tracing_budget::summary::TimestampError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prune {
    /// Only this project.
    pub project: Option<String>,
    /// Only runs that started before this time.
    pub older_than: Option<Timestamp>,
    /// Keeps this many of the newest runs of each project.
    pub keep_last: Option<u64>,
    /// Counts the runs without deleting them.
    pub dry_run: bool,
}

impl Prune {
    /// Runs that started before this time.
    #[must_use]
    pub fn older_than(time: Timestamp) -> Self {
        Self { older_than: Some(time), ..Self::default() }
    }

    /// All but this many of the newest runs of each project.
    #[must_use]
    pub fn keep_last(runs: u64) -> Self {
        Self { keep_last: Some(runs), ..Self::default() }
    }

    /// Only this project.
    #[must_use]
    pub fn project(mut self, project: impl Into<String>) -> Self {
        self.project = Some(project.into());
        self
    }

    /// Counts the runs without deleting them.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }
}
