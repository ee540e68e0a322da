//! What a limit in USD makes of calls that have no price.

use super::meters::Charge;
use crate::ledger::CellTotals;
use crate::price::Rates;

/// What a limit in USD makes of a call whose usage is known and whose price is not. The summary has no cost for such a call,
/// whatever stands here; `prices` on the builder gives the model a price, which is better.
///
/// A call that closed without telling its usage at all, as a request that failed does, is none of these: it counts in
/// `calls_without_usage` and no limit sees it.
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
    /// From the first such call on nobody can say whether the limit holds: checks and reservations are refused.
    #[default]
    FailClosed,
    /// The limit is one of the known cost.
    Ignore,
    /// The limit counts such a call at these rates. Where they have none for what was used, it fails closed.
    AtRate(Rates),
}

impl UnpricedCalls {
    /// What an amount adds to a limit in USD.
    pub(crate) fn usd(&self, tally: &CellTotals) -> Charge {
        let untold = tally.unpriced + tally.without_usage;
        let told = u64::from(untold == 0 && (tally.llm_calls > 0 || tally.cost.pico() != 0));
        let known = Charge { used: tally.cost.pico(), told, untold, ..Charge::default() };
        match self {
            _ if tally.unpriced == 0 => known,
            Self::Ignore => known,
            Self::FailClosed => Charge { unproven: tally.unpriced, ..known },
            Self::AtRate(rates) => match rates.cost_of(&tally.usage) {
                Some(cost) => Charge { used: known.used + cost.pico(), assumed: cost.pico(), ..known },
                None => Charge { unproven: tally.unpriced, ..known },
            },
        }
    }
}

impl Charge {
    /// What an amount adds to a limit in tokens.
    pub(crate) fn tokens(tally: &CellTotals) -> Self {
        let used = tally.usage.tokens_used();
        Self {
            used: used.unwrap_or_default().into(),
            told: u64::from(used.is_some()),
            untold: tally.without_usage,
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
            let charge = policy.usd(&priced);
            assert_eq!(charge, Charge { used: 7, told: 1, ..Charge::default() });
            assert_eq!(charge.known(), Some(7));
        }
    }

    #[test]
    fn an_unpriced_call_is_what_the_policy_makes_of_it() {
        let call = unpriced(Usage::new().input(2_000_000));
        let none = Charge { untold: 1, ..Charge::default() };
        assert_eq!(UnpricedCalls::Ignore.usd(&call), none);
        assert_eq!(UnpricedCalls::FailClosed.usd(&call), Charge { unproven: 1, ..none });
        let at_rate = UnpricedCalls::AtRate(Rates::per_million().input("1.5")).usd(&call);
        assert_eq!(
            (at_rate.used, at_rate.assumed, at_rate.unproven),
            (3_000_000_000_000, 3_000_000_000_000, 0)
        );
        assert_eq!(at_rate.known(), None, "what is assumed is not known");
    }

    #[test]
    fn a_rate_that_does_not_fit_proves_nothing() {
        let policy = UnpricedCalls::AtRate(Rates::per_million().input("1.5"));
        for usage in [Usage::new().input(1).output(1), Usage::new().with(Kind::Tokens, 5)] {
            assert_eq!(policy.usd(&unpriced(usage)).unproven, 1, "{usage:?}");
        }
    }
}
