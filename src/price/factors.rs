//! Factors on published prices: a negotiated discount, a mark-up, a regional premium.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use super::alias;
use super::compiled::Table;
use super::period::Period;
use crate::ledger::{IntoUsd, Usd};

/// A factor is a whole number of these parts of one: twelve digits after the point, as amounts have.
const ONE: i128 = 1_000_000_000_000;

/// The greatest factor. Beyond it a percentage was probably given.
const GREATEST: i128 = 1_000 * ONE;

/// A factor on the published prices of a provider, and the time in which it holds.
///
/// The published cost of a call, corrected where it is wrong, is multiplied in integers, and rounded half up to a pico-dollar (1e-12 USD).
/// Prices of the user's own and reported costs are not multiplied.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use tracing_budget::{PriceBook, Usage, price::PriceFactor};
///
/// let discount = PriceFactor::new("0.8").from("2026-01-01").until("2027-01-01");
/// let book = PriceBook::builder().price_factor("azure", discount).build()?;
/// let at = UNIX_EPOCH + Duration::from_secs(1_796_040_030); // 2026-11-30
/// # #[cfg(feature = "prices")]
/// # {
/// let price = book.model(Some("azure"), Some("gpt-5")).price(&Usage::new().input(1_000_000), at)?;
/// assert_eq!(price.cost.to_string(), "1"); // The list price is 1.25 USD.
/// assert_eq!(price.source.to_string(), "genai-prices@0.2.1 × factor");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceFactor {
    parts: i128,
    period: Period,
    /// The first invalid value. Building the book reports it, so that calls can be chained without a `?` each.
    fault: Option<String>,
}

impl PriceFactor {
    /// Returns a factor: a decimal above 0 and at most 1000, with up to twelve digits after the point. `0.8` is a discount of a fifth.
    ///
    /// ```
    /// use tracing_budget::price::PriceFactor;
    ///
    /// let premium = PriceFactor::new("1.1");
    /// ```
    #[must_use]
    pub fn new(factor: &str) -> Self {
        let period = Period::default();
        // An amount has the same digits: a factor of 1 is as many parts as a dollar is pico-dollars.
        match factor.trim().into_usd().map(Usd::pico) {
            Ok(parts @ 1..=GREATEST) => Self { parts, period, fault: None },
            _ => {
                let fault = format!(
                    "factor is {factor:?}, expected a decimal above 0 and at most 1000, such as 0.85, with up to 12 digits after the point"
                );
                Self { parts: ONE, period, fault: Some(fault) }
            }
        }
    }

    /// Sets when it begins to hold: a date, at midnight UTC, or an RFC 3339 time of a whole minute.
    ///
    /// ```
    /// use tracing_budget::price::PriceFactor;
    ///
    /// let discount = PriceFactor::new("0.8").from("2026-01-01");
    /// ```
    #[must_use]
    pub fn from(mut self, date: &str) -> Self {
        let set = self.period.begin(date);
        self.keep(set);
        self
    }

    /// Sets when it no longer holds, in the same form. The date itself is no longer included.
    ///
    /// ```
    /// use tracing_budget::price::PriceFactor;
    ///
    /// let discount = PriceFactor::new("0.8").until("2026-07-01T12:00:00Z");
    /// ```
    #[must_use]
    pub fn until(mut self, date: &str) -> Self {
        let set = self.period.end(date);
        self.keep(set);
        self
    }

    fn keep(&mut self, set: Result<(), String>) {
        if let Err(fault) = set {
            self.fault.get_or_insert(fault);
        }
    }

    /// What makes it unusable, if anything does.
    pub(super) fn fault(&self) -> Option<String> {
        self.fault.clone().or_else(|| self.period.fault())
    }

    /// When it begins and ends, in nanoseconds since the Unix epoch.
    pub(super) fn ends(&self) -> [Option<i128>; 2] {
        self.period.ends()
    }

    /// Whether it holds at a time, in nanoseconds since the Unix epoch.
    pub(super) fn holds_at(&self, nanoseconds: i128) -> bool {
        self.period.includes(nanoseconds)
    }

    /// The cost times the factor, rounded half up. `None` beyond the integers.
    pub(super) fn of(&self, cost: Usd) -> Option<Usd> {
        let scaled = cost.pico().checked_mul(self.parts)?.checked_add(ONE / 2)?;
        Some(Usd::from_pico(scaled.div_euclid(ONE)))
    }

    /// The rates times the factor. A rate that is then no whole number of pico-dollars is left out: a sum of rounded rates would not be
    /// the rounded sum. `None` where this is so of the price of a request.
    pub(super) fn of_table(&self, mut table: Table) -> Option<Table> {
        let exactly = |rate: u64| {
            let scaled = i128::from(rate).checked_mul(self.parts).filter(|scaled| scaled % ONE == 0)?;
            u64::try_from(scaled / ONE).ok()
        };
        table.request = exactly(table.request)?;
        for rate in table.tiers.iter_mut().flat_map(|tier| &mut tier.rates) {
            *rate = rate.and_then(exactly);
        }
        Some(table)
    }
}

impl fmt::Display for PriceFactor {
    /// Writes the factor in decimals, as it was given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Usd::from_pico(self.parts), f)
    }
}

/// A factor of the user's, and the calls that it is for.
#[derive(Debug)]
pub(super) struct FactorRule {
    /// The id of the provider, without punctuation.
    pub(super) provider: String,
    /// The only model it is for, in lower case.
    pub(super) model: Option<String>,
    pub(super) factor: Arc<PriceFactor>,
}

impl FactorRule {
    pub(super) fn new(provider: &str, model: Option<&str>, factor: PriceFactor) -> Result<Self, String> {
        if let Some(fault) = factor.fault() {
            return Err(fault);
        }
        let provider = alias::key(provider);
        if provider.is_empty() {
            return Err("expected a provider".to_owned());
        }
        let model = model.map(|model| model.trim().to_lowercase());
        if model.as_deref() == Some("") {
            return Err("expected a model's name".to_owned());
        }
        Ok(Self { provider, model, factor: Arc::new(factor) })
    }

    /// How specifically it matches: by the whole name, by the name without its date, by the provider alone.
    fn rank(&self, names: &[String], provider: &str) -> Option<u8> {
        if alias::squeezed(provider) != self.provider {
            return None;
        }
        match &self.model {
            None => Some(0),
            Some(model) if names.contains(model) => Some(2),
            Some(model) => names.iter().any(|name| alias::undated(name) == Some(model)).then_some(1),
        }
    }
}

/// Returns the factors on the prices of a model with these names (in lower case) that this provider bills, most specific first.
pub(super) fn matching(
    rules: &[FactorRule],
    names: &[String],
    provider: Option<&str>,
) -> Vec<Arc<PriceFactor>> {
    let Some(provider) = provider else { return Vec::new() };
    let mut ranked: Vec<(u8, &FactorRule)> =
        rules.iter().filter_map(|rule| Some((rule.rank(names, provider)?, rule))).collect();
    ranked.sort_by_key(|(rank, _)| Reverse(*rank));
    ranked.into_iter().map(|(_, rule)| Arc::clone(&rule.factor)).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use super::*;

    /// Factors of few digits leave rates whole, so that calls are multiplied; others are looked up, to the same pico-dollar.
    #[cfg(feature = "prices")]
    #[test]
    fn compiled_rates_times_a_factor_are_the_oracles() {
        use super::super::compiled::tests::{assert_same, noon, shapes};
        use crate::price::PriceBook;

        let plain = PriceBook::new();
        let stride = if std::env::var_os("CI").is_some() { 7 } else { 41 };
        let models: Vec<_> = plain.models().into_iter().step_by(stride).collect();
        let usages: Vec<_> = [0, 1, 3_001, 250_007].into_iter().flat_map(shapes).collect();
        let mut lookups = Vec::new();
        for factor in ["0.85", "0.123456789"] {
            let mut book = PriceBook::builder();
            for (provider, _) in &models {
                book = book.price_factor(provider.clone().unwrap(), PriceFactor::new(factor));
            }
            let book = book.build().unwrap();
            let compared = models.iter().map(|(provider, model)| {
                let multiplied = book.model(provider.as_deref(), Some(model));
                let list = plain.model(provider.as_deref(), Some(model));
                for usage in &usages {
                    let cost = |model: &crate::price::PricedModel| {
                        model.price(usage, noon()).map(|price| price.cost)
                    };
                    let expected = cost(&list).map(|cost| PriceFactor::new(factor).of(cost).unwrap());
                    assert_eq!(cost(&multiplied), expected, "{model} {usage:?}");
                }
                assert_same(&multiplied, noon(), &usages)
            });
            lookups.push(compared.sum::<usize>());
        }
        assert!(lookups[0] * 3 < lookups[1], "{lookups:?} were looked up");
    }

    #[test]
    fn a_product_is_rounded_half_up_once() {
        for (factor, pico, expected) in [
            ("0.8", 1_250_000, 1_000_000),
            ("0.5", 1, 1),
            ("0.499999999999", 1, 0),
            ("1.1", 3_000_001, 3_300_001),
            ("0.333333333333", 3_000_000_000_000, 999_999_999_999),
            ("1000", 7, 7_000),
        ] {
            assert_eq!(
                PriceFactor::new(factor).of(Usd::from_pico(pico)),
                Some(Usd::from_pico(expected)),
                "{factor}"
            );
        }
        assert_eq!(PriceFactor::new("1000").of(Usd::from_pico(i128::MAX / 2)), None);
    }

    #[test]
    fn what_is_no_factor_is_refused() {
        for (factor, part) in [
            (PriceFactor::new("0"), "factor is \"0\""),
            (PriceFactor::new("-0.5"), "above 0"),
            (PriceFactor::new("20%"), "such as 0.85"),
            (PriceFactor::new("1001"), "at most 1000"),
            (PriceFactor::new("0.1234567890123"), "12 digits"),
            (PriceFactor::new("0.5").from("soon"), "from is \"soon\""),
            (PriceFactor::new("0.5").from("2026-02-01").until("2026-01-01"), "ends before"),
        ] {
            let fault = factor.fault().unwrap_or_default();
            assert!(fault.contains(part), "{fault}");
        }
    }
}
