//! One sink, and how it stands.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use super::super::{Sink, SinkError, SinkLoss, SinkStats};
use super::looks::Looks;
use super::shared::{Shared, caught};
use crate::limit::Alert;
use crate::summary::RunSummary;

pub(super) struct Outlet {
    sink: Box<dyn Sink>,
    name: String,
    /// Its place in the statistics.
    at: usize,
    /// Whether it has lost its last run to an error; while so, it gets one attempt a run.
    broken: bool,
    /// Why its last failed attempt failed.
    reason: String,
    lost_since_flush: u64,
    said: bool,
    said_look: bool,
    said_alert: bool,
    /// Whether it took the run that it was given last.
    pub(super) has_taken: bool,
    pub(super) looks: Option<Looks>,
    shared: Arc<Shared>,
}

impl Outlet {
    pub(super) fn new(sink: Box<dyn Sink>, shared: Arc<Shared>) -> Self {
        let name = caught(|| sink.name().into_owned()).unwrap_or_else(|_| "without a name".to_owned());
        let interval = caught(|| sink.interval()).unwrap_or_default();
        let looks = interval.map(Looks::every);
        if looks.is_some() {
            shared.is_watched.store(true, SeqCst);
        }
        let mut sinks = shared.sinks();
        let at = sinks.len();
        sinks.push(SinkStats { name: name.clone(), ..SinkStats::default() });
        drop(sinks);
        Self {
            sink,
            name,
            at,
            broken: false,
            reason: String::new(),
            lost_since_flush: 0,
            said: false,
            said_look: false,
            said_alert: false,
            has_taken: false,
            looks,
            shared,
        }
    }

    /// Shows the runs in flight.
    pub(super) fn show(&mut self, runs: &[RunSummary]) {
        let Err((reason, _)) = outcome(|| self.sink.runs_in_flight(runs)) else { return };
        if !self.said_look {
            self.said_look = true;
            let Self { name, shared, .. } = &*self;
            shared.say(&format!(
                "sink {name} did not take the runs in flight: {reason}; further misses are only counted"
            ));
        }
        self.count(|stats| {
            stats.missed_looks += 1;
            stats.last_error = Some(reason);
        });
    }

    /// Tells of an alert.
    pub(super) fn alert(&mut self, alert: &Alert) {
        let Err((reason, _)) = outcome(|| self.sink.alert(alert)) else { return };
        if !self.said_alert {
            self.said_alert = true;
            let Self { name, shared, .. } = &*self;
            shared.say(&format!(
                "sink {name} did not take an alert: {reason}; further misses are only counted"
            ));
        }
        self.count(|stats| {
            stats.missed_alerts += 1;
            stats.last_error = Some(reason);
        });
    }

    /// Gives a run; whether it should be given again.
    pub(super) fn give(&mut self, run: &RunSummary) -> bool {
        let again = self.attempt(run);
        if again && self.broken {
            self.lose(run);
            return false;
        }
        again
    }

    /// Gives a run that failed; whether it should be given yet again.
    pub(super) fn give_again(&mut self, run: &RunSummary) -> bool {
        self.count(|stats| stats.retries += 1);
        self.attempt(run)
    }

    /// Counts a run that failed to the last, and says so the first time.
    pub(super) fn lose(&mut self, run: &RunSummary) {
        self.broken = true;
        self.lost_since_flush += 1;
        self.count(|stats| stats.failed += 1);
        if !self.said {
            self.said = true;
            let Self { name, reason, shared, .. } = &*self;
            shared.say(&format!(
                "sink {name} lost run {:?}: {reason}; further losses are only counted",
                run.run_id
            ));
        }
    }

    /// Flushes the sink; what it has lost since the last time.
    pub(super) fn flush(&mut self) -> Option<SinkLoss> {
        let flushed = outcome(|| self.sink.flush()).map_err(|(reason, _)| reason);
        if let Err(reason) = &flushed {
            self.count(|stats| stats.last_error = Some(reason.clone()));
        }
        let runs = std::mem::take(&mut self.lost_since_flush);
        // That runs are lost is the worse news.
        let reason = if runs > 0 { self.reason.clone() } else { flushed.err()? };
        Some(SinkLoss { sink: self.name.clone(), runs, reason })
    }

    /// Drops the sink, which may panic too.
    pub(super) fn end(self) {
        let _ = caught(|| drop(self.sink));
    }

    fn attempt(&mut self, run: &RunSummary) -> bool {
        let outcome = outcome(|| self.sink.run_finished(run));
        self.has_taken = outcome.is_ok();
        match outcome {
            Ok(()) => {
                self.broken = false;
                self.count(|stats| stats.delivered += 1);
                false
            }
            Err((reason, again)) => {
                self.count(|stats| stats.last_error = Some(reason.clone()));
                self.reason = reason;
                // A sink that panicked may have done half of its work; it gets the next run, not this one.
                if !again {
                    self.lose(run);
                    self.broken = false;
                }
                again
            }
        }
    }

    fn count(&self, add: impl FnOnce(&mut SinkStats)) {
        if let Some(stats) = self.shared.sinks().get_mut(self.at) {
            add(stats);
        }
    }
}

/// What a sink said, or why not and whether to ask again.
fn outcome(ask: impl FnOnce() -> Result<(), SinkError>) -> Result<(), (String, bool)> {
    // An error's text and its end are the user's code as well.
    match caught(|| ask().map_err(|error| error.to_string())) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(reason)) => Err((reason, true)),
        Err(reason) => Err((reason, false)),
    }
}
