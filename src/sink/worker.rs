//! The thread that feeds the sinks.
//!
//! The pipeline hands over a job, a closure that makes the summary, and goes on; the summary is made here. Each job
//! counts itself: one that is dropped unfinished, wherever that happens, is a lost run. The thread itself
//! never ends before it is told to, since everything that is not ours runs under `catch_unwind`.

mod alerts;
mod looks;
mod outlet;
mod shared;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::dispatcher::{self, Dispatch, WeakDispatch};

pub(crate) use self::alerts::Callback;
use self::alerts::announce;
use self::looks::Looks;
use self::outlet::Outlet;
use self::shared::Found;
use self::shared::{Job, Shared, caught};
use super::{Delivery, DeliveryStats, FlushError, Sink, WhenFull};
use crate::limit::Alert;
use crate::summary::RunSummary;

pub(crate) use self::shared::say;

/// One thread that gives finished runs to the sinks, and the queue before it.
pub(crate) struct Worker {
    queue: SyncSender<Message>,
    when_full: WhenFull,
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
}

struct Thread {
    handle: JoinHandle<()>,
    /// Never receives anything; disconnected when the thread has nothing left to do.
    over: Receiver<()>,
}

enum Message {
    Job(Job),
    Found(Found),
    /// A run has begun.
    Began,
    /// An alert is due.
    Alert,
    Flush(SyncSender<Result<(), FlushError>>),
    Stop(SyncSender<Result<(), FlushError>>),
}

impl Worker {
    /// Starts the thread, which does the warm-up before anything else.
    ///
    /// # Errors
    ///
    /// If the operating system gives no thread.
    pub(crate) fn spawn(
        sinks: Vec<Box<dyn Sink>>,
        options: Delivery,
        warm_up: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let outlets = sinks.into_iter().map(|sink| Outlet::new(sink, Arc::clone(&shared))).collect();
        let (queue, received) = sync_channel(options.capacity.max(1));
        let (over_when_dropped, over) = sync_channel(0);
        let feeder = Feeder { received, outlets, retries: options.retries, shared: Arc::clone(&shared) };
        let handle = thread::Builder::new().name("tracing-budget".to_owned()).spawn(move || {
            let _over_when_dropped: SyncSender<()> = over_when_dropped;
            feeder.shared.started();
            // A warm-up that panics only leaves things cold; the panic hook has said so.
            // Not `quietly`: it takes the fast path to the global subscriber from the whole program, and this is ours and
            // traces nothing.
            let _ = caught(warm_up);
            feeder.run();
        })?;
        Ok(Self {
            queue,
            when_full: options.when_full,
            shared,
            thread: Mutex::new(Some(Thread { handle, over })),
        })
    }

    /// A worker without a thread, for a layer that is switched off: there is nothing to flush, and what it is given is
    /// dropped.
    pub(crate) fn idle() -> Self {
        let shared = Arc::new(Shared::default());
        shared.closed.store(true, SeqCst);
        let (queue, _) = sync_channel(1);
        Self { queue, when_full: WhenFull::Drop, shared, thread: Mutex::new(None) }
    }

    /// Hands over a run. Waits while the queue is full, unless told to drop; never fails, and counts what is lost.
    pub(crate) fn deliver(&self, summary: impl FnOnce() -> RunSummary + Send + 'static) {
        self.deliver_and(summary, || ());
    }

    /// The same; `taken` is called on the worker's thread once a sink has the run, also where there are no sinks.
    pub(crate) fn deliver_and(
        &self,
        summary: impl FnOnce() -> RunSummary + Send + 'static,
        taken: impl FnOnce() + Send + 'static,
    ) {
        let job = Job::new(Box::new(summary), Box::new(taken), &self.shared);
        if self.shared.is_this_thread() {
            // A sink that has runs of its own would wait for itself.
            self.shared.keep_own_job(job);
            return;
        }
        if self.shared.closed.load(SeqCst) {
            return;
        }
        match self.when_full {
            // A job that comes back is dropped here, which counts it.
            WhenFull::Wait => drop(self.queue.send(Message::Job(job))),
            WhenFull::Drop => match self.queue.try_send(Message::Job(job)) {
                Err(TrySendError::Full(Message::Job(job))) => job.dropped(),
                other => drop(other),
            },
        }
    }

    /// Hands over runs that are to be looked for on the worker's thread; `taken` is called there once sinks have all of
    /// them.
    pub(crate) fn deliver_found(
        &self,
        find: impl FnOnce() -> Vec<RunSummary> + Send + 'static,
        taken: impl FnOnce() + Send + 'static,
    ) {
        let found = Found::new(Box::new(find), Box::new(taken), &self.shared);
        drop(self.queue.send(Message::Found(found)));
    }

    /// Says once how to see the runs in flight, for the sinks that want to.
    pub(crate) fn watch(&self, look: impl Fn() -> Vec<RunSummary> + Send + Sync + 'static) {
        self.shared.look_by(look);
    }

    /// Says that a run has begun. Where nobody watches it does nothing, and where the queue is full the sinks see the run
    /// a little later.
    pub(crate) fn began(&self) {
        if self.shared.is_watched.load(SeqCst) {
            drop(self.queue.try_send(Message::Began));
        }
    }

    /// Says once whom to call when an alert is due.
    pub(crate) fn call_on_alert(&self, callbacks: Vec<Callback>) {
        self.shared.alerts.call(callbacks);
    }

    /// Hands over an alert, with the subscriber that is to hear of it. Never waits: where the queue is full the thread is awake.
    pub(crate) fn alert(
        &self,
        subscriber: Option<WeakDispatch>,
        alert: impl FnOnce() -> Alert + Send + 'static,
    ) {
        if self.shared.closed.load(SeqCst) {
            return;
        }
        self.shared.alerts.push(subscriber, Box::new(alert));
        drop(self.queue.try_send(Message::Alert));
    }

    /// Waits until all that was delivered before is out and every sink is flushed.
    ///
    /// # Errors
    ///
    /// If runs were lost since the last flush, a sink cannot be flushed, the worker has ended with runs undelivered, or
    /// the caller is a sink.
    pub(crate) fn flush(&self) -> Result<(), FlushError> {
        if self.shared.is_this_thread() {
            return Err(FlushError::FromSink);
        }
        if self.shared.closed.load(SeqCst) {
            return self.ended();
        }
        let (reply, answer) = sync_channel(1);
        if self.queue.send(Message::Flush(reply)).is_err() {
            return self.ended();
        }
        answer.recv().unwrap_or_else(|_| self.ended())
    }

    /// Flushes, then ends the thread; waits no longer than the timeout. Does nothing the second time.
    ///
    /// After a timeout the thread ends by itself as soon as the sink that holds it returns.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush), and if the time was not enough.
    pub(crate) fn close(&self, timeout: Duration) -> Result<(), FlushError> {
        if self.shared.is_this_thread() {
            return Err(FlushError::FromSink);
        }
        if self.shared.closed.swap(true, SeqCst) {
            return Ok(());
        }
        let begun = Instant::now();
        let left = || timeout.saturating_sub(begun.elapsed());
        let (reply, answer) = sync_channel(1);
        let mut stop = Message::Stop(reply);
        loop {
            match self.queue.try_send(stop) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => return self.ended(),
                Err(TrySendError::Full(_)) if left().is_zero() => return self.give_up(timeout),
                Err(TrySendError::Full(back)) => stop = back,
            }
            // There is no send with a timeout in std; this is off the pipeline's way.
            thread::sleep(left().min(Duration::from_millis(2)));
        }
        let result = match answer.recv_timeout(left()) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => return self.give_up(timeout),
            Err(RecvTimeoutError::Disconnected) => return self.ended(),
        };
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Thread { handle, over }) = thread {
            // Dropping the sinks is their code too, and may hang as well.
            match over.recv_timeout(left()) {
                Err(RecvTimeoutError::Timeout) => return self.give_up(timeout),
                _ => drop(handle.join()),
            }
        }
        result
    }

    /// How the delivery stands.
    pub(crate) fn stats(&self) -> DeliveryStats {
        self.shared.stats()
    }

    fn ended(&self) -> Result<(), FlushError> {
        let lost = self.shared.take_lost();
        if lost == 0 && self.shared.closed.load(SeqCst) { Ok(()) } else { Err(FlushError::Ended { lost }) }
    }

    fn give_up(&self, timeout: Duration) -> Result<(), FlushError> {
        self.shared.abandoned.store(true, SeqCst);
        let error = FlushError::TimedOut { timeout, queued: self.shared.on_their_way() };
        self.shared.say(&error.to_string());
        Err(error)
    }
}

/// The thread's side.
struct Feeder {
    received: Receiver<Message>,
    outlets: Vec<Outlet>,
    retries: Vec<Duration>,
    shared: Arc<Shared>,
}

impl Feeder {
    fn run(mut self) {
        let reply = loop {
            self.look_if_due();
            // The sinks' own jobs take turns with the queue, so that neither can starve the other.
            let message = match self.shared.next_own_job() {
                None => self.receive(),
                Some(own) => {
                    self.tell_alerts();
                    quietly(|| self.give(own));
                    self.received.try_recv()
                }
            };
            // Before the run that they are about.
            self.tell_alerts();
            match message {
                Ok(Message::Job(job)) => {
                    quietly(|| self.give(job));
                    self.look_at_last();
                }
                Ok(Message::Found(found)) => quietly(|| self.give_found(found)),
                Ok(Message::Began) => self.look_soon(),
                Ok(Message::Flush(reply)) => {
                    let result = quietly(|| self.flush());
                    // Whoever asked may have gone.
                    let _ = reply.send(result);
                }
                Ok(Message::Stop(reply)) => break Some(reply),
                Ok(Message::Alert) | Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => break None,
            }
            if self.shared.abandoned.load(SeqCst) {
                break None;
            }
        };
        // What was on its way when the end was announced.
        while let (false, Ok(message)) = (self.shared.abandoned.load(SeqCst), self.received.try_recv()) {
            match message {
                Message::Job(job) => {
                    self.tell_alerts();
                    quietly(|| self.give(job));
                }
                Message::Found(found) => quietly(|| self.give_found(found)),
                _ => {}
            }
        }
        self.tell_alerts();
        if !self.shared.abandoned.load(SeqCst) {
            let result = quietly(|| self.flush());
            self.shared.say_totals();
            if let Some(reply) = reply {
                let _ = reply.send(result);
            }
        }
        quietly(|| self.outlets.drain(..).for_each(Outlet::end));
        drop(self.shared.take_own_jobs());
    }

    /// The next message; [`TryRecvError::Empty`] if a look is due before there is one.
    fn receive(&self) -> Result<Message, TryRecvError> {
        let Some(due) = self.outlets.iter().filter_map(|outlet| outlet.looks.as_ref()?.due()).min() else {
            return self.received.recv().map_err(|_| TryRecvError::Disconnected);
        };
        self.received.recv_timeout(due.saturating_duration_since(Instant::now())).map_err(|error| match error
        {
            RecvTimeoutError::Timeout => TryRecvError::Empty,
            RecvTimeoutError::Disconnected => TryRecvError::Disconnected,
        })
    }

    fn look_soon(&mut self) {
        let now = Instant::now();
        self.outlets.iter_mut().filter_map(|outlet| outlet.looks.as_mut()).for_each(|looks| looks.soon(now));
    }

    fn look_at_last(&mut self) {
        let looks = self.outlets.iter_mut().filter_map(|outlet| outlet.looks.as_mut());
        let now = Instant::now();
        looks.for_each(|looks| looks.at_last(now));
    }

    /// Shows the runs in flight to the sinks whose look is due.
    fn look_if_due(&mut self) {
        let now = Instant::now();
        let is_due =
            |outlet: &Outlet| outlet.looks.as_ref().and_then(Looks::due).is_some_and(|due| due <= now);
        if !self.outlets.iter().any(is_due) {
            return;
        }
        quietly(|| {
            let runs = self.shared.runs_in_flight();
            for outlet in self.outlets.iter_mut().filter(|outlet| is_due(outlet)) {
                outlet.show(&runs);
                if let Some(looks) = &mut outlet.looks {
                    // When it was done, so that a slow sink has its pause too.
                    looks.taken(Instant::now(), runs.is_empty());
                }
            }
        });
    }

    /// Tells callbacks, sinks and the application's subscriber of the alerts that are due.
    fn tell_alerts(&mut self) {
        while let (false, Some((alert, subscriber))) =
            (self.shared.abandoned.load(SeqCst), self.shared.alerts.next())
        {
            quietly(|| {
                for callback in self.shared.alerts.callbacks().iter_mut() {
                    self.shared.alert_told(caught(|| callback(&alert)));
                }
                self.outlets.iter_mut().for_each(|outlet| outlet.alert(&alert));
            });
            self.shared.alert_told(announce(&alert, subscriber));
        }
    }

    fn give(&mut self, job: Job) {
        job.run(|run| self.give_run(run));
    }

    fn give_found(&mut self, found: Found) {
        found.run(|run| self.give_run(run));
    }

    /// Gives a run to every sink, then again to those that failed; a failing sink keeps no other sink waiting. Whether any
    /// took it, where there are some.
    fn give_run(&mut self, run: &RunSummary) -> bool {
        let Self { outlets, retries, shared, .. } = self;
        let mut behind: Vec<&mut Outlet> =
            outlets.iter_mut().filter_map(|outlet| outlet.give(run).then_some(outlet)).collect();
        for pause in retries.iter() {
            if behind.is_empty() || shared.abandoned.load(SeqCst) {
                break;
            }
            thread::sleep(*pause);
            behind.retain_mut(|outlet| outlet.give_again(run));
        }
        behind.into_iter().for_each(|outlet| outlet.lose(run));
        outlets.is_empty() || outlets.iter().any(|outlet| outlet.has_taken)
    }

    fn flush(&mut self) -> Result<(), FlushError> {
        // Those that come of delivering these are not waited for, or a sink could keep a flush from ending.
        for job in self.shared.take_own_jobs() {
            self.give(job);
        }
        let sinks: Vec<_> = self.outlets.iter_mut().filter_map(Outlet::flush).collect();
        let lost = self.shared.take_lost();
        if sinks.is_empty() && lost == 0 { Ok(()) } else { Err(FlushError::Lost { sinks, lost }) }
    }
}

/// Does something with no subscriber active, so that a sink that logs does not make runs of its own.
///
/// Only while there is something to do: a thread that keeps a scoped subscriber takes the fast path to the
/// global one from every other thread of the program. `Dispatch::none()` is not registered, unlike a new one,
/// which would make every callsite ask again whether it is enabled.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    dispatcher::with_default(&Dispatch::none(), work)
}
