//! Times as a query has them.

use std::str::FromStr;
use std::time::Duration;

use tracing_budget::summary::Timestamp;

/// A point in time, or how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    At(Timestamp),
    Ago(Duration),
    /// Before everything.
    Ever,
}

/// How a time is written, for the OpenAPI document.
pub(super) const PATTERN: &str = r"^(ever|[0-9]{1,4}[mhdw]|20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z)?)$";

/// A text that is no time.
#[derive(Debug, thiserror::Error)]
#[error(
    "{text:?} is no time, expected one such as 2026-11-01T09:30:00Z, a day of UTC such as 2026-11-01, an age such as 90m, \
     12h, 7d or 4w, or ever"
)]
pub(crate) struct WhenError {
    text: String,
}

impl When {
    /// The point that is meant; none for `ever`.
    pub(crate) fn at(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Ago(age) => {
                let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
                Timestamp::from_unix_ms(now.unix_ms().saturating_sub(age))
            }
            Self::Ever => None,
        }
    }

    pub(super) const fn days_ago(days: u64) -> Self {
        Self::Ago(Duration::from_secs(days * 86_400))
    }
}

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        if text == "ever" {
            return Ok(Self::Ever);
        }
        let time = age(text).map(Self::Ago).or_else(|| text.parse().ok().map(Self::At));
        // A day without a time.
        let time = time.or_else(|| format!("{text}T00:00:00Z").parse().ok().map(Self::At));
        time.ok_or_else(|| WhenError { text: text.to_owned() })
    }
}

fn age(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let seconds: u64 = match unit {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let number: u64 = text[..text.len() - 1].parse().ok()?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<String> {
        let now = "2026-11-22T12:00:00Z".parse().expect("a time");
        text.parse::<When>().expect("a time").at(now).map(|at| at.to_string())
    }

    #[test]
    fn times_days_and_ages_are_understood() {
        assert_eq!(at("2026-11-01T09:30:00+01:00").as_deref(), Some("2026-11-01T08:30:00.000Z"));
        assert_eq!(at("2026-11-01").as_deref(), Some("2026-11-01T00:00:00.000Z"));
        assert_eq!(at("90m").as_deref(), Some("2026-11-22T10:30:00.000Z"));
        assert_eq!(at("7d").as_deref(), Some("2026-11-15T12:00:00.000Z"));
        assert_eq!(at("ever"), None);
    }

    #[test]
    fn anything_else_is_refused_with_what_was_expected() {
        for text in ["", "d", "-1d", "7y", "2026-13-01", "tomorrow", "7 d", "é"] {
            let error = text.parse::<When>().expect_err(text);
            assert!(error.to_string().contains("expected"), "{error}");
        }
    }
}
