//! The runs of a project, and one of them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::asked::{Asked, Named, text};
use super::paths::{OfProject, OfRun, known_project};
use super::shape;
use super::when::When;
use crate::app::App;
use crate::live::{Ended, News};
use crate::problem::{Kind, Problem};
use tracing_budget::summary::{Figures, RunSummary, Status, Timestamp};
use tracing_budget::{Usd, Verdict};
use tracing_budget_history::{Cursor, Filter, Page, RunRow, Sort, Store};

/// Which runs, in which order, how many.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// At most this many runs; 50 unless said.
    #[serde(deserialize_with = "text")]
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200)]
    limit: Option<Limit>,
    /// Where the page before ended: what it gave as `next`.
    cursor: Option<String>,
    /// What comes first: `started`, `cost`, `duration` or `tokens`, then `:desc` or `:asc`; the newest unless said.
    #[serde(deserialize_with = "text")]
    #[param(value_type = Option<String>, example = "cost:desc")]
    sort: Option<Sort>,
    /// One of these statuses; any unless said. May be repeated.
    #[param(value_type = Vec<shape::Status>)]
    status: Vec<Status>,
    /// Runs that started at this time or later: a time, a day of UTC, an age, or `ever`.
    #[serde(deserialize_with = "text")]
    #[param(value_type = Option<String>, example = "7d")]
    since: Option<When>,
    /// Runs that started before this time.
    #[serde(deserialize_with = "text")]
    #[param(value_type = Option<String>, example = "2026-11-01")]
    until: Option<When>,
    /// Only this pipeline.
    pipeline: Option<String>,
    /// Only runs with this label: `name=value`. May be repeated; then with all of them.
    #[param(value_type = Vec<String>)]
    tag: Vec<Label>,
    /// Only runs that began this stage.
    stage: Option<String>,
    /// Only runs that called this model: `provider/model`, or the model's name alone.
    model: Option<String>,
    /// Only runs with a verdict of this gate.
    gate: Option<String>,
    /// Only runs in which a gate said this: the one that `gate` names, or any.
    #[param(value_type = Option<String>, example = "fail")]
    verdict: Option<Verdict>,
    /// Only runs whose known cost is at least this, in USD.
    #[serde(deserialize_with = "text")]
    #[param(value_type = Option<f64>)]
    min_cost_usd: Option<Usd>,
}

/// A number of runs; how many a page may have is the server's to say.
#[derive(Clone, Copy, Debug)]
struct Limit(usize);

impl std::str::FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = |_| format!("the limit {text:?} is no number of runs, expected a whole number from 1 on");
        text.parse().map(Self).map_err(fault)
    }
}

const RUNS: usize = 50;

#[derive(Debug)]
struct Label(String, String);

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let fault = || serde::de::Error::custom(format!("{text:?} is no label, expected name=value"));
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(fault)?;
        Ok(Self(name.to_owned(), value.to_owned()))
    }
}

impl Wanted {
    fn page(&self, most: usize) -> Result<Page, Problem> {
        let limit = self.limit.map_or(RUNS.min(most), |limit| limit.0);
        if !(1..=most).contains(&limit) {
            let detail =
                format!("the limit {limit} is out of reach, expected a whole number from 1 to {most}");
            return Err(Problem::new(Kind::BadRequest, detail));
        }
        Ok(Page { limit, cursor: self.cursor.clone().map(Cursor::from) })
    }

    fn filter(self, project: &str, now: Timestamp) -> Filter {
        let mut filter = Filter::new().project(project);
        filter.scope.pipeline = self.pipeline;
        filter.scope.since = self.since.and_then(|since| since.at(now));
        filter.scope.until = self.until.and_then(|until| until.at(now));
        filter.status = self.status;
        filter.tags = self.tag.into_iter().map(|Label(name, value)| (name, value)).collect();
        filter.stage = self.stage;
        filter.model = self.model;
        filter.gate = self.gate;
        filter.verdict = self.verdict;
        filter.min_cost_usd = self.min_cost_usd;
        filter
    }
}

/// Some runs of a project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Runs {
    /// Whose runs.
    project: String,
    /// The runs, in the order asked for.
    runs: Vec<Run>,
    /// The cursor of the next page; null at the end of the list.
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
    /// How it stands, as far as its process told.
    #[schema(value_type = shape::Status)]
    status: Status,
    /// It is `running` as far as it told, and has not been heard of for longer than it promised.
    stale: bool,
    /// When it was first stored.
    #[schema(value_type = shape::Timestamp)]
    created_at: Timestamp,
    /// When the root span was opened.
    #[schema(value_type = shape::Timestamp)]
    started_at: Timestamp,
    /// When it ended; null while it runs.
    #[schema(value_type = Option<shape::Timestamp>)]
    completed_at: Option<Timestamp>,
    /// Seconds from the start to the end, or to when it was last heard of.
    duration_seconds: f64,
    /// Its domain counters, by name.
    counts: BTreeMap<String, i64>,
    /// Its stages, by name: what each used, cost and took.
    #[schema(value_type = BTreeMap<String, shape::StageRow>)]
    metrics_by_stage: serde_json::Map<String, serde_json::Value>,
    /// What the run used and cost.
    usage: Usage,
    /// What the gates said.
    gates: Gates,
    /// The stage that failed first; null where none did.
    failed_stage: Option<String>,
    /// Why the run failed, in one line; null where nothing failed.
    error_summary: Option<String>,
    /// Its labels.
    tags: BTreeMap<String, String>,
}

/// What a run used and cost.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Usage {
    /// Input and output tokens; null where calls were made and none reported usage.
    tokens_used: Option<u64>,
    /// USD; null where calls were made and the cost of none is known.
    #[schema(value_type = Option<shape::Usd>)]
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
    /// Calls whose cost is unknown although their usage is known; they are not in `cost_usd`.
    unpriced_calls: u64,
    /// Calls that did not tell what they used.
    calls_without_usage: u64,
}

/// What the gates of a run said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Gates {
    /// Verdicts `pass`.
    passed: u64,
    /// Verdicts `fail` and `error`.
    failed: u64,
    /// All verdicts, those of gates that were skipped included.
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

/// In the order in which the run has them.
fn stages(run: &RunSummary) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(&run.budget_summary.per_agent) {
        Ok(serde_json::Value::Object(stages)) => stages,
        _ => serde_json::Map::new(),
    }
}

/// Recent runs: how each stands, when it was, what its stages used and cost, and why it failed.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/runs/summary",
    tag = "runs",
    params(OfProject, Wanted),
    responses((status = 200, description = "A page of runs.", body = Runs))
)]
pub(crate) async fn runs(
    State(app): State<App>,
    Named(project): Named<OfProject>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Runs>, Problem> {
    let project = project.name();
    let (sort, page) = (wanted.sort.unwrap_or_default(), wanted.page(app.options().page_runs)?);
    let filter = wanted.filter(&project, app.now());
    let answer = app.ask(move |store| {
        let listed = store.list(&filter, sort, &page)?;
        if listed.runs.is_empty() {
            known_project(store, &project)?;
        }
        let runs = listed.runs.into_iter().map(|row| with_stages(store, row));
        // A run that was deleted meanwhile is not there any more.
        let runs: Result<Vec<Run>, Problem> = runs.filter_map(Result::transpose).collect();
        Ok::<_, Problem>(Runs { project, runs: runs?, next: listed.next })
    });
    answer.await.map(Json)
}

fn with_stages(store: &dyn Store, row: RunRow) -> Result<Option<Run>, Problem> {
    let run = store.get(&row.run_id)?;
    Ok(run.map(|run| Run::of(row, &run)))
}

/// One run, whole: the document that the run left behind, all parts merged.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/runs/{run_id}",
    tag = "runs",
    params(OfRun),
    responses((status = 200, description = "The run.", body = shape::RunSummary))
)]
pub(crate) async fn run(
    State(app): State<App>,
    Named(named): Named<OfRun>,
) -> Result<Json<RunSummary>, Problem> {
    let (project, run_id) = named.names();
    app.ask(move |store| run_of(store, &project, &run_id)).await.map(Json)
}

/// # Errors
///
/// If there is no such run, or it is another project's.
pub(super) fn run_of(store: &dyn Store, project: &str, run_id: &str) -> Result<RunSummary, Problem> {
    let run = store.get(run_id)?.filter(|run| run.project == project);
    run.ok_or_else(|| {
        Problem::new(Kind::NoSuchRun, format!("there is no run {run_id:?} in the project {project:?}"))
    })
}

/// How a run ended; none if it is in flight, or nobody has heard of it yet.
pub(super) fn ended(store: &dyn Store, run_id: &str) -> Result<Option<News>, Problem> {
    let Some(row) = store.row(run_id)?.filter(|row| row.status.is_terminal()) else { return Ok(None) };
    Ok(store.get(run_id)?.map(|run| News::RunEnded(Ended::of(&row, &run))))
}
