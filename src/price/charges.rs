//! The cost of a call by unit: what each was charged, at which rate.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::listed_rates::ListedRate;
use super::model::PricedModel;
use super::rates::since_epoch;
use super::reason::{Source, Unpriced};
use super::unit::Unit;
use crate::ledger::{Kind, Usage, Usd};

/// Counts are in thousandths: a unit may be a part of a second.
const THOUSANDTHS: i128 = 1_000;

/// The cost of a call, by [`PricedModel::charges`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Charges {
    /// What was charged. The amounts and [`beside`](Self::beside) add up to the cost.
    pub charges: Vec<Charge>,
    /// What is charged beside these rates, such as the rest of a minimum; nearly always 0.
    pub beside: Usd,
    /// Units that were counted and have no price: the cost is without them.
    pub unpriced: Vec<(Unit, f64)>,
    /// The cost of the call.
    pub cost: Usd,
    /// The source of the price.
    pub source: Source,
}

/// What was charged for one unit.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Charge {
    /// How many were charged at this rate: of a whole, what is not charged as one of its parts.
    pub count: f64,
    /// The rate.
    pub rate: ListedRate,
    /// What they cost.
    pub amount: Usd,
}

impl PricedModel {
    /// Returns what each unit of a call costs, at which rate, and the whole. `units` is what a [`Usage`] has no kind for, as in
    /// [`ResponseUsage::units`](crate::reply::ResponseUsage::units).
    ///
    /// ```
    /// # #[cfg(feature = "prices")] {
    /// use std::time::{Duration, UNIX_EPOCH};
    /// use tracing_budget::{PriceBook, Usage, price::Unit};
    ///
    /// let at = UNIX_EPOCH + Duration::from_secs(1_796_040_030); // 2026-11-30
    /// let model = PriceBook::new().model(Some("anthropic"), Some("claude-sonnet-4-5"));
    /// let searches = Unit::parse("web_searches").map(|unit| (unit, 2.0));
    /// let found = model.charges(&Usage::new().input(9_548).output(528), &Vec::from_iter(searches), at)?;
    /// assert_eq!(found.cost.to_string(), "0.056564");
    /// let amounts: Vec<String> = found.charges.iter().map(|charge| charge.amount.to_string()).collect();
    /// assert_eq!(amounts, ["0.028644", "0.00792", "0.02"]);
    /// # }
    /// # Ok::<(), tracing_budget::price::Unpriced>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unpriced`] with the reason why the cost is unknown.
    pub fn charges(&self, usage: &Usage, units: &[(Unit, f64)], at: SystemTime) -> Result<Charges, Unpriced> {
        let counts = counts(&self.as_charged(usage), units);
        check(&counts, units)?;
        let price = self.price_of(usage, units, at)?;
        let rates = self.rates_of_tier(since_epoch(at))?;
        let is_priced = |unit: Unit| rates.iter().any(|rate| rate.unit == unit || unit.is_part_of(rate.unit));
        let unpriced =
            units.iter().filter(|(unit, count)| *count > 0.0 && !is_priced(*unit)).copied().collect();
        let charges = charge(&rates, &counts);
        let sum: Usd = charges.iter().map(|charge| charge.amount).sum();
        Ok(Charges { charges, beside: price.cost - sum, unpriced, cost: price.cost, source: price.source })
    }
}

/// How many thousandths of each unit a call has. A call is one request, if it does not count them.
fn counts(usage: &Usage, units: &[(Unit, f64)]) -> BTreeMap<Unit, i128> {
    let of_kinds = Kind::ALL
        .iter()
        .filter_map(|kind| Some((Unit::of_kind(*kind)?, i128::from(usage.get(*kind)?) * THOUSANDTHS)));
    let requests = Unit::of_kind(Kind::Requests).map(|unit| (unit, THOUSANDTHS));
    let units = units.iter().map(|(unit, count)| (*unit, (count * THOUSANDTHS as f64).round() as i128));
    requests.into_iter().chain(of_kinds).chain(units).collect()
}

/// Checks that no unit is more than what it is a part of, whether it has a price or not.
fn check(counts: &BTreeMap<Unit, i128>, units: &[(Unit, f64)]) -> Result<(), Unpriced> {
    for (part, count) in units {
        for (whole, most) in counts.iter().filter(|(whole, _)| part.is_part_of(**whole)) {
            if counts.get(part) > Some(most) {
                let most = *most as f64 / THOUSANDTHS as f64;
                let reason = format!("{part} is {count}, but {whole} is only {most}").into();
                return Err(Unpriced::InvalidUsage { reason });
            }
        }
    }
    Ok(())
}

/// What each count costs at its rate. Of a whole, what has a rate as a part is not charged again.
fn charge(rates: &[ListedRate], counts: &BTreeMap<Unit, i128>) -> Vec<Charge> {
    let count = |unit: Unit| counts.get(&unit).copied().unwrap_or(0);
    let input = Unit::of_kind(Kind::Input).map_or(0, count);
    let mut priced: Vec<Unit> = rates.iter().map(|rate| rate.unit).collect();
    priced.dedup();
    // Parts before their wholes.
    priced.sort_by_key(|unit| std::cmp::Reverse(unit.depth()));
    let mut rest: BTreeMap<Unit, i128> = BTreeMap::new();
    for unit in priced {
        let parts: i128 = rest.iter().filter(|(part, _)| part.is_part_of(unit)).map(|(_, count)| count).sum();
        rest.insert(unit, (count(unit) - parts).max(0));
    }
    // Rounded once, as the cost of the call is: each amount is a difference of two rounded sums.
    let (mut exact, mut rounded) = (Fraction::default(), Usd::ZERO);
    let mut charges = Vec::new();
    for (unit, count) in rest.into_iter().filter(|(_, count)| *count > 0) {
        let in_reach = |rate: &&ListedRate| {
            rate.unit == unit && rate.above.is_none_or(|above| input > i128::from(above) * THOUSANDTHS)
        };
        // Sorted by their bounds: the last in reach is the highest.
        let Some(rate) = rates.iter().rfind(in_reach) else { continue };
        exact.add(rate.usd.pico(), count, i128::from(unit.per()) * THOUSANDTHS);
        let sum = exact.rounded();
        let amount = sum - rounded;
        rounded = sum;
        charges.push(Charge { count: count as f64 / THOUSANDTHS as f64, rate: rate.clone(), amount });
    }
    charges
}

/// A sum in pico-dollars that has not been rounded.
#[derive(Default)]
struct Fraction {
    whole: i128,
    /// In parts of [`PARTS`].
    rest: i128,
}

/// A multiple of every number of units that a rate is for.
const PARTS: i128 = 9_000_000_000 * THOUSANDTHS;

impl Fraction {
    fn add(&mut self, rate: i128, count: i128, per: i128) {
        let product = rate.saturating_mul(count);
        self.whole = self.whole.saturating_add(product.div_euclid(per));
        self.rest += product.rem_euclid(per) * (PARTS / per);
        self.whole = self.whole.saturating_add(self.rest.div_euclid(PARTS));
        self.rest = self.rest.rem_euclid(PARTS);
    }

    /// To a pico-dollar, half up.
    fn rounded(&self) -> Usd {
        Usd::from_pico(self.whole.saturating_add(i128::from(self.rest * 2 >= PARTS)))
    }
}
