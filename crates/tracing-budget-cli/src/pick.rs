//! Which run is meant by what was typed.

use super::exit::Absent;
use tracing_budget::summary::RunSummary;
use tracing_budget_history::{RunIdError, Store, resolve_run_id};

/// The id that is meant: a whole id, the beginning of exactly one, `last` or `last-failed`.
pub(super) fn run_id(store: &dyn Store, typed: &str) -> anyhow::Result<String> {
    resolve_run_id(store, typed).map_err(|error| match error {
        RunIdError::Store(error) => error.into(),
        none @ RunIdError::NotFound(_) => Absent(format!("{none}: see tracing-budget runs list")).into(),
        other => Absent(other.to_string()).into(),
    })
}

/// The run that is meant, as a whole.
pub(super) fn run(store: &dyn Store, typed: &str) -> anyhow::Result<RunSummary> {
    let run_id = run_id(store, typed)?;
    let gone = || Absent(format!("run {run_id} was deleted a moment ago"));
    Ok(store.get(&run_id)?.ok_or_else(gone)?)
}
