//! Figures in the sentences of a check.

use tracing_budget::Usd;
use tracing_budget::present::numbers::{Money, counted};
use tracing_budget::summary::Figures;

/// An amount beside the amounts that it is compared with.
pub(super) fn usd(amount: Usd, beside: &[Usd]) -> String {
    Money::for_amounts(beside.iter().copied().chain([amount])).write(amount)
}

/// Why a cost is not known in full; nothing where it is.
pub(super) fn cost_unknown(figures: &Figures) -> Option<String> {
    let mut reasons = Vec::new();
    if figures.unpriced_calls > 0 {
        reasons.push(format!("{} of unknown price", counted(figures.unpriced_calls, "call")));
    }
    if figures.calls_without_usage > 0 {
        reasons.push(format!("{} without usage", counted(figures.calls_without_usage, "call")));
    }
    if reasons.is_empty() && figures.cost_usd.is_none() {
        reasons.push("no call has a cost".to_owned());
    }
    (!reasons.is_empty()).then(|| reasons.join(" and "))
}

/// Why the tokens are not known in full; nothing where they are.
pub(super) fn tokens_unknown(figures: &Figures) -> Option<String> {
    match (figures.calls_without_usage, figures.tokens_used) {
        (0, Some(_)) => None,
        (0, None) => Some("no call told its usage".to_owned()),
        (silent, _) => Some(format!("{} without usage", counted(silent, "call"))),
    }
}
