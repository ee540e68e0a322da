//! What the money brought: cost an iteration, return on it, and how fast it goes.

use serde::{Deserialize, Serialize};

use super::document::RunSummary;
use crate::ledger::Usd;

/// The smallest amount that something is divided by, a tenth of a cent: what was free has not returned infinitely much.
const LEAST: Usd = Usd::from_pico(1_000_000_000);

/// What the money brought, worked out from `cost_usd`, `value_usd`, `iterations`, `tokens_used` and `duration_seconds`.
///
/// Every figure is null where one of those that it is made of is null. Where the cost of some calls is unknown, the cost
/// is what is known of it, and so `roi` is at most, the others at least, what they say.
///
/// ```
/// use tracing_budget::{summary::Efficiency, Usd};
///
/// let (cost, value): (Usd, Usd) = ("0.035".parse()?, 100.into());
/// let efficiency = Efficiency::of(Some(cost), Some(value), Some(8));
/// assert_eq!(efficiency.cost_per_iteration_usd, "0.004375".parse().ok());
/// assert_eq!(efficiency.roi.map(|roi| format!("{roi:.6}")).as_deref(), Some("2856.142857"));
/// assert_eq!(efficiency.cost_to_value, Some(0.00035));
///
/// let untold = Efficiency::of(Some(cost), None, None);
/// assert_eq!((untold.roi, untold.cost_per_iteration_usd), (None, None));
/// # Ok::<(), tracing_budget::money::UsdError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct Efficiency {
    /// USD an iteration: `cost / max(iterations, 1)`, to the pico-dollar.
    pub cost_per_iteration_usd: Option<Usd>,
    /// Return on the cost, as a multiple of it: `(value - cost) / max(cost, 0.001)`.
    pub roi: Option<f64>,
    /// USD spent for each USD of value: `cost / max(value, 0.001)`.
    pub cost_to_value: Option<f64>,
    /// Burn rate in USD a minute: the cost over the whole duration; null where no time has passed.
    pub usd_per_minute: Option<f64>,
    /// Burn rate in tokens a minute, likewise.
    pub tokens_per_minute: Option<f64>,
}

impl Efficiency {
    /// What a cost brought in value, and what an iteration cost; what is not given is unknown. The rates take a
    /// duration, see [`over`](Self::over).
    #[must_use]
    pub fn of(cost: Option<Usd>, value: Option<Usd>, iterations: Option<u64>) -> Self {
        let quotient =
            |dividend: Usd, divisor: Usd| dividend.pico() as f64 / divisor.max(LEAST).pico() as f64;
        let both = cost.zip(value);
        Self {
            cost_per_iteration_usd: cost.zip(iterations).map(|(cost, iterations)| divided(cost, iterations)),
            roi: both.map(|(cost, value)| quotient(value - cost, cost)),
            cost_to_value: both.map(|(cost, value)| quotient(cost, value)),
            ..Self::default()
        }
    }

    /// The same with the rates at which a cost and tokens were used over a duration in seconds.
    #[must_use]
    pub fn over(mut self, seconds: f64, cost: Option<Usd>, tokens: Option<u64>) -> Self {
        self.usd_per_minute = cost.and_then(|cost| per_minute(cost.to_f64(), seconds));
        self.tokens_per_minute = tokens.and_then(|tokens| per_minute(tokens as f64, seconds));
        self
    }
}

impl RunSummary {
    /// Works out everything that follows from the other figures: what [`BudgetSummary::settle`](crate::summary::BudgetSummary::settle) does,
    /// and the efficiency.
    pub fn settle(&mut self) {
        self.budget_summary.settle();
        self.efficiency = self.worked_out();
    }

    /// The efficiency that the other figures make.
    pub(super) fn worked_out(&self) -> Efficiency {
        let total = &self.budget_summary.total;
        Efficiency::of(total.cost_usd, self.value_usd, self.iterations).over(
            self.duration_seconds,
            total.cost_usd,
            total.tokens_used,
        )
    }
}

/// A cost in equal parts, rounded half up to the pico-dollar.
fn divided(cost: Usd, parts: u64) -> Usd {
    let parts = i128::from(parts.max(1));
    Usd::from_pico((cost.pico() + parts / 2).div_euclid(parts))
}

/// How much of an amount there is in a minute; nothing can be said where no time has passed.
pub(super) fn per_minute(amount: f64, seconds: f64) -> Option<f64> {
    let rate = amount * 60.0 / seconds;
    (seconds > 0.0 && rate.is_finite()).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Option<Usd> {
        text.parse().ok()
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        let free = Efficiency::of(usd("0"), usd("10"), Some(0));
        assert_eq!(
            (free.cost_per_iteration_usd, free.roi, free.cost_to_value),
            (usd("0"), Some(10_000.0), Some(0.0))
        );
        let worthless = Efficiency::of(usd("2"), usd("0"), Some(0));
        assert_eq!((worthless.roi, worthless.cost_to_value), (Some(-1.0), Some(2_000.0)));
        assert_eq!(worthless.cost_per_iteration_usd, usd("2"), "no iteration counts as one");
        for seconds in [0.0, -1.0, f64::NAN, f64::MIN_POSITIVE] {
            let rates = Efficiency::default().over(seconds, usd("1"), Some(u64::MAX));
            assert_eq!((rates.usd_per_minute, rates.tokens_per_minute), (None, None), "{seconds}");
        }
    }

    #[test]
    fn what_is_unknown_stays_unknown() {
        assert_eq!(Efficiency::of(None, usd("1"), Some(3)).over(60.0, None, None), Efficiency::default());
        let no_value = Efficiency::of(usd("1"), None, Some(4));
        assert_eq!(
            (no_value.cost_per_iteration_usd, no_value.roi, no_value.cost_to_value),
            (usd("0.25"), None, None)
        );
    }

    #[test]
    fn an_iteration_costs_a_whole_number_of_pico_dollars() {
        assert_eq!(divided(Usd::from_pico(10), 3), Usd::from_pico(3));
        assert_eq!(divided(Usd::from_pico(11), 3), Usd::from_pico(4));
        assert_eq!(divided(Usd::from_pico(5), 2), Usd::from_pico(3));
        assert_eq!(divided(Usd::ZERO, u64::MAX), Usd::ZERO);
    }
}
