//! The projects, and an overview of one.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::PathParams;
use super::parameters::{WindowQuery, default_zone};
use crate::app::{App, JsonAnswer};
use crate::problem::{Problem, ProblemKind};
use crate::{schema, segment};
use tracing_budget_history::stats::ProjectRow;
use tracing_budget_history::{Filter, Page, Sort, Store};

/// The list of projects.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Projects {
    /// The projects, by name.
    #[schema(value_type = Vec<schema::ProjectRow>)]
    projects: Vec<ProjectRow>,
}

/// The projects with their pipelines.
#[utoipa::path(
    get,
    path = "/projects",
    tag = "runs",
    responses((status = 200, description = "The projects.", body = Projects))
)]
pub(crate) async fn projects(State(app): State<App>) -> Result<JsonAnswer, Problem> {
    app.read_json(|store| store.projects().map(|projects| Projects { projects })).await
}

/// Overview of a project's runs: counts by status, cost, the last failure with its reason, typical figures.
#[utoipa::path(
    get,
    path = "/projects/{project_id}",
    tag = "figures",
    params(ProjectPath, WindowQuery),
    responses((status = 200, description = "The overview.", body = schema::Overview))
)]
pub(crate) async fn project(
    State(app): State<App>,
    PathParams(project): PathParams<ProjectPath>,
    WindowQuery(query): WindowQuery,
) -> Result<JsonAnswer, Problem> {
    let project = project.name();
    let scope = query.window(app.now(), &default_zone()).project(&project);
    let answer = app.read_json(move |store| {
        let overview = store.summary(&scope)?;
        if overview.runs == 0 {
            known_project(store, &project)?;
        }
        Ok::<_, Problem>(overview)
    });
    answer.await
}

/// A project in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ProjectPath {
    /// The project; `-` for runs without a project. The names `-`, `.` and `..` have a `~` before them.
    project_id: String,
}

impl ProjectPath {
    pub(crate) fn name(self) -> String {
        segment::project(&self.project_id).to_owned()
    }
}

/// Checks that a project has at least one run. Without this check, a misspelt name would look like a project without runs.
///
/// # Errors
///
/// If the project has no run.
pub(super) fn known_project(store: &dyn Store, project: &str) -> Result<(), Problem> {
    let first = store.list(&Filter::new().project(project), Sort::default(), &Page::first(1))?;
    if first.runs.is_empty() { Err(no_such_project(project)) } else { Ok(()) }
}

fn no_such_project(project: &str) -> Problem {
    Problem::new(
        ProblemKind::NoSuchProject,
        format!("no run of a project {project:?}; /projects lists the projects"),
    )
}
