//! The projects, and an overview of one.

use std::borrow::Cow;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::PathParams;
use super::parameters::{WindowQuery, default_zone};
use crate::app::App;
use crate::problem::{Problem, ProblemKind};
use crate::schema;
use tracing_budget_history::stats::{Overview, ProjectRow};
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
pub(crate) async fn projects(State(app): State<App>) -> Result<Json<Projects>, Problem> {
    let projects = app.read(|store| store.projects()).await?;
    Ok(Json(Projects { projects }))
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
) -> Result<Json<Overview>, Problem> {
    let project = project.name();
    let scope = query.window(app.now(), &default_zone()).project(&project);
    let answer = app.read(move |store| {
        let overview = store.summary(&scope)?;
        if overview.runs == 0 {
            known_project(store, &project)?;
        }
        Ok::<_, Problem>(overview)
    });
    answer.await.map(Json)
}

/// A project in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ProjectPath {
    /// The project; `-` for runs without a project, and `~` before a name that is `-`, `.` or `..`, or begins with `~`.
    project_id: String,
}

impl ProjectPath {
    pub(crate) fn name(self) -> String {
        project_of_segment(self.project_id)
    }
}

/// The project of a path segment; `-` means the empty project, and `~` comes before a name that cannot be a segment.
pub(super) fn project_of_segment(segment: String) -> String {
    match segment.strip_prefix('~') {
        _ if segment == "-" => String::new(),
        Some(name) => name.to_owned(),
        None => segment,
    }
}

/// The path segment of a project, before it is encoded. Clients remove `.` and `..` from a path, encoded or not.
pub(crate) fn segment_of_project(project: &str) -> Cow<'_, str> {
    match project {
        "" => "-".into(),
        "-" | "." | ".." => format!("~{project}").into(),
        _ if project.starts_with('~') => format!("~{project}").into(),
        _ => project.into(),
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
