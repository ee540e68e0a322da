//! The sink that fills a store.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tracing_budget::Builder;
use uuid::Uuid;

use super::error::StoreError;
use super::heartbeat::Heartbeat;
use super::sqlite::Sqlite;
use super::store::{Put, Store};
use tracing_budget::sink::{Sink, SinkError};
use tracing_budget::summary::{RunSummary, Timestamp};

/// Stores runs: those in flight once a second, ended ones in batches.
///
/// A run is in the history as `running` as soon as it is accountable, so that other processes see it, and is refreshed
/// for as long as it runs. A process that dies leaves its runs as they were last stored, and they are shown as stale
/// after three intervals.
///
/// Runs that ended are written together: when there are [`BATCH`](Self::BATCH) of them, at the next refresh of the
/// runs in flight, and when the layer is flushed or its guard dropped, whichever is first. Until then they are in
/// memory only; a killed process can lose what ended in its last second, of which the history keeps the last refresh.
///
/// ```no_run
/// use tracing_budget_history::HistorySink;
/// use tracing_subscriber::prelude::*;
///
/// let (budget, guard) = tracing_budget::layer().sink(HistorySink::open_default()?).build()?;
/// tracing_subscriber::registry().with(budget).init();
/// // … the pipeline …
/// guard.flush()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct HistorySink {
    store: Arc<dyn Store>,
    interval: Duration,
    /// Distinguishes this sink's parts of a run from those of other processes.
    identity: Uuid,
    ended: Vec<(String, RunSummary)>,
    last_write: Instant,
    names: PartNames,
}

impl HistorySink {
    /// Runs that have ended are written together when there are this many.
    ///
    /// So many runs touch mostly the same index pages, some megabytes, which are then written once instead of once a
    /// run.
    pub const BATCH: usize = 1_024;

    /// Fills the run history in this file, which is created if it is missing.
    ///
    /// # Errors
    ///
    /// As [`Sqlite::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Ok(Self::new(Arc::new(Sqlite::open(path)?)))
    }

    /// Fills the run history of this user.
    ///
    /// # Errors
    ///
    /// As [`Sqlite::open_default`].
    pub fn open_default() -> Result<Self, StoreError> {
        Ok(Self::new(Arc::new(Sqlite::open_default()?)))
    }

    /// Fills a store, which others may use as well.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            interval: Duration::from_secs(1),
            identity: Uuid::now_v7(),
            ended: Vec::new(),
            last_write: Instant::now(),
            names: PartNames::default(),
        }
    }

    /// Sets the interval at which runs in flight are stored; 1 s by default. A run is stale after
    /// [`Heartbeat::INTERVALS`] of them.
    #[must_use]
    pub const fn refresh(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Stores ended runs and runs in flight in one transaction.
    fn write(&mut self, in_flight: &[RunSummary]) -> Result<(), SinkError> {
        if self.ended.is_empty() && in_flight.is_empty() {
            return Ok(());
        }
        let beat = Heartbeat { at: Timestamp::from(SystemTime::now()), every: self.interval };
        let names = self.names.of_all(self.identity, in_flight);
        let ended = self.ended.iter().map(|(part, run)| Put::new(run).part(part));
        let running =
            in_flight.iter().zip(&names).map(|(run, part)| Put::new(run).part(part).heartbeat(beat));
        self.store.put_all(&ended.chain(running).collect::<Vec<_>>()).map_err(SinkError::new)?;
        self.ended.clear();
        self.last_write = Instant::now();
        Ok(())
    }
}

/// Adds the run history to the builder of a layer.
pub trait BuilderExt {
    /// Keeps the runs in a history, which is created where it is missing; see [`HistorySink`]. The file is opened when
    /// the layer is built, and not for a layer that is switched off.
    ///
    /// The history of the user, in the platform's data directory, is `.open_sink(HistorySink::open_default)`.
    ///
    /// ```no_run
    /// use tracing_budget_history::BuilderExt;
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (budget, guard) = tracing_budget::layer().history("runs.db").build()?;
    /// tracing_subscriber::registry().with(budget).init();
    /// # drop(guard);
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    #[must_use]
    fn history(self, file: impl Into<PathBuf>) -> Self;
}

impl<F> BuilderExt for Builder<F> {
    fn history(self, file: impl Into<PathBuf>) -> Self {
        let file = file.into();
        self.open_sink(move || HistorySink::open(file))
    }
}

impl std::fmt::Debug for HistorySink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { interval, ended, .. } = self;
        f.debug_struct("HistorySink").field("interval", interval).field("waiting", &ended.len()).finish()
    }
}

impl Sink for HistorySink {
    fn name(&self) -> Cow<'_, str> {
        "history".into()
    }

    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        let part = self.names.of_ended(self.identity, run);
        self.ended.push((part, run.clone()));
        // By time too: a stream of short runs may leave no time for a refresh in between.
        if self.ended.len() < Self::BATCH && self.last_write.elapsed() < 2 * self.interval {
            return Ok(());
        }
        let written = self.write(&[]);
        if written.is_err() {
            // The worker delivers this run again; the others stay in the batch.
            self.ended.pop();
            self.names.forget_last();
        }
        written
    }

    fn interval(&self) -> Option<Duration> {
        Some(self.interval)
    }

    fn runs_in_flight(&mut self, runs: &[RunSummary]) -> Result<(), SinkError> {
        self.write(runs)
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.write(&[])
    }
}

/// Names the parts that one sink delivers, so that a run in flight and the same run when it has ended have one name,
/// and two runs that share their id and their millisecond have two.
#[derive(Default)]
struct PartNames {
    ended: HashMap<(String, i64), Ended>,
    /// Ids and starts of ended runs, oldest first. A run that shares the id and the millisecond of another ends not
    /// long after it, so old entries can be dropped.
    order: VecDeque<(String, i64)>,
}

/// Runs of one id and start that have ended.
#[derive(Clone, Copy, Default)]
struct Ended {
    named: u64,
    /// As many of them are in the order still.
    remembered: u64,
}

impl PartNames {
    /// Number of ends that are remembered: more than are in flight at once.
    const REMEMBERED: usize = 10_000;

    fn of_ended(&mut self, identity: Uuid, run: &RunSummary) -> String {
        let key = (run.run_id.clone(), run.started_at.unix_ms());
        let ended = self.ended.entry(key.clone()).or_default();
        let name = name(identity, key.1, ended.named);
        ended.named += 1;
        ended.remembered += 1;
        self.order.push_back(key);
        if self.order.len() > Self::REMEMBERED {
            self.forget_first();
        }
        name
    }

    fn of_all(&self, identity: Uuid, in_flight: &[RunSummary]) -> Vec<String> {
        let mut met: HashMap<(&str, i64), u64> = HashMap::new();
        in_flight
            .iter()
            .map(|run| {
                let started = run.started_at.unix_ms();
                let before = met.entry((&run.run_id, started)).or_insert_with(|| {
                    self.ended.get(&(run.run_id.clone(), started)).map_or(0, |ended| ended.named)
                });
                *before += 1;
                name(identity, started, *before - 1)
            })
            .collect()
    }

    fn forget_first(&mut self) {
        if let Some(key) = self.order.pop_front() {
            self.forget(key, 0);
        }
    }

    fn forget_last(&mut self) {
        if let Some(key) = self.order.pop_back() {
            self.forget(key, 1);
        }
    }

    fn forget(&mut self, key: (String, i64), names: u64) {
        if let Entry::Occupied(mut ended) = self.ended.entry(key) {
            ended.get_mut().named -= names;
            ended.get_mut().remembered -= 1;
            // A count stays whole for as long as any of those that it counts is remembered.
            if ended.get().remembered == 0 {
                ended.remove();
            }
        }
    }
}

fn name(identity: Uuid, started_ms: i64, before: u64) -> String {
    match before {
        0 => format!("{} {started_ms}", identity.simple()),
        _ => format!("{} {started_ms} {}", identity.simple(), before + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str) -> RunSummary {
        let Some(at) = Timestamp::from_unix_ms(0) else { unreachable!() };
        RunSummary::new(id, at)
    }

    #[test]
    fn a_run_keeps_its_name_and_its_twin_has_another() {
        let (identity, mut names) = (Uuid::nil(), PartNames::default());
        let twins = [run("a"), run("a"), run("b")];
        let in_flight = names.of_all(identity, &twins);
        assert_eq!(in_flight[0], in_flight[2], "the id is not in the name");
        assert_ne!(in_flight[0], in_flight[1]);
        assert_eq!(names.of_ended(identity, &twins[0]), in_flight[0]);
        assert_eq!(names.of_all(identity, &twins[1..]), [in_flight[1].clone(), in_flight[2].clone()]);
        assert_eq!(names.of_ended(identity, &twins[1]), in_flight[1]);
    }

    #[test]
    fn a_run_that_is_given_again_has_the_name_that_it_had() {
        let (identity, mut names) = (Uuid::nil(), PartNames::default());
        let first = names.of_ended(identity, &run("a"));
        names.forget_last();
        assert_eq!(names.of_ended(identity, &run("a")), first);
    }

    #[test]
    fn names_do_not_fill_the_memory() {
        let mut names = PartNames::default();
        for n in 0..PartNames::REMEMBERED + 50 {
            names.of_ended(Uuid::nil(), &run(&n.to_string()));
        }
        assert_eq!(names.ended.len(), PartNames::REMEMBERED);
        assert_eq!(names.order.len(), PartNames::REMEMBERED);
    }
}
