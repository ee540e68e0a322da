//! Efficiency: cost per iteration, return on the cost, burn rates.

use serde::{Deserialize, Serialize};

use super::document::RunSummary;
use crate::ledger::Usd;

/// The smallest divisor, a tenth of a cent. Without it, a free run would have an infinite return.
const LEAST: Usd = Usd::from_pico(1_000_000_000);

/// Cost per iteration, return on the cost and burn rates, computed from `cost_usd`, `value_usd`, `iterations`, `tokens_used` and `duration_seconds`.
///
/// A figure is null if one of its sources is null. If the cost of some calls is unknown, the known cost is used: then `roi` is
/// an upper bound, and the other figures are lower bounds.
///
/// ```
/// use tracing_budget::{summary::Efficiency, Usd};
///
/// let (cost, value): (Usd, Usd) = ("0.035".parse()?, "100".parse()?);
/// let efficiency = Efficiency::of(Some(cost), Some(value), Some(8));
/// assert_eq!(efficiency.cost_per_iteration_usd, "0.004375".parse().ok());
/// assert_eq!(efficiency.roi.map(|roi| format!("{roi:.6}")).as_deref(), Some("2856.142857"));
/// assert_eq!(efficiency.cost_to_value, Some(0.00035));
///
/// let unknown = Efficiency::of(Some(cost), None, None);
/// assert_eq!((unknown.roi, unknown.cost_per_iteration_usd), (None, None));
/// # Ok::<(), tracing_budget::money::UsdError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct Efficiency {
    /// USD per iteration: `cost / max(iterations, 1)`, to the pico-dollar.
    pub cost_per_iteration_usd: Option<Usd>,
    /// Return on the cost, as a multiple of it: `(value - cost) / max(cost, 0.001)`.
    pub roi: Option<f64>,
    /// USD spent for each USD of value: `cost / max(value, 0.001)`.
    pub cost_to_value: Option<f64>,
    /// Burn rate in USD per minute: the cost over the whole duration; null if no time has passed.
    pub usd_per_minute: Option<f64>,
    /// Burn rate in tokens per minute, likewise.
    pub tokens_per_minute: Option<f64>,
}

impl Efficiency {
    /// Returns the return on a cost and the cost per iteration. Figures with an absent source are unknown. The burn rates
    /// need a duration: see [`over`](Self::over).
    ///
    /// ```
    /// use tracing_budget::summary::Efficiency;
    ///
    /// assert_eq!(Efficiency::of("2".parse().ok(), "6".parse().ok(), None).roi, Some(2.0));
    /// ```
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

    /// Returns the efficiency with the burn rates of a cost and tokens over a duration in seconds.
    ///
    /// ```
    /// use tracing_budget::summary::Efficiency;
    ///
    /// let efficiency = Efficiency::default().over(30.0, None, Some(600));
    /// assert_eq!(efficiency.tokens_per_minute, Some(1_200.0));
    /// ```
    #[must_use]
    pub fn over(mut self, seconds: f64, cost: Option<Usd>, tokens: Option<u64>) -> Self {
        self.usd_per_minute = cost.and_then(|cost| per_minute(cost.to_f64(), seconds));
        self.tokens_per_minute = tokens.and_then(|tokens| per_minute(tokens as f64, seconds));
        self
    }
}

impl RunSummary {
    /// Derives everything that follows from the other figures: what [`BudgetSummary::settle`](crate::summary::BudgetSummary::settle) does,
    /// and the efficiency.
    ///
    /// ```
    /// use tracing_budget::RunSummary;
    ///
    /// let mut run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
    /// run.value_usd = "6".parse().ok();
    /// run.budget_summary.total.cost_usd = "2".parse().ok();
    /// run.settle();
    /// assert_eq!(run.efficiency.roi, Some(2.0));
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    pub fn settle(&mut self) {
        self.budget_summary.settle();
        self.efficiency = self.computed_efficiency();
    }

    /// Returns the efficiency computed from the other figures.
    pub(super) fn computed_efficiency(&self) -> Efficiency {
        let total = &self.budget_summary.total;
        Efficiency::of(total.cost_usd, self.value_usd, self.iterations).over(
            self.duration_seconds,
            total.cost_usd,
            total.tokens_used,
        )
    }
}

/// Returns a cost divided into equal parts, rounded half up to the pico-dollar.
fn divided(cost: Usd, parts: u64) -> Usd {
    let parts = i128::from(parts.max(1));
    Usd::from_pico((cost.pico() + parts / 2).div_euclid(parts))
}

/// Returns an amount per minute; `None` if no time has passed.
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
