//! Stages, models, gates, series and health of a project.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::asked::{Asked, Named, UpTo, text};
use super::paths::{OfProject, known_project};
use super::shape;
use super::when::When;
use crate::app::App;
use crate::problem::Problem;
use tracing_budget::summary::Timestamp;
use tracing_budget_history::health::{Health, HealthQuery};
use tracing_budget_history::series::{Bucket, By, Measure, Series, SeriesQuery};
use tracing_budget_history::stats::{GateStats, ModelStats, StageStats};
use tracing_budget_history::{Scope, Store, StoreError};

/// Which runs of the project.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Window {
    /// Only this pipeline.
    pipeline: Option<String>,
    /// Runs that started at this time or later: a time, a day of UTC, an age, or `ever`; 30 days ago unless said.
    #[serde(deserialize_with = "text")]
    #[param(value_type = Option<String>, example = "7d")]
    since: Option<When>,
    /// Runs that started before this time.
    #[serde(deserialize_with = "text")]
    #[param(value_type = Option<String>, example = "2026-11-01")]
    until: Option<When>,
}

/// Nobody asks for all of a history by accident.
const DAYS: u64 = 30;

impl Window {
    pub(super) fn scope(self, project: &str, now: Timestamp) -> Scope {
        let mut scope = Scope::new().project(project);
        scope.pipeline = self.pipeline;
        scope.since = self.since.unwrap_or(When::days_ago(DAYS)).at(now);
        scope.until = self.until.and_then(|until| until.at(now));
        scope
    }
}

/// Rows over the runs of a window.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Over<T> {
    /// Whose runs.
    project: String,
    /// Only this pipeline; null for all.
    pipeline: Option<String>,
    /// Runs that started at this time or later; null for all.
    #[schema(value_type = Option<shape::Timestamp>)]
    since: Option<Timestamp>,
    /// Runs that started before this time; null for all.
    #[schema(value_type = Option<shape::Timestamp>)]
    until: Option<Timestamp>,
    /// The rows.
    rows: Vec<T>,
}

async fn over<T: Send + 'static>(
    app: &App,
    project: String,
    window: Window,
    question: fn(&dyn Store, &Scope) -> Result<Vec<T>, StoreError>,
) -> Result<Json<Over<T>>, Problem> {
    let scope = window.scope(&project, app.now());
    let answer = app.ask(move |store| {
        let rows = question(store, &scope)?;
        if rows.is_empty() {
            known_project(store, &project)?;
        }
        let Scope { pipeline, since, until, .. } = scope;
        Ok::<_, Problem>(Over { project, pipeline, since, until, rows })
    });
    answer.await.map(Json)
}

/// The stages: how long they take, what they cost, how often they fail; dearest first.
///
/// Of the runs that ended.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/stages",
    tag = "figures",
    params(OfProject, Window),
    responses((status = 200, description = "The stages.", body = Over<shape::StageStats>))
)]
pub(crate) async fn stages(
    State(app): State<App>,
    Named(project): Named<OfProject>,
    Asked(window): Asked<Window>,
) -> Result<Json<Over<StageStats>>, Problem> {
    over(&app, project.name(), window, |store, scope| store.stages(scope)).await
}

/// The models: what they cost and used; dearest first.
///
/// Of the runs that ended.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/models",
    tag = "figures",
    params(OfProject, Window),
    responses((status = 200, description = "The models.", body = Over<shape::ModelStats>))
)]
pub(crate) async fn models(
    State(app): State<App>,
    Named(project): Named<OfProject>,
    Asked(window): Asked<Window>,
) -> Result<Json<Over<ModelStats>>, Problem> {
    over(&app, project.name(), window, |store, scope| store.models(scope)).await
}

/// The gates: how often they pass, fail and are skipped; the one that fails most first.
///
/// Of the runs that ended.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/gates",
    tag = "figures",
    params(OfProject, Window),
    responses((status = 200, description = "The gates.", body = Over<shape::GateStats>))
)]
pub(crate) async fn gates(
    State(app): State<App>,
    Named(project): Named<OfProject>,
    Asked(window): Asked<Window>,
) -> Result<Json<Over<GateStats>>, Problem> {
    over(&app, project.name(), window, |store, scope| store.gates(scope)).await
}

/// What is measured, and over what.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Course {
    /// What is measured; the cost unless said.
    #[param(value_type = shape::Measure)]
    measure: Measure,
    /// What there is a line for; whole runs unless said.
    #[param(value_type = shape::By)]
    by: By,
    /// How long a step is; a day unless said.
    #[param(value_type = shape::Bucket)]
    bucket: Bucket,
    /// Only this pipeline.
    pipeline: Option<String>,
    /// Runs that started at this time or later: a time, a day of UTC, an age, or `ever`; 30 days ago unless said.
    #[serde(deserialize_with = "text")]
    #[param(value_type = Option<String>, example = "7d")]
    since: Option<When>,
    /// Runs that started before this time.
    #[serde(deserialize_with = "text")]
    #[param(value_type = Option<String>, example = "2026-11-01")]
    until: Option<When>,
}

/// A measure over time, in steps without gaps.
///
/// Of the runs that ended, at the time at which they started. Neither `success_rate` nor `gate_pass_rate` is measured by
/// model.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/series",
    tag = "figures",
    params(OfProject, Course),
    responses((status = 200, description = "The series.", body = shape::Series))
)]
pub(crate) async fn series(
    State(app): State<App>,
    Named(project): Named<OfProject>,
    Asked(course): Asked<Course>,
) -> Result<Json<Series>, Problem> {
    let project = project.name();
    let Course { measure, by, bucket, pipeline, since, until } = course;
    let scope = Window { pipeline, since, until }.scope(&project, app.now());
    let query = SeriesQuery::new(scope, measure).by(by).bucket(bucket);
    let answer = app.ask(move |store| {
        // A series has its steps also where there is no run.
        known_project(store, &project)?;
        store.series(&query).map_err(Problem::from)
    });
    answer.await.map(Json)
}

/// How many runs are judged, by how many.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Judged {
    /// Only this pipeline.
    pipeline: Option<String>,
    /// How many of the newest runs are judged; 20 unless said.
    #[serde(deserialize_with = "text")]
    #[param(value_type = Option<u64>, minimum = 1, maximum = 1000)]
    recent: Option<UpTo<1000>>,
    /// By how many runs before them; 200 unless said.
    #[serde(deserialize_with = "text")]
    #[param(value_type = Option<u64>, minimum = 1, maximum = 1000)]
    history: Option<UpTo<1000>>,
}

/// How the newest runs compare with those before them: what fails, costs or takes more than usual.
///
/// Each pipeline is judged by its own history, by median and MAD; each finding has a severity.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/health",
    tag = "figures",
    params(OfProject, Judged),
    responses((status = 200, description = "The findings, the gravest first.", body = shape::Health))
)]
pub(crate) async fn health(
    State(app): State<App>,
    Named(project): Named<OfProject>,
    Asked(judged): Asked<Judged>,
) -> Result<Json<Health>, Problem> {
    let project = project.name();
    let mut scope = Scope::new().project(&project);
    scope.pipeline = judged.pipeline;
    let mut query = HealthQuery::new(scope);
    query.recent = judged.recent.map_or(query.recent, UpTo::get);
    query.history = judged.history.map_or(query.history, UpTo::get);
    let answer = app.ask(move |store| {
        let health = store.health(&query)?;
        if health.pipelines.is_empty() {
            known_project(store, &project)?;
        }
        Ok::<_, Problem>(health)
    });
    answer.await.map(Json)
}
