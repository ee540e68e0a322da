//! Monotonic time of spans, and the wall time that it is converted to.

use std::time::{Duration, Instant, SystemTime};

/// A time of the monotonic clock: nanoseconds since the layer was built. A `u64` holds 584 years of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
    /// The moment so many nanoseconds after the layer was built.
    pub(crate) fn at(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the layer was built.
    // Inlined: a field read, several times per closed span.
    #[inline]
    pub(crate) fn nanos(self) -> u64 {
        self.0
    }

    /// Nanoseconds from an earlier moment to this one.
    // Inlined: one subtraction, once per closed span. It saturates: two threads' reads may be reordered.
    #[inline]
    pub(crate) fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The monotonic clock that spans are timed by, and the wall time at its zero.
///
/// The wall clock is read once, when the layer is built. If it were read per span, setting it back in the middle of a run would
/// make a stage end before it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    instant: Instant,
    wall: SystemTime,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { instant: Instant::now(), wall: SystemTime::now() }
    }

    /// The current moment.
    // Inlined: a call and a subtraction.
    #[inline]
    pub(crate) fn now(&self) -> Moment {
        self.moment(Instant::now())
    }

    /// The moment of an instant. It takes longer than to read the clock: spans keep the instant.
    // Inlined: see `now`.
    #[inline]
    pub(crate) fn moment(&self, instant: Instant) -> Moment {
        Moment(nanos_between(self.instant, instant))
    }

    /// The first moment of the minute of wall time that a moment is in, and the first moment after it. The first is zero at the
    /// earliest, when the layer was built.
    pub(crate) fn minute(&self, at: Moment) -> (Moment, Moment) {
        const MINUTE: u64 = 60_000_000_000;
        let wall = self.wall(at).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let into = (wall.as_nanos() % u128::from(MINUTE)) as u64;
        (Moment(at.0.saturating_sub(into)), Moment(at.0.saturating_add(MINUTE - into)))
    }

    /// The monotonic time at moment zero.
    pub(crate) fn instant(&self) -> Instant {
        self.instant
    }

    /// The wall time at moment zero.
    pub(crate) fn origin(&self) -> SystemTime {
        self.wall
    }

    /// The wall time of a moment.
    pub(crate) fn wall(&self, at: Moment) -> SystemTime {
        self.wall + Duration::from_nanos(at.0)
    }
}

/// Nanoseconds from one instant to another; 0 if that is earlier.
// Inlined: a call and a multiplication. The cast cannot truncate before 584 years have passed.
#[inline]
pub(crate) fn nanos_between(from: Instant, to: Instant) -> u64 {
    to.duration_since(from).as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_the_time_since_the_clock_was_made() {
        let clock = Clock::new();
        let earliest = clock.instant().elapsed();
        let at = Duration::from_nanos(clock.now().nanos());
        let latest = clock.instant().elapsed();
        assert!(earliest <= at && at <= latest, "{earliest:?} {at:?} {latest:?}");
    }

    #[test]
    fn a_minute_ends_where_the_next_one_begins() {
        let clock = Clock { wall: SystemTime::UNIX_EPOCH + Duration::from_secs(90), ..Clock::new() };
        let seconds = |seconds: u64| Moment(seconds * 1_000_000_000);
        assert_eq!(clock.minute(seconds(0)), (seconds(0), seconds(30)));
        assert_eq!(clock.minute(seconds(29)), (seconds(0), seconds(30)));
        assert_eq!(clock.minute(seconds(30)), (seconds(30), seconds(90)));
        assert_eq!(clock.minute(seconds(100)), (seconds(90), seconds(150)));
    }
}
