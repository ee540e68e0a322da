//! The runs of a project, one of them, and the comparison of two.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{PathParams, QueryParams, from_text};
use super::projects::{ProjectPath, known_project, project_of_segment};
use super::when::When;
use crate::app::App;
use crate::live::{Event, RunEnded};
use crate::problem::{Problem, ProblemKind};
use crate::schema;
use tracing_budget::summary::{Figures, RunSummary, Status, Timestamp};
use tracing_budget::{Usd, Verdict};
use tracing_budget_history::{Comparison, Cursor, Filter, Page, RunRow, Sort, Store, compare};

/// Filter, order and page of a list of runs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunsQuery {
    /// Maximum number of runs; default 50.
    #[serde(deserialize_with = "from_text")]
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200)]
    limit: Option<Limit>,
    /// Start of the page: the value of `next` in the page before.
    cursor: Option<String>,
    /// Order: `started`, `cost`, `duration` or `tokens`, then `:desc` or `:asc`; default `started:desc`.
    #[serde(deserialize_with = "from_text")]
    #[param(value_type = Option<String>, example = "cost:desc")]
    sort: Option<Sort>,
    /// Only runs with this status. Repeatable: runs with any of these.
    #[param(value_type = Vec<schema::Status>)]
    status: Vec<Status>,
    /// Runs that started at this time or later: a time, a day of UTC, an age, or `ever`.
    #[serde(deserialize_with = "from_text")]
    #[param(value_type = Option<String>, example = "7d")]
    since: Option<When>,
    /// Runs that started before this time.
    #[serde(deserialize_with = "from_text")]
    #[param(value_type = Option<String>, example = "2026-11-01")]
    until: Option<When>,
    /// Only runs of this pipeline.
    pipeline: Option<String>,
    /// Only runs with this tag: `name=value`. Repeatable: runs with all of these.
    #[param(value_type = Vec<String>)]
    tag: Vec<Tag>,
    /// Only runs that started this stage.
    stage: Option<String>,
    /// Only runs that called this model: `provider/model`, or the model's name alone.
    model: Option<String>,
    /// Only runs with a verdict of this gate.
    gate: Option<String>,
    /// Only runs with this verdict, of the gate that `gate` names or of any.
    #[param(value_type = Option<String>, example = "fail")]
    verdict: Option<Verdict>,
    /// Minimum known cost in USD.
    #[serde(deserialize_with = "from_text")]
    #[param(value_type = Option<f64>)]
    min_cost_usd: Option<Usd>,
}

/// A number of runs. Its maximum is an option of the server, so it is checked by the handler.
#[derive(Clone, Copy, Debug)]
struct Limit(usize);

impl std::str::FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = |_| format!("the limit is {text:?}: expected a whole number from 1");
        text.parse().map(Self).map_err(error)
    }
}

const DEFAULT_LIMIT: usize = 50;

#[derive(Debug)]
struct Tag(String, String);

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let error = || serde::de::Error::custom(format!("the tag is {text:?}: expected name=value"));
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(error)?;
        Ok(Self(name.to_owned(), value.to_owned()))
    }
}

impl RunsQuery {
    fn page(&self, max: usize) -> Result<Page, Problem> {
        let limit = self.limit.map_or(DEFAULT_LIMIT.min(max), |limit| limit.0);
        if !(1..=max).contains(&limit) {
            let detail =
                format!("the limit is {limit}: expected a whole number from 1 to {max}");
            return Err(Problem::new(ProblemKind::BadRequest, detail));
        }
        Ok(Page { limit, cursor: self.cursor.clone().map(Cursor::from) })
    }

    fn filter(self, project: &str, now: Timestamp) -> Filter {
        let mut filter = Filter::new().project(project);
        filter.scope.pipeline = self.pipeline;
        filter.scope.since = self.since.and_then(|since| since.at(now));
        filter.scope.until = self.until.and_then(|until| until.at(now));
        filter.status = self.status;
        filter.tags = self.tag.into_iter().map(|Tag(name, value)| (name, value)).collect();
        filter.stage = self.stage;
        filter.model = self.model;
        filter.gate = self.gate;
        filter.verdict = self.verdict;
        filter.min_cost_usd = self.min_cost_usd;
        filter
    }
}

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
    /// The stages by name, each with usage, cost and duration.
    #[schema(value_type = BTreeMap<String, schema::StageRow>)]
    metrics_by_stage: serde_json::Map<String, serde_json::Value>,
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
            usage: Usage::from(&run.budget_summary.total),
            gates: Gates { passed: row.gates_passed, failed: row.gates_failed, total: row.gates_total },
            failed_stage: row.failed_stage,
            error_summary: row.error_summary,
            tags: row.tags,
        }
    }
}

/// The stages in the order of the run.
fn stages(run: &RunSummary) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(&run.budget_summary.per_agent) {
        Ok(serde_json::Value::Object(stages)) => stages,
        _ => serde_json::Map::new(),
    }
}

/// Runs with status, times, usage and cost by stage, and the reason of a failure; the newest first by default.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/runs/summary",
    tag = "runs",
    params(ProjectPath, RunsQuery),
    responses((status = 200, description = "A page of runs.", body = Runs))
)]
pub(crate) async fn runs(
    State(app): State<App>,
    PathParams(project): PathParams<ProjectPath>,
    QueryParams(query): QueryParams<RunsQuery>,
) -> Result<Json<Runs>, Problem> {
    let project = project.name();
    let (sort, page) = (query.sort.unwrap_or_default(), query.page(app.options().page_runs)?);
    let filter = query.filter(&project, app.now());
    let answer = app.read(move |store| {
        let listed = store.list(&filter, sort, &page)?;
        if listed.runs.is_empty() {
            known_project(store, &project)?;
        }
        let runs = listed.runs.into_iter().map(|row| with_stages(store, row));
        // Skip runs that were deleted between the two reads.
        let runs: Result<Vec<Run>, Problem> = runs.filter_map(Result::transpose).collect();
        Ok::<_, Problem>(Runs { project, runs: runs?, next: listed.next })
    });
    answer.await.map(Json)
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
) -> Result<Json<RunSummary>, Problem> {
    let (project, run_id) = path.names();
    app.read(move |store| run_of(store, &project, &run_id)).await.map(Json)
}

/// Reads a run of a project.
///
/// # Errors
///
/// If there is no such run, or it belongs to another project.
fn run_of(store: &dyn Store, project: &str, run_id: &str) -> Result<RunSummary, Problem> {
    let run = store.get(run_id)?.filter(|run| run.project == project);
    run.ok_or_else(|| {
        Problem::new(ProblemKind::NoSuchRun, format!("no run {run_id:?} in the project {project:?}"))
    })
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
    /// The first run, usually the older.
    a: String,
    /// The second run.
    b: String,
}

/// Compares two runs by stage, model and gate: figures of `b` minus those of `a`.
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
) -> Result<Json<Comparison>, Problem> {
    let project = project.name();
    let answer = app.read(move |store| {
        let (a, b) = (run_of(store, &project, &pair.a)?, run_of(store, &project, &pair.b)?);
        Ok::<_, Problem>(compare(&a, &b))
    });
    answer.await.map(Json)
}

/// A run in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct RunPath {
    /// The project; `-` for runs without a project.
    project_id: String,
    /// The run.
    run_id: String,
}

impl RunPath {
    pub(crate) fn names(self) -> (String, String) {
        (project_of_segment(self.project_id), self.run_id)
    }
}

/// Characters that RFC 3986 calls unreserved stay; all others are encoded.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path of a run.
pub(super) fn path_of_run(project: &str, run_id: &str) -> String {
    let project = if project.is_empty() { "-" } else { project };
    let (project, run_id) = (utf8_percent_encode(project, SEGMENT), utf8_percent_encode(run_id, SEGMENT));
    format!("/projects/{project}/runs/{run_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_path_leads_back_to_it() {
        assert_eq!(path_of_run("apprentice", "0193c0de-1"), "/projects/apprentice/runs/0193c0de-1");
        assert_eq!(path_of_run("", "a/b ä"), "/projects/-/runs/a%2Fb%20%C3%A4");
        assert_eq!(project_of_segment("-".to_owned()), "");
    }
}
