//! Which run is meant by what somebody typed.

use super::error::StoreError;
use super::query::{Filter, Page, Sort};
use super::store::Store;
use tracing_budget::summary::Status;

/// How many ids an unclear beginning names before it leaves the rest unsaid.
const NAMED: usize = 5;

/// The id of the run that is meant by a whole id, the beginning of exactly one, `last` or `last-failed`.
///
/// ```
/// use tracing_budget::RunSummary;
/// use tracing_budget_history::{Sqlite, Store, find_run};
///
/// # let directory = std::env::temp_dir().join(format!("tracing-budget-doc-find-{}", std::process::id()));
/// let store = Sqlite::open(directory.join("runs.db"))?;
/// store.put(&RunSummary::new("0193c0de-one", "2026-04-19T09:12:03Z".parse()?))?;
/// store.put(&RunSummary::new("0193c0de-two", "2026-04-19T09:13:03Z".parse()?))?;
///
/// assert_eq!(find_run(&store, "last")?, "0193c0de-two");
/// assert_eq!(find_run(&store, "0193c0de-o")?, "0193c0de-one");
/// assert_eq!(
///     find_run(&store, "0193").map_err(|error| error.to_string()),
///     Err("\"0193\" is the beginning of several ids: 0193c0de-one, 0193c0de-two".to_owned()),
/// );
/// # drop(store);
/// # std::fs::remove_dir_all(directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If there is no such run, there are several, or the store cannot be read.
pub fn find_run(store: &dyn Store, meant: &str) -> Result<String, FindError> {
    match meant {
        "last" => newest(store, &Filter::new())?.ok_or(FindError::NoRun),
        "last-failed" => newest(store, &Filter::new().status(Status::Failed))?.ok_or(FindError::NoneFailed),
        _ => beginning_with(store, meant),
    }
}

/// Why it is not clear which run is meant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// The last run was asked for, and there is none.
    #[error("there is no run in the history yet")]
    NoRun,
    /// The last run that failed was asked for, and none has.
    #[error("no run in the history has failed")]
    NoneFailed,
    /// No id begins like this.
    #[error("no run has an id that begins with {0:?}")]
    None(String),
    /// Several ids begin like this.
    #[error("{meant:?} is the beginning of several ids: {}", named(.ids))]
    Several {
        /// What was typed.
        meant: String,
        /// Some of the ids that begin so.
        ids: Vec<String>,
    },
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn named(ids: &[String]) -> String {
    let more = if ids.len() > NAMED { ", and more" } else { "" };
    format!("{}{more}", ids[..ids.len().min(NAMED)].join(", "))
}

fn newest(store: &dyn Store, filter: &Filter) -> Result<Option<String>, StoreError> {
    let page = store.list(filter, Sort::default(), &Page::first(1))?;
    Ok(page.runs.into_iter().next().map(|run| run.run_id))
}

fn beginning_with(store: &dyn Store, meant: &str) -> Result<String, FindError> {
    // Every id begins with nothing.
    if meant.is_empty() {
        return Err(FindError::None(String::new()));
    }
    let mut ids = store.ids_beginning_with(meant, NAMED + 1)?;
    if let Some(at) = ids.iter().position(|id| id == meant) {
        return Ok(ids.swap_remove(at));
    }
    match ids.len() {
        0 => Err(FindError::None(meant.to_owned())),
        1 => Ok(ids.swap_remove(0)),
        _ => Err(FindError::Several { meant: meant.to_owned(), ids }),
    }
}
