//! Points in time as people type them: `2026-11-01`, `yesterday`, `7d`.
//!
//! A day is a day of the local time zone (`TZ`, else the system's), as is a time without an offset.

use jiff::civil::{Date, DateTime};
use jiff::{Span, ToSpan as _, Zoned};

use tracing_budget::summary::Timestamp;

/// A text that is no point in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no time: expected a day (2026-11-01, today, yesterday), a time (2026-11-01T09:30, with or without an \
     offset), so long ago (90m, 12h, 7d, 4w), or now"
)]
pub(super) struct WhenError {
    text: String,
}

/// Which end of a day is meant where a day is named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Start,
    End,
}

/// The first instant that counts.
pub(super) fn since(text: &str) -> Result<Timestamp, WhenError> {
    point(text, Edge::Start, &Zoned::now())
}

/// The first instant that no longer counts: a day that is named is itself included.
pub(super) fn until(text: &str) -> Result<Timestamp, WhenError> {
    point(text, Edge::End, &Zoned::now())
}

/// Either the first instant that counts, or all of the past: `ever`.
pub(super) fn window(text: &str) -> Result<Option<Timestamp>, WhenError> {
    if text.trim().eq_ignore_ascii_case("ever") { Ok(None) } else { since(text).map(Some) }
}

fn point(text: &str, edge: Edge, now: &Zoned) -> Result<Timestamp, WhenError> {
    let fail = || WhenError { text: text.to_owned() };
    let word = text.trim().to_ascii_lowercase();
    let zoned = match word.as_str() {
        "now" => Some(now.clone()),
        "today" => day(now.date(), edge, now),
        "yesterday" => now.date().yesterday().ok().and_then(|date| day(date, edge, now)),
        _ => ago(&word, now).or_else(|| named(text.trim(), edge, now)),
    };
    let at = zoned.ok_or_else(fail)?.timestamp().as_millisecond();
    Timestamp::from_unix_ms(at).ok_or_else(fail)
}

/// `90m`, `12h`, `7d`, `4w` before now. A day ago is the same time of the day before, whatever the clocks did between.
fn ago(word: &str, now: &Zoned) -> Option<Zoned> {
    let unit = word.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = word.split_at(unit);
    let number: i32 = number.parse().ok()?;
    let span: Span = match unit {
        "s" => Span::new().try_seconds(number),
        "m" | "min" => Span::new().try_minutes(number),
        "h" => Span::new().try_hours(number),
        "d" => Span::new().try_days(number),
        "w" => Span::new().try_weeks(number),
        _ => return None,
    }
    .ok()?;
    now.checked_sub(span).ok()
}

fn named(text: &str, edge: Edge, now: &Zoned) -> Option<Zoned> {
    if let Ok(exact) = text.parse::<jiff::Timestamp>() {
        return Some(exact.to_zoned(now.time_zone().clone()));
    }
    if text.contains([':', 'T', 't']) {
        return text.parse::<DateTime>().ok()?.to_zoned(now.time_zone().clone()).ok();
    }
    day(text.parse().ok()?, edge, now)
}

fn day(date: Date, edge: Edge, now: &Zoned) -> Option<Zoned> {
    let date = if edge == Edge::End { date.checked_add(1.day()).ok()? } else { date };
    date.to_zoned(now.time_zone().clone()).ok()
}

/// A point in time as a table shows it, in the local time zone.
pub(super) fn shown(at: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(at.unix_ms()) {
        Ok(at) => at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => at.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three days after Berlin's clocks went back.
    fn now() -> Zoned {
        let berlin = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a time zone");
        "2026-10-28T12:00:00Z".parse::<jiff::Timestamp>().expect("a time").to_zoned(berlin)
    }

    fn at(text: &str, edge: Edge) -> String {
        point(text, edge, &now()).map_or_else(|error| error.to_string(), |at| at.to_string())
    }

    #[test]
    fn a_day_is_a_day_of_the_local_time_zone_and_included_on_both_sides() {
        for (text, start, end) in [
            ("today", "2026-10-27T23:00:00.000Z", "2026-10-28T23:00:00.000Z"),
            ("yesterday", "2026-10-26T23:00:00.000Z", "2026-10-27T23:00:00.000Z"),
            // The clocks go back on this day: it has 25 hours.
            ("2026-10-25", "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"),
        ] {
            assert_eq!((at(text, Edge::Start), at(text, Edge::End)), (start.into(), end.into()), "{text}");
        }
    }

    #[test]
    fn so_long_ago_is_counted_on_the_wall_clock_from_days_on() {
        for (text, expected) in [
            ("now", "2026-10-28T12:00:00.000Z"),
            ("90m", "2026-10-28T10:30:00.000Z"),
            ("12h", "2026-10-28T00:00:00.000Z"),
            ("7d", "2026-10-21T11:00:00.000Z"),
            ("1w", "2026-10-21T11:00:00.000Z"),
        ] {
            assert_eq!(at(text, Edge::Start), expected, "{text}");
            assert_eq!(at(text, Edge::End), expected, "{text}");
        }
    }

    #[test]
    fn a_time_is_local_unless_it_says_where() {
        assert_eq!(at("2026-10-28T09:30", Edge::End), "2026-10-28T08:30:00.000Z");
        assert_eq!(at("2026-10-28 09:30", Edge::Start), "2026-10-28T08:30:00.000Z");
        assert_eq!(at("2026-10-28T09:30:00Z", Edge::Start), "2026-10-28T09:30:00.000Z");
        assert_eq!(at("2026-10-28T09:30:00-05:00", Edge::Start), "2026-10-28T14:30:00.000Z");
    }

    #[test]
    fn what_is_no_time_is_told_with_what_would_be() {
        for text in ["", "d", "7", "-7d", "7 days ago", "2026-13-01", "99999999999d", "2147483647w"] {
            assert!(at(text, Edge::Start).contains("is no time: expected a day"), "{text}");
        }
    }
}
