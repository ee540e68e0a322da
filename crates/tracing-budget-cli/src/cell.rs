//! One figure or word: its text in a table, and its value in CSV.

use tracing_budget::present::columns::{cut, one_line};
use tracing_budget::present::numbers::{self, Money, UNKNOWN};
use tracing_budget::present::{id, status, verdict};
use tracing_budget::summary::{Status, Timestamp};
use tracing_budget::{Usd, Verdict};
use tracing_budget_history::grammar::Zone;

/// Emphasis of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Warn,
    Bad,
    Faint,
}

impl From<status::Tone> for Tone {
    fn from(tone: status::Tone) -> Self {
        match tone {
            status::Tone::Good => Self::Good,
            // Running is the normal state of a run in flight, and needs no attention.
            status::Tone::Active => Self::Plain,
            status::Tone::Warn => Self::Warn,
            status::Tone::Bad => Self::Bad,
            status::Tone::Faint => Self::Faint,
        }
    }
}

/// One figure or word: its text in a table, and its value in CSV.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    text: String,
    raw: String,
    tone: Tone,
}

/// Maximum columns of a free text in a table: longer ones wrap the row on a terminal of 120 columns.
const MAX_WORDS: usize = 60;

impl Cell {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn raw(&self) -> &str {
        &self.raw
    }

    pub(crate) const fn tone(&self) -> Tone {
        self.tone
    }

    pub(crate) fn in_tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    fn new(text: impl Into<String>, raw: impl Into<String>) -> Self {
        Self { text: text.into(), raw: raw.into(), tone: Tone::Plain }
    }

    /// An unknown value: `—` in a table, empty in CSV.
    pub(crate) fn unknown() -> Self {
        Self::new(UNKNOWN, "").in_tone(Tone::Faint)
    }

    /// An empty cell.
    pub(crate) fn empty() -> Self {
        Self::new("", "")
    }

    /// A word or a name: on one line, cut if it is very long.
    pub(crate) fn words(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        Self::new(cut(text, MAX_WORDS), text)
    }

    /// An identifier or a path: on one line, never cut.
    pub(crate) fn whole(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        Self::new(one_line(text), text)
    }

    /// A text for people and a different value for programs.
    pub(crate) fn short(text: impl Into<String>, raw: impl Into<String>) -> Self {
        Self::new(text, raw)
    }

    pub(crate) fn words_or_unknown(text: Option<impl AsRef<str>>) -> Self {
        text.map_or_else(Self::unknown, Self::words)
    }

    pub(crate) fn words_or_empty(text: Option<impl AsRef<str>>) -> Self {
        text.map_or_else(Self::empty, Self::words)
    }

    pub(crate) fn count(number: u64) -> Self {
        Self::new(numbers::count(number), number.to_string())
    }

    /// A count that is emphasised if it is above 0.
    pub(crate) fn faults(number: u64, tone: Tone) -> Self {
        Self::count(number).in_tone(if number > 0 { tone } else { Tone::Plain })
    }

    pub(crate) fn count_or_unknown(number: Option<u64>) -> Self {
        number.map_or_else(Self::unknown, Self::count)
    }

    /// An amount, with `≥` if a part of it is unknown.
    pub(crate) fn money(money: Money, amount: Option<Usd>, in_part: bool) -> Self {
        match amount {
            None => Self::unknown(),
            Some(Usd::ZERO) if in_part => Self::new(UNKNOWN, "0").in_tone(Tone::Faint),
            Some(amount) if in_part => Self::new(format!("≥{}", money.write(amount)), amount.to_string()),
            Some(amount) => Self::new(money.write(amount), amount.to_string()),
        }
    }

    /// Tokens, with `≥` if a part of them is unknown.
    pub(crate) fn tokens(tokens: Option<u64>, in_part: bool) -> Self {
        match tokens {
            None => Self::unknown(),
            Some(0) if in_part => Self::new(UNKNOWN, "0").in_tone(Tone::Faint),
            Some(tokens) if in_part => Self::new(format!("≥{}", numbers::count(tokens)), tokens.to_string()),
            Some(tokens) => Self::count(tokens),
        }
    }

    pub(crate) fn seconds(seconds: Option<f64>) -> Self {
        seconds
            .map_or_else(Self::unknown, |seconds| Self::new(numbers::duration(seconds), seconds.to_string()))
    }

    pub(crate) fn share(part: Option<f64>) -> Self {
        part.map_or_else(Self::unknown, |part| Self::new(numbers::share(part), part.to_string()))
    }

    pub(crate) fn number(number: Option<f64>) -> Self {
        number.map_or_else(Self::unknown, |number| Self::new(number.to_string(), number.to_string()))
    }

    pub(crate) fn time(at: Option<Timestamp>, zone: &Zone) -> Self {
        at.map_or_else(Self::unknown, |at| Self::new(zone.minute(at), at.to_string()))
    }

    /// The status of a run or a stage. A running run without a recent heartbeat is stale.
    pub(crate) fn status(status: Status, stale: bool) -> Self {
        if stale {
            let text = format!("{} {}, {}", status::STALE_GLYPH, status::word(status), status::STALE);
            return Self::new(text, status.as_str()).in_tone(Tone::Warn);
        }
        let word = status::word(status);
        // Capitals too: a failure must be visible without colours.
        let word = if status == Status::Failed { word.to_uppercase() } else { word.to_owned() };
        let text = format!("{} {word}", status::glyph(status));
        Self::new(text, status.as_str()).in_tone(status::tone(status).into())
    }

    pub(crate) fn verdict(verdict: Option<&Verdict>) -> Self {
        let Some(verdict) = verdict else { return Self::unknown() };
        let text = format!("{} {}", verdict::glyph(verdict), cut(verdict.as_str(), 24));
        Self::new(text, verdict.as_str()).in_tone(verdict::tone(verdict).into())
    }

    /// A run's id: short in a table, whole in CSV. Every command accepts both.
    pub(crate) fn run_id(run_id: &str) -> Self {
        Self::new(one_line(id::short(run_id)), run_id)
    }

    /// The change of an amount, with its sign.
    pub(crate) fn money_change(money: Money, change: Option<Usd>) -> Self {
        let Some(change) = change else { return Self::unknown() };
        let text = match change {
            Usd::ZERO => "0".to_owned(),
            more if more > Usd::ZERO => format!("+{}", money.write(more)),
            less => money.write(less),
        };
        Self::new(text, change.to_string())
    }

    /// The change of a count, with its sign.
    pub(crate) fn count_change(change: Option<i64>) -> Self {
        let Some(change) = change else { return Self::unknown() };
        let size = numbers::count(change.unsigned_abs());
        let text = match change {
            0 => "0".to_owned(),
            1.. => format!("+{size}"),
            _ => format!("-{size}"),
        };
        Self::new(text, change.to_string())
    }

    /// The change of a duration, with its sign.
    pub(crate) fn seconds_change(change: Option<f64>) -> Self {
        let Some(change) = change.filter(|change| change.is_finite()) else { return Self::unknown() };
        let sign = if change > 0.0 { "+" } else { "-" };
        let text =
            if change == 0.0 { "0".to_owned() } else { format!("{sign}{}", numbers::duration(change.abs())) };
        Self::new(text, change.to_string())
    }

    /// A relative change, with its sign.
    pub(crate) fn ratio(ratio: Option<f64>) -> Self {
        let Some(ratio) = ratio.filter(|ratio| ratio.is_finite()) else { return Self::unknown() };
        Self::new(percent_change(ratio), ratio.to_string())
    }
}

/// Returns a relative change in per cent, with its sign. A change too small for the digits is `<0.1%`, not 0.
pub(crate) fn percent_change(ratio: f64) -> String {
    let percent = ratio * 100.0;
    let sign = if percent > 0.0 { "+" } else { "-" };
    match percent.abs() {
        0.0 => "0%".to_owned(),
        size if size < 0.1 => format!("{sign}<0.1%"),
        size if size < 10.0 => format!("{sign}{size:.1}%"),
        size if size < 1e15 => format!("{sign}{}%", numbers::count(size.round() as u64)),
        size => format!("{sign}{size:e}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().expect("an amount")
    }

    #[test]
    fn an_unknown_value_is_a_dash_and_never_0() {
        let money = Money::for_amounts([usd("1")].into_iter());
        for cell in [
            Cell::money(money, None, false),
            Cell::tokens(None, true),
            Cell::seconds(None),
            Cell::share(None),
            Cell::count_change(None),
        ] {
            assert_eq!((cell.text(), cell.raw()), ("—", ""));
        }
        assert_eq!(Cell::money(money, Some(Usd::ZERO), true).text(), "—", "at least 0");
        assert_eq!(Cell::money(money, Some(Usd::ZERO), false).text(), "$0");
        assert_eq!(Cell::money(money, Some(usd("1.5")), true).text(), "≥$1.5000");
    }

    #[test]
    fn changes_have_signs() {
        for (ratio, text) in
            [(0.0, "0%"), (0.1, "+10%"), (-0.034, "-3.4%"), (0.000_4, "+<0.1%"), (12.5, "+1,250%")]
        {
            assert_eq!(percent_change(ratio), text);
        }
        assert_eq!(Cell::count_change(Some(-1_500)).text(), "-1,500");
        assert_eq!(Cell::seconds_change(Some(-61.0)).text(), "-1m 01s");
        let money = Money::for_amounts([usd("0.05")].into_iter());
        assert_eq!(Cell::money_change(money, Some(usd("0.05"))).text(), "+$0.0500");
        assert_eq!(Cell::money_change(money, Some(usd("-0.05"))).text(), "-$0.0500");
    }

    #[test]
    fn a_failed_run_is_visible_without_colours() {
        assert_eq!(Cell::status(Status::Failed, false).text(), "✗ FAILED");
        assert_eq!(Cell::status(Status::Running, true).text(), "? running, stale");
    }
}
