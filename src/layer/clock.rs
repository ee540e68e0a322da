//! Monotonic and wall time, tied together once.

use std::time::{Duration, Instant, SystemTime};

/// A moment of the monotonic clock: nanoseconds since the layer was built. Enough for five hundred years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
    /// Nanoseconds since the layer was built.
    #[inline]
    pub(crate) fn nanos(self) -> u64 {
        self.0
    }

    /// Nanoseconds from an earlier moment to this one.
    #[inline]
    pub(crate) fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Spans are timed by the monotonic clock alone; the wall clock is asked once, when the layer is built, so that a clock
/// that is set back in the middle of a run cannot make a stage end before it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    instant: Instant,
    wall: SystemTime,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { instant: Instant::now(), wall: SystemTime::now() }
    }

    #[inline]
    pub(crate) fn now(&self) -> Moment {
        let since = self.instant.elapsed();
        Moment(since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos()))
    }

    /// The moments between which a moment's minute of wall time lies, as far as the layer has lived in it.
    pub(crate) fn minute(&self, at: Moment) -> (Moment, Moment) {
        const MINUTE: u64 = 60_000_000_000;
        let wall = self.wall(at).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let into = (wall.as_nanos() % u128::from(MINUTE)) as u64;
        (Moment(at.0.saturating_sub(into)), Moment(at.0.saturating_add(MINUTE - into)))
    }

    /// The moment zero.
    #[cfg(feature = "journal")]
    pub(crate) fn instant(&self) -> Instant {
        self.instant
    }

    /// The wall time that moments are counted from.
    pub(crate) fn origin(&self) -> SystemTime {
        self.wall
    }

    /// The wall time of a moment.
    pub(crate) fn wall(&self, at: Moment) -> SystemTime {
        self.wall + Duration::from_nanos(at.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_ends_where_the_next_one_begins() {
        let clock = Clock { instant: Instant::now(), wall: SystemTime::UNIX_EPOCH + Duration::from_secs(90) };
        let seconds = |seconds: u64| Moment(seconds * 1_000_000_000);
        assert_eq!(clock.minute(seconds(0)), (seconds(0), seconds(30)));
        assert_eq!(clock.minute(seconds(29)), (seconds(0), seconds(30)));
        assert_eq!(clock.minute(seconds(30)), (seconds(30), seconds(90)));
        assert_eq!(clock.minute(seconds(100)), (seconds(90), seconds(150)));
    }
}
