//! Run references: which run an argument names.

use crate::exit::NotFound;
use tracing_budget::summary::RunSummary;
use tracing_budget_history::{RunIdError, Store, resolve_run_id};

/// Resolves a whole id, a part of one, `last` or `last-failed`.
pub(crate) fn resolve(store: &dyn Store, argument: &str) -> anyhow::Result<String> {
    resolve_run_id(store, argument).map_err(|error| match error {
        RunIdError::Store(error) => error.into(),
        none @ RunIdError::NotFound(_) => {
            NotFound(format!("{none}; to list runs: tracing-budget runs list")).into()
        }
        other => NotFound(other.to_string()).into(),
    })
}

/// Resolves a reference and reads the run.
pub(crate) fn load(store: &dyn Store, argument: &str) -> anyhow::Result<RunSummary> {
    let run_id = resolve(store, argument)?;
    Ok(store.get(&run_id)?.ok_or_else(|| deleted(&run_id))?)
}

/// Another process may delete a run between its resolution and the read.
pub(crate) fn deleted(run_id: &str) -> NotFound {
    NotFound(format!("run {run_id} was deleted a moment ago"))
}
