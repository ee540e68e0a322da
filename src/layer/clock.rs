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

    /// A clock with its zero at a wall time.
    #[cfg(test)]
    pub(crate) fn at(wall: SystemTime) -> Self {
        Self { wall, ..Self::new() }
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

    /// The moment of a wall time: the inverse of [`wall`](Self::wall). Zero at the earliest, when the layer was built.
    pub(crate) fn moment_at(&self, wall: SystemTime) -> Moment {
        Moment(wall.duration_since(self.wall).map_or(0, |since| since.as_nanos() as u64))
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
    fn the_moment_of_a_wall_time_is_zero_at_the_earliest() {
        let clock = Clock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(90));
        for nanos in [0, 1, 30_000_000_000] {
            assert_eq!(clock.moment_at(clock.wall(Moment(nanos))), Moment(nanos));
        }
        assert_eq!(clock.moment_at(SystemTime::UNIX_EPOCH), Moment(0));
    }
}
