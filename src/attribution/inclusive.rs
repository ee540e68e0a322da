//! Inclusive figures (A6): per unit, the larger of a span's figure and the sum of what is inside; only the excess is new.

use super::reading::Inclusive;
use crate::ledger::{CellTotals, Kind, Usage, Usd};

/// What an inclusive figure has beyond what is known from inside.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Excess {
    /// Tokens that no call inside has reported.
    pub(crate) usage: Usage,
    /// Cached or reasoning tokens that the calls inside did not separate. They are in these calls' input and output already, so
    /// that they count in their own column and cost nothing more.
    pub(crate) parts: Usage,
    /// Cost beyond that of the calls inside, where the figure has a cost: it is then the cost of all tokens inside.
    pub(crate) cost: Option<Usd>,
}

impl Excess {
    pub(crate) fn of(figure: &Inclusive, below: &CellTotals) -> Self {
        let mut usage = excess_tokens(&figure.usage, &below.usage);
        let parts = usage.split_parts();
        let cost = figure.cost.map(|cost| (cost - below.cost).max(Usd::ZERO));
        Self { usage, parts, cost }
    }
}

/// The tokens of a figure beyond those inside, unit by unit.
pub(crate) fn excess_tokens(figure: &Usage, below: &Usage) -> Usage {
    let mut figure = *figure;
    let mut known = *below;
    if !figure.is_split() {
        known.set(Kind::Tokens, known.tokens_used().unwrap_or_default());
        return figure.excess_over(&known);
    }
    figure.forget(Kind::Tokens);
    let mut usage = figure.excess_over(&known);
    // Tokens inside without a split may be either of the two: they are part of the figure already.
    let mut unsplit = below.count(Kind::Tokens);
    for kind in [Kind::Input, Kind::Output] {
        let cut = usage.count(kind).min(unsplit);
        unsplit -= cut;
        match usage.count(kind) - cut {
            0 => usage.forget(kind),
            left => usage.set(kind, left),
        }
    }
    usage
}
