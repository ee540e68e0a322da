//! One look at the store: what is in flight, and what has come and gone since the last.

use std::collections::{BTreeMap, BTreeSet};

use super::news::{Ended, Flight, Gone, News, RunState};
use tracing_budget::summary::{Status, Timestamp};
use tracing_budget_history::{Filter, Page, RunRow, Sort, Store, StoreError};

/// What one look leaves for the next.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) flight: Flight,
    /// The rows of the runs in flight: where one is as it was, its document is not read again.
    rows: BTreeMap<String, RunRow>,
    /// Runs that say that they run, and are not heard of.
    silent: BTreeMap<String, Gone>,
    /// The newest runs, in flight or not.
    newest: BTreeSet<String>,
    at: Timestamp,
}

/// More runs than this in flight, or new between two looks, are not followed: whoever listens could not either.
const FOLLOWED: usize = 200;

/// By how much the clock of a process that writes may be behind.
const CLOCKS_MS: i64 = 2_000;

/// Looks, and says what has happened since; without a look before, nothing has.
pub(super) fn look(
    store: &dyn Store,
    before: Option<&Seen>,
    at: Timestamp,
) -> Result<(Seen, Vec<News>), StoreError> {
    let mut seen = Seen { at, ..Seen::default() };
    let mut news = Vec::new();
    let running =
        store.list(&Filter::new().status(Status::Running), Sort::default(), &Page::first(FOLLOWED))?;
    for row in running.runs {
        if row.is_live() {
            seen.in_flight(store, before, row, &mut news)?;
        } else {
            seen.silent.insert(row.run_id.clone(), Gone::of(&row));
        }
    }
    let newest = store.list(&Filter::new(), Sort::default(), &Page::first(FOLLOWED))?.runs;
    if let Some(before) = before {
        seen.no_longer_in_flight(store, before, &mut news)?;
        // What is in flight has been told, or will be at the next look.
        let ended = |row: &&RunRow| !row.is_live() && !seen.flight.runs.contains_key(&row.run_id);
        for row in newest.iter().rev().filter(ended).filter(|row| before.is_news(row)) {
            came_and_went(store, row, &mut news)?;
        }
    }
    seen.newest = newest.into_iter().map(|row| row.run_id).collect();
    Ok((seen, news))
}

impl Seen {
    fn in_flight(
        &mut self,
        store: &dyn Store,
        before: Option<&Self>,
        row: RunRow,
        news: &mut Vec<News>,
    ) -> Result<(), StoreError> {
        let known =
            before.and_then(|before| before.rows.get(&row.run_id).zip(before.flight.runs.get(&row.run_id)));
        let now = match known {
            Some((same, state)) if *same == row => state.clone(),
            _ => match store.get(&row.run_id)? {
                Some(run) => RunState::of(&row, &run),
                None => return Ok(()),
            },
        };
        match known {
            Some((_, earlier)) => earlier.changes(&now, news),
            None if before.is_some() => started(&now, news),
            None => {}
        }
        self.flight.runs.insert(row.run_id.clone(), now);
        self.rows.insert(row.run_id.clone(), row);
        Ok(())
    }

    /// What became of runs that were in flight, or silent.
    fn no_longer_in_flight(
        &self,
        store: &dyn Store,
        before: &Self,
        news: &mut Vec<News>,
    ) -> Result<(), StoreError> {
        let left = |run_id: &&String| !self.flight.runs.contains_key(*run_id);
        for run_id in before.flight.runs.keys().filter(left) {
            let earlier = &before.flight.runs[run_id];
            match self.silent.get(run_id) {
                Some(gone) => news.push(News::RunStale(gone.clone())),
                None => over(store, run_id, Some(earlier), news)?,
            }
        }
        for run_id in before.silent.keys().filter(left).filter(|run_id| !self.silent.contains_key(*run_id)) {
            over(store, run_id, None, news)?;
        }
        Ok(())
    }

    /// Whether a run was not there at this look. One that was stored long before comes into sight when newer ones are
    /// deleted, and is no news.
    fn is_news(&self, row: &RunRow) -> bool {
        !self.newest.contains(&row.run_id)
            && !self.flight.runs.contains_key(&row.run_id)
            && row.created_at.unix_ms() >= self.at.unix_ms() - CLOCKS_MS
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            flight: Flight::default(),
            rows: BTreeMap::new(),
            silent: BTreeMap::new(),
            newest: BTreeSet::new(),
            at: std::time::UNIX_EPOCH.into(),
        }
    }
}

fn started(now: &RunState, news: &mut Vec<News>) {
    let before = now.before_all();
    news.push(News::RunStarted(before.clone()));
    before.changes(now, news);
}

/// A run that does not run any more.
fn over(
    store: &dyn Store,
    run_id: &str,
    before: Option<&RunState>,
    news: &mut Vec<News>,
) -> Result<(), StoreError> {
    let Some((row, run)) = store.row(run_id)?.zip(store.get(run_id)?) else {
        news.extend(before.map(|before| News::RunDeleted(before.gone())));
        return Ok(());
    };
    if !row.status.is_terminal() {
        // More are in flight than are followed.
        return Ok(());
    }
    if let Some(before) = before {
        before.changes(&RunState::of(&row, &run), news);
    }
    news.push(News::RunEnded(Ended::of(&row, &run)));
    Ok(())
}

/// A run that was in flight at no look.
fn came_and_went(store: &dyn Store, row: &RunRow, news: &mut Vec<News>) -> Result<(), StoreError> {
    let Some(run) = store.get(&row.run_id)? else { return Ok(()) };
    started(&RunState::of(row, &run), news);
    news.push(match row.status {
        Status::Running => News::RunStale(Gone::of(row)),
        _ => News::RunEnded(Ended::of(row, &run)),
    });
    Ok(())
}
