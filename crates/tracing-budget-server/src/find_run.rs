//! A run by its id, or by the beginning or end of one.

use tracing_budget::RunSummary;
use tracing_budget_history::{Store, resolve_run_id};

use crate::problem::{Problem, ProblemKind};

/// Reads the run with this id, or the only one with an id that begins or ends with `text`.
///
/// # Errors
///
/// If there is no such run, there are several, or the store cannot be read.
pub(crate) fn find_run(store: &dyn Store, text: &str) -> Result<RunSummary, Problem> {
    let deleted = || Problem::new(ProblemKind::NoSuchRun, format!("no run {text:?} in the history"));
    store.get(&resolve_run_id(store, text)?)?.ok_or_else(deleted)
}
