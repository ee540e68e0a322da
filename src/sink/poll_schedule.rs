//! When a sink is given the runs in flight.

use std::time::{Duration, Instant};

/// The schedule of one sink that polls the runs in flight. While no run is in flight nothing is due, so that an idle
/// program is not woken.
#[derive(Debug)]
pub(super) struct PollSchedule {
    interval: Duration,
    /// When the next poll is due; `None` while nothing is in flight.
    due: Option<Instant>,
    last: Option<Instant>,
}

impl PollSchedule {
    pub(super) fn every(interval: Duration) -> Self {
        // At an interval of zero the thread would do nothing but poll this sink.
        Self { interval: interval.max(Duration::from_millis(1)), due: None, last: None }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// A run started: it is shown soon. A tenth of the interval keeps a thousand short runs from causing a thousand polls.
    pub(super) fn run_started(&mut self, now: Instant) {
        let soon = self.last.map_or(now, |last| now.max(last + self.interval / 10));
        self.due = Some(self.due.map_or(soon, |due| due.min(soon)));
    }

    /// A run ended: one more poll is due after the interval. A sink that batches what it takes writes it then.
    pub(super) fn run_ended(&mut self, now: Instant) {
        self.due.get_or_insert(now + self.interval);
    }

    /// A poll was done: the next is due after the interval, or when a run starts if none was in flight.
    pub(super) fn polled(&mut self, now: Instant, was_empty: bool) {
        self.last = Some(now);
        self.due = (!was_empty).then(|| now + self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(1);

    #[test]
    fn nothing_is_due_until_a_run_starts() {
        let now = Instant::now();
        let mut schedule = PollSchedule::every(INTERVAL);
        assert_eq!(schedule.due(), None);
        schedule.run_started(now);
        assert_eq!(schedule.due(), Some(now));
        schedule.polled(now, false);
        assert_eq!(schedule.due(), Some(now + INTERVAL));
        schedule.polled(now + INTERVAL, true);
        assert_eq!(schedule.due(), None);
    }

    #[test]
    fn a_run_that_ends_after_the_last_poll_is_followed_by_one() {
        let now = Instant::now();
        let mut schedule = PollSchedule::every(INTERVAL);
        schedule.polled(now, true);
        schedule.run_ended(now);
        assert_eq!(schedule.due(), Some(now + INTERVAL));
        schedule.run_ended(now + INTERVAL / 2);
        assert_eq!(schedule.due(), Some(now + INTERVAL), "it is not put off");
    }

    #[test]
    fn many_starts_are_one_poll() {
        let now = Instant::now();
        let mut schedule = PollSchedule::every(INTERVAL);
        schedule.polled(now, false);
        schedule.run_started(now + Duration::from_millis(1));
        schedule.run_started(now + Duration::from_millis(2));
        assert_eq!(schedule.due(), Some(now + INTERVAL / 10));
        let late = now + INTERVAL * 3;
        schedule.run_started(late);
        assert_eq!(schedule.due(), Some(now + INTERVAL / 10), "a poll that is due stays due");
    }

    #[test]
    fn an_interval_of_zero_is_a_short_one() {
        let now = Instant::now();
        let mut schedule = PollSchedule::every(Duration::ZERO);
        schedule.polled(now, false);
        assert!(schedule.due() > Some(now));
    }
}
