//! Wall time in a summary.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ledger::rfc3339;

/// A point in wall time to the millisecond, written as RFC 3339 in UTC.
///
/// ```
/// use tracing_budget::summary::Timestamp;
///
/// let at: Timestamp = "2026-04-19T11:12:03.12+02:00".parse()?;
/// assert_eq!(at.to_string(), "2026-04-19T09:12:03.120Z");
/// # Ok::<(), tracing_budget::summary::TimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    unix_ms: i64,
}

impl Timestamp {
    /// Returns the time `unix_ms` milliseconds after the Unix epoch; `None` outside of the years -9999 to 9999.
    ///
    /// ```
    /// use tracing_budget::summary::Timestamp;
    ///
    /// let at = Timestamp::from_unix_ms(0).map(|at| at.to_string());
    /// assert_eq!(at.as_deref(), Some("1970-01-01T00:00:00.000Z"));
    /// ```
    #[must_use]
    pub fn from_unix_ms(unix_ms: i64) -> Option<Self> {
        let is_in_range = (rfc3339::EARLIEST_MS..=rfc3339::LATEST_MS).contains(&unix_ms);
        is_in_range.then_some(Self { unix_ms })
    }

    /// Returns the milliseconds after the Unix epoch.
    ///
    /// ```
    /// use tracing_budget::summary::Timestamp;
    ///
    /// assert_eq!("1970-01-01T00:00:01Z".parse::<Timestamp>()?.unix_ms(), 1_000);
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.unix_ms
    }
}

impl From<SystemTime> for Timestamp {
    /// Truncates to the millisecond. A time outside of the years that RFC 3339 can write becomes the nearest one inside.
    fn from(time: SystemTime) -> Self {
        let unix_ms = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        };
        Self { unix_ms: unix_ms.clamp(rfc3339::EARLIEST_MS, rfc3339::LATEST_MS) }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(at: Timestamp) -> Self {
        let distance = Duration::from_millis(at.unix_ms.unsigned_abs());
        if at.unix_ms < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        rfc3339::write(f, self.unix_ms)
    }
}

/// The error of a text that is not an RFC 3339 time.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text:?} is not an RFC 3339 time such as 2026-04-19T09:12:03.120Z: {reason}")]
pub struct TimestampError {
    text: String,
    reason: &'static str,
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let nanoseconds =
            rfc3339::parse(text).map_err(|reason| TimestampError { text: text.to_owned(), reason })?;
        // The range of the parser is that of `unix_ms`, so the number always fits.
        Ok(Self { unix_ms: (nanoseconds / 1_000_000) as i64 })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
