//! Which run is meant by what was typed.

use super::exit::Absent;
use crate::history::{Filter, Page, Sort, Store};
use crate::summary::{RunSummary, Status};

/// How many runs an unclear beginning of an id names before it leaves the rest unsaid.
const NAMED: usize = 5;

/// The id that is meant: a whole id, the beginning of exactly one, `last` or `last-failed`.
pub(super) fn run_id(store: &dyn Store, typed: &str) -> anyhow::Result<String> {
    match typed {
        "last" => newest(store, &Filter::new(), "there is no run in the history yet"),
        "last-failed" => {
            newest(store, &Filter::new().status(Status::Failed), "no run in the history has failed")
        }
        _ => beginning_with(store, typed),
    }
}

/// The run that is meant, as a whole.
pub(super) fn run(store: &dyn Store, typed: &str) -> anyhow::Result<RunSummary> {
    let run_id = run_id(store, typed)?;
    let gone = || Absent(format!("run {run_id} was deleted a moment ago"));
    Ok(store.get(&run_id)?.ok_or_else(gone)?)
}

fn newest(store: &dyn Store, filter: &Filter, otherwise: &str) -> anyhow::Result<String> {
    let page = store.list(filter, Sort::default(), &Page::first(1))?;
    Ok(page.runs.into_iter().next().map(|run| run.run_id).ok_or_else(|| Absent(otherwise.to_owned()))?)
}

fn beginning_with(store: &dyn Store, typed: &str) -> anyhow::Result<String> {
    let none =
        || Absent(format!("no run has an id that begins with {typed:?}: see tracing-budget runs list"));
    if typed.is_empty() {
        return Err(none().into());
    }
    let mut found = store.ids_beginning_with(typed, NAMED + 1)?;
    if let Some(at) = found.iter().position(|id| id == typed) {
        return Ok(found.swap_remove(at));
    }
    match found.len() {
        0 => Err(none().into()),
        1 => Ok(found.swap_remove(0)),
        many => {
            let more = if many > NAMED { ", and more" } else { "" };
            found.truncate(NAMED);
            Err(Absent(format!("{typed:?} is the beginning of several ids: {}{more}", found.join(", ")))
                .into())
        }
    }
}
