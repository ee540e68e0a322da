//! Which runs a query is about, and which page of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cursor::Cursor;
use tracing_budget::summary::{RunSummary, Status, Timestamp};
use tracing_budget::{Usd, Verdict};

/// The runs of a project, a pipeline, a stretch of time; everything unless narrowed.
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

    /// Whether a run is among them.
    #[must_use]
    pub fn matches(&self, run: &RunSummary) -> bool {
        self.project.as_ref().is_none_or(|project| *project == run.project)
            && self.pipeline.as_ref().is_none_or(|pipeline| *pipeline == run.pipeline)
            && self.since.is_none_or(|since| run.started_at >= since)
            && self.until.is_none_or(|until| run.started_at < until)
    }
}

/// Which runs a list has: those for which all of this holds.
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
    /// One of these statuses; any if there are none.
    pub status: Vec<Status>,
    /// All of these tags, with these values.
    pub tags: BTreeMap<String, String>,
    /// A stage of this name was begun.
    pub stage: Option<String>,
    /// This model was called: `provider/model`, or the model's name alone.
    pub model: Option<String>,
    /// A gate of this name is in the run; together with `verdict`, one that said so.
    pub gate: Option<String>,
    /// A gate said this; together with `gate`, the gate of that name.
    pub verdict: Option<Verdict>,
    /// The known cost is at least this; a run whose cost is unknown is left out.
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

    /// Only runs in which this gate said this.
    #[must_use]
    pub fn gate(mut self, name: impl Into<String>, verdict: Verdict) -> Self {
        self.gate = Some(name.into());
        self.verdict = Some(verdict);
        self
    }

    /// Only runs that are known to have cost at least this.
    #[must_use]
    pub fn min_cost_usd(mut self, cost: Usd) -> Self {
        self.min_cost_usd = Some(cost);
        self
    }

    /// Whether a run is in the list: what every store's own way of filtering must agree with.
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

/// Which part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most this many runs; 1 to [`Page::MAX`], values outside are brought inside.
    pub limit: usize,
    /// Where the page before ended; the beginning if there was none.
    pub cursor: Option<Cursor>,
}

impl Page {
    /// The most that one page holds.
    pub const MAX: usize = 1_000;

    /// The beginning of the list.
    #[must_use]
    pub const fn first(limit: usize) -> Self {
        Self { limit, cursor: None }
    }

    /// What follows a page.
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

/// Which old runs to delete: those for which all that is set holds. With nothing set, none.
///
/// A run that is in flight is never pruned; one that is stale may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prune {
    /// Only this project.
    pub project: Option<String>,
    /// Only runs that started before this time.
    pub older_than: Option<Timestamp>,
    /// Not the newest so many of each project.
    pub keep_last: Option<u64>,
    /// Only count them.
    pub dry_run: bool,
}

impl Prune {
    /// Runs that started before this time.
    #[must_use]
    pub fn older_than(time: Timestamp) -> Self {
        Self { older_than: Some(time), ..Self::default() }
    }

    /// All but the newest so many of each project.
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

    /// Only counts them.
    #[must_use]
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }
}
