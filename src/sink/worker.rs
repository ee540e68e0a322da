//! The delivery thread, and the queue before it.
//!
//! The pipeline queues a [`Job`], a closure that makes the summary, and goes on. The thread makes the summary and gives it to
//! the sinks.

use std::io;
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, SendError, Sender, SyncSender, TryRecvError, channel, sync_channel,
};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::dispatcher::{self, Dispatch, WeakDispatch};

use super::alert_queue::{Callback, emit_event};
use super::delivery_state::{Awaited, DeliveryState, Job, RecoveryJob, after};
use super::diagnostics::{catch_panic, print_diagnostic};
use super::poll_schedule::PollSchedule;
use super::sink_worker::SinkWorker;
use super::{Delivery, DeliveryStats, FlushError, Sink, SinkLoss, WhenFull};
use crate::limit::Alert;
use crate::summary::RunSummary;

/// How long a root waits for a place of the capacity. It slows a program down that ends runs faster than the sinks take them,
/// so that they do not pile up; and it is short beside a model's answer, which takes hundreds of milliseconds.
const PAUSE: Duration = Duration::from_millis(2);
/// How many times the capacity may wait in all, where the sinks stay behind. By default 16,384 runs, of some ten KiB each.
const BEYOND: u64 = 16;

/// The handle of the delivery thread.
pub(crate) struct Worker {
    /// Without a bound of its own: runs have one, and nothing else waits for room.
    queue: Sender<Message>,
    capacity: u64,
    when_full: WhenFull,
    wait_timeout: Duration,
    flush_timeout: Duration,
    state: Arc<DeliveryState>,
    thread: Mutex<Option<Thread>>,
    /// When closing has to be over; set by the first call that closes.
    closes_by: OnceLock<Instant>,
    /// What closing came to. A second caller waits for the first: it may be about to end the process.
    closed: OnceLock<Result<(), FlushError>>,
}

struct Thread {
    handle: JoinHandle<()>,
    /// Never receives anything; disconnects when the thread ends. Unlike a join, waiting for it has a timeout.
    ended: Receiver<()>,
}

enum Message {
    Job(Job),
    Recovery(RecoveryJob),
    RunStarted,
    AlertQueued,
    Flush(Reply),
    Stop(Reply),
}

/// The way back to a caller that waits for a flush.
struct Reply {
    answer: SyncSender<Result<(), FlushError>>,
    /// Gone once the caller has given up. A flush that reports to no caller would take the losses out of the next report.
    caller: Weak<()>,
}

/// A caller's half of a [`Reply`].
struct Answer {
    received: Receiver<Result<(), FlushError>>,
    _caller: Arc<()>,
}

impl Reply {
    fn new() -> (Self, Answer) {
        // Room for the one answer: without it the thread would wait for a caller that gave up.
        let (answer, received) = sync_channel(1);
        let caller = Arc::new(());
        (Self { answer, caller: Arc::downgrade(&caller) }, Answer { received, _caller: caller })
    }

    fn is_awaited(&self) -> bool {
        self.caller.strong_count() > 0
    }
}

impl Worker {
    /// Starts the thread. It runs the warm-up before anything else.
    ///
    /// # Errors
    ///
    /// If the operating system cannot start a thread.
    pub(crate) fn spawn(
        sinks: Vec<Box<dyn Sink>>,
        options: Delivery,
        warm_up: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let state = Arc::new(DeliveryState::default());
        let sinks = sinks.into_iter().map(|sink| SinkWorker::new(sink, Arc::clone(&state))).collect();
        let (queue, received) = channel();
        // No room: nothing is ever sent.
        let (ended_when_dropped, ended) = sync_channel(0);
        let delivery = DeliveryLoop {
            received,
            sinks,
            retries: options.retries,
            capacity: options.capacity.max(1) as u64,
            wait_timeout: options.wait_timeout,
            unreported: Vec::new(),
            state: Arc::clone(&state),
        };
        let handle = thread::Builder::new().name("tracing-budget".to_owned()).spawn(move || {
            let _ended_when_dropped: SyncSender<()> = ended_when_dropped;
            delivery.state.set_thread();
            // A warm-up that panics leaves caches cold; the panic hook has reported it. It traces nothing, so it is not under
            // `without_subscriber`: a scoped subscriber on any thread takes the fast path to the global one from all threads.
            let _ = catch_panic(warm_up);
            delivery.state.begin();
            delivery.run();
        })?;
        Ok(Self {
            queue,
            // At least 1: without a place each closing of a root would wait for the thread.
            capacity: options.capacity.max(1) as u64,
            when_full: options.when_full,
            wait_timeout: options.wait_timeout,
            flush_timeout: options.flush_timeout,
            state,
            thread: Mutex::new(Some(Thread { handle, ended })),
            closes_by: OnceLock::new(),
            closed: OnceLock::new(),
        })
    }

    /// A worker without a thread, for a disabled layer. A flush succeeds, and runs are dropped.
    pub(crate) fn idle() -> Self {
        let state = Arc::new(DeliveryState::default());
        state.close();
        // Without a receiver each send fails at once, and returns what it was given.
        let (queue, _) = channel();
        Self {
            queue,
            capacity: 1,
            when_full: WhenFull::Drop,
            wait_timeout: Duration::ZERO,
            flush_timeout: Duration::ZERO,
            state,
            thread: Mutex::new(None),
            closes_by: OnceLock::new(),
            closed: OnceLock::from(Ok(())),
        }
    }

    /// Queues a run. Waits a bounded time while the queue is full, or drops the run, depending on [`WhenFull`]. Never fails; lost
    /// runs are counted.
    pub(crate) fn deliver(&self, make_summary: impl FnOnce() -> RunSummary + Send + 'static) {
        self.deliver_and(make_summary, || ());
    }

    /// Queues a run. `on_taken` is called on the delivery thread once a sink took the run, or if there are no sinks.
    pub(crate) fn deliver_and(
        &self,
        make_summary: impl FnOnce() -> RunSummary + Send + 'static,
        on_taken: impl FnOnce() + Send + 'static,
    ) {
        // Counted before `closed` is read, so that a run that comes too late is a lost one.
        let mut job = Job::new(Box::new(make_summary), Box::new(on_taken), &self.state);
        if self.state.is_this_thread() {
            // A sink that delivers runs of its own would wait for itself when the queue is full, and so would the warm-up: what that
            // delivers is bounded, and keeps its order.
            match self.state.has_begun() {
                true => self.state.push_sink_job(job),
                false => drop(self.queue.send(Message::Job(job))),
            }
            return;
        }
        if self.state.is_forked() {
            return job.lose("the process was forked after the layer was built");
        }
        if self.state.is_closed() {
            return;
        }
        if !job.take_place(self.capacity) {
            match self.when_full {
                WhenFull::Drop => return job.drop_as_configured(),
                WhenFull::Wait if self.wait_for_place(&mut job) => {}
                WhenFull::Wait => {
                    return job.lose(&format!("the queue stayed full, waiting for {}", self.state.awaited()));
                }
            }
        }
        // An ended thread returns the job, and its drop counts it as lost.
        drop(self.queue.send(Message::Job(job)));
    }

    /// Waits for a place in the full queue: a moment for one of the capacity's, then longer for one beyond. Returns `false` if
    /// both waits were in vain.
    fn wait_for_place(&self, job: &mut Job) -> bool {
        // A root that has waited in vain is enough: until the thread goes on, others do not wait, or one sink would hold up root
        // after root.
        let pause = after(Instant::now(), PAUSE);
        if !self.state.is_slow() && self.wait(|| pause, || job.take_place(self.capacity)) {
            return true;
        }
        self.state.set_slow();
        let most = self.capacity.saturating_mul(BEYOND);
        if job.take_place(most) {
            return true;
        }
        self.wait(|| self.state.patience(self.wait_timeout), || job.take_place(most))
    }

    /// Waits until `is_done` returns `true`, at most until the deadline or until closing has to be over. Returns whether it did.
    fn wait(&self, deadline: impl Fn() -> Instant, mut is_done: impl FnMut() -> bool) -> bool {
        // Two milliseconds are long enough not to spin; the first pauses are shorter, as a sink that writes files makes room
        // within some ten microseconds. A condition variable would cost the thread a wake-up per run for the few that wait.
        let mut pause = Duration::from_micros(50);
        loop {
            // Each time, as closing may begin meanwhile, and a sink that takes a run gives more time.
            let deadline = deadline();
            let deadline = self.closes_by.get().map_or(deadline, |closes_by| deadline.min(*closes_by));
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            thread::sleep(left.min(pause));
            if is_done() {
                return true;
            }
            pause = (pause * 2).min(Duration::from_millis(2));
        }
    }

    /// Queues a search for runs of a dead process. `on_taken` is called on the delivery thread once sinks took all of them.
    pub(crate) fn deliver_recovered(
        &self,
        find: impl FnOnce() -> Vec<RunSummary> + Send + 'static,
        on_taken: impl FnOnce() + Send + 'static,
    ) {
        let job = RecoveryJob::new(Box::new(find), Box::new(on_taken), &self.state);
        drop(self.queue.send(Message::Recovery(job)));
    }

    /// Sets the function that lists the runs in flight, for the sinks that poll them; called once.
    pub(crate) fn set_run_list(&self, list_runs: impl Fn() -> Vec<RunSummary> + Send + Sync + 'static) {
        self.state.set_run_list(list_runs);
    }

    /// Wakes the sinks that poll the runs in flight, because a run started.
    pub(crate) fn run_started(&self) {
        // One message for all that start before the thread reads it: a thread that is busy must not collect one per run.
        if self.state.has_polls() && self.state.start_wakes() {
            drop(self.queue.send(Message::RunStarted));
        }
    }

    /// Sets the functions that are called for each alert; called once.
    pub(crate) fn call_on_alert(&self, callbacks: Vec<Callback>) {
        self.state.alerts.set_callbacks(callbacks);
    }

    /// Queues an alert, with the subscriber that gets it as an event. Never waits.
    pub(crate) fn alert(&self, subscriber: Option<WeakDispatch>, alert: Alert) {
        if self.state.is_closed() {
            return;
        }
        self.state.alerts.push(alert, subscriber);
        // The message only wakes the thread, and one does for all alerts that wait.
        if self.state.alert_wakes() {
            drop(self.queue.send(Message::AlertQueued));
        }
    }

    /// Waits until all runs that were queued before are delivered and every sink is flushed, at most the flush timeout.
    ///
    /// # Errors
    ///
    /// If runs were lost since the last flush, a sink cannot be flushed, the timeout passed, the thread has ended with runs
    /// undelivered, or the caller is a sink.
    pub(crate) fn flush(&self) -> Result<(), FlushError> {
        if self.state.is_this_thread() {
            return Err(FlushError::FromSink);
        }
        if self.state.is_forked() {
            return Err(FlushError::Forked { lost: self.state.take_lost() });
        }
        if self.state.is_closed() {
            return self.ended();
        }
        let deadline = after(Instant::now(), self.flush_timeout);
        let (reply, answer) = Reply::new();
        if self.queue.send(Message::Flush(reply)).is_err() {
            return self.ended();
        }
        match answer.received.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(self.timed_out(self.flush_timeout)),
            Err(RecvTimeoutError::Disconnected) => self.ended(),
        }
    }

    /// Whether this is a fork of the process with the thread.
    pub(crate) fn is_forked(&self) -> bool {
        self.state.is_forked()
    }

    /// Starts the time within which [`close`](Self::close) has to be done, for the runs that are delivered before it.
    pub(crate) fn start_closing(&self, timeout: Duration) {
        // A sink cannot close the delivery, so no time begins.
        if !self.state.is_this_thread() {
            self.closes_by.get_or_init(|| after(Instant::now(), timeout));
        }
    }

    /// Flushes, then ends the thread; waits no longer than the timeout. A second call returns what the first came to, and waits
    /// for it.
    ///
    /// After a timeout the thread ends as soon as the sink that keeps it busy returns.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush), and if the timeout passed.
    pub(crate) fn close(&self, timeout: Duration) -> Result<(), FlushError> {
        if self.state.is_this_thread() {
            return Err(FlushError::FromSink);
        }
        self.start_closing(timeout);
        self.closed.get_or_init(|| self.close_once(timeout)).clone()
    }

    fn close_once(&self, timeout: Duration) -> Result<(), FlushError> {
        self.state.close();
        if self.state.is_forked() {
            let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Its drop would detach a thread that this process does not have.
            thread.into_iter().for_each(|thread| std::mem::forget(thread.handle));
            return Err(FlushError::Forked { lost: self.state.take_lost() });
        }
        let closes_by = self.closes_by.get().copied().unwrap_or_else(Instant::now);
        let left = || closes_by.saturating_duration_since(Instant::now());
        let (reply, answer) = Reply::new();
        if self.queue.send(Message::Stop(reply)).is_err() {
            return self.ended();
        }
        let result = match answer.received.recv_timeout(left()) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => return self.give_up(timeout),
            Err(RecvTimeoutError::Disconnected) => return self.ended(),
        };
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Thread { handle, ended }) = thread {
            // The thread drops the sinks now, which is the user's code and may hang: a join would wait for ever.
            match ended.recv_timeout(left()) {
                Err(RecvTimeoutError::Timeout) => return self.give_up(timeout),
                _ => drop(handle.join()),
            }
        }
        result
    }

    /// The figures of the delivery.
    pub(crate) fn stats(&self) -> DeliveryStats {
        self.state.stats()
    }

    fn ended(&self) -> Result<(), FlushError> {
        let lost = self.state.take_lost();
        if lost == 0 && self.state.is_closed() { Ok(()) } else { Err(FlushError::Ended { lost }) }
    }

    fn give_up(&self, timeout: Duration) -> Result<(), FlushError> {
        // Read before the thread may end: the error names the sink that it is in now.
        let error = self.timed_out(timeout);
        self.state.abandon();
        print_diagnostic(&error.to_string());
        Err(error)
    }

    fn timed_out(&self, timeout: Duration) -> FlushError {
        FlushError::TimedOut { timeout, queued: self.state.queued(), waiting_for: self.state.awaited() }
    }

    /// The same worker without a connection to its thread, as if the thread had died.
    #[cfg(test)]
    pub(super) fn disconnect(&mut self) {
        (self.queue, _) = channel();
    }

    /// Whether a root has waited in vain for a place of the capacity, and for one beyond.
    #[cfg(test)]
    pub(super) fn waits_are_in_vain(&self) -> (bool, bool) {
        (self.state.is_slow(), self.state.is_stuck())
    }

    /// Whether the thread has dropped its half of the state.
    #[cfg(test)]
    pub(super) fn has_ended(&self) -> bool {
        Arc::strong_count(&self.state) == 1
    }
}

/// The loop of the delivery thread. It ends only when it is stopped: every call of other code is under `catch_panic`.
struct DeliveryLoop {
    received: Receiver<Message>,
    sinks: Vec<SinkWorker>,
    retries: Vec<Duration>,
    capacity: u64,
    wait_timeout: Duration,
    /// Losses of flushes with a caller that had given up.
    unreported: Vec<SinkLoss>,
    state: Arc<DeliveryState>,
}

impl DeliveryLoop {
    fn run(mut self) {
        let reply = loop {
            self.poll_if_due();
            // The sinks' own jobs take turns with the queue, so that neither can starve the other.
            let message = match self.state.next_sink_job() {
                None => self.receive(),
                Some(job) => {
                    self.deliver_alerts();
                    without_subscriber(|| self.give(job));
                    self.received.try_recv()
                }
            };
            // Before the run: its alerts became due before it ended.
            self.deliver_alerts();
            match message {
                Ok(Message::Job(job)) => {
                    without_subscriber(|| self.give(job));
                    self.schedule_last_poll();
                }
                Ok(Message::Recovery(job)) => without_subscriber(|| self.give_recovered(job)),
                Ok(Message::RunStarted) => {
                    self.state.read_start();
                    self.schedule_poll();
                }
                Ok(Message::Flush(reply)) if reply.is_awaited() => {
                    let result = without_subscriber(|| self.flush());
                    // A caller that has given up meanwhile receives nothing: the next flush reports the loss.
                    if let Err(SendError(Err(FlushError::Lost { sinks, lost }))) = reply.answer.send(result) {
                        self.unreported.extend(sinks);
                        self.state.put_back_lost(lost);
                    }
                }
                // The sinks are flushed by the next one.
                Ok(Message::Flush(_)) => {}
                Ok(Message::Stop(reply)) => break Some(reply),
                Ok(Message::AlertQueued) | Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break None,
            }
            self.state.set_going(self.capacity, self.wait_timeout);
            if self.state.is_abandoned() {
                break None;
            }
        };
        // Jobs that were queued while `close` sent the stop.
        while let (false, Ok(message)) = (self.state.is_abandoned(), self.received.try_recv()) {
            match message {
                Message::Job(job) => {
                    self.deliver_alerts();
                    without_subscriber(|| self.give(job));
                }
                Message::Recovery(job) => without_subscriber(|| self.give_recovered(job)),
                _ => {}
            }
        }
        self.deliver_alerts();
        if !self.state.is_abandoned() {
            let result = without_subscriber(|| self.flush());
            // A guard's drop returns no error. Lost runs were printed when they were lost.
            if let Err(FlushError::Lost { sinks, .. }) = &result {
                sinks
                    .iter()
                    .filter(|sink| sink.runs == 0)
                    .for_each(|sink| print_diagnostic(&sink.to_string()));
            }
            self.state.print_totals();
            if let Some(reply) = reply {
                let _ = reply.answer.send(result);
            }
        }
        without_subscriber(|| self.sinks.drain(..).for_each(SinkWorker::close));
        // Runs that sinks delivered during the last flush are lost; a sink that does so for each run would never end.
        drop(self.state.take_sink_jobs());
    }

    /// The next message, or [`TryRecvError::Empty`] if a poll is due before it comes.
    fn receive(&self) -> Result<Message, TryRecvError> {
        let due = self.sinks.iter().filter_map(|sink| sink.polls.as_ref()?.due()).min();
        let Some(due) = due else {
            return self.received.recv().map_err(|_| TryRecvError::Disconnected);
        };
        let left = due.saturating_duration_since(Instant::now());
        self.received.recv_timeout(left).map_err(|error| match error {
            RecvTimeoutError::Timeout => TryRecvError::Empty,
            RecvTimeoutError::Disconnected => TryRecvError::Disconnected,
        })
    }

    fn schedule_poll(&mut self) {
        let now = Instant::now();
        let schedules = self.sinks.iter_mut().filter_map(|sink| sink.polls.as_mut());
        schedules.for_each(|polls| polls.run_started(now));
    }

    fn schedule_last_poll(&mut self) {
        let now = Instant::now();
        let schedules = self.sinks.iter_mut().filter_map(|sink| sink.polls.as_mut());
        schedules.for_each(|polls| polls.run_ended(now));
    }

    /// Gives the runs in flight to the sinks with a due poll.
    fn poll_if_due(&mut self) {
        let now = Instant::now();
        let is_due = |sink: &SinkWorker| {
            let due = sink.polls.as_ref().and_then(PollSchedule::due);
            due.is_some_and(|due| due <= now)
        };
        // Listing the runs makes a summary of each: not without need.
        if !self.sinks.iter().any(is_due) {
            return;
        }
        without_subscriber(|| {
            let runs = self.state.runs_in_flight();
            for sink in self.sinks.iter_mut().filter(|sink| is_due(sink)) {
                sink.poll(&runs);
                if let Some(polls) = &mut sink.polls {
                    // The time after the poll, so that a slow sink has its pause as well.
                    polls.polled(Instant::now(), runs.is_empty());
                }
            }
        });
    }

    /// Gives the queued alerts to callbacks, sinks and the application's subscriber.
    fn deliver_alerts(&mut self) {
        // Before the queue is read: an alert that comes afterwards sends a message again.
        self.state.read_alerts();
        while let (false, Some((alert, subscriber))) = (self.state.is_abandoned(), self.state.alerts.next()) {
            without_subscriber(|| {
                self.state.enter(Awaited::AlertCallback);
                for callback in self.state.alerts.callbacks().iter_mut() {
                    self.state.report_alert(catch_panic(|| callback(&alert)));
                }
                self.state.leave();
                self.sinks.iter_mut().for_each(|sink| sink.alert(&alert));
            });
            self.state.report_alert(emit_event(&alert, subscriber));
        }
    }

    fn give(&mut self, job: Job) {
        job.run(|run| self.give_run(run));
    }

    fn give_recovered(&mut self, job: RecoveryJob) {
        job.run(|run| self.give_run(run));
    }

    /// Gives a run to every sink, then again to those that failed, so that a failing sink delays no other. Returns whether a
    /// sink took it, or there are no sinks.
    fn give_run(&mut self, run: &RunSummary) -> bool {
        let Self { sinks, retries, state, .. } = self;
        let mut failed: Vec<&mut SinkWorker> =
            sinks.iter_mut().filter_map(|sink| sink.give(run).then_some(sink)).collect();
        for pause in retries.iter() {
            if failed.is_empty() || state.is_abandoned() {
                break;
            }
            thread::sleep(*pause);
            failed.retain_mut(|sink| sink.give_again(run));
        }
        failed.into_iter().for_each(|sink| sink.lose(run));
        sinks.is_empty() || sinks.iter().any(|sink| sink.has_taken)
    }

    fn flush(&mut self) -> Result<(), FlushError> {
        // Taken once: jobs that these deliveries cause wait for their turn, or a sink could keep a flush from ending.
        for job in self.state.take_sink_jobs() {
            self.give(job);
        }
        let mut sinks = std::mem::take(&mut self.unreported);
        sinks.extend(self.sinks.iter_mut().filter_map(SinkWorker::flush));
        let lost = self.state.take_lost();
        if sinks.is_empty() && lost == 0 { Ok(()) } else { Err(FlushError::Lost { sinks, lost }) }
    }
}

/// Runs `work` without an active subscriber, so that a sink that logs does not open runs of its own.
///
/// Only around work: while any thread has a scoped subscriber, all threads of the program miss the fast path to the global
/// one. `Dispatch::none()` is not registered; a new dispatch would make every callsite compute its interest again.
fn without_subscriber<T>(work: impl FnOnce() -> T) -> T {
    dispatcher::with_default(&Dispatch::none(), work)
}
