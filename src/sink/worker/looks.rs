//! When a sink is shown the runs in flight.

use std::time::{Duration, Instant};

/// Looks at regular intervals while there is something to see; an idle program is not woken.
#[derive(Debug)]
pub(super) struct Looks {
    interval: Duration,
    /// When the next look is due; `None` while nothing is in flight.
    due: Option<Instant>,
    last: Option<Instant>,
}

impl Looks {
    pub(super) fn every(interval: Duration) -> Self {
        // A sink that asks for no pause at all would keep the thread busy with it alone.
        Self { interval: interval.max(Duration::from_millis(1)), due: None, last: None }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// A run has begun: it is to be seen soon, but a thousand short runs are not to be a thousand looks.
    pub(super) fn soon(&mut self, now: Instant) {
        let soon = self.last.map_or(now, |last| now.max(last + self.interval / 10));
        self.due = Some(self.due.map_or(soon, |due| due.min(soon)));
    }

    /// A run has ended: a sink that keeps what it takes for a while is to have a moment to write it.
    pub(super) fn at_last(&mut self, now: Instant) {
        self.due.get_or_insert(now + self.interval);
    }

    /// A look has been taken: the next is due after the interval, or not before something begins if nothing was there.
    pub(super) fn taken(&mut self, now: Instant, was_empty: bool) {
        self.last = Some(now);
        self.due = (!was_empty).then(|| now + self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(1);

    #[test]
    fn nothing_is_due_until_something_begins() {
        let now = Instant::now();
        let mut looks = Looks::every(INTERVAL);
        assert_eq!(looks.due(), None);
        looks.soon(now);
        assert_eq!(looks.due(), Some(now));
        looks.taken(now, false);
        assert_eq!(looks.due(), Some(now + INTERVAL));
        looks.taken(now + INTERVAL, true);
        assert_eq!(looks.due(), None);
    }

    #[test]
    fn an_end_that_came_after_the_last_look_is_followed_by_one() {
        let now = Instant::now();
        let mut looks = Looks::every(INTERVAL);
        looks.taken(now, true);
        looks.at_last(now);
        assert_eq!(looks.due(), Some(now + INTERVAL));
        looks.at_last(now + INTERVAL / 2);
        assert_eq!(looks.due(), Some(now + INTERVAL), "it is not put off");
    }

    #[test]
    fn many_beginnings_are_one_look() {
        let now = Instant::now();
        let mut looks = Looks::every(INTERVAL);
        looks.taken(now, false);
        looks.soon(now + Duration::from_millis(1));
        looks.soon(now + Duration::from_millis(2));
        assert_eq!(looks.due(), Some(now + INTERVAL / 10));
        let late = now + INTERVAL * 3;
        looks.soon(late);
        assert_eq!(looks.due(), Some(now + INTERVAL / 10), "a look that is due stays due");
    }

    #[test]
    fn no_pause_at_all_is_a_short_one() {
        let now = Instant::now();
        let mut looks = Looks::every(Duration::ZERO);
        looks.taken(now, false);
        assert!(looks.due() > Some(now));
    }
}
