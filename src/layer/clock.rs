//! Monotonic time of spans, and the wall time that it is converted to.

use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant, SystemTime};

/// A time of the monotonic clock: nanoseconds since the layer was built. A `u64` holds 584 years of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

impl Moment {
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
    /// `instant` in nanoseconds, if the numbers of an `Instant` can be read: see [`Numbers`].
    zero: Option<u64>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let instant = Instant::now();
        Self {
            instant,
            wall: SystemTime::now(),
            zero: Numbers::are_readable(instant).then(|| Numbers::of(instant)),
        }
    }

    /// The current moment.
    // Inlined: called twice per span, and one multiplication and two additions are cheaper than a call.
    #[inline]
    pub(crate) fn now(&self) -> Moment {
        match self.zero {
            Some(zero) => Moment(Numbers::of(Instant::now()).wrapping_sub(zero)),
            None => self.now_by_subtraction(),
        }
    }

    #[cold]
    fn now_by_subtraction(&self) -> Moment {
        let since = self.instant.elapsed();
        Moment(since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos()))
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

/// The seconds and nanoseconds inside an [`Instant`], which it gives to a hasher and to nothing else.
///
/// The public way to a number is a subtraction of two values. It costs 60 instructions more per read, which is a tenth of what
/// a call costs altogether. How an `Instant` hashes is not documented, so [`Numbers::are_readable`] verifies it when a clock is
/// made; where it fails, the clock subtracts.
#[derive(Default)]
struct Numbers {
    seconds: u64,
    nanoseconds: u64,
}

impl Numbers {
    /// Nanoseconds since a zero that only the operating system knows.
    // Inlined: the whole hasher then is two register moves.
    #[inline]
    fn of(instant: Instant) -> u64 {
        let mut numbers = Self::default();
        instant.hash(&mut numbers);
        numbers.finish()
    }

    /// Whether the numbers of later times differ by as much as the times do.
    fn are_readable(from: Instant) -> bool {
        // Both parts, the carry from one to the other, and a span of years.
        [1, 999_999_999, 1_000_000_000, 86_400_000_000_001, 100_000_000_000_000_000].into_iter().all(|step| {
            let later = from.checked_add(Duration::from_nanos(step));
            later.is_some_and(|later| Self::of(later).wrapping_sub(Self::of(from)) == step)
        })
    }
}

impl Hasher for Numbers {
    // Inlined, as the three below: see `of`.
    #[inline]
    fn finish(&self) -> u64 {
        self.seconds.wrapping_mul(1_000_000_000).wrapping_add(self.nanoseconds)
    }

    fn write(&mut self, _: &[u8]) {
        // An `Instant` of another form. `are_readable` finds no difference between two of them.
    }

    #[inline]
    fn write_i64(&mut self, seconds: i64) {
        self.seconds = seconds as u64;
    }

    #[inline]
    fn write_u64(&mut self, seconds: u64) {
        self.seconds = seconds;
    }

    #[inline]
    fn write_u32(&mut self, nanoseconds: u32) {
        self.nanoseconds = nanoseconds.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_read_the_clock_agree() {
        let clock = Clock::new();
        assert!(clock.zero.is_some(), "the numbers of an Instant cannot be read here: correct, but slower");
        for _ in 0..1_000 {
            let (before, at, after) = (clock.now_by_subtraction(), clock.now(), clock.now_by_subtraction());
            assert!(before <= at && at <= after, "{before:?} {at:?} {after:?}");
        }
    }

    #[test]
    fn an_instant_of_another_form_is_noticed() {
        let mut numbers = Numbers::default();
        numbers.write(&[1, 2, 3]);
        assert_eq!(numbers.finish(), 0);
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
