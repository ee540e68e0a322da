//! Monotonic and wall time, tied together once.

use std::time::Instant;
use std::time::{Duration, SystemTime};

#[cfg(target_os = "linux")]
use rustix::time::{ClockId, clock_gettime};

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
    /// The moment zero in nanoseconds of the monotonic clock.
    #[cfg(target_os = "linux")]
    zero: u64,
}

/// Nanoseconds of the clock that `std::time::Instant` shows, which keeps them to itself: what it does to tell two of its values
/// apart takes longer than to look at the clock.
#[cfg(target_os = "linux")]
#[inline]
fn monotonic() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            instant: Instant::now(),
            wall: SystemTime::now(),
            #[cfg(target_os = "linux")]
            zero: monotonic(),
        }
    }

    #[cfg(target_os = "linux")]
    #[inline]
    pub(crate) fn now(&self) -> Moment {
        // It never goes back.
        Moment(monotonic().wrapping_sub(self.zero))
    }

    #[cfg(not(target_os = "linux"))]
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
        let clock = Clock { wall: SystemTime::UNIX_EPOCH + Duration::from_secs(90), ..Clock::new() };
        let seconds = |seconds: u64| Moment(seconds * 1_000_000_000);
        assert_eq!(clock.minute(seconds(0)), (seconds(0), seconds(30)));
        assert_eq!(clock.minute(seconds(29)), (seconds(0), seconds(30)));
        assert_eq!(clock.minute(seconds(30)), (seconds(30), seconds(90)));
        assert_eq!(clock.minute(seconds(100)), (seconds(90), seconds(150)));
    }
}
