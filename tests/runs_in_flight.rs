//! A sink that requests them sees the runs in flight, without a call of the pipeline waiting for it.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tracing_budget::sink::{Sink, SinkError};
use tracing_budget::{BudgetGuard, RunSummary, Status, layer};
use tracing_subscriber::prelude::*;

const AMPLE: Duration = Duration::from_secs(60);

enum Seen {
    InFlight(Vec<RunSummary>),
    Finished(Box<RunSummary>),
}

struct Watcher {
    seen: Sender<Seen>,
    interval: Option<Duration>,
    fails: bool,
}

impl Sink for Watcher {
    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        self.seen.send(Seen::Finished(Box::new(run.clone()))).map_err(SinkError::new)
    }

    fn interval(&self) -> Option<Duration> {
        self.interval
    }

    fn runs_in_flight(&mut self, runs: &[RunSummary]) -> Result<(), SinkError> {
        self.seen.send(Seen::InFlight(runs.to_vec())).map_err(SinkError::new)?;
        if self.fails { Err(SinkError::new("no room for it")) } else { Ok(()) }
    }
}

fn watched(
    interval: Option<Duration>,
    fails: bool,
) -> (impl tracing::Subscriber, BudgetGuard, Receiver<Seen>) {
    let (seen, sees) = channel();
    let (budget, guard) =
        layer().usage_events([module_path!()]).sink(Watcher { seen, interval, fails }).build().unwrap();
    (tracing_subscriber::registry().with(budget), guard, sees)
}

/// The next look at which something is in flight.
fn next_look(sees: &Receiver<Seen>) -> Vec<RunSummary> {
    loop {
        match sees.recv_timeout(AMPLE).unwrap() {
            Seen::InFlight(runs) if !runs.is_empty() => return runs,
            Seen::InFlight(_) => {}
            Seen::Finished(run) => panic!("{} has finished", run.pipeline),
        }
    }
}

#[test]
fn a_run_is_seen_when_it_begins_and_as_it_grows() {
    let (subscriber, guard, sees) = watched(Some(Duration::from_millis(20)), false);
    tracing::subscriber::with_default(subscriber, || {
        let pipeline = tracing::info_span!("pipeline").entered();
        tracing::info!(model = "m", input_tokens = 1, output_tokens = 1);
        let first = next_look(&sees);
        assert_eq!((first.len(), first[0].status), (1, Status::Running));
        // The first look may be taken while the event is being booked.
        while next_look(&sees)[0].budget_summary.total.tokens_used != Some(2) {}

        tracing::info!(model = "m", input_tokens = 40, output_tokens = 0);
        while next_look(&sees)[0].budget_summary.total.tokens_used != Some(42) {}
        drop(pipeline);
    });
    guard.flush().unwrap();
    let finished = sees.try_iter().find_map(|seen| match seen {
        Seen::Finished(run) => Some(run),
        Seen::InFlight(_) => None,
    });
    assert_eq!(finished.unwrap().budget_summary.total.tokens_used, Some(42));
    // The last look finds nothing, and then it is quiet until something begins.
    loop {
        match sees.recv_timeout(AMPLE).unwrap() {
            Seen::InFlight(runs) if runs.is_empty() => break,
            _ => {}
        }
    }
    assert!(sees.recv_timeout(Duration::from_millis(200)).is_err(), "an idle program is left alone");
}

#[test]
fn the_beginning_itself_brings_a_look() {
    let (subscriber, guard, sees) = watched(Some(Duration::from_secs(3_600)), false);
    tracing::subscriber::with_default(subscriber, || {
        let _pipeline = tracing::info_span!("pipeline").entered();
        tracing::info!(model = "m", input_tokens = 1, output_tokens = 1);
        assert_eq!(next_look(&sees)[0].pipeline, "pipeline");
    });
    guard.flush().unwrap();
}

#[test]
fn a_sink_that_does_not_ask_sees_none() {
    let (subscriber, guard, sees) = watched(None, false);
    tracing::subscriber::with_default(subscriber, || {
        let _pipeline = tracing::info_span!("pipeline").entered();
        tracing::info!(model = "m", input_tokens = 1, output_tokens = 1);
    });
    guard.flush().unwrap();
    let seen: Vec<_> = sees.try_iter().collect();
    assert!(matches!(seen[..], [Seen::Finished(_)]), "{} seen", seen.len());
}

#[test]
fn a_look_that_is_not_taken_is_counted_and_the_run_arrives() {
    let (subscriber, guard, sees) = watched(Some(Duration::from_millis(5)), true);
    tracing::subscriber::with_default(subscriber, || {
        let _pipeline = tracing::info_span!("pipeline").entered();
        tracing::info!(model = "m", input_tokens = 1, output_tokens = 1);
        next_look(&sees);
        next_look(&sees);
    });
    guard.flush().unwrap();
    let stats = guard.handle().stats().delivery;
    assert!(stats.sinks[0].missed_polls >= 1, "{stats:?}");
    assert_eq!(stats.sinks[0].last_error.as_deref(), Some("no room for it"));
    assert_eq!((stats.sinks[0].delivered, stats.sinks[0].failed), (1, 0));
}
