//! The time in which a price or a factor holds.

use crate::ledger::rfc3339;

/// A time with a beginning and an end, of which either may be open. The end is not included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Period {
    /// Nanoseconds since the Unix epoch.
    from: Option<i128>,
    until: Option<i128>,
}

impl Period {
    /// Sets the beginning: a date, at midnight UTC, or an RFC 3339 time of a whole minute.
    pub(super) fn begin(&mut self, text: &str) -> Result<(), String> {
        self.from = Some(moment("from", text)?);
        Ok(())
    }

    /// Sets the end, in the same form.
    pub(super) fn end(&mut self, text: &str) -> Result<(), String> {
        self.until = Some(moment("until", text)?);
        Ok(())
    }

    /// Whether it includes a time, in nanoseconds since the Unix epoch.
    pub(super) fn includes(&self, nanoseconds: i128) -> bool {
        self.from.is_none_or(|from| from <= nanoseconds) && self.until.is_none_or(|until| nanoseconds < until)
    }

    /// Its beginning and its end.
    pub(super) fn ends(&self) -> [Option<i128>; 2] {
        [self.from, self.until]
    }

    /// Whether it has an end.
    #[cfg(feature = "prices")]
    pub(super) fn has_end(&self) -> bool {
        self.until.is_some()
    }

    /// What makes it unusable, if anything does.
    pub(super) fn fault(&self) -> Option<String> {
        match (self.from, self.until) {
            (Some(from), Some(until)) if from >= until => Some("it ends before it begins".to_owned()),
            _ => None,
        }
    }
}

/// Nanoseconds since the Unix epoch of a date's midnight, or of a time that falls on a whole minute: within a minute
/// prices must not change, so that they can be remembered by the minute.
fn moment(what: &str, text: &str) -> Result<i128, String> {
    const EXPECTED: &str = "expected a date such as 2026-01-31 or a time such as 2026-01-31T16:30Z";
    let text = text.trim();
    let is_date = text.len() <= 10;
    let parsed = if is_date { rfc3339::parse_date(text) } else { rfc3339::parse(text) };
    let wrong = |reason| format!("{what} is {text:?}, {reason}");
    match parsed {
        Ok(nanoseconds) if nanoseconds % 60_000_000_000 == 0 => Ok(nanoseconds),
        Ok(_) => Err(wrong("expected a whole minute")),
        Err(_) => Err(wrong(EXPECTED)),
    }
}
