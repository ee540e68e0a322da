//! What the delivery thread and the threads of the pipeline share: counters, statistics, and jobs on their way.

use std::collections::VecDeque;
use std::mem;
// `SeqCst` for all of these. A job is counted in `queued` before `closed` is read; `close` sets `closed` before it reads
// `queued`. With weaker orderings each side could miss the other, and the error of a timeout would lack a queued run. They
// are used a few times a run, not once a span, so the cost does not matter.
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::alert_queue::AlertQueue;
use super::diagnostics::{catch_panic, print_diagnostic};
use super::process::Process;
use super::{DeliveryStats, SinkStats};
use crate::summary::RunSummary;

/// How much longer roots wait in all for each run that the sinks have taken. Ten times what a run takes them that syncs its file.
const PATIENCE_PER_RUN: Duration = Duration::from_millis(100);

type MakeSummary = Box<dyn FnOnce() -> RunSummary + Send>;
type OnTaken = Box<dyn FnOnce() + Send>;
type FindRuns = Box<dyn FnOnce() -> Vec<RunSummary> + Send>;
type ListRuns = Box<dyn Fn() -> Vec<RunSummary> + Send + Sync>;

/// The user's code that the delivery thread can be in.
#[derive(Clone, Copy)]
pub(super) enum Awaited {
    /// A function of `Builder::on_alert`.
    AlertCallback,
    /// The sink at a position in the statistics.
    Sink(usize),
}

#[derive(Default)]
pub(super) struct DeliveryState {
    process: Process,
    thread: OnceLock<ThreadId>,
    begun: AtomicBool,
    /// Jobs that a sink delivers from the delivery thread itself.
    sink_jobs: Mutex<VecDeque<Job>>,
    sinks: Mutex<Vec<SinkStats>>,
    pub(super) alerts: AlertQueue,
    has_warned_of_alert: AtomicBool,
    /// Lists the runs in flight.
    list_runs: OnceLock<ListRuns>,
    /// Whether a sink polls the runs in flight.
    has_polls: AtomicBool,
    closed: AtomicBool,
    abandoned: AtomicBool,
    /// Runs in the queue before the thread.
    waiting: AtomicU64,
    /// Whether a root has waited in vain for a place of the capacity, and the thread has done nothing since.
    slow: AtomicBool,
    /// Until when roots wait for a place beyond the capacity; `None` unless one has waited since the queue was in its capacity.
    patience: Mutex<Option<Instant>>,
    /// Whether a message is under way that wakes the thread for an alert, and for a run that started.
    alert_wakes: AtomicBool,
    start_wakes: AtomicBool,
    /// The user's code that the thread is in: 0 for none, 1 for a callback of alerts, else a sink's position and 2.
    inside: AtomicUsize,
    queued: AtomicU64,
    dropped: AtomicU64,
    lost: AtomicU64,
    lost_since_flush: AtomicU64,
    has_warned_of_loss: AtomicBool,
}

impl DeliveryState {
    /// Whether this is a fork of the process with the thread: it has the state and no thread.
    pub(super) fn is_forked(&self) -> bool {
        self.process.is_another()
    }

    /// Marks the calling thread as the delivery thread.
    pub(super) fn set_thread(&self) {
        let _ = self.thread.set(thread::current().id());
    }

    /// Notes that the thread has warmed up, and takes runs from now on.
    pub(super) fn begin(&self) {
        self.begun.store(true, SeqCst);
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(SeqCst)
    }

    pub(super) fn is_this_thread(&self) -> bool {
        self.thread.get() == Some(&thread::current().id())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    /// Closes the delivery. Returns whether it was closed before.
    pub(super) fn close(&self) -> bool {
        // A swap: of two threads that close, one alone stops the thread.
        self.closed.swap(true, SeqCst)
    }

    /// Whether closing took too long, and the thread has to end as soon as it can.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(SeqCst)
    }

    pub(super) fn abandon(&self) {
        self.abandoned.store(true, SeqCst);
    }

    pub(super) fn is_slow(&self) -> bool {
        self.slow.load(SeqCst)
    }

    pub(super) fn set_slow(&self) {
        self.slow.store(true, SeqCst);
    }

    /// Until when a root may wait for a place beyond the capacity. The first one that finds none begins the time for all.
    pub(super) fn patience(&self, timeout: Duration) -> Instant {
        *self
            .patience
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| after(Instant::now(), timeout))
    }

    /// Whether a root has waited in vain for a place beyond the capacity.
    #[cfg(test)]
    pub(super) fn is_stuck(&self) -> bool {
        let patience = *self.patience.lock().unwrap_or_else(PoisonError::into_inner);
        patience.is_some_and(|until| until <= Instant::now())
    }

    /// Notes that the thread has done some work, so that waiting for room makes sense again.
    pub(super) fn set_going(&self, capacity: u64, timeout: Duration) {
        self.slow.store(false, SeqCst);
        let mut patience = self.patience.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = *patience {
            // Not all of the time again: a sink that takes as long for each run would hold up root after root, which is as bad as for
            // ever. One that takes less than this for a run loses none.
            let more = || until.max(Instant::now()).checked_add(PATIENCE_PER_RUN);
            let is_behind = self.waiting.load(SeqCst) > capacity;
            *patience = more().filter(|_| is_behind).map(|more| more.min(after(Instant::now(), timeout)));
        }
    }

    /// Returns whether an alert has to send a message: none is under way.
    pub(super) fn alert_wakes(&self) -> bool {
        !self.alert_wakes.swap(true, SeqCst)
    }

    pub(super) fn read_alerts(&self) {
        self.alert_wakes.store(false, SeqCst);
    }

    /// Returns whether a run that started has to send a message: none is under way.
    pub(super) fn start_wakes(&self) -> bool {
        !self.start_wakes.swap(true, SeqCst)
    }

    pub(super) fn read_start(&self) {
        self.start_wakes.store(false, SeqCst);
    }

    /// Notes that the thread goes into the user's code, which may never return.
    pub(super) fn enter(&self, awaited: Awaited) {
        let inside = match awaited {
            Awaited::AlertCallback => 1,
            Awaited::Sink(position) => position + 2,
        };
        self.inside.store(inside, SeqCst);
    }

    /// Notes that it has returned.
    pub(super) fn leave(&self) {
        self.inside.store(0, SeqCst);
    }

    /// The name of what the thread is in, for the error of a timeout.
    pub(super) fn awaited(&self) -> String {
        match self.inside.load(SeqCst) {
            0 => "the sinks".to_owned(),
            1 => "a callback of on_alert".to_owned(),
            sink => match self.sinks().get(sink - 2) {
                Some(stats) => format!("sink {}", stats.name),
                None => "a sink".to_owned(),
            },
        }
    }

    pub(super) fn has_polls(&self) -> bool {
        self.has_polls.load(SeqCst)
    }

    pub(super) fn set_has_polls(&self) {
        self.has_polls.store(true, SeqCst);
    }

    pub(super) fn push_sink_job(&self, job: Job) {
        self.sink_jobs().push_back(job);
    }

    pub(super) fn next_sink_job(&self) -> Option<Job> {
        self.sink_jobs().pop_front()
    }

    pub(super) fn take_sink_jobs(&self) -> VecDeque<Job> {
        mem::take(&mut *self.sink_jobs())
    }

    fn sink_jobs(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.sink_jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a sink to the statistics. Returns its position.
    pub(super) fn add_sink(&self, stats: SinkStats) -> usize {
        let mut sinks = self.sinks();
        sinks.push(stats);
        sinks.len() - 1
    }

    /// Changes the statistics of the sink at a position.
    pub(super) fn count(&self, position: usize, add: impl FnOnce(&mut SinkStats)) {
        if let Some(stats) = self.sinks().get_mut(position) {
            add(stats);
        }
    }

    /// Held for an addition or a copy only, never while a sink runs: the pipeline reads statistics at any time.
    fn sinks(&self) -> MutexGuard<'_, Vec<SinkStats>> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the function that lists the runs in flight; called once.
    pub(super) fn set_run_list(&self, list_runs: impl Fn() -> Vec<RunSummary> + Send + Sync + 'static) {
        let _ = self.list_runs.set(Box::new(list_runs));
    }

    /// The runs in flight; empty if listing them panics.
    pub(super) fn runs_in_flight(&self) -> Vec<RunSummary> {
        self.list_runs.get().and_then(|list| catch_panic(list).ok()).unwrap_or_default()
    }

    /// Runs on their way, including the one that the sinks have just now.
    pub(super) fn queued(&self) -> u64 {
        self.queued.load(SeqCst)
    }

    pub(super) fn stats(&self) -> DeliveryStats {
        let mut stats = DeliveryStats {
            sinks: self.sinks().clone(),
            queued: self.queued(),
            dropped: self.dropped.load(SeqCst),
            lost: self.lost.load(SeqCst),
        };
        // No thread takes them any more.
        if self.is_abandoned() {
            stats.lost += mem::take(&mut stats.queued);
        }
        stats
    }

    /// Runs that were lost before they reached a sink, since the last call.
    pub(super) fn take_lost(&self) -> u64 {
        // A swap: a loss between a load and a store would be in no report.
        self.lost_since_flush.swap(0, SeqCst)
    }

    /// Returns losses that a report had, and that reached no caller.
    pub(super) fn put_back_lost(&self, lost: u64) {
        self.lost_since_flush.fetch_add(lost, SeqCst);
    }

    fn lose(&self, reason: &str) {
        self.lost.fetch_add(1, SeqCst);
        self.lost_since_flush.fetch_add(1, SeqCst);
        // Once: an application that dropped its guard early would print a line for each of its runs.
        if !self.has_warned_of_loss.swap(true, SeqCst) {
            print_diagnostic(&format!("a run reached no sink: {reason}; further ones are only counted"));
        }
    }

    /// Reports the first alert that a callback or the subscriber did not take.
    pub(super) fn report_alert(&self, outcome: Result<(), String>) {
        if let Err(reason) = outcome
            && !self.has_warned_of_alert.swap(true, SeqCst)
        {
            print_diagnostic(&format!("an alert was not taken: {reason}; further failures are not reported"));
        }
    }

    /// Prints the totals of losses of which only the first was printed.
    pub(super) fn print_totals(&self) {
        let stats = self.stats();
        for sink in stats.sinks.iter().filter(|sink| sink.failed > 1) {
            print_diagnostic(&format!("sink {} lost {} runs in all", sink.name, sink.failed));
        }
        if stats.lost > 1 {
            print_diagnostic(&format!("runs that reached no sink, in all: {}", stats.lost));
        }
        if stats.dropped > 0 {
            print_diagnostic(&format!("runs that found the queue full and were dropped: {}", stats.dropped));
        }
    }
}

/// The time that is so much later; for a duration beyond all clocks, one in a century.
pub(super) fn after(now: Instant, duration: Duration) -> Instant {
    now.checked_add(duration).unwrap_or_else(|| now + Duration::from_secs(100 * 365 * 24 * 60 * 60))
}

/// A run on its way to the sinks. A job that is dropped before its summary was made counts itself as a lost run, whether the
/// queue, a closed channel or an ending thread drops it.
pub(super) struct Job {
    make_summary: Option<MakeSummary>,
    /// Called once a sink took the run.
    on_taken: Option<OnTaken>,
    /// Whether it has a place in the queue.
    has_place: bool,
    state: Arc<DeliveryState>,
}

impl Job {
    pub(super) fn new(make_summary: MakeSummary, on_taken: OnTaken, state: &Arc<DeliveryState>) -> Self {
        state.queued.fetch_add(1, SeqCst);
        Self {
            make_summary: Some(make_summary),
            on_taken: Some(on_taken),
            has_place: false,
            state: Arc::clone(state),
        }
    }

    /// Takes a place in the queue, if fewer than `most` are taken. Returns whether it has one.
    pub(super) fn take_place(&mut self, most: u64) -> bool {
        let add = |taken: u64| (taken < most).then_some(taken + 1);
        self.has_place = self.state.waiting.fetch_update(SeqCst, SeqCst, add).is_ok();
        self.has_place
    }

    /// Returns its place: the thread has taken it from the queue.
    fn leave_place(&mut self) {
        if std::mem::take(&mut self.has_place) {
            self.state.waiting.fetch_sub(1, SeqCst);
        }
    }

    /// Makes the summary and gives it to the sinks. `give` returns whether one took it.
    pub(super) fn run(mut self, give: impl FnOnce(&RunSummary) -> bool) {
        self.leave_place();
        if let Some(make_summary) = self.make_summary.take() {
            match catch_panic(make_summary) {
                Ok(run) if give(&run) => self.on_taken.take().into_iter().for_each(|on_taken| on_taken()),
                Ok(_) => {}
                Err(reason) => self.state.lose(&format!("its summary could not be made: {reason}")),
            }
        }
    }

    /// Counts a job that found the queue full, under [`WhenFull::Drop`](super::WhenFull::Drop).
    pub(super) fn drop_as_configured(mut self) {
        // Without its summary the job is not counted as lost as well.
        self.make_summary = None;
        self.state.dropped.fetch_add(1, SeqCst);
    }
}

impl Job {
    /// Counts a job that waited in vain for room.
    pub(super) fn lose(mut self, reason: &str) {
        // Without its summary the drop does not count it a second time.
        self.make_summary = None;
        self.state.lose(reason);
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.leave_place();
        if self.make_summary.is_some() {
            self.state.lose("the guard was dropped (keep it until the end of main)");
        }
        self.state.queued.fetch_sub(1, SeqCst);
    }
}

/// Runs of a dead process, which are read on the delivery thread: reading a journal takes too long for `build`.
pub(super) struct RecoveryJob {
    find: FindRuns,
    on_taken: OnTaken,
    state: Arc<DeliveryState>,
}

impl RecoveryJob {
    pub(super) fn new(find: FindRuns, on_taken: OnTaken, state: &Arc<DeliveryState>) -> Self {
        Self { find, on_taken, state: Arc::clone(state) }
    }

    /// Finds the runs and gives them to the sinks. `give` returns whether one took the run.
    pub(super) fn run(self, mut give: impl FnMut(&RunSummary) -> bool) {
        match catch_panic(self.find) {
            Ok(runs) => {
                self.state.queued.fetch_add(runs.len() as u64, SeqCst);
                let mut all_taken = true;
                for run in &runs {
                    all_taken &= give(run);
                    self.state.queued.fetch_sub(1, SeqCst);
                }
                // The journal is removed only then: a run that no sink took comes again at the next start.
                if all_taken {
                    (self.on_taken)();
                }
            }
            Err(reason) => print_diagnostic(&format!("a journal could not be recovered: {reason}")),
        }
    }
}
