//! Stages, models, gates, series and health of a project.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{AtMost, PathParams, QueryParams, from_query, from_text};
use super::parameters::{WindowQuery, default_zone, pairs};
use super::projects::{ProjectPath, known_project};
use crate::app::{App, JsonAnswer};
use crate::problem::Problem;
use crate::schema;
use tracing_budget::summary::Timestamp;
use tracing_budget_history::health::HealthQuery;
use tracing_budget_history::series::{Bucket, By, Measure, SeriesQuery};
use tracing_budget_history::{Scope, Store, StoreError};

/// Rows about the runs of a window.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WindowRows<T> {
    /// The project.
    project: String,
    /// The pipeline; null for all.
    pipeline: Option<String>,
    /// Zone in which the days of `since` and `until` were read.
    tz: String,
    /// Runs that started at this time or later; null for all.
    #[schema(value_type = Option<schema::Timestamp>)]
    since: Option<Timestamp>,
    /// Runs that started before this time; null for all.
    #[schema(value_type = Option<schema::Timestamp>)]
    until: Option<Timestamp>,
    /// The rows.
    rows: Vec<T>,
}

async fn window_rows<T: Serialize + Send + 'static>(
    app: &App,
    project: String,
    WindowQuery(query): WindowQuery,
    read: fn(&dyn Store, &Scope) -> Result<Vec<T>, StoreError>,
) -> Result<JsonAnswer, Problem> {
    let tz = query.zone(&default_zone()).to_string();
    let scope = query.window(app.now(), &default_zone()).project(&project);
    let answer = app.read_json(move |store| {
        let rows = read(store, &scope)?;
        if rows.is_empty() {
            known_project(store, &project)?;
        }
        let Scope { pipeline, since, until, .. } = scope;
        Ok::<_, Problem>(WindowRows { project, pipeline, tz, since, until, rows })
    });
    answer.await
}

/// Duration, cost and failures of each stage, the most expensive first.
///
/// Only runs that have ended are counted.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/stages",
    tag = "figures",
    params(ProjectPath, WindowQuery),
    responses((status = 200, description = "The stages.", body = WindowRows<schema::StageStats>))
)]
pub(crate) async fn stages(
    State(app): State<App>,
    PathParams(project): PathParams<ProjectPath>,
    window: WindowQuery,
) -> Result<JsonAnswer, Problem> {
    window_rows(&app, project.name(), window, |store, scope| store.stages(scope)).await
}

/// Cost and usage of each model, the most expensive first.
///
/// Only runs that have ended are counted.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/models",
    tag = "figures",
    params(ProjectPath, WindowQuery),
    responses((status = 200, description = "The models.", body = WindowRows<schema::ModelStats>))
)]
pub(crate) async fn models(
    State(app): State<App>,
    PathParams(project): PathParams<ProjectPath>,
    window: WindowQuery,
) -> Result<JsonAnswer, Problem> {
    window_rows(&app, project.name(), window, |store, scope| store.models(scope)).await
}

/// Verdicts of each gate, the one with the most failures first.
///
/// Only runs that have ended are counted.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/gates",
    tag = "figures",
    params(ProjectPath, WindowQuery),
    responses((status = 200, description = "The gates.", body = WindowRows<schema::GateStats>))
)]
pub(crate) async fn gates(
    State(app): State<App>,
    PathParams(project): PathParams<ProjectPath>,
    window: WindowQuery,
) -> Result<JsonAnswer, Problem> {
    window_rows(&app, project.name(), window, |store, scope| store.gates(scope)).await
}

/// Measure, lines and steps of a series.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SeriesParams {
    /// What is measured; default `cost`.
    #[param(value_type = schema::Measure)]
    measure: Measure,
    /// Subject of each line; default whole runs.
    #[param(value_type = schema::By)]
    by: By,
    /// Length of a step; default a day.
    #[param(value_type = schema::Bucket)]
    bucket: Bucket,
}

const SERIES_WORDS: [&str; 3] = ["measure", "by", "bucket"];

/// The parameters of a series: its own, and those of the window.
pub(crate) struct SeriesQueryParams {
    series: SeriesParams,
    window: WindowQuery,
}

impl<S: Sync> FromRequestParts<S> for SeriesQueryParams {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let is_own = |(name, _): &(String, String)| SERIES_WORDS.contains(&name.as_str());
        let (own, window) = pairs(parts).into_iter().partition(is_own);
        let own: Vec<(String, String)> = own;
        let own = form_urlencoded::Serializer::new(String::new()).extend_pairs(own).finish();
        Ok(Self { series: from_query(&own)?, window: WindowQuery::beside(&SERIES_WORDS, window)? })
    }
}

/// A measure over time, in steps without gaps.
///
/// Only runs that have ended are counted, at their start. Neither `success_rate` nor `gate_pass_rate` is available by
/// model.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/series",
    tag = "figures",
    params(ProjectPath, SeriesParams, WindowQuery),
    responses((status = 200, description = "The series.", body = schema::Series))
)]
pub(crate) async fn series(
    State(app): State<App>,
    PathParams(project): PathParams<ProjectPath>,
    SeriesQueryParams { series, window }: SeriesQueryParams,
) -> Result<JsonAnswer, Problem> {
    let project = project.name();
    let SeriesParams { measure, by, bucket } = series;
    let scope = window.0.window(app.now(), &default_zone()).project(&project);
    let query = SeriesQuery::new(scope, measure).by(by).bucket(bucket);
    let answer = app.read_json(move |store| {
        // A series without runs still has steps, so it cannot show that the project is unknown.
        known_project(store, &project)?;
        store.series(&query).map_err(Problem::from)
    });
    answer.await
}

/// Which runs are judged, and the baseline.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HealthParams {
    /// Only runs of this pipeline.
    pipeline: Option<String>,
    /// Number of newest runs that are judged; default 20.
    #[serde(deserialize_with = "from_text")]
    #[param(value_type = Option<u64>, minimum = 1, maximum = 1000)]
    recent: Option<AtMost<1000>>,
    /// Number of runs before them that form the baseline; default 200.
    #[serde(deserialize_with = "from_text")]
    #[param(value_type = Option<u64>, minimum = 1, maximum = 1000)]
    history: Option<AtMost<1000>>,
}

/// Compares the newest runs with those before them: failures, costs and durations above the usual.
///
/// Each pipeline has its own baseline, made of medians and median absolute deviations. Each finding has a severity.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/health",
    tag = "figures",
    params(ProjectPath, HealthParams),
    responses((status = 200, description = "The findings, the most severe first.", body = schema::Health))
)]
pub(crate) async fn health(
    State(app): State<App>,
    PathParams(project): PathParams<ProjectPath>,
    QueryParams(params): QueryParams<HealthParams>,
) -> Result<JsonAnswer, Problem> {
    let project = project.name();
    let mut scope = Scope::new().project(&project);
    scope.pipeline = params.pipeline;
    let mut query = HealthQuery::new(scope);
    query.recent = params.recent.map_or(query.recent, AtMost::get);
    query.history = params.history.map_or(query.history, AtMost::get);
    let answer = app.read_json(move |store| {
        let health = store.health(&query)?;
        if health.pipelines.is_empty() {
            known_project(store, &project)?;
        }
        Ok::<_, Problem>(health)
    });
    answer.await
}
