//! Numbers with their units.

use crate::ledger::Usd;

/// The text for an unknown figure. Unknown is never shown as 0.
pub const UNKNOWN: &str = "—";

/// Returns a whole number with separated thousands.
///
/// ```
/// assert_eq!(tracing_budget::present::numbers::count(1_234_567), "1,234,567");
/// ```
#[must_use]
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// Returns a number with its noun: `1 call`, `1,204 calls`. The plural is the noun with an `s`.
///
/// ```
/// assert_eq!(tracing_budget::present::numbers::counted(1_204, "call"), "1,204 calls");
/// ```
#[must_use]
pub fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

fn grouped(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A format for amounts of one table: all have the same number of decimals, so that they can be compared at a glance.
///
/// ```
/// use tracing_budget::{Usd, present::numbers::Money};
///
/// let amounts: [Usd; 2] = ["0.059805".parse()?, "0.00002".parse()?];
/// let money = Money::for_amounts(amounts.into_iter());
/// assert_eq!(amounts.map(|amount| money.write(amount)), ["$0.0598", "<$0.0001"]);
/// # Ok::<(), tracing_budget::money::UsdError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Money {
    decimals: usize,
}

impl Money {
    /// Returns the format with which the largest amount has about three significant digits.
    ///
    /// ```
    /// use tracing_budget::present::numbers::Money;
    ///
    /// let amount = "1500".parse()?;
    /// assert_eq!(Money::for_amounts([amount].into_iter()).write(amount), "$1,500.00");
    /// # Ok::<(), tracing_budget::money::UsdError>(())
    /// ```
    #[must_use]
    pub fn for_amounts(amounts: impl Iterator<Item = Usd>) -> Self {
        let largest = amounts.map(|amount| amount.pico().unsigned_abs()).max().unwrap_or(0);
        let decimals = match largest {
            0 => 2,
            1..10_000 => 12,
            10_000..1_000_000 => 10,
            1_000_000..100_000_000 => 8,
            100_000_000..10_000_000_000 => 6,
            10_000_000_000..100_000_000_000_000 => 4,
            _ => 2,
        };
        Self { decimals }
    }

    /// Returns an amount as text. An amount too small for the decimals is `<$0.01` or the like: only zero is `$0`.
    ///
    /// ```
    /// use tracing_budget::{Usd, present::numbers::Money};
    ///
    /// let money = Money::for_amounts("200".parse().ok().into_iter());
    /// assert_eq!([Usd::ZERO, Usd::from_pico(1)].map(|usd| money.write(usd)), ["$0", "<$0.01"]);
    /// ```
    #[must_use]
    pub fn write(self, amount: Usd) -> String {
        let sign = if amount < Usd::ZERO { "-" } else { "" };
        let size = if amount < Usd::ZERO { -amount } else { amount };
        if size == Usd::ZERO {
            return "$0".to_owned();
        }
        let digits = format!("{size:.*}", self.decimals);
        if digits.bytes().all(|digit| matches!(digit, b'0' | b'.')) {
            return format!("{sign}<$0.{:0>1$}", 1, self.decimals);
        }
        let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
        format!("{sign}${}.{fraction}", grouped(whole))
    }
}

/// Returns a limit as a person would write it: in cents, or exactly if it has more digits.
///
/// ```
/// use tracing_budget::present::numbers::limit;
///
/// assert_eq!("5".parse().map(limit), Ok("$5.00".to_owned()));
/// ```
#[must_use]
pub fn limit(amount: Usd) -> String {
    let cents = format!("{amount:.2}");
    let exact = if cents.parse() == Ok(amount) { cents } else { amount.to_string() };
    let (whole, fraction) = exact.split_once('.').unwrap_or((&exact, "00"));
    match whole.strip_prefix('-') {
        Some(whole) => format!("-${}.{fraction}", grouped(whole)),
        None => format!("${}.{fraction}", grouped(whole)),
    }
}

/// Returns a ratio: to a hundredth below 100, in whole numbers from there.
///
/// ```
/// assert_eq!(tracing_budget::present::numbers::times(2_856.14), "2,856");
/// ```
#[must_use]
pub fn times(ratio: f64) -> String {
    if !ratio.is_finite() {
        return UNKNOWN.to_owned();
    }
    let sign = if ratio < 0.0 { "-" } else { "" };
    match ratio.abs() {
        size if size < 99.995 => format!("{ratio:.2}"),
        // The cast saturates.
        size => format!("{sign}{}", count(size.round() as u64)),
    }
}

/// Returns seconds as `120ms`, `47.3s`, `2m 05s`, `1h 02m` or `3d 04h`; a negative or infinite number is unknown.
///
/// ```
/// assert_eq!(tracing_budget::present::numbers::duration(47.27), "47.3s");
/// ```
#[must_use]
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return UNKNOWN.to_owned();
    }
    // 1e15 s are thirty million years. The bound keeps the integers below from saturating.
    let seconds = seconds.min(1e15);
    // Each unit is chosen after rounding, so that 59.97 s is a minute and not `60.0s`.
    let ms = (seconds * 1e3).round() as u64;
    let tenths = (seconds * 10.0).round() as u64;
    let whole = seconds.round() as u64;
    let (minutes, hours) = ((whole + 30) / 60, (whole + 1_800) / 3_600);
    match () {
        () if seconds == 0.0 => "0s".to_owned(),
        () if ms == 0 => "<1ms".to_owned(),
        () if ms < 1_000 => format!("{ms}ms"),
        () if tenths < 600 => format!("{}.{}s", tenths / 10, tenths % 10),
        () if whole < 3_600 => format!("{}m {:02}s", whole / 60, whole % 60),
        () if minutes < 24 * 60 => format!("{}h {:02}m", minutes / 60, minutes % 60),
        () => format!("{}d {:02}h", hours / 24, hours % 24),
    }
}

/// Returns seconds as [`duration`] does, and `—` where nothing was measured.
///
/// ```
/// use tracing_budget::present::numbers::measured;
///
/// assert_eq!((measured(Some(0.12)).as_str(), measured(None).as_str()), ("120ms", "—"));
/// ```
#[must_use]
pub fn measured(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| UNKNOWN.to_owned(), duration)
}

/// Returns a part of a whole in per cent. Only 0 is `0%` and only 1 is `100%`.
///
/// ```
/// use tracing_budget::present::numbers::share;
///
/// assert_eq!([0.0, 0.001, 0.255, 0.999].map(share), ["0%", "<1%", "26%", ">99%"]);
/// ```
#[must_use]
pub fn share(part: f64) -> String {
    let percent = (part * 100.0).round();
    if !percent.is_finite() {
        UNKNOWN.to_owned()
    } else if part > 0.0 && percent < 1.0 {
        "<1%".to_owned()
    } else if part < 1.0 && percent > 99.0 {
        ">99%".to_owned()
    } else {
        format!("{percent:.0}%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().expect("an amount")
    }

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn a_cost_above_zero_is_never_shown_as_zero() {
        let cents = Money { decimals: 2 };
        for (amount, text) in [
            ("0", "$0"),
            ("0.0049", "<$0.01"),
            ("0.005", "$0.01"),
            ("-0.001", "-<$0.01"),
            ("1234567.891", "$1,234,567.89"),
            ("-1.5", "-$1.50"),
        ] {
            assert_eq!(cents.write(usd(amount)), text);
        }
    }

    #[test]
    fn digits_follow_the_largest_amount() {
        let write = |amounts: &[&str]| {
            let money = Money::for_amounts(amounts.iter().map(|amount| usd(amount)));
            amounts.iter().map(|amount| money.write(usd(amount))).collect::<Vec<_>>()
        };
        assert_eq!(write(&["0.059805", "0.00002"]), ["$0.0598", "<$0.0001"]);
        assert_eq!(write(&["0.000075", "0.00203"]), ["$0.000075", "$0.002030"]);
        assert_eq!(write(&["0.00006"]), ["$0.00006000"]);
        assert_eq!(write(&["0.00000000004"]), ["$0.000000000040"]);
        assert_eq!(write(&["1523.4", "0.10"]), ["$1,523.40", "$0.10"]);
    }

    #[test]
    fn a_ratio_has_the_digits_that_matter() {
        for (ratio, text) in [
            (2_856.142_857, "2,856"),
            (99.994, "99.99"),
            (99.996, "100"),
            (0.5, "0.50"),
            (-1.0, "-1.00"),
            (-1e4, "-10,000"),
        ] {
            assert_eq!(times(ratio), text);
        }
        assert_eq!(times(f64::NAN), "—");
    }

    #[test]
    fn a_limit_keeps_what_was_set() {
        for (amount, text) in
            [("5", "$5.00"), ("0.0005", "$0.0005"), ("12500.5", "$12,500.50"), ("-1.25", "-$1.25")]
        {
            assert_eq!(limit(usd(amount)), text);
        }
    }

    #[test]
    fn durations_change_unit_where_they_round() {
        for (seconds, text) in [
            (0.0, "0s"),
            (0.000_2, "<1ms"),
            (0.12, "120ms"),
            (0.999_6, "1.0s"),
            (47.27, "47.3s"),
            (59.94, "59.9s"),
            (59.97, "1m 00s"),
            (125.0, "2m 05s"),
            (3_599.6, "1h 00m"),
            (3_725.0, "1h 02m"),
            (86_399.0, "1d 00h"),
            (273_600.0, "3d 04h"),
            (f64::NAN, "—"),
            (-1.0, "—"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
        assert!(duration(f64::MAX).ends_with('h'));
    }

    #[test]
    fn shares_round_but_never_to_all_or_nothing() {
        for (part, text) in
            [(0.0, "0%"), (0.001, "<1%"), (0.255, "26%"), (0.994, "99%"), (0.999, ">99%"), (1.0, "100%")]
        {
            assert_eq!(share(part), text);
        }
    }
}
