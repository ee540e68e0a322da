//! Exact money: an integer number of pico-dollars.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Pico-dollars in one dollar.
const PICO_PER_USD: i128 = 1_000_000_000_000;

/// Digits after the decimal point of a [`Usd`]: 10¹² pico-dollars are one dollar.
const SCALE: usize = 12;

/// An exact amount of US dollars, counted in pico-dollars (1e-12 USD).
///
/// Every published price per million tokens is a whole number of pico-dollars a token, so sums are exact in
/// any order. It reads decimal text and JSON numbers, and writes itself as a JSON number of dollars:
/// the double nearest to the exact amount, which names every pico-dollar up to 8,192 USD.
///
/// ```
/// use tracing_budget::Usd;
///
/// let price: Usd = "0.000000075".parse()?;
/// let total: Usd = std::iter::repeat_n(price, 1_000_000).sum();
/// assert_eq!(total.to_string(), "0.075");
/// # Ok::<(), tracing_budget::money::UsdError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(i128);

impl Usd {
    /// Zero dollars: free, which differs from unknown.
    pub const ZERO: Self = Self(0);

    /// Returns the amount of `pico` pico-dollars.
    ///
    /// ```
    /// use tracing_budget::Usd;
    ///
    /// assert_eq!(Usd::from_pico(1_500_000_000_000).to_string(), "1.5");
    /// ```
    #[must_use]
    pub const fn from_pico(pico: i128) -> Self {
        Self(pico)
    }

    /// Returns the amount in pico-dollars (1e-12 USD).
    ///
    /// ```
    /// use tracing_budget::Usd;
    ///
    /// assert_eq!("2".parse().map(Usd::pico), Ok(2_000_000_000_000));
    /// ```
    #[must_use]
    pub const fn pico(self) -> i128 {
        self.0
    }

    /// Returns the amount nearest to `usd` dollars, or `None` if `usd` is not finite or its magnitude is 1e15 or more.
    ///
    /// ```
    /// use tracing_budget::Usd;
    ///
    /// assert_eq!(Usd::from_f64(0.25), "0.25".parse().ok());
    /// assert_eq!(Usd::from_f64(f64::NAN), None);
    /// ```
    #[must_use]
    pub fn from_f64(usd: f64) -> Option<Self> {
        Self::nearest(usd, 1e15)
    }

    /// Returns the amount nearest to a number in a document: a sum of amounts may be larger than any of them.
    pub(crate) fn from_document(usd: f64) -> Option<Self> {
        // A hundred billion of the largest amounts, which 128 bits still hold.
        Self::nearest(usd, 1e26)
    }

    fn nearest(usd: f64, bound: f64) -> Option<Self> {
        if !usd.is_finite() || usd.abs() >= bound {
            return None;
        }
        // Whole dollars and the fraction are scaled apart, so that large amounts keep their cents.
        let whole = usd.trunc();
        let fraction = ((usd - whole) * PICO_PER_USD as f64).round();
        Some(Self(whole as i128 * PICO_PER_USD + fraction as i128))
    }

    /// Returns the double nearest to the amount, in dollars.
    ///
    /// ```
    /// use tracing_budget::Usd;
    ///
    /// assert_eq!(Usd::from_pico(59_805_000_000).to_f64(), 0.059805);
    /// ```
    #[must_use]
    pub fn to_f64(self) -> f64 {
        // Both operands are exact doubles, and IEEE 754 rounds a quotient correctly. The text below is slower.
        if self.0.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS {
            return self.0 as f64 / PICO_PER_USD as f64;
        }
        // The decimal text is exact and the standard parser rounds it correctly.
        self.to_string().parse().unwrap_or(f64::NAN)
    }
}

/// The error of a text that is not an amount of US dollars.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an amount in USD: {reason}")]
pub struct UsdError {
    text: String,
    reason: &'static str,
}

impl UsdError {
    pub(super) fn new(text: String, reason: &'static str) -> Self {
        Self { text, reason }
    }

    /// Returns the refused text, or the refused number as text.
    ///
    /// ```
    /// let error = "five".parse::<tracing_budget::Usd>().expect_err("not a number");
    /// assert_eq!(error.text(), "five");
    /// ```
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl FromStr for Usd {
    type Err = UsdError;

    /// Reads plain decimals such as `5`, `0.059805` or `-1.5`, with an optional leading `$`.
    fn from_str(text: &str) -> Result<Self, UsdError> {
        let fail = |reason| UsdError::new(text.to_owned(), reason);
        let trimmed = text.trim();
        let (negative, digits) = match trimmed.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, trimmed),
        };
        let digits = digits.strip_prefix('$').unwrap_or(digits);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(fail("expected a decimal number such as 5.00"));
        }
        if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err(fail("expected a decimal number such as 5.00"));
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > SCALE {
            return Err(fail("at most 12 digits may follow the decimal point"));
        }
        if whole.len() > 15 {
            return Err(fail("at most 15 digits may precede the decimal point"));
        }
        let number = |digits: &str| digits.bytes().fold(0i128, |n, digit| n * 10 + i128::from(digit - b'0'));
        let scale = 10i128.pow((SCALE - fraction.len()) as u32);
        let pico = number(whole) * PICO_PER_USD + number(fraction) * scale;
        Ok(Self(if negative { -pico } else { pico }))
    }
}

impl From<u32> for Usd {
    /// Whole dollars.
    fn from(dollars: u32) -> Self {
        Self(i128::from(dollars) * PICO_PER_USD)
    }
}

impl fmt::Debug for Usd {
    /// Writes the exact amount: `Usd(0.0225)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Usd({self})")
    }
}

impl fmt::Display for Usd {
    /// Writes the exact decimal without trailing zeros; a precision (`{:.2}`) rounds half away from zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(SCALE).min(SCALE);
        let unit = 10u128.pow((SCALE - digits) as u32);
        let rounded = (self.0.unsigned_abs() + unit / 2) / unit;
        let per_usd = 10u128.pow(digits as u32);
        let mut text = format!("{}.{:0digits$}", rounded / per_usd, rounded % per_usd);
        if digits == 0 || f.precision().is_none() {
            let kept = text.trim_end_matches('0').trim_end_matches('.').len();
            text.truncate(if digits == 0 { text.find('.').unwrap_or(text.len()) } else { kept });
        }
        f.pad_integral(self.0 >= 0 || rounded == 0, "", &text)
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Usd {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Usd {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.to_f64())
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let usd = f64::deserialize(deserializer)?;
        Self::from_document(usd).ok_or_else(|| de::Error::custom(format!("{usd} is not an amount in USD")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_dollars() {
        assert_eq!(format!("{:?}", Usd::from_pico(22_500_000_000)), "Usd(0.0225)");
        assert_eq!(format!("{:?}", Some(Usd::ZERO)), "Some(Usd(0))");
    }

    #[test]
    fn text_is_read_and_written_exactly() {
        for (text, written) in [
            ("5.00", "5"),
            ("$0.059805", "0.059805"),
            (".5", "0.5"),
            ("-1.50", "-1.5"),
            ("0.000000000001", "0.000000000001"),
            ("123456789012345.123456789012", "123456789012345.123456789012"),
        ] {
            assert_eq!(text.parse::<Usd>().map(|usd| usd.to_string()).as_deref(), Ok(written), "{text}");
        }
    }

    #[test]
    fn an_error_contains_the_refused_text() {
        for text in ["", ".", "five", "1e3", "0.0000000000001", "1.2.3", "--1", "1234567890123456"] {
            let error = text.parse::<Usd>().expect_err(text);
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn display_rounds_to_a_precision() {
        let usd: Usd = "0.059805".parse().expect("an amount");
        assert_eq!(format!("{usd:.4}"), "0.0598");
        assert_eq!(format!("{usd:.0}"), "0");
        assert_eq!(format!("{:.2}", Usd::from_pico(-5_000_000_000)), "-0.01");
        assert_eq!(format!("{usd:>10.2}"), "      0.06");
        assert_eq!(Usd::ZERO.to_string(), "0");
    }

    #[test]
    fn json_keeps_every_pico_dollar_below_eight_thousand_dollars() {
        for pico in [1, 75_000, 59_805_000_000, 999_999_999_999_999, 8_191_999_999_999_999] {
            let usd = Usd::from_pico(pico);
            let json = serde_json::to_string(&usd).expect("a number");
            assert_eq!(serde_json::from_str::<Usd>(&json).ok(), Some(usd), "{json}");
        }
        assert_eq!(serde_json::to_string(&Usd::from_pico(59_805_000_000)).ok().as_deref(), Some("0.059805"));
    }

    #[test]
    fn the_double_is_that_of_the_decimal_text() {
        let whole = (0..53).flat_map(|bits| {
            [1i128 << bits, (1 << bits) - 1, (1 << bits) + 1, 0x0015_5555_5555_5555 >> bits]
        });
        for pico in whole.chain([59_805_000_000, (1 << 53) + 1, (1 << 53) - 1, 1 << 53, i128::from(i64::MAX)])
        {
            for usd in [Usd::from_pico(pico), Usd::from_pico(-pico)] {
                assert_eq!(Ok(usd.to_f64()), usd.to_string().parse(), "{usd}");
            }
        }
    }

    #[test]
    fn doubles_out_of_range_are_refused() {
        for usd in [f64::NAN, f64::INFINITY, 1e15, -1e15] {
            assert_eq!(Usd::from_f64(usd), None);
        }
    }
}
