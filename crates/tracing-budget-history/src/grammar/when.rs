//! Points in time as people type them: `2026-11-01`, `yesterday`, `7d`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::{Span, ToSpan as _, Zoned};
use tracing_budget::summary::Timestamp;

use super::error::ValueError;
use super::zone::Zone;

/// A point in time as it was typed. What it means depends on now, on a time zone, and on the end of the period that it
/// names: a day includes all of itself, on both ends.
///
/// | text | as `since` | as `until` |
/// |---|---|---|
/// | `2026-11-19`, `today`, `yesterday` | the start of the day | the end of the day |
/// | `2026-11-19T10:00` | that time in the zone | that time in the zone |
/// | `2026-11-19T10:00:00Z`, `…+01:00` | that time | that time |
/// | `90s`, `30m`, `12h`, `7d`, `2w`, `now` | that long ago | that long ago |
/// | `ever`, `all` | no bound | no bound |
///
/// ```
/// use tracing_budget_history::grammar::{When, Zone};
///
/// let (now, zone) = ("2026-11-30T12:00:00Z".parse()?, "Europe/Berlin".parse::<Zone>()?);
/// let day: When = "2026-11-19".parse()?;
/// assert_eq!(day.since(now, &zone), Some("2026-11-18T23:00:00Z".parse()?));
/// assert_eq!(day.until(now, &zone), Some("2026-11-19T23:00:00Z".parse()?));
/// assert_eq!("7d".parse::<When>()?.since(now, &zone), Some("2026-11-23T12:00:00Z".parse()?));
/// assert_eq!("ever".parse::<When>()?.since(now, &zone), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When(Form);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// An instant: the text had an offset from UTC.
    Instant(Timestamp),
    /// A whole day of the zone.
    Day(Date),
    /// A time of the zone.
    Local(DateTime),
    /// An age, such as `7d`.
    Age(i32, Unit),
    Now,
    Today,
    Yesterday,
    Ever,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Minutes,
    Hours,
    Days,
    Weeks,
}

impl Unit {
    const fn symbol(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Minutes => "m",
            Self::Hours => "h",
            Self::Days => "d",
            Self::Weeks => "w",
        }
    }

    /// The most digits of an age in this unit: no age reaches beyond the years that a timestamp can hold.
    const fn digits(self) -> usize {
        match self {
            Self::Seconds | Self::Minutes | Self::Hours => 7,
            Self::Days => 5,
            Self::Weeks => 4,
        }
    }
}

/// The two ends of a period. A day resolves to its start or its end, by which of them it names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Since,
    Until,
}

const KEYWORDS: [&str; 5] = ["today", "yesterday", "now", "ever", "all"];

impl When {
    /// The forms, for help texts and messages.
    pub const EXPECTED: &str = "a day (2026-11-01, today, yesterday), a time (2026-11-01T09:30, with or without an offset), \
                                an age (90s, 30m, 12h, 7d, 2w), now, or ever";

    /// A regular expression (ECMA-262, as JSON Schema has it) of the canonical forms, for an API description. Every
    /// text that matches is a `When`: a 30 February does not match.
    pub const PATTERN: &str = concat!(
        r"^(ever|all|now|today|yesterday",
        r"|[0-9]{1,7}(s|m|min|h)|[0-9]{1,5}d|[0-9]{1,4}w",
        // Months of 31, 30 and 28 days, then 29 February in leap years.
        r"|([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))",
        r"|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)",
        r"(T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?(Z|[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9])?)?",
        r")$"
    );

    /// Whole days before now, on the zone's wall clock.
    ///
    /// ```
    /// use tracing_budget_history::grammar::When;
    ///
    /// assert_eq!("30d".parse(), Ok(When::days_ago(30)));
    /// ```
    #[must_use]
    pub fn days_ago(days: u16) -> Self {
        Self(Form::Age(days.into(), Unit::Days))
    }

    /// No bound.
    #[must_use]
    pub const fn ever() -> Self {
        Self(Form::Ever)
    }

    /// The first instant of a period that begins here; `None` for no bound.
    #[must_use]
    pub fn since(self, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
        self.instant(Edge::Since, now, zone)
    }

    /// The first instant after a period that ends here; `None` for no bound. A day is itself included.
    #[must_use]
    pub fn until(self, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
        self.instant(Edge::Until, now, zone)
    }

    fn instant(self, edge: Edge, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
        if let Form::Instant(at) = self.0 {
            return Some(at);
        }
        // `Timestamp` is never outside jiff's years.
        let zoned = jiff::Timestamp::from_millisecond(now.unix_ms())
            .unwrap_or(jiff::Timestamp::MAX)
            .to_zoned(zone.time_zone().clone());
        let local = |time: DateTime| time.to_zoned(zone.time_zone().clone()).ok();
        let day = |date: Date| match edge {
            Edge::Since => local(date.into()),
            Edge::Until => local(date.checked_add(1.day()).ok()?.into()),
        };
        let at = match self.0 {
            Form::Ever => return None,
            Form::Instant(at) => return Some(at),
            Form::Now => Some(zoned),
            Form::Today => day(zoned.date()),
            Form::Yesterday => zoned.date().yesterday().ok().and_then(day),
            Form::Day(date) => day(date),
            Form::Local(time) => local(time),
            Form::Age(number, unit) => before(&zoned, number, unit),
        };
        // The last days of the year 9999 end after the last timestamp; a run cannot start there.
        let at = at.map_or(jiff::Timestamp::MAX.as_second() * 1_000, |at| at.timestamp().as_millisecond());
        Timestamp::from_unix_ms(at)
    }
}

/// A day ago is the same time of the day before, however long the clocks made that day.
fn before(now: &Zoned, number: i32, unit: Unit) -> Option<Zoned> {
    let span = match unit {
        Unit::Seconds => Span::new().try_seconds(number),
        Unit::Minutes => Span::new().try_minutes(number),
        Unit::Hours => Span::new().try_hours(number),
        Unit::Days => Span::new().try_days(number),
        Unit::Weeks => Span::new().try_weeks(number),
    };
    now.checked_sub(span.ok()?).ok()
}

impl FromStr for When {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let trimmed = text.trim();
        let word = trimmed.to_ascii_lowercase();
        let form = match word.as_str() {
            "now" => Some(Form::Now),
            "today" => Some(Form::Today),
            "yesterday" => Some(Form::Yesterday),
            "ever" | "all" => Some(Form::Ever),
            _ => age(&word).or_else(|| named(trimmed)),
        };
        form.map(Self).ok_or_else(|| ValueError::new(Self::EXPECTED, text).nearest_of(KEYWORDS))
    }
}

fn age(word: &str) -> Option<Form> {
    let (number, unit) = word.split_at(word.find(|c: char| !c.is_ascii_digit())?);
    let unit = match unit {
        "s" => Unit::Seconds,
        "m" | "min" => Unit::Minutes,
        "h" => Unit::Hours,
        "d" => Unit::Days,
        "w" => Unit::Weeks,
        _ => return None,
    };
    let number = (number.len() <= unit.digits()).then(|| number.parse().ok())??;
    Some(Form::Age(number, unit))
}

/// The length of `2026-11-19`. Other spellings of a date, such as `20261119`, are refused: they look like numbers.
const DAY_LENGTH: usize = 10;

fn named(text: &str) -> Option<Form> {
    if text.len() == DAY_LENGTH {
        return text.parse().ok().map(Form::Day);
    }
    if !text.contains(':') {
        return None;
    }
    if let Ok(at) = text.parse() {
        return Some(Form::Instant(at));
    }
    text.parse().ok().map(Form::Local)
}

impl fmt::Display for When {
    /// The canonical text, which [`When::from_str`] reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Form::Instant(at) => at.fmt(f),
            Form::Day(date) => date.fmt(f),
            Form::Local(time) => time.fmt(f),
            Form::Age(number, unit) => write!(f, "{number}{}", unit.symbol()),
            Form::Now => f.write_str("now"),
            Form::Today => f.write_str("today"),
            Form::Yesterday => f.write_str("yesterday"),
            Form::Ever => f.write_str("ever"),
        }
    }
}

impl From<Timestamp> for When {
    fn from(at: Timestamp) -> Self {
        Self(Form::Instant(at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_of_the_pattern_is_a_time(
            text in proptest::string::string_regex(When::PATTERN.trim_matches(['^', '$'])).expect("a regular expression"),
        ) {
            let when: Result<When, ValueError> = text.parse();
            prop_assert!(when.is_ok(), "{text:?}: {when:?}");
        }

        #[test]
        fn any_text_is_read_or_refused_and_every_day_ends_after_it_begins(text in "\\PC*|[0-9]{4}-[0-9]{2}-[0-9]{2}") {
            if let Ok(when) = text.parse::<When>() {
                let (now, zone) = (AUTUMN.parse().expect("a time"), Zone::posix(BERLIN));
                prop_assert!(when.since(now, &zone) <= when.until(now, &zone));
                prop_assert_eq!(when.to_string().parse(), Ok(when));
            }
        }
    }

    const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
    /// Clocks go forward at midnight, so that a day of spring begins at 01:00, and back at midnight.
    const MIDNIGHT: &str = "<-03>3<-02>,M11.1.0/0,M2.3.0/0";

    /// Three days after Berlin's clocks went back.
    const AUTUMN: &str = "2026-10-28T12:00:00Z";
    /// The morning after Berlin's clocks went forward.
    const SPRING: &str = "2026-03-29T06:00:00Z";

    /// (text, zone, now) and the instants that it means as `since` and as `until`; `-` is no bound.
    const TABLE: &[(&str, &str, &str, &str, &str)] = &[
        // Days: the whole of them, in the zone.
        ("today", BERLIN, AUTUMN, "2026-10-27T23:00:00.000Z", "2026-10-28T23:00:00.000Z"),
        ("TODAY", "UTC0", AUTUMN, "2026-10-28T00:00:00.000Z", "2026-10-29T00:00:00.000Z"),
        ("yesterday", BERLIN, AUTUMN, "2026-10-26T23:00:00.000Z", "2026-10-27T23:00:00.000Z"),
        ("2026-11-19", "UTC0", AUTUMN, "2026-11-19T00:00:00.000Z", "2026-11-20T00:00:00.000Z"),
        ("2026-11-30", BERLIN, AUTUMN, "2026-11-29T23:00:00.000Z", "2026-11-30T23:00:00.000Z"),
        ("2024-02-29", "UTC0", AUTUMN, "2024-02-29T00:00:00.000Z", "2024-03-01T00:00:00.000Z"),
        // The clocks go back: 25 hours. They go forward: 23.
        ("2026-10-25", BERLIN, AUTUMN, "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"),
        ("2026-03-29", BERLIN, SPRING, "2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"),
        // A day that has no midnight begins at its first instant; one that has two begins at the first of them.
        ("2026-11-01", MIDNIGHT, AUTUMN, "2026-11-01T03:00:00.000Z", "2026-11-02T02:00:00.000Z"),
        ("2026-02-15", MIDNIGHT, AUTUMN, "2026-02-15T03:00:00.000Z", "2026-02-16T03:00:00.000Z"),
        // Ages: on the wall clock from days on.
        ("now", BERLIN, AUTUMN, "2026-10-28T12:00:00.000Z", "2026-10-28T12:00:00.000Z"),
        ("90s", BERLIN, AUTUMN, "2026-10-28T11:58:30.000Z", "2026-10-28T11:58:30.000Z"),
        ("30m", BERLIN, AUTUMN, "2026-10-28T11:30:00.000Z", "2026-10-28T11:30:00.000Z"),
        ("30min", BERLIN, AUTUMN, "2026-10-28T11:30:00.000Z", "2026-10-28T11:30:00.000Z"),
        ("12h", BERLIN, AUTUMN, "2026-10-28T00:00:00.000Z", "2026-10-28T00:00:00.000Z"),
        ("7d", BERLIN, AUTUMN, "2026-10-21T11:00:00.000Z", "2026-10-21T11:00:00.000Z"),
        ("7d", "UTC0", AUTUMN, "2026-10-21T12:00:00.000Z", "2026-10-21T12:00:00.000Z"),
        ("2w", "UTC0", AUTUMN, "2026-10-14T12:00:00.000Z", "2026-10-14T12:00:00.000Z"),
        ("1d", BERLIN, SPRING, "2026-03-28T07:00:00.000Z", "2026-03-28T07:00:00.000Z"),
        ("0d", "UTC0", AUTUMN, "2026-10-28T12:00:00.000Z", "2026-10-28T12:00:00.000Z"),
        ("99999d", "UTC0", AUTUMN, "1753-01-13T12:00:00.000Z", "1753-01-13T12:00:00.000Z"),
        // Times: local unless they have an offset.
        ("2026-10-28T09:30", BERLIN, AUTUMN, "2026-10-28T08:30:00.000Z", "2026-10-28T08:30:00.000Z"),
        ("2026-10-28 09:30", "UTC0", AUTUMN, "2026-10-28T09:30:00.000Z", "2026-10-28T09:30:00.000Z"),
        ("2026-10-28T09:30:05.25", "UTC0", AUTUMN, "2026-10-28T09:30:05.250Z", "2026-10-28T09:30:05.250Z"),
        ("2026-10-28T09:30:00Z", BERLIN, AUTUMN, "2026-10-28T09:30:00.000Z", "2026-10-28T09:30:00.000Z"),
        ("2026-10-28T09:30-05:00", BERLIN, AUTUMN, "2026-10-28T14:30:00.000Z", "2026-10-28T14:30:00.000Z"),
        // A time that the clocks skip is as long after the gap; one that they repeat is the first.
        ("2026-03-29T02:30", BERLIN, SPRING, "2026-03-29T01:30:00.000Z", "2026-03-29T01:30:00.000Z"),
        ("2026-10-25T02:30", BERLIN, AUTUMN, "2026-10-25T00:30:00.000Z", "2026-10-25T00:30:00.000Z"),
        // The ends of the calendar.
        ("0000-01-01", "UTC0", AUTUMN, "0000-01-01T00:00:00.000Z", "0000-01-02T00:00:00.000Z"),
        ("ever", BERLIN, AUTUMN, "-", "-"),
        ("all", BERLIN, AUTUMN, "-", "-"),
        (" 7d ", "UTC0", AUTUMN, "2026-10-21T12:00:00.000Z", "2026-10-21T12:00:00.000Z"),
    ];

    fn shown(at: Option<Timestamp>) -> String {
        at.map_or_else(|| "-".to_owned(), |at| at.to_string())
    }

    #[test]
    fn a_text_means_the_same_instants_on_every_face() {
        for &(text, zone, now, since, until) in TABLE {
            let (zone, now) = (Zone::posix(zone), now.parse().expect("a time"));
            let when: When = text.parse().expect(text);
            assert_eq!(shown(when.since(now, &zone)), since, "since {text}");
            assert_eq!(shown(when.until(now, &zone)), until, "until {text}");
            assert_eq!(when.to_string().parse(), Ok(when), "{text} is written as {when}");
        }
    }

    #[test]
    fn the_pattern_has_every_day_of_the_calendar() {
        let days =
            (0..366 + 365).map(|n| jiff::civil::date(2024, 1, 1).checked_add(n.days()).expect("a day"));
        let pattern = regex::Regex::new(When::PATTERN).expect("a regular expression");
        let pattern = |text: &str| pattern.is_match(text);
        for day in days {
            assert!(pattern(&day.to_string()), "{day}");
        }
        assert!(!pattern("2026-02-29") && !pattern("2026-04-31") && !pattern("2026-13-01"));
        for (text, ..) in TABLE.iter().filter(|(text, ..)| !text.contains(' ') && !text.starts_with('T')) {
            assert!(pattern(text), "{text}");
        }
    }

    #[test]
    fn a_day_at_the_end_of_the_calendar_has_an_end() {
        let (zone, now) = (Zone::posix("<-12>12"), AUTUMN.parse().expect("a time"));
        let day: When = "9999-12-31".parse().expect("a day");
        assert!(day.until(now, &zone).expect("a bound") >= day.since(now, &zone).expect("a bound"));
    }

    #[test]
    fn a_text_of_another_form_is_refused_with_the_forms_and_the_nearest_word() {
        let long = "7".repeat(100);
        for (text, nearest) in [
            ("", None),
            ("d", None),
            ("7", None),
            ("é", None),
            ("-7d", None),
            ("+7d", None),
            ("7 d", None),
            ("7y", None),
            ("7 days ago", None),
            ("2026", None),
            ("20261119", None),
            ("2026-13-01", None),
            ("2026-02-30", None),
            ("2026-11-19T25:00", None),
            ("100000d", None),
            ("2147483647w", None),
            (long.as_str(), None),
            ("tomorow", None),
            ("yesterdy", Some("yesterday")),
            ("tody", Some("today")),
            ("evr", Some("ever")),
        ] {
            let error = text.parse::<When>().expect_err(text).to_string();
            assert!(error.starts_with("expected a day (2026-11-01, today, yesterday)"), "{error}");
            assert!(error.contains(&format!("got {text:?}")), "{error}");
            match nearest {
                Some(word) => assert!(error.ends_with(&format!("; did you mean {word:?}?")), "{error}"),
                None => assert!(!error.contains("did you mean"), "{error}"),
            }
        }
    }
}
