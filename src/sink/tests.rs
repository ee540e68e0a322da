//! The delivery thread, from queue to sink.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::borrow::Cow;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::sync_batch::SyncFile;
use super::worker::Worker;
use super::{Delivery, FlushError, JsonDir, Memory, Sink, SinkError, WhenFull};
use crate::limit::{Alert, Amount, LimitScope};
use crate::summary::{RunSummary, Timestamp};

const AMPLE: Duration = Duration::from_secs(60);

fn run(id: &str) -> RunSummary {
    serde_json::from_value(json!({
        "schema_version": 1, "run_id": id, "status": "completed", "started_at": "2026-04-19T09:12:03.120Z",
    }))
    .unwrap()
}

fn ids(memory: &Memory) -> Vec<String> {
    memory.runs().into_iter().map(|run| run.run_id).collect()
}

/// A sink made of a closure that may fail.
struct Trial<F>(F);

impl<F: FnMut(&RunSummary) -> Result<(), SinkError> + Send + 'static> Sink for Trial<F> {
    fn name(&self) -> Cow<'_, str> {
        "Trial".into()
    }

    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        self.0(run)
    }
}

fn no_pauses(retries: usize) -> Delivery {
    Delivery::new().retries(vec![Duration::ZERO; retries])
}

fn spawn(sinks: Vec<Box<dyn Sink>>, options: Delivery) -> Worker {
    Worker::spawn(sinks, options, || ()).unwrap()
}

/// A sink that reports on the first channel that it has a run, then waits until the second one sends or is dropped.
fn held_sink() -> (Box<dyn Sink>, Receiver<()>, Sender<()>) {
    let (entered, has_entered) = channel();
    let (go_on, may_go_on) = channel();
    let sink = move |_: &RunSummary| {
        let _ = entered.send(());
        let _ = may_go_on.recv();
    };
    (Box::new(sink), has_entered, go_on)
}

/// Runs one test of this file in a process of its own, with its own stderr and global subscriber. `None` in that process
/// itself.
fn alone(test: &str) -> Option<Output> {
    const ALONE: &str = "TRACING_BUDGET_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return None;
    }
    let name = format!("sink::tests::{test}");
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&name, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && out.contains("1 passed"),
        "{out}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(output)
}

#[test]
fn runs_arrive_in_order_and_are_summed_up_on_the_thread() {
    let memory = Memory::new();
    let warm = Arc::new(OnceLock::new());
    let warmed = Arc::clone(&warm);
    let warm_up = move || warmed.set(thread::current().name().map(str::to_owned)).unwrap();
    let worker = Worker::spawn(vec![Box::new(memory.clone())], Delivery::new(), warm_up).unwrap();
    for n in 0..100 {
        let warm = Arc::clone(&warm);
        worker.deliver(move || {
            assert_eq!(thread::current().name(), Some("tracing-budget"));
            assert_eq!(warm.get().unwrap().as_deref(), Some("tracing-budget"));
            run(&n.to_string())
        });
    }
    worker.flush().unwrap();
    assert_eq!(ids(&memory), (0..100).map(|n: i32| n.to_string()).collect::<Vec<_>>());
    let stats = worker.stats();
    assert_eq!((stats.sinks[0].delivered, stats.queued, stats.lost, stats.dropped), (100, 0, 0, 0));
    assert_eq!(stats.sinks[0].name, "Memory");
}

#[test]
fn a_sink_that_polls_gets_no_runs_once_after_its_last_run() {
    struct Polls(Sender<&'static str>);
    impl Sink for Polls {
        fn run_finished(&mut self, _: &RunSummary) -> Result<(), SinkError> {
            self.0.send("finished").map_err(SinkError::new)
        }

        fn interval(&self) -> Option<Duration> {
            Some(Duration::from_millis(1))
        }

        fn runs_in_flight(&mut self, _: &[RunSummary]) -> Result<(), SinkError> {
            self.0.send("polled").map_err(SinkError::new)
        }
    }
    let (calls, called) = channel();
    // Without a call of `run_started`: no earlier poll is due.
    let worker = spawn(vec![Box::new(Polls(calls))], Delivery::new());
    worker.deliver(|| run("a"));
    assert_eq!(called.recv_timeout(AMPLE), Ok("finished"));
    assert_eq!(called.recv_timeout(AMPLE), Ok("polled"));
    worker.close(AMPLE).unwrap();
}

#[test]
fn a_sink_that_fails_twice_then_works_loses_nothing() {
    let memory = Memory::new();
    let (mut left, mut kept) = (2, memory.clone());
    let sink = Trial(move |run: &RunSummary| {
        if left > 0 {
            left -= 1;
            return Err(SinkError::new("not yet"));
        }
        kept.run_finished(run)
    });
    let worker = spawn(vec![Box::new(sink)], no_pauses(3));
    worker.deliver(|| run("a"));
    worker.flush().unwrap();
    assert_eq!(ids(&memory), ["a"]);
    let sink = &worker.stats().sinks[0];
    assert_eq!((sink.delivered, sink.failed, sink.retries), (1, 0, 2));
    assert_eq!(sink.last_error.as_deref(), Some("not yet"));
}

#[test]
fn other_sinks_have_the_run_before_a_failed_one_gets_it_again() {
    let (log, logged) = channel();
    let other = log.clone();
    let failing = Trial(move |_: &RunSummary| {
        log.send("failing").unwrap();
        Err(SinkError::new("no"))
    });
    let worker = spawn(
        vec![Box::new(failing), Box::new(move |_: &RunSummary| other.send("other").unwrap())],
        no_pauses(2),
    );
    worker.deliver(|| run("a"));
    worker.close(AMPLE).unwrap_err();
    assert_eq!(logged.iter().collect::<Vec<_>>(), ["failing", "other", "failing", "failing"]);
}

#[test]
fn a_broken_sink_gets_one_attempt_a_run_until_it_works() {
    let (log, logged) = channel();
    let sink = Trial(move |run: &RunSummary| {
        log.send(run.run_id.clone()).unwrap();
        if run.run_id.starts_with("bad") { Err(SinkError::new("no")) } else { Ok(()) }
    });
    let worker = spawn(vec![Box::new(sink)], no_pauses(1));
    for id in ["bad1", "bad2", "good", "bad3"] {
        worker.deliver(move || run(id));
    }
    worker.close(AMPLE).unwrap_err();
    assert_eq!(logged.iter().collect::<Vec<_>>(), ["bad1", "bad1", "bad2", "good", "bad3", "bad3"]);
    let sink = &worker.stats().sinks[0];
    assert_eq!((sink.delivered, sink.failed, sink.retries), (1, 3, 2));
}

#[test]
fn flush_reports_a_loss_once() {
    let memory = Memory::new();
    let failing = Trial(|run: &RunSummary| Err(SinkError::new(format!("no room for {}", run.run_id))));
    let worker = spawn(vec![Box::new(failing), Box::new(memory.clone())], no_pauses(1));
    worker.deliver(|| run("a"));
    worker.deliver(|| run("b"));
    let error = worker.flush().unwrap_err();
    assert_eq!(error.to_string(), "sink Trial lost 2 runs: no room for b");
    worker.flush().unwrap();
    worker.deliver(|| run("c"));
    assert_eq!(worker.flush().unwrap_err().to_string(), "sink Trial lost 1 run: no room for c");
    assert_eq!(ids(&memory), ["a", "b", "c"]);
    assert_eq!(worker.stats().sinks[0].failed, 3);
}

#[test]
fn a_flush_that_fails_returns_the_error() {
    struct Unflushable;
    impl Sink for Unflushable {
        fn run_finished(&mut self, _: &RunSummary) -> Result<(), SinkError> {
            Ok(())
        }
        fn flush(&mut self) -> Result<(), SinkError> {
            Err(SinkError::new("disk on fire"))
        }
    }
    let worker = spawn(vec![Box::new(Unflushable)], Delivery::new());
    assert_eq!(
        worker.flush().unwrap_err().to_string(),
        "sink Unflushable could not be flushed: disk on fire"
    );
    assert_eq!(worker.stats().sinks[0].last_error.as_deref(), Some("disk on fire"));
}

#[test]
fn a_sink_that_panics_loses_that_run_only() {
    let memory = Memory::new();
    let mut kept = memory.clone();
    let sink = Trial(move |run: &RunSummary| {
        assert_ne!(run.run_id, "bad", "on purpose");
        kept.run_finished(run)
    });
    let other = Memory::new();
    let worker = spawn(vec![Box::new(sink), Box::new(other.clone())], no_pauses(3));
    worker.deliver(|| run("bad"));
    worker.deliver(|| run("good"));
    let error = worker.flush().unwrap_err().to_string();
    assert!(
        error.starts_with("sink Trial lost 1 run: it panicked: ") && error.contains("on purpose"),
        "{error}"
    );
    assert_eq!(ids(&memory), ["good"]);
    assert_eq!(ids(&other), ["bad", "good"]);
    let sink = &worker.stats().sinks[0];
    assert_eq!((sink.delivered, sink.failed, sink.retries), (1, 1, 0));
}

#[test]
fn names_flushes_ends_and_warm_ups_may_panic() {
    struct Rude;
    impl Sink for Rude {
        fn name(&self) -> Cow<'_, str> {
            panic!("no name")
        }
        fn run_finished(&mut self, _: &RunSummary) -> Result<(), SinkError> {
            Ok(())
        }
        fn flush(&mut self) -> Result<(), SinkError> {
            panic!("no flush")
        }
    }
    impl Drop for Rude {
        fn drop(&mut self) {
            panic!("no end")
        }
    }
    let memory = Memory::new();
    let sinks: Vec<Box<dyn Sink>> = vec![Box::new(Rude), Box::new(memory.clone())];
    let worker = Worker::spawn(sinks, Delivery::new(), || panic!("no warmth")).unwrap();
    worker.deliver(|| run("a"));
    let error = worker.close(AMPLE).unwrap_err().to_string();
    assert_eq!(error, "sink without a name could not be flushed: it panicked: no flush");
    assert_eq!(ids(&memory), ["a"]);
}

#[test]
fn a_summary_that_cannot_be_made_is_a_lost_run() {
    let memory = Memory::new();
    let worker = spawn(vec![Box::new(memory.clone())], Delivery::new());
    worker.deliver(|| panic!("on purpose"));
    worker.deliver(|| run("a"));
    assert_eq!(worker.flush(), Err(FlushError::Lost { sinks: vec![], lost: 1 }));
    assert_eq!(worker.flush(), Ok(()));
    assert_eq!(ids(&memory), ["a"]);
    assert_eq!((worker.stats().lost, worker.stats().queued), (1, 0));
}

#[test]
fn a_full_queue_waits() {
    let (sink, entered, go_on) = held_sink();
    let memory = Memory::new();
    let worker = spawn(vec![sink, Box::new(memory.clone())], Delivery::new().capacity(1));
    let returned = AtomicBool::new(false);
    worker.deliver(|| run("held"));
    entered.recv().unwrap();
    // Up to sixteen times the capacity they wait a moment only.
    (0..16).for_each(|_| worker.deliver(|| run("queued")));
    thread::scope(|scope| {
        scope.spawn(|| {
            worker.deliver(|| run("waiting"));
            returned.store(true, SeqCst);
        });
        while worker.stats().queued < 18 {
            thread::yield_now();
        }
        // Time for a delivery that wrongly does not wait; one that waits cannot fail here.
        thread::sleep(Duration::from_millis(50));
        assert!(!returned.load(SeqCst));
        drop(go_on);
    });
    worker.flush().unwrap();
    let ids = ids(&memory);
    assert_eq!((ids.len(), &*ids[0], &*ids[1], &*ids[17]), (18, "held", "queued", "waiting"));
    assert_eq!((worker.stats().dropped, worker.stats().lost), (0, 0));
}

#[test]
fn a_full_queue_drops_and_counts_if_configured() {
    let (sink, entered, go_on) = held_sink();
    let memory = Memory::new();
    let options = Delivery::new().capacity(1).when_full(WhenFull::Drop);
    let worker = spawn(vec![sink, Box::new(memory.clone())], options);
    worker.deliver(|| run("held"));
    entered.recv().unwrap();
    worker.deliver(|| run("queued"));
    worker.deliver(|| run("dropped"));
    assert_eq!((worker.stats().dropped, worker.stats().queued), (1, 2));
    drop(go_on);
    worker.flush().unwrap();
    assert_eq!(ids(&memory), ["held", "queued"]);
    assert_eq!(worker.stats().lost, 0);
}

#[test]
fn a_sink_may_deliver_runs_of_its_own_and_cannot_wait_for_them() {
    let own: Arc<OnceLock<Worker>> = Arc::default();
    let memory = Memory::new();
    let (inner, mut kept) = (Arc::clone(&own), memory.clone());
    let sink = Trial(move |given: &RunSummary| {
        if given.run_id == "outer" {
            let worker = inner.get().unwrap();
            for n in 0..5 {
                worker.deliver(move || run(&format!("inner {n}")));
            }
            assert_eq!(worker.flush(), Err(FlushError::FromSink));
            assert_eq!(worker.close(AMPLE), Err(FlushError::FromSink));
        }
        kept.run_finished(given)
    });
    let (held, entered, go_on) = held_sink();
    let worker = own.get_or_init(|| spawn(vec![held, Box::new(sink)], Delivery::new().capacity(1)));
    worker.deliver(|| run("outer"));
    // The queue is full while the sink delivers: one that waited for room would wait for itself.
    entered.recv().unwrap();
    worker.deliver(|| run("next"));
    drop(go_on);
    worker.flush().unwrap();
    let mut ids = ids(&memory);
    ids.sort();
    assert_eq!(ids, ["inner 0", "inner 1", "inner 2", "inner 3", "inner 4", "next", "outer"]);
}

#[test]
fn a_sink_that_makes_a_run_of_each_run_cannot_keep_a_flush_or_the_end_waiting() {
    let own: Arc<OnceLock<Worker>> = Arc::default();
    let inner = Arc::clone(&own);
    let sink = move |_: &RunSummary| inner.get().unwrap().deliver(|| run("one more"));
    let worker = own.get_or_init(|| spawn(vec![Box::new(sink)], Delivery::new()));
    worker.deliver(|| run("first"));
    worker.flush().unwrap();
    worker.close(AMPLE).unwrap();
    assert!(worker.stats().lost > 0);
    assert_eq!(worker.stats().queued, 0);
}

#[test]
fn closing_delivers_what_is_queued_and_counts_what_comes_later() {
    let memory = Memory::new();
    let worker = spawn(vec![Box::new(memory.clone())], Delivery::new());
    (0..50).for_each(|_| worker.deliver(|| run("a")));
    worker.close(AMPLE).unwrap();
    assert_eq!(memory.take().len(), 50);
    worker.close(AMPLE).unwrap();
    worker.flush().unwrap();
    worker.deliver(|| run("late"));
    assert_eq!(worker.flush(), Err(FlushError::Ended { lost: 1 }));
    assert_eq!(worker.flush(), Ok(()));
    assert_eq!(worker.stats().lost, 1);
    assert!(memory.take().is_empty());
}

#[test]
fn a_sink_that_hangs_does_not_hang_the_end() {
    let (sink, entered, go_on) = held_sink();
    let worker = spawn(vec![sink], Delivery::new().capacity(1));
    worker.deliver(|| run("held"));
    entered.recv().unwrap();
    worker.deliver(|| run("queued"));
    let timeout = Duration::from_millis(20);
    let waiting_for = format!("sink {}", worker.stats().sinks[0].name);
    assert_eq!(worker.close(timeout), Err(FlushError::TimedOut { timeout, queued: 2, waiting_for }));
    assert_eq!((worker.stats().lost, worker.stats().queued), (2, 0));
    // The run that the sink already had is delivered after all; the other is not started.
    drop(go_on);
    while !worker.has_ended() {
        thread::yield_now();
    }
    let stats = worker.stats();
    assert_eq!((stats.sinks[0].delivered, stats.lost, stats.queued), (1, 1, 0));
}

/// The place where a sink hangs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Run,
    Poll,
    Alert,
    Flush,
    Drop,
}

/// A sink that reports on the first channel that it is at a place, then waits until the second one sends or is dropped.
struct Hangs {
    place: Place,
    entered: Sender<()>,
    may_go_on: Receiver<()>,
}

impl Hangs {
    fn new(place: Place) -> (Self, Receiver<()>, Sender<()>) {
        let (entered, has_entered) = channel();
        let (go_on, may_go_on) = channel();
        (Self { place, entered, may_go_on }, has_entered, go_on)
    }

    fn at(&self, place: Place) {
        if self.place == place {
            let _ = self.entered.send(());
            let _ = self.may_go_on.recv();
        }
    }
}

impl Sink for Hangs {
    fn run_finished(&mut self, _: &RunSummary) -> Result<(), SinkError> {
        self.at(Place::Run);
        Ok(())
    }

    fn interval(&self) -> Option<Duration> {
        (self.place == Place::Poll).then_some(Duration::from_millis(1))
    }

    fn runs_in_flight(&mut self, _: &[RunSummary]) -> Result<(), SinkError> {
        self.at(Place::Poll);
        Ok(())
    }

    fn alert(&mut self, _: &Alert) -> Result<(), SinkError> {
        self.at(Place::Alert);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.at(Place::Flush);
        Ok(())
    }
}

impl Drop for Hangs {
    fn drop(&mut self) {
        self.at(Place::Drop);
    }
}

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn a_sink_that_hangs_anywhere_hangs_neither_a_flush_nor_the_end() {
    for place in [Place::Run, Place::Poll, Place::Alert, Place::Flush, Place::Drop] {
        let (sink, entered, go_on) = Hangs::new(place);
        let options = Delivery::new().flush_timeout(SHORT);
        let worker = spawn(vec![Box::new(Memory::new()), Box::new(sink)], options);
        worker.alert(None, alert());
        worker.deliver(|| run("a"));
        let named = |outcome: Result<(), FlushError>| {
            let error = outcome.expect_err("the sink hangs").to_string();
            assert!(error.starts_with("timed out after 20ms waiting for sink Hangs; "), "{place:?}: {error}");
        };
        match place {
            Place::Drop => worker.flush().unwrap(),
            Place::Flush => named(worker.flush()),
            _ => {
                entered.recv().unwrap();
                named(worker.flush());
            }
        }
        named(worker.close(SHORT));
        drop(go_on);
    }
}

#[test]
fn a_callback_that_hangs_is_named() {
    let worker = spawn(vec![], Delivery::new().flush_timeout(SHORT));
    let (entered, has_entered) = channel();
    let (go_on, may_go_on) = channel::<()>();
    worker.call_on_alert(vec![Box::new(move |_: &Alert| {
        entered.send(()).unwrap();
        let _ = may_go_on.recv();
    })]);
    worker.alert(None, alert());
    has_entered.recv().unwrap();
    let error = worker.flush().unwrap_err().to_string();
    assert!(error.contains("waiting for a callback of on_alert"), "{error}");
    drop(go_on);
    worker.flush().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn what_a_flush_without_a_caller_would_report_is_in_the_next_one() {
    let (entered, has_entered) = channel();
    let (go_on, may_go_on) = channel::<()>();
    struct Slow(Sender<()>, Receiver<()>);
    impl Sink for Slow {
        fn run_finished(&mut self, _: &RunSummary) -> Result<(), SinkError> {
            Err(SinkError::new("no room"))
        }
        fn flush(&mut self) -> Result<(), SinkError> {
            let _ = self.0.send(());
            let _ = self.1.recv();
            Ok(())
        }
    }
    let worker = spawn(vec![Box::new(Slow(entered, may_go_on))], no_pauses(0).flush_timeout(SHORT));
    worker.deliver(|| run("a"));
    worker.deliver(|| panic!("on purpose"));
    // The first one has the losses when its caller gives up; the second finds the thread inside the first.
    assert!(matches!(worker.flush(), Err(FlushError::TimedOut { .. })));
    assert!(matches!(worker.flush(), Err(FlushError::TimedOut { .. })));
    has_entered.recv().unwrap();
    drop(go_on);
    assert_eq!(
        worker.close(AMPLE).unwrap_err().to_string(),
        "sink Slow lost 1 run: no room; runs that reached no sink: 1"
    );
}

#[test]
fn a_sink_that_hangs_holds_up_one_root_and_then_none() {
    let (sink, entered, go_on) = held_sink();
    let memory = Memory::new();
    let options = Delivery::new().capacity(1).wait_timeout(SHORT);
    let worker = spawn(vec![sink, Box::new(memory.clone())], options);
    worker.deliver(|| run("held"));
    entered.recv().unwrap();
    worker.deliver(|| run("queued"));
    assert_eq!(worker.waits_are_in_vain(), (false, false));
    worker.deliver(|| run("queued after a moment"));
    assert_eq!(worker.waits_are_in_vain(), (true, false));
    (0..14).for_each(|_| worker.deliver(|| run("queued at once")));
    assert_eq!((worker.waits_are_in_vain(), worker.stats().lost), ((true, false), 0));
    worker.deliver(|| run("waits in vain"));
    assert_eq!(worker.waits_are_in_vain(), (true, true));
    (0..100).for_each(|_| worker.deliver(|| run("does not wait")));
    assert_eq!((worker.stats().lost, worker.stats().queued, worker.stats().dropped), (101, 17, 0));
    drop(go_on);
    let error = worker.flush().unwrap_err();
    assert_eq!(error, FlushError::Lost { sinks: vec![], lost: 101 });
    worker.deliver(|| run("later"));
    worker.flush().unwrap();
    assert_eq!(worker.waits_are_in_vain(), (false, false), "the thread has done something since");
    assert_eq!((ids(&memory).len(), ids(&memory).pop().as_deref()), (18, Some("later")));
}

/// A sink that goes on, but slowly, holds up root after root: the time is one for all of them.
#[test]
fn a_slow_sink_holds_up_all_roots_together_no_longer_than_one_time() {
    let lost_by = |pause: Duration, runs: usize| {
        let slow = move |_: &RunSummary| thread::sleep(pause);
        let worker =
            spawn(vec![Box::new(slow)], Delivery::new().capacity(1).wait_timeout(Duration::from_secs(2)));
        (0..runs).for_each(|_| worker.deliver(|| run("a")));
        let lost = worker.stats().lost;
        let _ = worker.close(SHORT);
        lost
    };
    // Each root alone would have its place within half a second.
    assert!(lost_by(Duration::from_millis(500), 50) >= 10);
    assert_eq!(lost_by(Duration::from_millis(1), 500), 0, "a sink that keeps up loses none");
}

#[test]
fn a_full_queue_before_a_sink_that_hangs_does_not_hang_the_end() {
    let (sink, entered, go_on) = held_sink();
    // Longer than the test may take: the runs that closing delivers wait only as long as closing may.
    let worker = spawn(vec![sink], Delivery::new().capacity(1).wait_timeout(AMPLE * 10));
    worker.deliver(|| run("held"));
    entered.recv().unwrap();
    (0..16).for_each(|_| worker.deliver(|| run("queued")));
    worker.start_closing(SHORT);
    worker.deliver(|| run("open until the end"));
    assert!(matches!(worker.close(SHORT), Err(FlushError::TimedOut { queued: 17, .. })));
    assert_eq!(worker.stats().lost, 18);
    drop(go_on);
}

#[test]
fn a_second_end_waits_for_the_first_and_returns_what_it_came_to() {
    let (sink, entered, go_on) = held_sink();
    let memory = Memory::new();
    let worker = spawn(vec![sink, Box::new(memory.clone())], Delivery::new());
    worker.deliver(|| run("a"));
    entered.recv().unwrap();
    thread::scope(|scope| {
        let ends: Vec<_> = (0..2).map(|_| scope.spawn(|| (worker.close(AMPLE), ids(&memory)))).collect();
        // Time for an end that wrongly does not wait; ends that wait cannot fail here.
        thread::sleep(SHORT);
        drop(go_on);
        for end in ends {
            assert_eq!(end.join().unwrap(), (Ok(()), vec!["a".to_owned()]));
        }
    });
}

/// A disk that syncs nothing before it is released.
fn slow_disk() -> (SyncFile, Sender<()>) {
    let (release, is_released) = channel::<()>();
    let is_released = Mutex::new(is_released);
    let sync = move |_: &File| {
        // The first that waits holds the lock; the others wait for it.
        let _ = is_released.lock().unwrap().recv();
        Ok(())
    };
    (Arc::new(sync), release)
}

fn fresh(name: &str) -> PathBuf {
    // In memory where there is such a place: the disk is the one of the test.
    let memory = PathBuf::from("/dev/shm");
    let above = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let directory = above.join(format!("tracing-budget-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    directory
}

#[test]
fn no_root_waits_for_a_sync() {
    const RUNS: usize = 10_000;
    let directory = fresh("slow-disk");
    let (disk, release) = slow_disk();
    let files = JsonDir::open(&directory, disk).unwrap();
    // A flush takes as long as the disk, which must not be longer than its timeout.
    let worker = spawn(vec![Box::new(files)], Delivery::new().flush_timeout(SHORT));
    for n in 0..RUNS {
        worker.deliver(move || run(&n.to_string()));
        // The one wait that a root may meet is that of two milliseconds for a place.
        assert!(!worker.waits_are_in_vain().1);
    }
    while worker.stats().sinks[0].delivered < RUNS as u64 {
        thread::sleep(Duration::from_millis(1));
    }
    // Nothing was synced so far, and each run has its whole file: neither a root nor the worker has waited for the disk.
    let whole = |n| fs::read(directory.join(format!("{n}.json"))).unwrap().ends_with(b"}\n");
    assert!((0..RUNS).all(whole));
    assert!(matches!(worker.flush(), Err(FlushError::TimedOut { .. })));
    drop(release);
    worker.close(AMPLE).unwrap();
    assert_eq!(worker.stats().sinks[0].failed, 0);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_flush_has_synced_every_file_and_each_file_alone_only_where_it_is_wanted() {
    for each in [false, true] {
        let directory = fresh(if each { "each" } else { "batch" });
        let synced = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&synced);
        let disk = move |_: &File| {
            counted.fetch_add(1, SeqCst);
            Ok(())
        };
        let mut files = JsonDir::open(&directory, Arc::new(disk)).unwrap();
        if each {
            files = files.sync_each_file();
        }
        for n in 0..10 {
            files.run_finished(&run(&n.to_string())).unwrap();
        }
        if each {
            assert_eq!(synced.load(SeqCst), 20, "each file, and the directory with its name");
        }
        files.flush().unwrap();
        assert_eq!(synced.load(SeqCst), if each { 20 } else { 11 });
        fs::remove_dir_all(directory).unwrap();
    }
}

#[test]
fn a_file_that_cannot_be_synced_is_an_error_of_the_flush() {
    let directory = fresh("broken-disk");
    let broken = |_: &File| Err(io::Error::other("disk on fire"));
    let files = JsonDir::open(&directory, Arc::new(broken)).unwrap();
    let worker = spawn(vec![Box::new(files)], Delivery::new());
    worker.deliver(|| run("a"));
    let error = worker.flush().unwrap_err().to_string();
    assert!(
        error
            .starts_with("sink JsonDir could not be flushed: 2 of its files may not survive a power failure"),
        "{error}"
    );
    worker.close(AMPLE).unwrap();
    fs::remove_dir_all(directory).unwrap();
}

fn alert() -> Alert {
    Alert {
        run_id: "a".to_owned(),
        project: String::new(),
        pipeline: String::new(),
        scope: LimitScope::Run,
        percent: 50,
        used: Amount::Tokens(50),
        limit: Amount::Tokens(100),
        at: Timestamp::from_unix_ms(0).unwrap(),
    }
}

#[test]
fn a_worker_that_has_died_loses_runs_and_nothing_else() {
    let mut worker = spawn(vec![], Delivery::new());
    worker.disconnect();
    while !worker.has_ended() {
        thread::yield_now();
    }
    worker.deliver(|| run("a"));
    worker.deliver(|| run("b"));
    assert_eq!(worker.flush(), Err(FlushError::Ended { lost: 2 }));
    assert_eq!(worker.close(AMPLE), Ok(()));
    assert_eq!((worker.stats().lost, worker.stats().queued), (2, 0));
}

#[test]
fn a_worker_that_is_dropped_still_delivers() {
    struct Last(Sender<String>);
    impl Sink for Last {
        fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
            self.0.send(run.run_id.clone()).map_err(SinkError::new)
        }
        fn flush(&mut self) -> Result<(), SinkError> {
            self.0.send("flushed".to_owned()).map_err(SinkError::new)
        }
    }
    let (sender, received) = channel();
    let worker = spawn(vec![Box::new(Last(sender))], Delivery::new());
    worker.deliver(|| run("a"));
    drop(worker);
    assert_eq!(received.iter().collect::<Vec<_>>(), ["a", "flushed"]);
}

#[test]
fn a_loss_is_printed_once_on_stderr() {
    if let Some(output) = alone("a_loss_is_printed_once_on_stderr") {
        let stderr = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<_> = stderr.lines().filter(|line| line.starts_with("tracing-budget: ")).collect();
        assert_eq!(
            lines,
            [
                "tracing-budget: sink Trial lost run \"a\": no room; further losses are only counted",
                "tracing-budget: sink Trial lost 3 runs in all",
                "tracing-budget: a run reached no sink: the guard was dropped (keep it until the end of main); further ones are only counted",
            ]
        );
        return;
    }
    let worker = spawn(vec![Box::new(Trial(|_: &RunSummary| Err(SinkError::new("no room"))))], no_pauses(2));
    for id in ["a", "b", "c"] {
        worker.deliver(move || run(id));
    }
    worker.close(AMPLE).unwrap_err();
    worker.deliver(|| run("late"));
    worker.deliver(|| run("later"));
}

#[test]
fn events_of_a_sink_reach_no_subscriber() {
    static EVENTS: AtomicUsize = AtomicUsize::new(0);

    struct Count;
    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Count {
        fn on_event(&self, _: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
            EVENTS.fetch_add(1, SeqCst);
        }
    }

    if alone("events_of_a_sink_reach_no_subscriber").is_some() {
        return;
    }
    use tracing_subscriber::layer::SubscriberExt;
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Count)).unwrap();
    let sink = |_: &RunSummary| tracing::error!("from the sink");
    let worker = Worker::spawn(vec![Box::new(sink)], Delivery::new(), || ()).unwrap();
    worker.deliver(|| {
        tracing::error!("from the summary");
        run("a")
    });
    worker.flush().unwrap();
    assert_eq!(worker.stats().sinks[0].delivered, 1);
    assert_eq!(EVENTS.load(SeqCst), 0);
    tracing::error!("from the pipeline");
    assert_eq!(EVENTS.load(SeqCst), 1);
}
