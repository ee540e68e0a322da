//! What the paths name.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::problem::{Kind, Problem};
use tracing_budget_history::{Filter, Page, Sort, Store};

/// A project in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfProject {
    /// The project; `-` for runs that told none.
    project_id: String,
}

impl OfProject {
    pub(crate) fn name(self) -> String {
        name(self.project_id)
    }
}

/// A run in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfRun {
    /// The project; `-` for runs that told none.
    project_id: String,
    /// The run.
    run_id: String,
}

impl OfRun {
    pub(crate) fn names(self) -> (String, String) {
        (name(self.project_id), self.run_id)
    }
}

fn name(segment: String) -> String {
    if segment == "-" { String::new() } else { segment }
}

/// What RFC 3986 has as unreserved.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a run is.
pub(super) fn path_of_run(project: &str, run_id: &str) -> String {
    let project = if project.is_empty() { "-" } else { project };
    let (project, run_id) = (utf8_percent_encode(project, SEGMENT), utf8_percent_encode(run_id, SEGMENT));
    format!("/projects/{project}/runs/{run_id}")
}

/// # Errors
///
/// If no run of this project was ever stored: a misspelt name must not look like a project without runs.
pub(super) fn known_project(store: &dyn Store, project: &str) -> Result<(), Problem> {
    let first = store.list(&Filter::new().project(project), Sort::default(), &Page::first(1))?;
    if first.runs.is_empty() { Err(no_such_project(project)) } else { Ok(()) }
}

pub(super) fn no_such_project(project: &str) -> Problem {
    Problem::new(Kind::NoSuchProject, format!("there is no run of a project {project:?}, see /projects"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_path_leads_back_to_it() {
        assert_eq!(path_of_run("apprentice", "0193c0de-1"), "/projects/apprentice/runs/0193c0de-1");
        assert_eq!(path_of_run("", "a/b ä"), "/projects/-/runs/a%2Fb%20%C3%A4");
        assert_eq!(name("-".to_owned()), "");
    }
}
