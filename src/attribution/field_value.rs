//! One recorded value, in whatever type it came.

use crate::ledger::{Kind, MAX_COUNT, Usd, bounds};

/// A value as a library or a user recorded it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FieldValue<'a> {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Flag(bool),
    Text(&'a str),
    /// A text that `Debug` or `Display` made of a value.
    Shown(&'a str),
}

/// The bound of a cost in USD, the same as that of a cost that is a floating-point number.
const MAX_USD: u64 = 1_000_000_000_000_000;

/// Why a value is refused, as the end of a sentence.
pub(crate) type Refusal = &'static str;

const NEGATIVE: Refusal = "it is negative";
const ABSURD: Refusal = "it is larger than a trillion";
const NOT_A_NUMBER: Refusal = "it is not a number";

impl<'a> FieldValue<'a> {
    /// The value as a count of a kind: a time that is recorded in seconds is counted in microseconds.
    // Inlined: a comparison for nearly all kinds.
    #[inline]
    pub(crate) fn count_of(self, kind: Kind) -> Result<Option<u64>, Refusal> {
        match kind.per_unit() {
            1 => self.count(),
            parts => match self.number() {
                None => self.count(),
                Some(number) if number < 0.0 => Err(NEGATIVE),
                Some(number) if number > MAX_COUNT as f64 => Err(ABSURD),
                Some(number) => Ok(Some((number * parts as f64).round() as u64)),
            },
        }
    }

    /// The value as a count; `None` if the text is empty or `None`.
    pub(crate) fn count(self) -> Result<Option<u64>, Refusal> {
        let count = match self {
            Self::Unsigned(count) => count,
            Self::Signed(count) => u64::try_from(count).map_err(|_| NEGATIVE)?,
            Self::Float(count) if count.is_nan() => return Err(NOT_A_NUMBER),
            Self::Float(count) if count < 0.0 => return Err(NEGATIVE),
            // Saturates, and is then refused as absurd.
            Self::Float(count) => count.round() as u64,
            Self::Flag(_) => return Err(NOT_A_NUMBER),
            Self::Text(text) | Self::Shown(text) => match inner(text) {
                None => return Ok(None),
                Some(digits) => match digits.parse::<i128>() {
                    Ok(count) if count < 0 => return Err(NEGATIVE),
                    Ok(count) => u64::try_from(count).unwrap_or(u64::MAX),
                    Err(_) => {
                        return digits
                            .parse()
                            .map_err(|_| NOT_A_NUMBER)
                            .and_then(|count| FieldValue::Float(count).count());
                    }
                },
            },
        };
        if count > MAX_COUNT { Err(ABSURD) } else { Ok(Some(count)) }
    }

    /// The value as money; `None` if the text is empty or `None`.
    pub(crate) fn usd(self) -> Result<Option<Usd>, Refusal> {
        let usd = match self {
            // In integers: a cost of five billion is exact, where a double of it in pico-dollars is not.
            Self::Unsigned(usd) if usd < MAX_USD => Usd::from_pico(i128::from(usd) * 1_000_000_000_000),
            Self::Unsigned(_) => return Err(ABSURD),
            Self::Signed(usd) => {
                return u64::try_from(usd)
                    .map_err(|_| NEGATIVE)
                    .and_then(|usd| FieldValue::Unsigned(usd).usd());
            }
            Self::Float(usd) if usd.is_nan() => return Err(NOT_A_NUMBER),
            Self::Float(usd) => Usd::from_f64(usd).ok_or(ABSURD)?,
            Self::Flag(_) => return Err(NOT_A_NUMBER),
            Self::Text(text) | Self::Shown(text) => match inner(text) {
                None => return Ok(None),
                Some(digits) => match digits.parse() {
                    Ok(usd) => usd,
                    Err(_) => {
                        return digits
                            .parse()
                            .map_err(|_| NOT_A_NUMBER)
                            .and_then(|usd| FieldValue::Float(usd).usd());
                    }
                },
            },
        };
        if usd < Usd::ZERO { Err(NEGATIVE) } else { Ok(Some(usd)) }
    }

    /// The value as a whole number that may be negative.
    pub(crate) fn whole(self) -> Option<i64> {
        match self {
            Self::Unsigned(number) => i64::try_from(number).ok(),
            Self::Signed(number) => Some(number),
            Self::Float(number) => (number.is_finite() && number.abs() < 9e15).then(|| number.round() as i64),
            Self::Flag(flag) => Some(i64::from(flag)),
            Self::Text(text) | Self::Shown(text) => inner(text)?.parse().ok(),
        }
    }

    /// The value as a number.
    pub(crate) fn number(self) -> Option<f64> {
        match self {
            Self::Unsigned(number) => Some(number as f64),
            Self::Signed(number) => Some(number as f64),
            Self::Float(number) => Some(number),
            Self::Flag(_) => None,
            Self::Text(text) | Self::Shown(text) => inner(text)?.parse().ok(),
        }
        .filter(|number| number.is_finite())
    }

    /// The value as yes or no.
    pub(crate) fn flag(self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(flag),
            Self::Text(text) | Self::Shown(text) => inner(text)?.to_ascii_lowercase().parse().ok(),
            _ => None,
        }
    }

    /// Calls `take` with the value as text; `None` if the text is empty or blank.
    pub(crate) fn text<T>(self, take: impl FnOnce(&str) -> T) -> Option<T> {
        match self {
            Self::Unsigned(number) => Some(take(&number.to_string())),
            Self::Signed(number) => Some(take(&number.to_string())),
            Self::Float(number) => Some(take(&number.to_string())),
            Self::Flag(flag) => Some(take(if flag { "true" } else { "false" })),
            Self::Text(text) => trimmed(text).map(take),
            Self::Shown(text) => inner(text).map(take),
        }
    }

    /// The text of a failure that the value of an `error` field reports: `None` if it reports none, as `false`, 0 and `"none"` do.
    pub(crate) fn failure(self) -> Option<Option<Box<str>>> {
        const NONE: [&str; 6] = ["false", "none", "null", "nil", "no", "0"];
        match self {
            Self::Flag(failed) => failed.then_some(None),
            Self::Unsigned(0) | Self::Signed(0) => None,
            _ => self
                .text(|text| match text {
                    _ if NONE.iter().any(|none| text.eq_ignore_ascii_case(none)) => None,
                    _ if text.eq_ignore_ascii_case("true") => Some(None),
                    _ => Some(Some(bounds::text(text).into())),
                })
                .flatten(),
        }
    }

    /// The value as an owned text, cut if it is too long; `None` if it is empty or blank.
    pub(crate) fn boxed(self) -> Option<Box<str>> {
        self.text(|text| bounds::text(text).into())
    }

    /// The value as an owned name, cut if it is too long; `None` if it is empty or blank.
    pub(crate) fn name(self) -> Option<Box<str>> {
        self.text(|text| bounds::name(text).into())
    }

    /// The value as JSON.
    pub(crate) fn json(self) -> serde_json::Value {
        match self {
            Self::Unsigned(number) => number.into(),
            Self::Signed(number) => number.into(),
            Self::Float(number) => number.into(),
            Self::Flag(flag) => flag.into(),
            Self::Text(text) | Self::Shown(text) => bounds::text(text).into(),
        }
    }
}

/// The value inside a text printed through `Debug`: `Some(3)` is 3, `"gpt-5"` is gpt-5, `None` and blanks are nothing.
fn inner(text: &str) -> Option<&str> {
    let text = text.trim();
    let text = text.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(text);
    let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    (!text.is_empty() && text != "None").then_some(text)
}

/// The text without blanks around it; nothing if there is nothing else.
// Inlined: most texts have no space at either end, which two comparisons show.
#[inline]
pub(crate) fn trimmed(text: &str) -> Option<&str> {
    let is_plain = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_graphic());
    let bytes = text.as_bytes();
    if is_plain(bytes.first()) && is_plain(bytes.last()) {
        return Some(text);
    }
    trimmed_slowly(text)
}

#[cold]
fn trimmed_slowly(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::FieldValue::{Flag, Float, Signed, Text, Unsigned};
    use super::*;

    #[test]
    fn counts_come_in_every_type() {
        for value in
            [Unsigned(7), Signed(7), Float(7.0), Text("7"), Text(" 7 "), Text("Some(7)"), Text("7.0")]
        {
            assert_eq!(value.count(), Ok(Some(7)), "{value:?}");
        }
        assert_eq!(Text("None").count(), Ok(None));
        assert_eq!(Text("").count(), Ok(None));
    }

    #[test]
    fn what_is_no_count_is_refused_not_guessed() {
        for (value, refusal) in [
            (Signed(-1), NEGATIVE),
            (Float(-0.5), NEGATIVE),
            (Text("-3"), NEGATIVE),
            (Float(f64::NAN), NOT_A_NUMBER),
            (Text("many"), NOT_A_NUMBER),
            (Flag(true), NOT_A_NUMBER),
            (Unsigned(u64::MAX), ABSURD),
            (Float(f64::INFINITY), ABSURD),
            (Text("99999999999999999999999999"), ABSURD),
        ] {
            assert_eq!(value.count(), Err(refusal), "{value:?}");
        }
    }

    #[test]
    fn money_comes_in_every_type() {
        let cents = Usd::from_f64(0.05);
        for value in [Float(0.05), Text("0.05"), Text("$0.05"), Text("5e-2"), Text("Some(0.05)")] {
            assert_eq!(value.usd().ok(), Some(cents), "{value:?}");
        }
        assert_eq!(Unsigned(2).usd().ok(), Some(Usd::from_f64(2.0)));
        for value in
            [Float(-0.01), Float(f64::NAN), Text("-1"), Text("free"), Flag(false), Unsigned(u64::MAX)]
        {
            assert!(value.usd().is_err(), "{value:?}");
        }
    }
}
