//! Inclusive figures (A6): per unit, the larger of a span's figure and the sum of what is inside; only the excess is new.

use super::reading::Inclusive;
use crate::ledger::{CellTotals, Kind, Measure, Sources, Usage, Usd};

/// What an inclusive figure has beyond what is known from inside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Excess {
    pub(crate) usage: Usage,
    /// Cost beyond that of the calls inside, where the figure has a cost: it is then the cost of all tokens inside.
    pub(crate) cost: Option<Usd>,
    /// Whether tokens are known, of the figure or inside: seconds or pages then count the same content in another way.
    has_tokens: bool,
}

impl Excess {
    pub(crate) fn of(figure: &Inclusive, inside: &CellTotals) -> Self {
        let mut usage = beyond(&figure.usage, &inside.usage);
        if usage.tokens_used().is_some() {
            // A half that is known inside is known here (A11).
            for kind in [Kind::Input, Kind::Output] {
                if inside.usage.get(kind).is_some() {
                    usage.add(kind, 0);
                }
            }
        }
        let cost = figure.cost.map(|cost| (cost - inside.cost).max(Usd::ZERO));
        let has_tokens = figure.usage.tokens_used().or(inside.usage.tokens_used()).is_some();
        Self { usage, cost, has_tokens }
    }

    /// Whether there are new tokens, or units that are billed beside them, so that the excess is a call. Parts alone are inside tokens that
    /// are known.
    pub(crate) fn is_call(&self) -> bool {
        let is_beside = |(kind, count): (Kind, u64)| match kind.measure() {
            Measure::Extra => count > 0,
            Measure::Content => count > 0 && !self.has_tokens,
            _ => false,
        };
        self.usage.tokens_used().is_some_and(|tokens| tokens > 0) || self.usage.others().any(is_beside)
    }

    /// Whether anything is new.
    pub(crate) fn is_new(&self) -> bool {
        has_counts(&self.usage) || self.cost.is_some_and(|cost| cost > Usd::ZERO)
    }
}

/// What a figure has beyond the sum of what is inside, for each unit that is known in it.
pub(crate) fn beyond(figure: &Usage, inside: &Usage) -> Usage {
    let mut excess = Usage::new();
    // Tokens inside without a split may be either of the two: they are part of the figure already.
    let mut unsplit = inside.count(Kind::Tokens);
    for (kind, count) in figure.iter() {
        let mut left = count.saturating_sub(inside.count(kind));
        match kind {
            Kind::Input | Kind::Output => {
                let cut = left.min(unsplit);
                (left, unsplit) = (left - cut, unsplit - cut);
            }
            // A total is the count of all tokens. It comes after these two, so that the excess of input and output is known.
            Kind::Tokens => {
                let known = [inside, &excess].map(|usage| usage.tokens_used().unwrap_or_default());
                let all = figure.tokens_used().unwrap_or_default();
                left = all.saturating_sub(known[0].saturating_add(known[1]));
            }
            _ => {}
        }
        excess.set(kind, left);
    }
    excess
}

/// Parts beyond those inside, without a token that is known by them.
pub(crate) fn parts_alone(usage: &Usage) -> Usage {
    usage
        .iter()
        .filter(|(_, count)| *count > 0)
        .fold(Usage::new(), |parts, (kind, count)| parts.with(kind, count))
}

/// Whether any count is above 0.
pub(crate) fn has_counts(usage: &Usage) -> bool {
    usage.iter().any(|(_, count)| count > 0)
}

/// Takes what parts have beyond their wholes out of a usage: it counts in its own column, and costs nothing (A6).
// Not inlined: few spans report parts beside calls.
#[inline(never)]
pub(crate) fn take_parts(usage: &mut Usage) -> Usage {
    // A part beside nothing but a total is inside the total.
    if usage.count(Kind::Tokens) > 0 || !usage.has_more_than_input_and_output() {
        return Usage::new();
    }
    usage.split_parts()
}

/// Sets the cost that was reported for an amount.
pub(crate) fn set_reported(totals: &mut CellTotals, cost: Option<Usd>) {
    if let Some(cost) = cost {
        (totals.cost, totals.sources) = (cost, Sources::REPORTED);
    }
}
