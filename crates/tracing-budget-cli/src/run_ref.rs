//! Run references: which run an argument names, and short ids that can be passed back.

use crate::exit::NotFound;
use tracing_budget::present::columns::one_line;
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

/// The first two groups of a UUIDv7 are its millisecond: two runs rarely share it.
const CLEAR: usize = 13;

/// An id that is no longer than this is not shortened.
const SHORT: usize = 20;

/// The ids, each cut as far as it stays apart from the others. What is left can be typed in place of the id.
pub(crate) fn short_ids(ids: &[&str]) -> Vec<String> {
    ids.iter()
        .map(|id| {
            if id.chars().count() <= SHORT {
                return one_line(id);
            }
            let shared =
                ids.iter().filter(|other| *other != id).map(|other| common(id, other)).max().unwrap_or(0);
            // Cut behind a whole group where the next is not needed.
            let length = CLEAR.max(shared + 1);
            one_line(&id.chars().take(length).collect::<String>())
        })
        .collect()
}

/// How many characters both begin with.
fn common(one: &str, two: &str) -> usize {
    one.chars().zip(two.chars()).take_while(|(one, two)| one == two).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_cut_as_far_as_they_stay_apart() {
        let ids = [
            "01a203ce-87bb-70e1-99c4-398a2f623e34",
            "01a203ce-87bb-70e2-99c4-398a2f623e34",
            "01a203ff-87bb-70e2-99c4-398a2f623e34",
            "nightly",
        ];
        assert_eq!(short_ids(&ids), ["01a203ce-87bb-70e1", "01a203ce-87bb-70e2", "01a203ff-87bb", "nightly"]);
    }
}
