//! Which run an agent means.

use crate::history::{Filter, Page, Sort, Store};
use crate::summary::{RunSummary, Status};

/// The run that is meant by a whole id, the beginning of exactly one, `last` or `last-failed`.
pub(super) fn pick(store: &dyn Store, meant: &str) -> Result<RunSummary, String> {
    let id = match meant {
        "last" => newest(store, &Filter::new())?.ok_or("there is no run in the history yet")?,
        "last-failed" => {
            newest(store, &Filter::new().status(Status::Failed))?.ok_or("no run in the history has failed")?
        }
        _ => by_beginning(store, meant)?,
    };
    let run = store.get(&id).map_err(|error| error.to_string())?;
    run.ok_or_else(|| format!("run {id:?} was deleted a moment ago"))
}

fn newest(store: &dyn Store, filter: &Filter) -> Result<Option<String>, String> {
    let page = store.list(filter, Sort::default(), &Page::first(1)).map_err(|error| error.to_string())?;
    Ok(page.runs.into_iter().next().map(|row| row.run_id))
}

fn by_beginning(store: &dyn Store, start: &str) -> Result<String, String> {
    let mut ids = store.ids_beginning_with(start, 6).map_err(|error| error.to_string())?;
    match ids.iter().position(|id| id == start) {
        Some(exact) => Ok(ids.swap_remove(exact)),
        None if ids.len() == 1 => Ok(ids.swap_remove(0)),
        None if ids.is_empty() => Err(format!("no run's id begins with {start:?}; list_runs tells which there are")),
        None => Err(format!("{start:?} may be any of {}; give more of the id", ids.join(", "))),
    }
}
