//! One figure or word, as a person reads it and as a program does.

use tracing_budget::present::columns::{cut, one_line};
use tracing_budget::present::numbers::{self, Money, UNKNOWN};
use tracing_budget::summary::{Status, Timestamp};
use tracing_budget::{Usd, Verdict};

use super::when;

/// How much a cell wants to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Warn,
    Bad,
    Faint,
}

/// One figure or word: the text of a table, and the value of CSV.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    text: String,
    raw: String,
    tone: Tone,
}

/// The widest that a free text is shown in a table.
const WORDS: usize = 60;

impl Cell {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn raw(&self) -> &str {
        &self.raw
    }

    pub(super) const fn tone(&self) -> Tone {
        self.tone
    }

    pub(super) fn in_tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    fn new(text: impl Into<String>, raw: impl Into<String>) -> Self {
        Self { text: text.into(), raw: raw.into(), tone: Tone::Plain }
    }

    /// What nobody knows: `—`, and nothing in CSV.
    pub(super) fn unknown() -> Self {
        Self::new(UNKNOWN, "").in_tone(Tone::Faint)
    }

    /// Where there is nothing to say.
    pub(super) fn empty() -> Self {
        Self::new("", "")
    }

    /// A word or a name: on one line, cut where it is very long.
    pub(super) fn words(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        Self::new(cut(text, WORDS), text)
    }

    /// An identifier or a path: on one line, never cut.
    pub(super) fn whole(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        Self::new(one_line(text), text)
    }

    /// A text for people in place of a value for programs.
    pub(super) fn short(text: impl Into<String>, raw: impl Into<String>) -> Self {
        Self::new(text, raw)
    }

    pub(super) fn words_or_unknown(text: Option<impl AsRef<str>>) -> Self {
        text.map_or_else(Self::unknown, Self::words)
    }

    pub(super) fn words_or_empty(text: Option<impl AsRef<str>>) -> Self {
        text.map_or_else(Self::empty, Self::words)
    }

    pub(super) fn count(number: u64) -> Self {
        Self::new(numbers::count(number), number.to_string())
    }

    /// A number of things that should be none.
    pub(super) fn faults(number: u64, tone: Tone) -> Self {
        Self::count(number).in_tone(if number > 0 { tone } else { Tone::Plain })
    }

    pub(super) fn count_or_unknown(number: Option<u64>) -> Self {
        number.map_or_else(Self::unknown, Self::count)
    }

    /// An amount, with `≥` where it is known in part only.
    pub(super) fn money(money: Money, amount: Option<Usd>, in_part: bool) -> Self {
        match amount {
            None => Self::unknown(),
            Some(Usd::ZERO) if in_part => Self::new(UNKNOWN, "0").in_tone(Tone::Faint),
            Some(amount) if in_part => Self::new(format!("≥{}", money.write(amount)), amount.to_string()),
            Some(amount) => Self::new(money.write(amount), amount.to_string()),
        }
    }

    /// Tokens, with `≥` where they are known in part only.
    pub(super) fn tokens(tokens: Option<u64>, in_part: bool) -> Self {
        match tokens {
            None => Self::unknown(),
            Some(0) if in_part => Self::new(UNKNOWN, "0").in_tone(Tone::Faint),
            Some(tokens) if in_part => Self::new(format!("≥{}", numbers::count(tokens)), tokens.to_string()),
            Some(tokens) => Self::count(tokens),
        }
    }

    pub(super) fn seconds(seconds: Option<f64>) -> Self {
        seconds
            .map_or_else(Self::unknown, |seconds| Self::new(numbers::duration(seconds), seconds.to_string()))
    }

    pub(super) fn share(part: Option<f64>) -> Self {
        part.map_or_else(Self::unknown, |part| Self::new(numbers::share(part), part.to_string()))
    }

    pub(super) fn number(number: Option<f64>) -> Self {
        number.map_or_else(Self::unknown, |number| Self::new(number.to_string(), number.to_string()))
    }

    pub(super) fn time(at: Option<Timestamp>) -> Self {
        at.map_or_else(Self::unknown, |at| Self::new(when::shown(at), at.to_string()))
    }

    /// How a run or a stage stands. A run that says it runs and that nobody hears of is not shown as running.
    pub(super) fn status(status: Status, stale: bool) -> Self {
        let (mark, tone) = match status {
            Status::Running if stale => ('?', Tone::Warn),
            Status::Running => ('…', Tone::Plain),
            Status::Completed => ('✓', Tone::Good),
            Status::Failed => ('✗', Tone::Bad),
            Status::NotRun => ('·', Tone::Faint),
            Status::Cancelled | Status::Incomplete | Status::Interrupted => ('!', Tone::Warn),
        };
        let word = status.as_str().replace('_', " ");
        let word = if stale { format!("{mark} {word}, stale") } else { format!("{mark} {word}") };
        // A failure is told by its letters too, for those who see no colour.
        let word = if status == Status::Failed { word.to_uppercase() } else { word };
        Self::new(word, status.as_str()).in_tone(tone)
    }

    pub(super) fn verdict(verdict: Option<&Verdict>) -> Self {
        let Some(verdict) = verdict else { return Self::unknown() };
        let (mark, tone) = match verdict {
            Verdict::Pass => ('✓', Tone::Good),
            Verdict::Fail | Verdict::Error => ('✗', Tone::Bad),
            Verdict::Warn => ('!', Tone::Warn),
            Verdict::Skipped => ('·', Tone::Faint),
            Verdict::Other(_) => ('?', Tone::Warn),
        };
        Self::new(format!("{mark} {}", cut(verdict.as_str(), 24)), verdict.as_str()).in_tone(tone)
    }

    /// What an amount changed by, with its sign.
    pub(super) fn money_change(money: Money, change: Option<Usd>) -> Self {
        let Some(change) = change else { return Self::unknown() };
        let text = match change {
            Usd::ZERO => "0".to_owned(),
            more if more > Usd::ZERO => format!("+{}", money.write(more)),
            less => money.write(less),
        };
        Self::new(text, change.to_string())
    }

    /// What a count changed by, with its sign.
    pub(super) fn count_change(change: Option<i64>) -> Self {
        let Some(change) = change else { return Self::unknown() };
        let size = numbers::count(change.unsigned_abs());
        let text = match change {
            0 => "0".to_owned(),
            1.. => format!("+{size}"),
            _ => format!("-{size}"),
        };
        Self::new(text, change.to_string())
    }

    /// What a time changed by, with its sign.
    pub(super) fn seconds_change(change: Option<f64>) -> Self {
        let Some(change) = change.filter(|change| change.is_finite()) else { return Self::unknown() };
        let sign = if change > 0.0 { "+" } else { "-" };
        let text =
            if change == 0.0 { "0".to_owned() } else { format!("{sign}{}", numbers::duration(change.abs())) };
        Self::new(text, change.to_string())
    }

    /// What something changed by as a part of what it was, with its sign.
    pub(super) fn ratio(ratio: Option<f64>) -> Self {
        let Some(ratio) = ratio.filter(|ratio| ratio.is_finite()) else { return Self::unknown() };
        Self::new(percent_change(ratio), ratio.to_string())
    }
}

/// A change in per cent with its sign; a change too small for the digits is not shown as none.
pub(super) fn percent_change(ratio: f64) -> String {
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
    fn what_is_unknown_is_a_dash_and_never_a_nought() {
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
        assert_eq!(Cell::money(money, Some(Usd::ZERO), true).text(), "—", "at least nothing");
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
    fn a_failed_run_is_found_without_colours() {
        assert_eq!(Cell::status(Status::Failed, false).text(), "✗ FAILED");
        assert_eq!(Cell::status(Status::Running, true).text(), "? running, stale");
    }
}
