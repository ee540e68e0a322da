//! The runs of a project, one of them, and the comparison of two.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{PathParams, QueryParams};
use super::parameters::{ListQuery, default_zone};
use super::projects::{ProjectPath, known_project};
use crate::app::{App, JsonAnswer};
use crate::find_run::find_run;
use crate::live::{Event, RunEnded};
use crate::problem::{Problem, ProblemKind};
use crate::{schema, segment};
use tracing_budget::Usd;
use tracing_budget::summary::{Figures, RunSummary, StageRow, Status, Timestamp};
use tracing_budget_history::compare::compare;
use tracing_budget_history::{Cursor, RunRow, Store};

/// Runs per page, if a request has no `limit`.
const DEFAULT_LIMIT: usize = 50;

/// Stages, models and gates in a comparison.
const COMPARED_ROWS: usize = 1_000;

/// Stages of each run in a list; the run itself has all of them.
const LISTED_STAGES: usize = 100;

/// A page of a project's runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Runs {
    /// The project.
    project: String,
    /// The runs, in the requested order.
    runs: Vec<Run>,
    /// Cursor of the next page; null on the last page.
    #[schema(value_type = Option<String>)]
    next: Option<Cursor>,
}

/// A run in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Run {
    /// Identifies the run.
    run_id: String,
    /// The root span's name.
    pipeline: String,
    /// Status, as its process last stored it.
    #[schema(value_type = schema::Status)]
    status: Status,
    /// The status is `running`, and the heartbeat is overdue.
    stale: bool,
    /// Time at which the run was first stored.
    #[schema(value_type = schema::Timestamp)]
    created_at: Timestamp,
    /// Time at which the root span was opened.
    #[schema(value_type = schema::Timestamp)]
    started_at: Timestamp,
    /// Time at which the run ended; null while it runs.
    #[schema(value_type = Option<schema::Timestamp>)]
    completed_at: Option<Timestamp>,
    /// Seconds from the start to the end, or to the newest figures.
    duration_seconds: f64,
    /// Counters of the application, by name.
    counts: BTreeMap<String, i64>,
    /// The stages by name, each with usage, cost and duration; at most 100, the most expensive.
    #[schema(value_type = BTreeMap<String, schema::StageRow>)]
    metrics_by_stage: serde_json::Map<String, serde_json::Value>,
    /// Stages that are not in `metrics_by_stage`; the run's own document has them.
    stages_left_out: u64,
    /// Usage and cost.
    usage: Usage,
    /// Verdicts.
    gates: Gates,
    /// The stage that failed first; null if no stage failed.
    failed_stage: Option<String>,
    /// Reason of the failure in one line; null if nothing failed.
    error_summary: Option<String>,
    /// Tags.
    tags: BTreeMap<String, String>,
}

/// Usage and cost of a run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Usage {
    /// Input and output tokens; null if calls were made and none reported usage.
    tokens_used: Option<u64>,
    /// USD; null if calls were made and the cost of none is known.
    #[schema(value_type = Option<schema::Usd>)]
    cost_usd: Option<Usd>,
    /// Model calls.
    llm_calls: u64,
    /// Input tokens, cached ones included.
    input_tokens: u64,
    /// Output tokens, reasoning included.
    output_tokens: u64,
    /// Input tokens read from a cache.
    cache_read_tokens: u64,
    /// Input tokens written to a cache.
    cache_write_tokens: u64,
    /// Output tokens spent on reasoning.
    reasoning_tokens: u64,
    /// Calls with known usage and unknown cost; they are not in `cost_usd`.
    unpriced_calls: u64,
    /// Calls that reported no usage.
    calls_without_usage: u64,
    /// Calls that reported only a part of their usage.
    partial_calls: u64,
}

/// Verdicts of a run's gates.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Gates {
    /// Number of verdicts `pass`.
    passed: u64,
    /// Number of verdicts `fail` and `error`.
    failed: u64,
    /// Number of all verdicts, including `skipped`.
    total: u64,
}

impl From<&Figures> for Usage {
    fn from(figures: &Figures) -> Self {
        Self {
            tokens_used: figures.tokens_used,
            cost_usd: figures.cost_usd,
            llm_calls: figures.llm_calls,
            input_tokens: figures.input_tokens,
            output_tokens: figures.output_tokens,
            cache_read_tokens: figures.cache_read_tokens,
            cache_write_tokens: figures.cache_write_tokens,
            reasoning_tokens: figures.reasoning_tokens,
            unpriced_calls: figures.unpriced_calls,
            calls_without_usage: figures.calls_without_usage,
            partial_calls: figures.partial_calls,
        }
    }
}

impl Run {
    fn of(row: RunRow, run: &RunSummary) -> Self {
        Self {
            run_id: row.run_id,
            pipeline: row.pipeline,
            status: row.status,
            stale: row.stale,
            created_at: row.created_at,
            started_at: row.started_at,
            completed_at: row.completed_at,
            duration_seconds: row.duration_seconds,
            counts: run.counts.clone(),
            metrics_by_stage: stages(run),
            stages_left_out: run.stages().len().saturating_sub(LISTED_STAGES) as u64,
            usage: Usage::from(&run.budget_summary.total),
            gates: Gates { passed: row.gates_passed, failed: row.gates_failed, total: row.gates_total },
            failed_stage: row.failed_stage,
            error_summary: row.error_summary,
            tags: row.tags,
        }
    }
}

/// The most expensive stages, in the order of the run.
fn stages(run: &RunSummary) -> serde_json::Map<String, serde_json::Value> {
    let mut stages: Vec<(usize, (&str, &StageRow))> = run.stages().iter().enumerate().collect();
    if stages.len() > LISTED_STAGES {
        stages.sort_by_key(|(place, (_, row))| (Reverse(row.figures.cost_usd), *place));
        stages.truncate(LISTED_STAGES);
        stages.sort_by_key(|(place, _)| *place);
    }
    let json = |row: &StageRow| serde_json::to_value(row).unwrap_or_default();
    stages.into_iter().map(|(_, (name, row))| (name.to_owned(), json(row))).collect()
}

/// Runs with status, times, usage and cost by stage, and the reason of a failure; the newest first by default.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/runs/summary",
    tag = "runs",
    params(ProjectPath, ListQuery),
    responses((status = 200, description = "A page of runs.", body = Runs))
)]
pub(crate) async fn runs(
    State(app): State<App>,
    PathParams(project): PathParams<ProjectPath>,
    ListQuery(query): ListQuery,
) -> Result<JsonAnswer, Problem> {
    let project = project.name();
    let page = query.page(DEFAULT_LIMIT, app.options().page_runs)?;
    let sort = query.sort.unwrap_or_default();
    let filter = query.filter(app.now(), &default_zone()).project(&project);
    let answer = app.read_json(move |store| {
        let listed = store.list(&filter, sort, &page)?;
        if listed.runs.is_empty() {
            known_project(store, &project)?;
        }
        let runs = listed.runs.into_iter().map(|row| with_stages(store, row));
        // Skip runs that were deleted between the two reads.
        let runs: Result<Vec<Run>, Problem> = runs.filter_map(Result::transpose).collect();
        Ok::<_, Problem>(Runs { project, runs: runs?, next: listed.next })
    });
    answer.await
}

fn with_stages(store: &dyn Store, row: RunRow) -> Result<Option<Run>, Problem> {
    let run = store.get(&row.run_id)?;
    Ok(run.map(|run| Run::of(row, &run)))
}

/// The summary of a run, all parts merged.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/runs/{run_id}",
    tag = "runs",
    params(RunPath),
    responses((status = 200, description = "The run.", body = schema::RunSummary))
)]
pub(crate) async fn run(
    State(app): State<App>,
    PathParams(path): PathParams<RunPath>,
) -> Result<JsonAnswer, Problem> {
    let (project, run_id) = path.names();
    app.read_json(move |store| run_of(store, &project, &run_id)).await
}

/// Reads a run of a project.
///
/// # Errors
///
/// If there is no such run, or it belongs to another project.
fn run_of(store: &dyn Store, project: &str, run_id: &str) -> Result<RunSummary, Problem> {
    let run = find_run(store, run_id)?;
    if run.project != project {
        let detail = format!("no run {run_id:?} in the project {project:?}");
        return Err(Problem::new(ProblemKind::NoSuchRun, detail));
    }
    Ok(run)
}

/// The end of a run as an event; `None` if the run is in flight or unknown.
pub(super) fn ended_event(store: &dyn Store, run_id: &str) -> Result<Option<Event>, Problem> {
    let Some(row) = store.row(run_id)?.filter(|row| row.status.is_terminal()) else { return Ok(None) };
    Ok(store.get(run_id)?.map(|run| Event::RunEnded(RunEnded::of(&row, &run))))
}

/// The two runs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareQuery {
    /// The first run, usually the older: its id, or the beginning or end of one.
    a: String,
    /// The second run, likewise.
    b: String,
}

/// Compares two runs by stage, model and gate: figures of `b` minus those of `a`.
///
/// At most 1,000 stages, models and gates are listed: those with the largest changes. A row `(other)` sums up the rest.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/compare",
    tag = "runs",
    params(ProjectPath, CompareQuery),
    responses((status = 200, description = "The comparison.", body = schema::Comparison))
)]
pub(crate) async fn comparison(
    State(app): State<App>,
    PathParams(project): PathParams<ProjectPath>,
    QueryParams(pair): QueryParams<CompareQuery>,
) -> Result<JsonAnswer, Problem> {
    let project = project.name();
    let answer = app.read_json(move |store| {
        let (a, b) = (run_of(store, &project, &pair.a)?, run_of(store, &project, &pair.b)?);
        Ok::<_, Problem>(compare(&a, &b).at_most(COMPARED_ROWS))
    });
    answer.await
}

/// A run in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct RunPath {
    /// The project; `-` for runs without a project. The names `-`, `.` and `..` have a `~` before them.
    project_id: String,
    /// The run: its id, or the beginning or end of one.
    run_id: String,
}

impl RunPath {
    pub(crate) fn names(self) -> (String, String) {
        (segment::project(&self.project_id).to_owned(), segment::run(&self.run_id).to_owned())
    }
}

/// The path of a run.
pub(super) fn path_of_run(project: &str, run_id: &str) -> String {
    format!("/projects/{}/runs/{}", segment::of_project(project), segment::of_run(run_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_path_leads_back_to_it() {
        assert_eq!(path_of_run("apprentice", "0193c0de-1"), "/projects/apprentice/runs/0193c0de-1");
        assert_eq!(path_of_run("", "a/b ä"), "/projects/-/runs/a%2Fb%20%C3%A4");
    }
}
