//! A figure of two runs as text. More is worse for all of them: cost, tokens, time, calls.

use std::cmp::Ordering;

use maud::{Markup, html};

use tracing_budget::present::numbers::UNKNOWN;

/// A figure before and after, and what has changed.
pub(super) struct Change {
    pub(super) before: String,
    pub(super) after: String,
    /// Its direction and its size; none where one side is unknown.
    moved: Option<(Ordering, String)>,
    ratio: Option<f64>,
}

impl Change {
    pub(super) fn render(&self) -> Markup {
        html! {
            @match &self.moved {
                None => (UNKNOWN),
                Some((Ordering::Equal, _)) => span.soft { "none" },
                Some((Ordering::Greater, size)) => span.worse { "+" (size) (self.percent()) },
                Some((Ordering::Less, size)) => span.better { "−" (size) (self.percent()) },
            }
        }
    }

    fn percent(&self) -> String {
        match self.ratio {
            Some(ratio) if ratio.abs() < 0.005 => " (<1%)".to_owned(),
            Some(ratio) if ratio >= 9.0 => format!(" ({:.0}×)", ratio + 1.0),
            Some(ratio) => format!(" ({}{:.0}%)", if ratio < 0.0 { "−" } else { "+" }, ratio.abs() * 100.0),
            None => String::new(),
        }
    }
}

/// The units.
pub(super) mod amount {
    use super::Change;
    use tracing_budget::Usd;
    use tracing_budget::present::numbers::{self, Money, UNKNOWN};
    use tracing_budget_history::compare::Delta;

    pub(in crate::pages::compare) fn usd(delta: &Delta<Usd>) -> Change {
        let digits = Money::for_amounts([delta.a, delta.b].into_iter().flatten());
        let write =
            |amount: Option<Usd>| amount.map_or_else(|| UNKNOWN.to_owned(), |amount| digits.write(amount));
        let size = |change: Usd| digits.write(if change < Usd::ZERO { -change } else { change });
        Change {
            before: write(delta.a),
            after: write(delta.b),
            moved: delta.change.map(|change| (change.cmp(&Usd::ZERO), size(change))),
            ratio: delta.ratio,
        }
    }

    pub(in crate::pages::compare) fn count(delta: &Delta<u64, i64>) -> Change {
        let write = |count: Option<u64>| count.map_or_else(|| UNKNOWN.to_owned(), numbers::count);
        Change {
            before: write(delta.a),
            after: write(delta.b),
            moved: delta.change.map(|change| (change.cmp(&0), numbers::count(change.unsigned_abs()))),
            ratio: delta.ratio,
        }
    }

    pub(in crate::pages::compare) fn seconds(delta: &Delta<f64>) -> Change {
        let write = |seconds: Option<f64>| seconds.map_or_else(|| UNKNOWN.to_owned(), numbers::duration);
        Change {
            before: write(delta.a),
            after: write(delta.b),
            moved: delta.change.map(|change| (change.total_cmp(&0.0), numbers::duration(change.abs()))),
            ratio: delta.ratio,
        }
    }
}
