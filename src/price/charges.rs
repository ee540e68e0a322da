//! The cost of a call by unit: what each was charged, at which rate.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::factors::PriceFactor;
use super::listed_rates::ListedRate;
use super::model::PricedModel;
use super::rates::since_epoch;
use super::reason::{Source, Unpriced};
use super::unit_table;
use crate::ledger::{Kind, Usage, Usd};

/// The cost of a call, by [`PricedModel::charges`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Charges {
    /// What was charged. The amounts and [`beside`](Self::beside) add up to the cost.
    pub charges: Vec<Charge>,
    /// What is charged beside these rates, such as the rest of a minimum; nearly always 0.
    pub beside: Usd,
    /// Units that were used and that no price covers: the cost is without them.
    pub lacks: Vec<Kind>,
    /// The cost of the call.
    pub cost: Usd,
    /// The source of the price.
    pub source: Source,
}

/// What was charged for one unit.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Charge {
    /// How many were charged at this rate: of a whole, what is not charged as one of its parts. Times are in seconds.
    pub count: f64,
    /// The rate.
    pub rate: ListedRate,
    /// What they cost.
    pub amount: Usd,
}

impl PricedModel {
    /// Returns what each unit of a call costs, at which rate, and the whole, which is that of [`price`](Self::price).
    ///
    /// ```
    /// # #[cfg(feature = "prices")] {
    /// use std::time::{Duration, UNIX_EPOCH};
    /// use tracing_budget::{Kind, PriceBook, Usage};
    ///
    /// let at = UNIX_EPOCH + Duration::from_secs(1_796_040_030); // 2026-11-30
    /// let model = PriceBook::new().model(Some("anthropic"), Some("claude-sonnet-4-5"));
    /// let usage = Usage::new().input(9_548).output(528).with(Kind::WebSearches, 2);
    /// let found = model.charges(&usage, at)?;
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
    pub fn charges(&self, usage: &Usage, at: SystemTime) -> Result<Charges, Unpriced> {
        let price = self.price(usage, at)?;
        let rates = self.rates_before_factor(since_epoch(at))?;
        let factor = self.factor_of(&rates, since_epoch(at));
        let charges = charge(&rates, &counts(&self.as_charged(usage, at)), factor);
        let sum: Usd = charges.iter().map(|charge| charge.amount).sum();
        Ok(Charges {
            charges,
            beside: price.cost - sum,
            lacks: price.lacks,
            cost: price.cost,
            source: price.source,
        })
    }
}

/// The counts that are charged. A call is one request, if it does not count them; a whole that is not counted is its parts.
fn counts(usage: &Usage) -> BTreeMap<Kind, u64> {
    let mut counts: BTreeMap<Kind, u64> = [(Kind::Requests, 1)].into_iter().chain(usage.iter()).collect();
    for whole in unit_table::DERIVED {
        counts.extend(unit_table::count(usage, whole).map(|count| (whole, count)));
    }
    counts
}

/// What each count costs at its rate. Of a whole, what has a rate as a part is not charged again.
fn charge(rates: &[ListedRate], counts: &BTreeMap<Kind, u64>, factor: Option<&PriceFactor>) -> Vec<Charge> {
    let times = |usd: Usd| factor.map_or(Some(usd), |factor| factor.of(usd)).unwrap_or(usd);
    let count = |kind: Kind| counts.get(&kind).copied().unwrap_or(0);
    let mut priced: Vec<Kind> = rates.iter().map(|rate| rate.kind).collect();
    priced.dedup();
    let shown = priced.clone();
    // Parts before their wholes.
    priced.sort_by_key(|kind| std::cmp::Reverse(unit_table::depth(*kind)));
    let mut rest: BTreeMap<Kind, u64> = BTreeMap::new();
    for kind in priced {
        let of_kind = rest.iter().filter(|(part, _)| unit_table::is_part_of(**part, kind));
        let parts = of_kind.map(|(_, count)| *count).fold(0, u64::saturating_add);
        rest.insert(kind, count(kind).saturating_sub(parts));
    }
    // Rounded once, as the cost of the call is: each amount is a difference of two rounded sums.
    let (mut exact, mut rounded) = (Fraction::default(), Usd::ZERO);
    let mut charges = Vec::new();
    for kind in shown {
        let count_left = rest.get(&kind).copied().filter(|count| *count > 0);
        let in_reach = |rate: &&ListedRate| {
            rate.kind == kind && rate.above.is_none_or(|above| count(Kind::Input) > above)
        };
        // Sorted by their bounds: the last in reach is the highest.
        let (Some(left), Some(rate)) = (count_left, rates.iter().rfind(in_reach)) else { continue };
        exact.add(rate.usd.pico(), left.into(), i128::from(rate.per()) * i128::from(kind.per_unit()));
        // The factor is on the rounded cost, which is then rounded again.
        let sum = times(exact.rounded());
        let (amount, mut rate) = (sum - rounded, rate.clone());
        if factor.is_some() {
            rate.usd = times(rate.usd);
            rate.source = Source::Multiplied(Box::new(rate.source));
        }
        rounded = sum;
        charges.push(Charge { count: left as f64 / kind.per_unit() as f64, rate, amount });
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

/// A multiple of every count that a rate is for: 3,600 seconds in microseconds, a billion pixels.
const PARTS: i128 = 9_000_000_000;

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
