//! The projects, and how the runs of one went.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::asked::{Asked, Named};
use super::figures::Window;
use super::paths::{OfProject, known_project};
use super::shape;
use crate::app::App;
use crate::problem::Problem;
use tracing_budget_history::stats::{Overview, ProjectRow};

/// All projects.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Projects {
    /// The projects, by name.
    #[schema(value_type = Vec<shape::ProjectRow>)]
    projects: Vec<ProjectRow>,
}

/// The projects with their pipelines.
#[utoipa::path(
    get,
    path = "/projects",
    tag = "runs",
    responses((status = 200, description = "The projects.", body = Projects))
)]
pub(crate) async fn projects(State(app): State<App>) -> Result<Json<Projects>, Problem> {
    let projects = app.ask(|store| store.projects()).await?;
    Ok(Json(Projects { projects }))
}

/// How the runs of a project went: counts by status, cost, the last that failed and why, what is typical.
#[utoipa::path(
    get,
    path = "/projects/{project_id}",
    tag = "figures",
    params(OfProject, Window),
    responses((status = 200, description = "How the runs went.", body = shape::Overview))
)]
pub(crate) async fn project(
    State(app): State<App>,
    Named(project): Named<OfProject>,
    Asked(window): Asked<Window>,
) -> Result<Json<Overview>, Problem> {
    let project = project.name();
    let scope = window.scope(&project, app.now());
    let answer = app.ask(move |store| {
        let overview = store.summary(&scope)?;
        if overview.runs == 0 {
            known_project(store, &project)?;
        }
        Ok::<_, Problem>(overview)
    });
    answer.await.map(Json)
}
