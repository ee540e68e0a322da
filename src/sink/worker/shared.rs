//! What the thread and those who hand over runs both know.

use std::any::Any;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};

use super::super::{DeliveryStats, SinkStats};
use super::alerts::Alerts;
use crate::summary::RunSummary;

type Summary = Box<dyn FnOnce() -> RunSummary + Send>;
type Taken = Box<dyn FnOnce() + Send>;
type Look = Box<dyn Fn() -> Vec<RunSummary> + Send + Sync>;

#[derive(Default)]
pub(super) struct Shared {
    thread: OnceLock<ThreadId>,
    /// Jobs that a sink handed over from the thread itself.
    own_jobs: Mutex<VecDeque<Job>>,
    sinks: Mutex<Vec<SinkStats>>,
    pub(super) alerts: Alerts,
    alert_failure_said: AtomicBool,
    /// Tells the runs in flight.
    look: OnceLock<Look>,
    /// Whether a sink wants to see them.
    pub(super) is_watched: AtomicBool,
    pub(super) closed: AtomicBool,
    /// Closing took too long: the thread is to end as soon as it can.
    pub(super) abandoned: AtomicBool,
    on_their_way: AtomicU64,
    dropped: AtomicU64,
    lost: AtomicU64,
    lost_since_flush: AtomicU64,
    loss_said: AtomicBool,
}

impl Shared {
    /// Called by the thread, first of all.
    pub(super) fn started(&self) {
        let _ = self.thread.set(thread::current().id());
    }

    pub(super) fn is_this_thread(&self) -> bool {
        self.thread.get() == Some(&thread::current().id())
    }

    pub(super) fn keep_own_job(&self, job: Job) {
        self.own_jobs().push_back(job);
    }

    pub(super) fn next_own_job(&self) -> Option<Job> {
        self.own_jobs().pop_front()
    }

    pub(super) fn take_own_jobs(&self) -> VecDeque<Job> {
        mem::take(&mut *self.own_jobs())
    }

    fn own_jobs(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.own_jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One entry a sink, in their order; the lock is held for an addition or a copy only.
    pub(super) fn sinks(&self) -> MutexGuard<'_, Vec<SinkStats>> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called once, by whoever knows the runs in flight.
    pub(super) fn look_by(&self, look: impl Fn() -> Vec<RunSummary> + Send + Sync + 'static) {
        let _ = self.look.set(Box::new(look));
    }

    /// The runs in flight; none where that cannot be told.
    pub(super) fn runs_in_flight(&self) -> Vec<RunSummary> {
        self.look.get().and_then(|look| caught(look).ok()).unwrap_or_default()
    }

    pub(super) fn on_their_way(&self) -> u64 {
        self.on_their_way.load(SeqCst)
    }

    pub(super) fn stats(&self) -> DeliveryStats {
        let mut stats = DeliveryStats {
            sinks: self.sinks().clone(),
            queued: self.on_their_way(),
            dropped: self.dropped.load(SeqCst),
            lost: self.lost.load(SeqCst),
        };
        if self.abandoned.load(SeqCst) {
            stats.lost += mem::take(&mut stats.queued);
        }
        stats
    }

    /// Runs lost before they reached a sink, since this was last asked.
    pub(super) fn take_lost(&self) -> u64 {
        self.lost_since_flush.swap(0, SeqCst)
    }

    fn lose(&self, reason: &str) {
        self.lost.fetch_add(1, SeqCst);
        self.lost_since_flush.fetch_add(1, SeqCst);
        if !self.loss_said.swap(true, SeqCst) {
            self.say(&format!("a run reached no sink: {reason}; further ones are only counted"));
        }
    }

    /// Says once if a callback, or the subscriber, could not be told of an alert.
    pub(super) fn alert_told(&self, told: Result<(), String>) {
        if let Err(reason) = told
            && !self.alert_failure_said.swap(true, SeqCst)
        {
            self.say(&format!("an alert was not taken: {reason}; further ones are not said"));
        }
    }

    /// What the first report of each kind left open.
    pub(super) fn say_totals(&self) {
        let stats = self.stats();
        for sink in stats.sinks.iter().filter(|sink| sink.failed > 1) {
            self.say(&format!("sink {} lost {} runs in all", sink.name, sink.failed));
        }
        if stats.lost > 1 {
            self.say(&format!("runs that reached no sink, in all: {}", stats.lost));
        }
        if stats.dropped > 0 {
            self.say(&format!("runs that found the queue full and were dropped: {}", stats.dropped));
        }
    }

    pub(super) fn say(&self, text: &str) {
        say(text);
    }
}

/// Says something on stderr.
pub(crate) fn say(text: &str) {
    // One line, one write, also where a reason has several; and `eprintln!` panics where stderr is closed.
    let line = format!("tracing-budget: {}\n", text.lines().collect::<Vec<_>>().join(" "));
    let _ = io::stderr().write_all(line.as_bytes());
}

/// A run on its way. One that goes before its summary was asked for is a lost run.
pub(super) struct Job {
    summary: Option<Summary>,
    /// To be called once a sink has it.
    taken: Option<Taken>,
    shared: Arc<Shared>,
}

impl Job {
    pub(super) fn new(summary: Summary, taken: Taken, shared: &Arc<Shared>) -> Self {
        shared.on_their_way.fetch_add(1, SeqCst);
        Self { summary: Some(summary), taken: Some(taken), shared: Arc::clone(shared) }
    }

    /// Makes the summary and gives it away; `give` says whether anybody took it.
    pub(super) fn run(mut self, give: impl FnOnce(&RunSummary) -> bool) {
        if let Some(summary) = self.summary.take() {
            match caught(summary) {
                Ok(run) if give(&run) => self.taken.take().into_iter().for_each(|taken| taken()),
                Ok(_) => {}
                Err(reason) => self.shared.lose(&format!("its summary could not be made: {reason}")),
            }
        }
    }

    /// Ends a job that found no room, as it was asked for.
    pub(super) fn dropped(mut self) {
        self.summary = None;
        self.shared.dropped.fetch_add(1, SeqCst);
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.summary.is_some() {
            self.shared.lose("the guard was dropped (keep it until the end of main)");
        }
        self.shared.on_their_way.fetch_sub(1, SeqCst);
    }
}

/// Runs that are to be looked for, on their way.
pub(super) struct Found {
    find: Box<dyn FnOnce() -> Vec<RunSummary> + Send>,
    taken: Taken,
    shared: Arc<Shared>,
}

impl Found {
    pub(super) fn new(
        find: Box<dyn FnOnce() -> Vec<RunSummary> + Send>,
        taken: Taken,
        shared: &Arc<Shared>,
    ) -> Self {
        Self { find, taken, shared: Arc::clone(shared) }
    }

    /// Looks for the runs and gives them away; `give` says whether anybody took one.
    pub(super) fn run(self, mut give: impl FnMut(&RunSummary) -> bool) {
        match caught(self.find) {
            Ok(runs) => {
                self.shared.on_their_way.fetch_add(runs.len() as u64, SeqCst);
                let mut all_taken = true;
                for run in &runs {
                    all_taken &= give(run);
                    self.shared.on_their_way.fetch_sub(1, SeqCst);
                }
                if all_taken {
                    (self.taken)();
                }
            }
            Err(reason) => self.shared.say(&format!("a journal could not be recovered: {reason}")),
        }
    }
}

/// Runs code that is not ours; a panic in it is an error that says what the panic said.
pub(super) fn caught<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    // What the code leaves half-done is its own and is not looked into.
    catch_unwind(AssertUnwindSafe(code)).map_err(|payload| {
        let text = format!("it panicked: {}", panic_text(&*payload));
        // A payload may panic again while it is dropped.
        mem::forget(payload);
        text
    })
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "without a text",
    }
}
