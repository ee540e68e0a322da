//! Two runs side by side.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::asked::{Asked, Named};
use super::paths::OfProject;
use super::runs::run_of;
use super::shape;
use crate::app::App;
use crate::problem::Problem;
use tracing_budget_history::compare::{Comparison, compare};

/// Which two.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Two {
    /// The run that is compared with, usually the older.
    a: String,
    /// The run that is looked at.
    b: String,
}

/// Two runs side by side: stages, models, gates, and what `b` has more or less than `a`.
#[utoipa::path(
    get,
    path = "/projects/{project_id}/compare",
    tag = "runs",
    params(OfProject, Two),
    responses((status = 200, description = "The comparison.", body = shape::Comparison))
)]
pub(crate) async fn comparison(
    State(app): State<App>,
    Named(project): Named<OfProject>,
    Asked(two): Asked<Two>,
) -> Result<Json<Comparison>, Problem> {
    let project = project.name();
    let answer = app.ask(move |store| {
        let (a, b) = (run_of(store, &project, &two.a)?, run_of(store, &project, &two.b)?);
        Ok::<_, Problem>(compare(&a, &b))
    });
    answer.await.map(Json)
}
