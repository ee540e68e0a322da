//! The policy of a USD limit for calls without a price.

use super::limit_set::UsedAmount;
use crate::ledger::CellTotals;
use crate::price::Rates;

/// How a USD limit counts a call with known usage and an unknown price. The summary has no cost for such a call under any
/// policy. A price for the model, set by `prices` on the builder, is better.
///
/// A call that closed without usage, such as a failed request, is not affected: it counts in `calls_without_usage` and under
/// no limit.
///
/// ```
/// use tracing_budget::{limit::UnpricedCalls, price::Rates};
///
/// let dear = Rates::per_million().input("15").output("75");
/// let builder = tracing_budget::layer().limit_usd("5.00").unpriced_calls(UnpricedCalls::AtRate(dear));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnpricedCalls {
    /// From the first such call on, the limit is unverifiable: checks and reservations are refused.
    #[default]
    FailClosed,
    /// The limit counts known costs only.
    Ignore,
    /// The limit counts such a call at these rates. Where a used unit has no rate, it fails closed.
    AtRate(Rates),
}

impl UnpricedCalls {
    /// What a tally adds to a limit in USD.
    pub(crate) fn usd(&self, tally: &CellTotals) -> UsedAmount {
        let unknown_calls = tally.unpriced + tally.without_usage;
        // A tally with an unknown part has no known amount, or the sum would look complete. Below 0: a known amount is now of a call
        // that was unknown.
        let is_known =
            unknown_calls <= 0 && (tally.llm_calls > 0 || unknown_calls < 0 || tally.cost.pico() != 0);
        let known_calls = i64::from(is_known);
        let used = tally.cost.pico();
        let known = UsedAmount { used, known_calls, unknown_calls, ..UsedAmount::default() };
        match self {
            // Before the policies, so that rates never replace a known cost.
            _ if tally.unpriced == 0 => known,
            Self::Ignore => known,
            // Below 0: a second record of an unpriced call has its cost, and the limit is verifiable again.
            Self::FailClosed => UsedAmount { unverifiable_calls: tally.unpriced, ..known },
            // What was assumed for it stays counted: its usage is not recorded again, and a limit may err on this side.
            Self::AtRate(_) if tally.unpriced < 0 => known,
            Self::AtRate(rates) => match rates.cost_of(&tally.usage) {
                Some(cost) => UsedAmount { used: known.used + cost.pico(), assumed: cost.pico(), ..known },
                None => UsedAmount { unverifiable_calls: tally.unpriced, ..known },
            },
        }
    }
}

impl UsedAmount {
    /// What a tally adds to a limit in tokens.
    pub(crate) fn tokens(tally: &CellTotals) -> Self {
        let used = tally.usage.tokens_used();
        Self {
            used: used.unwrap_or_default().into(),
            known_calls: i64::from(used.is_some()),
            unknown_calls: tally.without_usage,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Kind, Usage, Usd};

    fn unpriced(usage: Usage) -> CellTotals {
        CellTotals { usage, llm_calls: 1, unpriced: 1, ..CellTotals::default() }
    }

    #[test]
    fn a_priced_call_is_its_cost_under_every_policy() {
        let priced = CellTotals { cost: Usd::from_pico(7), llm_calls: 1, ..CellTotals::default() };
        let rates = Rates::per_million().input("1");
        for policy in [UnpricedCalls::FailClosed, UnpricedCalls::Ignore, UnpricedCalls::AtRate(rates)] {
            let amount = policy.usd(&priced);
            assert_eq!(amount, UsedAmount { used: 7, known_calls: 1, ..UsedAmount::default() });
            assert_eq!(amount.known(), Some(7));
        }
    }

    #[test]
    fn an_unpriced_call_counts_by_its_policy() {
        let call = unpriced(Usage::new().input(2_000_000));
        let unknown = UsedAmount { unknown_calls: 1, ..UsedAmount::default() };
        assert_eq!(UnpricedCalls::Ignore.usd(&call), unknown);
        assert_eq!(UnpricedCalls::FailClosed.usd(&call), UsedAmount { unverifiable_calls: 1, ..unknown });
        let at_rate = UnpricedCalls::AtRate(Rates::per_million().input("1.5")).usd(&call);
        assert_eq!(
            (at_rate.used, at_rate.assumed, at_rate.unverifiable_calls),
            (3_000_000_000_000, 3_000_000_000_000, 0)
        );
        assert_eq!(at_rate.known(), None, "an assumption is not known");
    }

    #[test]
    fn a_cost_that_comes_later_is_of_a_call_that_is_no_longer_unknown() {
        let cost = CellTotals { cost: Usd::from_pico(7), unpriced: -1, ..CellTotals::default() };
        let known = UsedAmount { used: 7, known_calls: 1, unknown_calls: -1, ..UsedAmount::default() };
        let rates = Rates::per_million().input("1");
        assert_eq!(UnpricedCalls::Ignore.usd(&cost), known);
        assert_eq!(UnpricedCalls::AtRate(rates).usd(&cost), known);
        assert_eq!(UnpricedCalls::FailClosed.usd(&cost), UsedAmount { unverifiable_calls: -1, ..known });
    }

    #[test]
    fn without_a_rate_for_the_used_unit_the_limit_is_unverifiable() {
        let policy = UnpricedCalls::AtRate(Rates::per_million().input("1.5"));
        let searched = Usage::new().input(1).with(Kind::WebSearches, 1);
        for usage in [Usage::new().input(1).output(1), Usage::new().with(Kind::Tokens, 5), searched] {
            assert_eq!(policy.usd(&unpriced(usage.clone())).unverifiable_calls, 1, "{usage:?}");
        }
    }
}
