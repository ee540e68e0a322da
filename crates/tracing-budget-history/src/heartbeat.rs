//! When a run in flight counts as stale: the one tolerance for heartbeats.

use std::time::{Duration, UNIX_EPOCH};

use tracing_budget::summary::Timestamp;

/// The time of a delivery of a run in flight, and the interval to the next one.
///
/// ```
/// use std::time::Duration;
/// use tracing_budget_history::Heartbeat;
///
/// let beat = Heartbeat { at: "2026-04-19T09:12:00Z".parse()?, every: Duration::from_secs(1) };
/// assert!(beat.is_fresh("2026-04-19T09:12:05Z".parse()?));
/// assert!(!beat.is_fresh("2026-04-19T09:12:06Z".parse()?)); // three intervals and two seconds have passed
/// # Ok::<(), tracing_budget::summary::TimestampError>(())
/// ```
// Not `#[non_exhaustive]`: a heartbeat is these two values, and is written as a literal by every caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The time of the delivery.
    pub at: Timestamp,
    /// The interval to the next delivery.
    pub every: Duration,
}

impl Heartbeat {
    /// Intervals after which a run without a further delivery is stale. A busy machine misses one; it does not miss
    /// three by chance.
    pub const INTERVALS: u32 = 3;

    /// Difference between the clocks of two hosts, and delay of a busy disk, that changes nothing.
    pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(2);

    /// Whether the run counts as in flight at this time; if not, it is stale.
    ///
    /// A heartbeat from the future, by more than [`CLOCK_TOLERANCE`](Self::CLOCK_TOLERANCE), is not fresh: a clock was
    /// set back, and the run would be in flight until the clock catches up.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        let from = self.at.unix_ms().saturating_sub(whole_ms(Self::CLOCK_TOLERANCE));
        (from..=self.fresh_until_ms()).contains(&now.unix_ms())
    }

    /// The last millisecond at which the run counts as in flight.
    pub(crate) fn fresh_until_ms(&self) -> i64 {
        let silence = whole_ms(self.every).saturating_mul(i64::from(Self::INTERVALS));
        self.at.unix_ms().saturating_add(silence).saturating_add(whole_ms(Self::CLOCK_TOLERANCE))
    }

    /// From the columns of a database, both in milliseconds.
    pub(crate) fn from_ms(at: i64, every: i64) -> Self {
        let at = Timestamp::from_unix_ms(at).unwrap_or_else(|| Timestamp::from(UNIX_EPOCH));
        Self { at, every: Duration::from_millis(u64::try_from(every).unwrap_or(0)) }
    }
}

/// An interval beyond 292 million years is never over.
fn whole_ms(interval: Duration) -> i64 {
    i64::try_from(interval.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_stale_after_three_intervals_and_two_seconds() {
        let at = |ms: i64| Timestamp::from_unix_ms(1_000_000 + ms).expect("a time");
        let beat = |every| Heartbeat { at: at(0), every: Duration::from_millis(every) };
        for (every, age_ms, fresh) in [
            (1_000, 0, true),
            (1_000, 5_000, true),
            (1_000, 5_001, false),
            (1_000, -2_000, true),
            (1_000, -2_001, false),
            (0, 2_000, true),
            (0, 2_001, false),
            (u64::MAX, 900_000, true),
        ] {
            assert_eq!(beat(every).is_fresh(at(age_ms)), fresh, "{every} ms, {age_ms} ms later");
        }
    }
}
