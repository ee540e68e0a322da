//! From a typed run id, or a part of one, to the id of one run.

use super::error::StoreError;
use super::filter::{Filter, Page};
use super::sort::Sort;
use super::store::Store;
use tracing_budget::summary::Status;

/// Ids that the message for an ambiguous part lists: a screen line of them.
const LISTED: usize = 5;

/// Returns the id of the run that is meant by a whole id, the beginning or the end of exactly one, `last` or
/// `last-failed`.
///
/// A beginning goes before an end. Screens show short ids with `…` in place of what they leave out; it is ignored.
///
/// ```
/// use tracing_budget::RunSummary;
/// use tracing_budget_history::{Sqlite, Store, resolve_run_id};
///
/// # let directory = std::env::temp_dir().join(format!("tracing-budget-doc-find-{}", std::process::id()));
/// let store = Sqlite::open(directory.join("runs.db"))?;
/// store.put(&RunSummary::new("0193c0de-one", "2026-04-19T09:12:03Z".parse()?))?;
/// store.put(&RunSummary::new("0193c0de-two", "2026-04-19T09:13:03Z".parse()?))?;
///
/// assert_eq!(resolve_run_id(&store, "last")?, "0193c0de-two");
/// assert_eq!(resolve_run_id(&store, "0193c0de-o")?, "0193c0de-one");
/// assert_eq!(resolve_run_id(&store, "…-one")?, "0193c0de-one");
/// assert_eq!(
///     resolve_run_id(&store, "0193").map_err(|error| error.to_string()),
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
pub fn resolve_run_id(store: &dyn Store, text: &str) -> Result<String, RunIdError> {
    // Imported ids may be any text: `last`, or a blank. The exact id wins over every other reading. Ids come in order, so the
    // first that begins with the text is the text itself if there is such a run.
    if let Some(id) = store.ids_beginning_with(text, 1)?.pop().filter(|id| id == text) {
        return Ok(id);
    }
    match text.trim() {
        "last" => newest(store, &Filter::new())?.ok_or(RunIdError::NoRun),
        "last-failed" => newest(store, &Filter::new().status(Status::Failed))?.ok_or(RunIdError::NoFailedRun),
        text => with_part(store, text.trim_matches('…')),
    }
}

/// Why a text does not name exactly one run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunIdError {
    /// `last` in an empty history.
    #[error("there is no run in the history yet")]
    NoRun,
    /// `last-failed` in a history without a failed run.
    #[error("no run in the history has failed")]
    NoFailedRun,
    /// No id begins or ends like this.
    #[error("no run has an id that begins or ends with {0:?}")]
    NotFound(String),
    /// Several ids begin, or several end, like this.
    #[error("{text:?} is the {} of several ids: {}", part(.text, .ids), listed(.ids))]
    Ambiguous {
        /// The typed text.
        text: String,
        /// Some of the ids that contain it.
        ids: Vec<String>,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn part(text: &str, ids: &[String]) -> &'static str {
    if ids.iter().all(|id| id.starts_with(text)) { "beginning" } else { "end" }
}

fn listed(ids: &[String]) -> String {
    let more = if ids.len() > LISTED { ", and more" } else { "" };
    format!("{}{more}", ids[..ids.len().min(LISTED)].join(", "))
}

fn newest(store: &dyn Store, filter: &Filter) -> Result<Option<String>, StoreError> {
    let page = store.list(filter, Sort::default(), &Page::first(1))?;
    Ok(page.runs.into_iter().next().map(|run| run.run_id))
}

fn with_part(store: &dyn Store, text: &str) -> Result<String, RunIdError> {
    // Every id begins with nothing: an empty variable of a script would choose a run.
    if text.is_empty() {
        return Err(RunIdError::NotFound(String::new()));
    }
    let mut ids = store.ids_beginning_with(text, LISTED + 1)?;
    if let Some(at) = ids.iter().position(|id| id == text) {
        return Ok(ids.swap_remove(at));
    }
    if ids.is_empty() {
        ids = store.ids_ending_with(text, LISTED + 1)?;
    }
    match ids.len() {
        0 => Err(RunIdError::NotFound(text.to_owned())),
        1 => Ok(ids.swap_remove(0)),
        _ => Err(RunIdError::Ambiguous { text: text.to_owned(), ids }),
    }
}
