//! Derived figures: which figures are unknown, what remains of a limit, shares of the cost.

use std::iter::Sum;
use std::ops::AddAssign;

use super::document::{BudgetSummary, Figures, Limits, StageLimits};
use crate::ledger::Usd;

impl Figures {
    /// Derives which figures are unknown.
    ///
    /// `tokens_used` is null where calls were made, none is known in full and no tokens are known; `cost_usd` is null where calls were
    /// made and the cost of none is known. In every other place null becomes 0. Running it twice changes nothing.
    ///
    /// ```
    /// use tracing_budget::summary::Figures;
    ///
    /// let mut figures = Figures { llm_calls: 1, calls_without_usage: 1, ..Figures::default() };
    /// figures.settle_unknowns();
    /// assert_eq!((figures.tokens_used, figures.cost_usd), (None, None));
    /// ```
    pub fn settle_unknowns(&mut self) {
        let tokens = self.tokens_used.unwrap_or(0);
        let counted = tokens
            | self.input_tokens
            | self.output_tokens
            | self.cache_read_tokens
            | self.cache_write_tokens
            | self.reasoning_tokens;
        let calls_unknown = self.calls_without_usage.saturating_add(self.partial_calls);
        let usage_unknown = self.llm_calls > 0 && calls_unknown >= self.llm_calls && counted == 0;
        self.tokens_used = (!usage_unknown).then_some(tokens);

        let cost = self.cost_usd.unwrap_or(Usd::ZERO);
        let unknown_calls = self.unpriced_calls.saturating_add(self.calls_without_usage);
        let cost_unknown = self.llm_calls > 0 && unknown_calls >= self.llm_calls && cost == Usd::ZERO;
        self.cost_usd = (!cost_unknown).then_some(cost);
    }

    /// Returns these figures' share of a total's known cost, 0 to 1; `None` if either is unknown or the total is 0.
    #[must_use]
    pub(crate) fn share_of_cost(&self, total: &Self) -> Option<f64> {
        let whole = total.cost_usd.filter(|whole| *whole > Usd::ZERO)?;
        Some(self.cost_usd?.to_f64() / whole.to_f64())
    }
}

impl AddAssign<&Self> for Figures {
    /// Adds every figure, an unknown one as 0, and derives again which are unknown. The order of additions does not change
    /// the result.
    fn add_assign(&mut self, other: &Self) {
        let tokens = self.tokens_used.unwrap_or(0).saturating_add(other.tokens_used.unwrap_or(0));
        self.tokens_used = Some(tokens);
        self.cost_usd = Some(self.cost_usd.unwrap_or(Usd::ZERO) + other.cost_usd.unwrap_or(Usd::ZERO));
        for (sum, more) in [
            (&mut self.llm_calls, other.llm_calls),
            (&mut self.input_tokens, other.input_tokens),
            (&mut self.output_tokens, other.output_tokens),
            (&mut self.cache_read_tokens, other.cache_read_tokens),
            (&mut self.cache_write_tokens, other.cache_write_tokens),
            (&mut self.reasoning_tokens, other.reasoning_tokens),
            (&mut self.unpriced_calls, other.unpriced_calls),
            (&mut self.calls_without_usage, other.calls_without_usage),
            (&mut self.partial_calls, other.partial_calls),
        ] {
            *sum = sum.saturating_add(more);
        }
        self.units.merge(&other.units);
        self.settle_unknowns();
    }
}

impl<'a> Sum<&'a Self> for Figures {
    fn sum<I: Iterator<Item = &'a Self>>(rows: I) -> Self {
        rows.fold(Self::default(), |mut sum, row| {
            sum += row;
            sum
        })
    }
}

impl BudgetSummary {
    /// Derives everything that follows from the counted figures and the limits: unknown figures, shares of the cost, what
    /// remains, and whether a limit is reached.
    ///
    /// ```
    /// use tracing_budget::summary::BudgetSummary;
    ///
    /// let mut budget = BudgetSummary::default();
    /// budget.total.cost_usd = "0.06".parse().ok();
    /// budget.limits.usd = "5.00".parse().ok();
    /// budget.settle();
    /// assert_eq!(budget.usd_remaining, "4.94".parse().ok());
    /// assert!(!budget.exhausted);
    /// ```
    pub fn settle(&mut self) {
        self.total.settle_unknowns();
        for stage in self.per_agent.values_mut() {
            stage.figures.settle_unknowns();
            stage.share_of_cost = stage.figures.share_of_cost(&self.total);
            if let Some(limits) = &mut stage.limits {
                limits.settle();
            }
            for model in stage.per_model.values_mut() {
                model.figures.settle_unknowns();
            }
        }
        for model in self.per_model.values_mut() {
            model.figures.settle_unknowns();
        }
        for agent in self.by_agent.values_mut() {
            agent.figures.settle_unknowns();
        }
        for operation in self.by_operation.values_mut() {
            operation.figures.settle_unknowns();
        }
        let Figures { cost_usd: cost, tokens_used: tokens, .. } = self.total;
        self.usd_remaining = self.limits.usd.zip(cost).map(|(limit, used)| limit - used);
        self.tokens_remaining = self.limits.tokens.zip(tokens).map(|(limit, used)| left(limit, used));
        // Either limit can be the one that is reached. An unknown figure reaches no limit, because that would be a guess.
        self.exhausted = self.limits.usd.zip(cost).is_some_and(|(limit, used)| used >= limit)
            || self.limits.tokens.zip(tokens).is_some_and(|(limit, used)| used >= limit);
    }
}

impl StageLimits {
    /// Returns what remains of a stage's limits after this usage, as far as it is known.
    pub(crate) fn after(limits: Limits, cost: Option<Usd>, tokens: Option<u64>) -> Self {
        let mut after = Self {
            usd: limits.usd,
            tokens: limits.tokens,
            usd_remaining: limits.usd.zip(cost).map(|(limit, used)| limit - used),
            tokens_remaining: limits.tokens.zip(tokens).map(|(limit, used)| left(limit, used)),
            exhausted: false,
        };
        after.settle();
        after
    }

    /// Returns the usage, as far as it is known.
    pub(super) fn used(&self) -> (Option<Usd>, Option<u64>) {
        let cost = self.usd.zip(self.usd_remaining).map(|(limit, left)| limit - left);
        let tokens = self.tokens.zip(self.tokens_remaining);
        let tokens = tokens
            .map(|(limit, left)| u64::try_from(i128::from(limit) - i128::from(left)).unwrap_or_default());
        (cost, tokens)
    }

    fn settle(&mut self) {
        self.exhausted = self.usd_remaining.is_some_and(|left| left <= Usd::ZERO)
            || self.tokens_remaining.is_some_and(|left| left <= 0);
    }
}

/// Returns the tokens left, negative when the limit is exceeded. Computed in `i128`, because a difference of two `u64` does not
/// fit an `i64`.
fn left(limit: u64, used: u64) -> i64 {
    let left = i128::from(limit) - i128::from(used);
    i64::try_from(left).unwrap_or(if left < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::StageRow;

    fn calls(llm_calls: u64, unpriced_calls: u64, calls_without_usage: u64) -> Figures {
        Figures { llm_calls, unpriced_calls, calls_without_usage, ..Figures::default() }
    }

    #[test]
    fn nothing_called_is_known_to_be_nothing() {
        let mut figures = Figures { tokens_used: None, cost_usd: None, ..Figures::default() };
        figures.settle_unknowns();
        assert_eq!(figures, Figures::default());
    }

    #[test]
    fn usage_is_unknown_only_if_no_call_reported_any() {
        for (figures, tokens) in [
            (calls(2, 0, 2), None),
            (calls(2, 0, 1), Some(0)),
            (Figures { tokens_used: Some(7), ..calls(2, 0, 2) }, Some(7)),
            (Figures { input_tokens: 7, ..calls(2, 0, 2) }, Some(0)),
            (Figures { partial_calls: 1, ..calls(2, 0, 1) }, None),
            (Figures { partial_calls: 1, ..calls(3, 0, 1) }, Some(0)),
            (Figures { partial_calls: 1, tokens_used: Some(7), ..calls(1, 0, 0) }, Some(7)),
        ] {
            let mut settled = figures;
            settled.settle_unknowns();
            assert_eq!(settled.tokens_used, tokens, "{settled:?}");
        }
    }

    #[test]
    fn a_free_call_is_not_an_unpriced_one() {
        for (figures, cost) in [
            (calls(2, 2, 0), None),
            (calls(2, 1, 1), None),
            (calls(2, 1, 0), Some(Usd::ZERO)),
            (Figures { cost_usd: Some(Usd::from_pico(1)), ..calls(2, 2, 0) }, Some(Usd::from_pico(1))),
        ] {
            let mut settled = figures;
            settled.settle_unknowns();
            assert_eq!(settled.cost_usd, cost, "{settled:?}");
        }
    }

    #[test]
    fn a_known_cost_makes_the_sum_known() {
        let mut sum = calls(1, 1, 0);
        sum.settle_unknowns();
        assert_eq!(sum.cost_usd, None);
        sum += &Figures { cost_usd: Some(Usd::from_pico(5)), ..calls(1, 0, 0) };
        assert_eq!((sum.cost_usd, sum.llm_calls, sum.unpriced_calls), (Some(Usd::from_pico(5)), 2, 1));
    }

    #[test]
    fn a_limit_is_reached_at_the_limit_and_unknown_cost_leaves_the_rest_unknown() {
        let mut budget = BudgetSummary::default();
        budget.limits.usd = Some(Usd::from_pico(10));
        budget.limits.tokens = Some(100);
        budget.total =
            Figures { cost_usd: Some(Usd::from_pico(9)), tokens_used: Some(101), ..calls(1, 0, 0) };
        budget.settle();
        assert_eq!((budget.usd_remaining, budget.tokens_remaining), (Some(Usd::from_pico(1)), Some(-1)));
        assert!(budget.exhausted);

        budget.total = Figures { cost_usd: Some(Usd::from_pico(10)), tokens_used: Some(5), ..calls(1, 0, 0) };
        budget.settle();
        assert!(budget.exhausted, "used >= limit");

        budget.total = calls(1, 0, 1);
        budget.settle();
        assert_eq!((budget.usd_remaining, budget.tokens_remaining, budget.exhausted), (None, None, false));
    }

    #[test]
    fn shares_are_of_the_known_cost() {
        let mut budget = BudgetSummary::default();
        let row = |cost_usd| StageRow {
            figures: Figures { cost_usd, ..calls(1, u64::from(cost_usd.is_none()), 0) },
            ..StageRow::default()
        };
        budget.per_agent.insert("known", row(Some(Usd::from_pico(1))));
        budget.per_agent.insert("unknown", row(None));
        budget.settle();
        assert_eq!(budget.per_agent["known"].share_of_cost, None, "there is no cost to share yet");
        budget.total = Figures { cost_usd: Some(Usd::from_pico(4)), ..calls(2, 1, 0) };
        budget.settle();
        assert_eq!(budget.per_agent["known"].share_of_cost, Some(0.25));
        assert_eq!(budget.per_agent["unknown"].share_of_cost, None);
    }
}
