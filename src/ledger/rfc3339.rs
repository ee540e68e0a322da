//! RFC 3339 times and dates of the Gregorian calendar, as nanoseconds since the Unix epoch.
//!
//! A summary needs one text form of a time, in UTC. A date-time library with time zones would add a tenth to what this crate
//! adds to the compile time of an application. Tests compare every function here with such a library.

use std::fmt;

const SECOND: i128 = 1_000_000_000;
const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 86_400;

/// Days of 400 years: the calendar repeats after them.
const ERA_DAYS: i64 = 146_097;

/// Days from the 1st of March of the year 0, where the first era begins, to the Unix epoch.
const EPOCH_DAYS: i64 = 719_468;

/// The earliest time: the year -9999 begins here in every time zone.
pub(crate) const EARLIEST_MS: i64 = -377_705_023_201_000;

/// The latest time: the year 9999 has not ended here in any time zone. A later time would be printed with a year that RFC 3339
/// cannot express.
pub(crate) const LATEST_MS: i64 = 253_402_207_200_999;

/// Nanoseconds since the Unix epoch of an RFC 3339 time: `2026-04-19T11:12:03.12+02:00`.
///
/// Wider than the RFC in what files of other programs have: a space for the `T`, no seconds, an offset `+02` or `+0200`, a year
/// of six digits with its sign. A leap second is the second before it.
pub(crate) fn parse(text: &str) -> Result<i128, &'static str> {
    let mut rest = Rest(text.as_bytes());
    let days = rest.date()?;
    rest.one_of(b"Tt ").ok_or("expected T between date and time")?;
    let hour = rest.number(2, 23).ok_or("expected an hour from 00 to 23")?;
    let minute = rest.sixty().ok_or("expected a minute from 00 to 59")?;
    let second = match rest.one_of(b":") {
        Some(_) => rest.number(2, 60).ok_or("expected a second from 00 to 59")?.min(59),
        None => 0,
    };
    let nanoseconds = rest.fraction()?;
    let offset = rest.offset()?;
    if !rest.0.is_empty() {
        return Err("expected nothing after the offset");
    }
    let seconds = days * DAY_S + hour * HOUR_S + minute * MINUTE_S + second - offset;
    in_range(i128::from(seconds) * SECOND + i128::from(nanoseconds))
}

/// Nanoseconds since the Unix epoch of the midnight that a date in UTC begins with: `2026-04-19`.
pub(crate) fn parse_date(text: &str) -> Result<i128, &'static str> {
    let mut rest = Rest(text.as_bytes());
    let days = rest.date()?;
    if !rest.0.is_empty() {
        return Err("expected nothing after the date");
    }
    in_range(i128::from(days * DAY_S) * SECOND)
}

/// Writes a time in UTC to the millisecond: `2026-04-19T09:12:03.120Z`.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, unix_ms: i64) -> fmt::Result {
    let (seconds, ms) = (unix_ms.div_euclid(1_000), unix_ms.rem_euclid(1_000));
    let (days, of_day) = (seconds.div_euclid(DAY_S), seconds.rem_euclid(DAY_S));
    let (year, month, day) = civil_of_days(days);
    // ISO 8601: a year with a sign has six digits.
    if year < 0 {
        write!(f, "-{:06}", -year)?
    } else {
        write!(f, "{year:04}")?
    }
    let (hour, minute, second) = (of_day / HOUR_S, of_day / MINUTE_S % 60, of_day % MINUTE_S);
    write!(f, "-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

fn in_range(nanoseconds: i128) -> Result<i128, &'static str> {
    const FIRST: i128 = EARLIEST_MS as i128 * 1_000_000;
    const LAST: i128 = LATEST_MS as i128 * 1_000_000 + 999_999;
    let is_in = (FIRST..=LAST).contains(&nanoseconds);
    if is_in { Ok(nanoseconds) } else { Err("expected a time in the years -9999 to 9999") }
}

/// Days since the Unix epoch of a date. The formula is `days_from_civil` of
/// <https://howardhinnant.github.io/date_algorithms.html>.
fn days_of_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years are counted from March on, so that a leap day is the last day of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS
}

/// Year, month and day of a number of days since the Unix epoch: `civil_from_days` of the same page.
fn civil_of_days(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAYS;
    let (era, of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let (month, day) = ((from_march + 2) % 12 + 1, of_year - (153 * from_march + 2) / 5 + 1);
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The text that is left to read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// Takes the next byte if it is one of these.
    fn one_of(&mut self, wanted: &[u8]) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        wanted.contains(&first).then(|| {
            self.0 = rest;
            first
        })
    }

    /// Takes a number of exactly so many digits, up to a maximum.
    fn number(&mut self, digits: usize, max: i64) -> Option<i64> {
        let (taken, rest) = self.0.split_at_checked(digits)?;
        let number = taken.iter().try_fold(0, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
        })?;
        self.0 = rest;
        (number <= max).then_some(number)
    }

    /// Takes a colon and a number up to 59.
    fn sixty(&mut self) -> Option<i64> {
        self.one_of(b":")?;
        self.number(2, 59)
    }

    /// Takes a date, as days since the Unix epoch.
    fn date(&mut self) -> Result<i64, &'static str> {
        let year = match self.one_of(b"+-") {
            None => self.number(4, 9_999),
            Some(sign) => self.number(6, 9_999).and_then(|year| match (sign, year) {
                // The year 0 has one name.
                (b'-', 0) => None,
                (b'-', year) => Some(-year),
                _ => Some(year),
            }),
        };
        let year = year.ok_or("expected a year of four digits")?;
        let month = self.one_of(b"-").and_then(|_| self.number(2, 12)).filter(|month| *month > 0);
        let month = month.ok_or("expected a month from 01 to 12")?;
        let last = days_in_month(year, month);
        let day = self.one_of(b"-").and_then(|_| self.number(2, last)).filter(|day| *day > 0);
        Ok(days_of_civil(year, month, day.ok_or("expected a day of that month")?))
    }

    /// Takes the fraction of a second, if there is one, in nanoseconds.
    fn fraction(&mut self) -> Result<i64, &'static str> {
        if self.one_of(b".,").is_none() {
            return Ok(0);
        }
        let (mut nanoseconds, mut unit) = (0, 1_000_000_000);
        while let Some(digit) = self.one_of(b"0123456789") {
            unit /= 10;
            nanoseconds += i64::from(digit - b'0') * unit;
            if unit == 0 {
                return Err("expected at most nine digits of a second");
            }
        }
        if unit == 1_000_000_000 { Err("expected a digit after the second's point") } else { Ok(nanoseconds) }
    }

    /// Takes the offset from UTC, in seconds.
    fn offset(&mut self) -> Result<i64, &'static str> {
        const EXPECTED: &str = "expected Z or an offset such as +02:00";
        let sign = match self.one_of(b"Zz+-").ok_or(EXPECTED)? {
            b'+' => 1,
            b'-' => -1,
            _ => return Ok(0),
        };
        let hours = self.number(2, 25).ok_or(EXPECTED)?;
        let minutes = match self.0.first() {
            None => 0,
            Some(b':') => self.sixty().ok_or(EXPECTED)?,
            Some(_) => self.number(2, 59).ok_or(EXPECTED)?,
        };
        Ok(sign * (hours * HOUR_S + minutes * MINUTE_S))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Shown(i64);

    impl fmt::Display for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write(f, self.0)
        }
    }

    /// What a date-time library reads.
    fn reference(text: &str) -> Option<i128> {
        text.parse().ok().map(jiff::Timestamp::as_nanosecond)
    }

    #[test]
    fn the_range_is_that_of_four_digit_years_in_every_zone() {
        assert_eq!(EARLIEST_MS, jiff::Timestamp::MIN.as_millisecond());
        assert_eq!(LATEST_MS, jiff::Timestamp::MAX.as_millisecond());
        for at in [EARLIEST_MS, LATEST_MS] {
            assert_eq!(parse(&Shown(at).to_string()), Ok(i128::from(at) * 1_000_000));
        }
        for text in ["-009999-01-02T01:59:58Z", "9999-12-31T00:00:00Z", "9999-12-30T22:00:01Z"] {
            assert_eq!((parse(text).is_ok(), reference(text)), (false, None), "{text}");
        }
    }

    #[test]
    fn every_form_of_a_time_is_read() {
        for text in [
            "2026-04-19T09:12:03Z",
            "2026-04-19t09:12:03z",
            "2026-04-19 09:12:03.5Z",
            "2026-04-19T09:12Z",
            "2026-04-19T09:12:03,123456789Z",
            "2026-04-19T11:12:03.12+02:00",
            "2026-04-19T11:12:03-0230",
            "2026-04-19T11:12:03+02",
            "2026-04-19T11:12:03+25:59",
            "2026-04-19T11:12:03-00:00",
            "2016-12-31T23:59:60Z",
            "2024-02-29T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "-000001-12-31T23:59:59.999Z",
            "+002026-04-19T09:12:03Z",
        ] {
            assert_eq!(parse(text).ok(), reference(text), "{text}");
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "year"),
            ("yesterday", "year"),
            ("26-04-19T09:12:03Z", "year"),
            ("-000000-01-01T00:00:00Z", "year"),
            ("2026-13-01T00:00:00Z", "month"),
            ("2026-00-01T00:00:00Z", "month"),
            ("2026-02-29T00:00:00Z", "day"),
            ("1900-02-29T00:00:00Z", "day"),
            ("2026-04-31T00:00:00Z", "day"),
            ("2026-04-00T00:00:00Z", "day"),
            ("2026-04-19", "T between"),
            ("2026-04-19T24:00:00Z", "hour"),
            ("2026-04-19T09:60:00Z", "minute"),
            ("2026-04-19T09:12:61Z", "second"),
            ("2026-04-19T09:12:03", "offset"),
            ("2026-04-19T09:12:03.Z", "digit"),
            ("2026-04-19T09:12:03.0123456789Z", "nine digits"),
            ("2026-04-19T09:12:03+26:00", "offset"),
            ("2026-04-19T09:12:03+02:60", "offset"),
            ("2026-04-19T09:12:03Z ", "nothing after"),
            ("２026-04-19T09:12:03Z", "year"),
        ] {
            let refused = parse(text).expect_err(text);
            assert!(refused.contains(reason), "{text:?}: {refused}");
            assert_eq!(reference(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_is_its_midnight() {
        assert_eq!(parse_date("1970-01-02"), Ok(i128::from(DAY_S) * SECOND));
        assert!(parse_date("1970-01-02T").is_err());
        assert!(parse_date("1970-1-2").is_err());
        assert!(parse_date("-009999-01-01").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_time_is_written_and_read_as_the_library_does(unix_ms in EARLIEST_MS..=LATEST_MS) {
            let text = Shown(unix_ms).to_string();
            let library = jiff::Timestamp::from_millisecond(unix_ms).expect("in range");
            prop_assert_eq!(&text, &format!("{library:.3}"));
            prop_assert_eq!(parse(&text), Ok(i128::from(unix_ms) * 1_000_000));
        }

        #[test]
        fn what_is_read_is_what_the_library_reads(
            text in r"[0-9]{4}-(0[0-9]|1[0-4])-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9](:[0-6][0-9]([.,][0-9]{0,10})?)?(Z|z|[+-][0-2][0-9](:?[0-6][0-9])?)?",
        ) {
            prop_assert_eq!(parse(&text).ok(), reference(&text), "{}", text);
        }
    }
}
