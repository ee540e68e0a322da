//! Polling the store: which runs are in flight, and what changed since the poll before.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tracing_budget::summary::{Status, Timestamp};
use tracing_budget_history::{Filter, Heartbeat, Page, RunRow, Sort, Store, StoreError};

use super::broadcaster::NumberedEvent;
use super::events::{Event, RunEnded, RunGone, RunState, RunsInFlight};
use crate::app::App;
use crate::problem::Problem;

/// Maximum number of runs in flight that are followed, and of new runs per poll that are reported. Each costs a read of
/// its document, and a page could not show more.
const MAX_FOLLOWED: usize = 200;

/// Subscribers that arrive within this time share one poll.
const SHARE_POLL: Duration = Duration::from_millis(20);

/// Polls every `interval` while there is a subscriber, until the server stops.
pub(crate) async fn poll_until_stopped(app: &App, interval: Duration) {
    let live = app.live();
    let mut before = None;
    let mut number = 0;
    loop {
        if live.subscribers() == 0 {
            // The snapshot is out of date by the time that the next subscriber arrives.
            before = None;
            if stops_first(app, live.poll_requested()).await {
                return;
            }
        }
        before = poll_and_publish(app, before, &mut number).await;
        if stops_first(app, pause(app, interval)).await {
            return;
        }
    }
}

/// Polls once, publishes the result, and returns the snapshot for the next poll.
async fn poll_and_publish(app: &App, before: Option<Snapshot>, number: &mut u64) -> Option<Snapshot> {
    let this_poll = app.live().begin_poll();
    let at = app.now();
    let polled = app.read(move |store| {
        let polled = poll(store, before.as_ref(), at).map_err(Problem::from);
        // A failed poll returns the earlier snapshot, so that the next poll still reports what happened in between.
        Ok::<_, Problem>(polled.map_err(|problem| (before, problem)))
    });
    let (snapshot, events) = match polled.await {
        Ok(Ok((snapshot, events))) => (Some(snapshot), Ok(events)),
        Ok(Err((before, problem))) => (before, Err(problem)),
        Err(problem) => (None, Err(problem)),
    };
    let in_flight = match &events {
        Ok(_) => Ok(Arc::new(snapshot.as_ref().map(|now| now.in_flight.clone()).unwrap_or_default())),
        Err(problem) => Err(problem.clone()),
    };
    let events = events.unwrap_or_default().into_iter().zip(*number + 1..);
    let events: Vec<NumberedEvent> =
        events.map(|(event, number)| NumberedEvent::new(number, event)).collect();
    *number += events.len() as u64;
    app.live().publish(this_poll, *number, in_flight, events);
    snapshot
}

async fn pause(app: &App, interval: Duration) {
    tokio::select! {
        () = tokio::time::sleep(interval) => {}
        () = app.live().poll_requested() => tokio::time::sleep(SHARE_POLL.min(interval)).await,
    }
}

async fn stops_first(app: &App, other: impl Future<Output = ()>) -> bool {
    tokio::select! {
        () = app.stopping() => true,
        () = other => false,
    }
}

/// What a poll keeps for the next one.
#[derive(Clone, Debug)]
struct Snapshot {
    in_flight: RunsInFlight,
    /// The rows of the runs in flight. If a row is unchanged, its document is not read again.
    rows: BTreeMap<String, RunRow>,
    /// Runs with status `running` with an overdue heartbeat.
    stale: BTreeMap<String, RunGone>,
    /// The newest runs, in flight or not.
    newest: BTreeSet<String>,
    at: Timestamp,
}

/// Reads the store and returns the new snapshot with the events since `before`. Without `before` there are no events.
fn poll(
    store: &dyn Store,
    before: Option<&Snapshot>,
    at: Timestamp,
) -> Result<(Snapshot, Vec<Event>), StoreError> {
    let mut now = Snapshot { at, ..Snapshot::default() };
    let mut events = Vec::new();
    let running =
        store.list(&Filter::new().status(Status::Running), Sort::default(), &Page::first(MAX_FOLLOWED))?;
    for row in running.runs {
        if row.is_live() {
            now.add_in_flight(store, before, row, &mut events)?;
        } else {
            now.stale.insert(row.run_id.clone(), RunGone::of(&row));
        }
    }
    let newest = store.list(&Filter::new(), Sort::default(), &Page::first(MAX_FOLLOWED))?.runs;
    if let Some(before) = before {
        now.no_longer_in_flight(store, before, &mut events)?;
        // Runs in flight are reported above, or by the next poll.
        let ended = |row: &&RunRow| !row.is_live() && !now.in_flight.runs.contains_key(&row.run_id);
        for row in newest.iter().rev().filter(ended).filter(|row| before.is_new(row)) {
            began_and_ended(store, row, &mut events)?;
        }
    }
    now.newest = newest.into_iter().map(|row| row.run_id).collect();
    Ok((now, events))
}

impl Snapshot {
    fn add_in_flight(
        &mut self,
        store: &dyn Store,
        before: Option<&Self>,
        row: RunRow,
        events: &mut Vec<Event>,
    ) -> Result<(), StoreError> {
        let known = before
            .and_then(|before| before.rows.get(&row.run_id).zip(before.in_flight.runs.get(&row.run_id)));
        let now = match known {
            Some((same, state)) if *same == row => state.clone(),
            _ => match store.get(&row.run_id)? {
                Some(run) => RunState::of(&row, &run),
                None => return Ok(()),
            },
        };
        match known {
            Some((_, earlier)) => earlier.changes(&now, events),
            None if before.is_some() => started(&now, events),
            None => {}
        }
        self.in_flight.runs.insert(row.run_id.clone(), now);
        self.rows.insert(row.run_id.clone(), row);
        Ok(())
    }

    /// Reports runs that were in flight or stale in `before` and are not any more.
    fn no_longer_in_flight(
        &self,
        store: &dyn Store,
        before: &Self,
        events: &mut Vec<Event>,
    ) -> Result<(), StoreError> {
        let left = |run_id: &&String| !self.in_flight.runs.contains_key(*run_id);
        for run_id in before.in_flight.runs.keys().filter(left) {
            let earlier = &before.in_flight.runs[run_id];
            match self.stale.get(run_id) {
                Some(gone) => events.push(Event::RunStale(gone.clone())),
                None => ended_or_deleted(store, run_id, Some(earlier), events)?,
            }
        }
        for run_id in before.stale.keys().filter(left).filter(|run_id| !self.stale.contains_key(*run_id)) {
            ended_or_deleted(store, run_id, None, events)?;
        }
        Ok(())
    }

    /// Whether a run was stored after this snapshot. A run that was stored long before enters the newest ones when newer
    /// runs are deleted, and is not new.
    fn is_new(&self, row: &RunRow) -> bool {
        !self.newest.contains(&row.run_id)
            && !self.in_flight.runs.contains_key(&row.run_id)
            // Without the tolerance, a run that another host stored just now would look older than the last poll, and would
            // not be reported.
            && row.created_at.unix_ms() + Heartbeat::CLOCK_TOLERANCE.as_millis() as i64 >= self.at.unix_ms()
    }
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            in_flight: RunsInFlight::default(),
            rows: BTreeMap::new(),
            stale: BTreeMap::new(),
            newest: BTreeSet::new(),
            at: std::time::UNIX_EPOCH.into(),
        }
    }
}

fn started(now: &RunState, events: &mut Vec<Event>) {
    let empty = now.before_any_use();
    events.push(Event::RunStarted(empty.clone()));
    empty.changes(now, events);
}

fn ended_or_deleted(
    store: &dyn Store,
    run_id: &str,
    before: Option<&RunState>,
    events: &mut Vec<Event>,
) -> Result<(), StoreError> {
    let Some((row, run)) = store.row(run_id)?.zip(store.get(run_id)?) else {
        events.extend(before.map(|before| Event::RunDeleted(before.gone())));
        return Ok(());
    };
    if !row.status.is_terminal() {
        // Still in flight, but beyond MAX_FOLLOWED.
        return Ok(());
    }
    if let Some(before) = before {
        before.changes(&RunState::of(&row, &run), events);
    }
    events.push(Event::RunEnded(RunEnded::of(&row, &run)));
    Ok(())
}

/// Reports a run that began and ended between two polls.
fn began_and_ended(store: &dyn Store, row: &RunRow, events: &mut Vec<Event>) -> Result<(), StoreError> {
    let Some(run) = store.get(&row.run_id)? else { return Ok(()) };
    started(&RunState::of(row, &run), events);
    events.push(match row.status {
        Status::Running => Event::RunStale(RunGone::of(row)),
        _ => Event::RunEnded(RunEnded::of(row, &run)),
    });
    Ok(())
}
