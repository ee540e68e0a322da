//! One sink on the delivery thread: its attempts, its schedule and its figures.

use std::sync::Arc;

use super::delivery_state::{Awaited, DeliveryState};
use super::diagnostics::{catch_panic, print_diagnostic};
use super::poll_schedule::PollSchedule;
use super::{Sink, SinkError, SinkLoss, SinkStats};
use crate::limit::Alert;
use crate::summary::RunSummary;

/// Calls one sink, and counts what it takes and what it fails to take.
pub(super) struct SinkWorker {
    sink: Box<dyn Sink>,
    name: String,
    /// The sink's position in the statistics.
    position: usize,
    /// Whether the last run was lost to an error. Until a run is taken, each gets one attempt.
    is_broken: bool,
    /// The error of the last failed attempt.
    last_error: String,
    lost_since_flush: u64,
    // Each kind of failure is printed once: a sink that stays broken would fill the terminal.
    has_warned_of_run: bool,
    has_warned_of_poll: bool,
    has_warned_of_alert: bool,
    /// Whether the sink took the last run.
    pub(super) has_taken: bool,
    /// `None` if the sink never polls the runs in flight.
    pub(super) polls: Option<PollSchedule>,
    state: Arc<DeliveryState>,
}

impl SinkWorker {
    pub(super) fn new(sink: Box<dyn Sink>, state: Arc<DeliveryState>) -> Self {
        let name = catch_panic(|| sink.name().into_owned()).unwrap_or_else(|_| "without a name".to_owned());
        let interval = catch_panic(|| sink.interval()).unwrap_or_default();
        let polls = interval.map(PollSchedule::every);
        if polls.is_some() {
            state.set_has_polls();
        }
        let position = state.add_sink(SinkStats { name: name.clone(), ..SinkStats::default() });
        Self {
            sink,
            name,
            position,
            is_broken: false,
            last_error: String::new(),
            lost_since_flush: 0,
            has_warned_of_run: false,
            has_warned_of_poll: false,
            has_warned_of_alert: false,
            has_taken: false,
            polls,
            state,
        }
    }

    /// Gives the runs in flight to the sink. They are not given again after an error: the next poll has newer figures.
    pub(super) fn poll(&mut self, runs: &[RunSummary]) {
        let Err(Failure { reason, .. }) = self.attempt(|sink| sink.runs_in_flight(runs)) else { return };
        if !std::mem::replace(&mut self.has_warned_of_poll, true) {
            print_diagnostic(&format!(
                "sink {} did not take the runs in flight: {reason}; further failures are only counted",
                self.name
            ));
        }
        self.count(|stats| {
            stats.missed_polls += 1;
            stats.last_error = Some(reason);
        });
    }

    /// Gives an alert to the sink.
    pub(super) fn alert(&mut self, alert: &Alert) {
        let Err(Failure { reason, .. }) = self.attempt(|sink| sink.alert(alert)) else { return };
        if !std::mem::replace(&mut self.has_warned_of_alert, true) {
            print_diagnostic(&format!(
                "sink {} did not take an alert: {reason}; further failures are only counted",
                self.name
            ));
        }
        self.count(|stats| {
            stats.missed_alerts += 1;
            stats.last_error = Some(reason);
        });
    }

    /// Gives a run to the sink. Returns whether it has to be given again.
    pub(super) fn give(&mut self, run: &RunSummary) -> bool {
        let is_due_again = self.give_once(run);
        if is_due_again && self.is_broken {
            // Without the pauses of further attempts: a broken sink must not fill the queue.
            self.lose(run);
            return false;
        }
        is_due_again
    }

    /// Gives a run that failed before. Returns whether it has to be given yet again.
    pub(super) fn give_again(&mut self, run: &RunSummary) -> bool {
        self.count(|stats| stats.retries += 1);
        self.give_once(run)
    }

    /// Counts a run that failed in its last attempt.
    pub(super) fn lose(&mut self, run: &RunSummary) {
        self.is_broken = true;
        self.lost_since_flush += 1;
        self.count(|stats| stats.failed += 1);
        if !std::mem::replace(&mut self.has_warned_of_run, true) {
            print_diagnostic(&format!(
                "sink {} lost run {:?}: {}; further losses are only counted",
                self.name, run.run_id, self.last_error
            ));
        }
    }

    /// Flushes the sink. Returns what it failed to do since the last flush.
    pub(super) fn flush(&mut self) -> Option<SinkLoss> {
        let flushed = self.attempt(|sink| sink.flush()).map_err(|failure| failure.reason);
        if let Err(reason) = &flushed {
            self.count(|stats| stats.last_error = Some(reason.clone()));
        }
        let runs = std::mem::take(&mut self.lost_since_flush);
        // A loss has one reason. Lost runs are worse than a failed flush.
        let reason = if runs > 0 { self.last_error.clone() } else { flushed.err()? };
        Some(SinkLoss { sink: self.name.clone(), runs, reason })
    }

    /// Drops the sink, which may panic as well.
    pub(super) fn close(self) {
        self.state.enter(Awaited::Sink(self.position));
        let _ = catch_panic(|| drop(self.sink));
        self.state.leave();
    }

    fn give_once(&mut self, run: &RunSummary) -> bool {
        let outcome = self.attempt(|sink| sink.run_finished(run));
        self.has_taken = outcome.is_ok();
        match outcome {
            Ok(()) => {
                self.is_broken = false;
                self.count(|stats| stats.delivered += 1);
                false
            }
            Err(Failure { reason, has_panicked }) => {
                self.count(|stats| stats.last_error = Some(reason.clone()));
                self.last_error = reason;
                // A sink that panicked may have written half of the run: a second attempt could write it twice.
                if has_panicked {
                    self.lose(run);
                    self.is_broken = false;
                }
                !has_panicked
            }
        }
    }

    fn attempt(&mut self, call: impl FnOnce(&mut dyn Sink) -> Result<(), SinkError>) -> Result<(), Failure> {
        self.state.enter(Awaited::Sink(self.position));
        // The error's text is made, and the error dropped, inside: both are the user's code, and may panic.
        let outcome = catch_panic(|| call(&mut *self.sink).map_err(|error| error.to_string()));
        self.state.leave();
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(reason)) => Err(Failure { reason, has_panicked: false }),
            Err(reason) => Err(Failure { reason, has_panicked: true }),
        }
    }

    fn count(&self, add: impl FnOnce(&mut SinkStats)) {
        self.state.count(self.position, add);
    }
}

/// Why a call of a sink failed.
struct Failure {
    reason: String,
    has_panicked: bool,
}
