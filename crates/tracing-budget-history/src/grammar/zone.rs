//! The time zone in which days and local times are read.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use tracing_budget::summary::Timestamp;

use super::error::ValueError;

/// A time zone: `UTC`, `local`, or a name of the IANA time zone database.
///
/// ```
/// use tracing_budget_history::grammar::Zone;
///
/// let zone: Zone = "Europe/Berlin".parse()?;
/// assert_eq!(zone.to_string(), "Europe/Berlin");
/// assert_eq!("utc".parse(), Ok(Zone::utc()));
/// assert!("Europe/Berln".parse::<Zone>().is_err());
/// # Ok::<(), tracing_budget_history::grammar::ValueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// Candidates for “did you mean” are only these words and the database's own names.
const WORDS: [&str; 2] = ["local", "UTC"];

impl Zone {
    /// The form of a zone, for help texts and messages.
    pub const EXPECTED: &str = "a time zone (UTC, local, or an IANA name such as Europe/Berlin)";

    /// Coordinated universal time.
    #[must_use]
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The zone of this process: `TZ`, else the system's, else UTC.
    #[must_use]
    pub fn local() -> Self {
        Self(TimeZone::system())
    }

    /// A point in time as people read it in this zone, to the minute: `2026-11-01 09:30`.
    ///
    /// ```
    /// use tracing_budget_history::grammar::Zone;
    ///
    /// let zone: Zone = "Europe/Berlin".parse()?;
    /// assert_eq!(zone.minute("2026-11-01T09:30:12Z".parse()?), "2026-11-01 10:30");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn minute(&self, at: Timestamp) -> String {
        match jiff::Timestamp::from_millisecond(at.unix_ms()) {
            Ok(instant) => instant.to_zoned(self.0.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
            Err(_) => at.to_string(),
        }
    }

    pub(super) const fn time_zone(&self) -> &TimeZone {
        &self.0
    }

    #[cfg(test)]
    pub(super) fn posix(rules: &str) -> Self {
        Self(TimeZone::posix(rules).expect("POSIX rules of a time zone"))
    }
}

impl FromStr for Zone {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let name = text.trim();
        if name.eq_ignore_ascii_case("local") {
            return of_variable(std::env::var("TZ").ok().as_deref());
        }
        if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("z") {
            return Ok(Self::utc());
        }
        // The database has odd entries, such as `posixrules`; a name of a place has a slash or a capital letter.
        TimeZone::get(name).map(Self).map_err(|_| nearest_zone(Self::EXPECTED, text))
    }
}

fn nearest_zone(expected: &'static str, text: &str) -> ValueError {
    let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    ValueError::new(expected, text).nearest_of(WORDS.into_iter().chain(names.iter().map(String::as_str)))
}

/// The local zone under this value of `TZ`. One that names no zone is an error: the times would be in UTC, and be called local.
fn of_variable(value: Option<&str>) -> Result<Zone, ValueError> {
    // A system without a zone, such as a container from scratch, is in UTC.
    match value.filter(|value| !value.is_empty()) {
        Some(value) if TimeZone::try_system().is_err() => Err(nearest_zone(
            "a time zone in the variable TZ (an IANA name such as Europe/Berlin, or a POSIX rule)",
            value.trim_start_matches(':'),
        )),
        _ => Ok(Zone::local()),
    }
}

impl fmt::Display for Zone {
    /// The name that [`Zone::from_str`] reads back. A system's zone without a name is `local`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == TimeZone::UTC {
            return f.write_str("UTC");
        }
        f.write_str(self.0.iana_name().unwrap_or("local"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_back() {
        for (text, name) in [
            ("UTC", "UTC"),
            ("utc", "UTC"),
            ("Europe/Berlin", "Europe/Berlin"),
            ("america/new_york", "America/New_York"),
        ] {
            let zone: Zone = text.parse().expect(text);
            assert_eq!(zone.to_string(), name);
            assert_eq!(name.parse(), Ok(zone));
        }
        assert!("local".parse::<Zone>().is_ok());
    }

    #[test]
    fn a_typo_names_the_nearest_zone() {
        let long = "x".repeat(100);
        for (text, nearest) in [
            ("Europe/Berln", Some("Europe/Berlin")),
            ("locl", Some("local")),
            ("x", None),
            ("", None),
            (long.as_str(), None),
        ] {
            let error = text.parse::<Zone>().expect_err(text).to_string();
            assert!(error.starts_with("expected a time zone (UTC, local, or an IANA name"), "{error}");
            match nearest {
                Some(name) => assert!(error.ends_with(&format!("did you mean {name:?}?")), "{error}"),
                None if text.len() > 2 => assert!(!error.contains("did you mean"), "{error}"),
                None => {}
            }
        }
    }
}
