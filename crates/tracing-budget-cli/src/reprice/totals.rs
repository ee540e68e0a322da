//! Rows of many runs, added up by model.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cell::{Cell, Tone};
use crate::table::{Table, left, right};
use tracing_budget::Usd;
use tracing_budget::present::numbers::{Money, UNKNOWN};
use tracing_budget_history::reprice::{Answer, Repriced};

/// The rows of one model in all runs that had the same kind of result.
#[derive(Debug, Default, Serialize)]
pub(super) struct ModelTotals {
    pub(super) model: Option<String>,
    pub(super) priced_as: Option<String>,
    pub(super) rows: u64,
    pub(super) llm_calls: u64,
    /// The known part of the stored cost.
    pub(super) old_usd: Option<Usd>,
    /// Null if unknown.
    pub(super) new_usd: Option<Usd>,
    /// Sum over the rows with a known old and new cost.
    pub(super) difference_usd: Option<Usd>,
    pub(super) in_part: bool,
    /// Reason why the cost is kept or unknown.
    pub(super) note: Option<String>,
    /// Rows without an old cost that have a new one.
    pub(super) newly_priced: u64,
}

/// Sums of all rows.
#[derive(Debug, Default, Serialize)]
pub(super) struct Total {
    /// Stored cost of the rows that were repriced or kept.
    pub(super) old_usd: Usd,
    /// New cost of the same rows.
    pub(super) new_usd: Usd,
    pub(super) difference_usd: Usd,
    /// Stored cost of the rows that could not be repriced; not part of the other figures.
    pub(super) not_repriced_usd: Usd,
    pub(super) rows_not_repriced: u64,
}

type Key = (Option<String>, Option<String>, Option<String>);

/// Sums by model, and in total.
#[derive(Default)]
pub(super) struct Totals {
    models: BTreeMap<Key, ModelTotals>,
    pub(super) total: Total,
}

impl Totals {
    pub(super) fn add(&mut self, run: &Repriced) {
        for row in &run.rows {
            let note = match &row.new {
                Answer::Priced { .. } => None,
                Answer::Kept { why, .. } => Some((*why).to_owned()),
                Answer::Unknown { why } => Some(why.to_string()),
            };
            let key = (row.model.clone(), row.priced_as.clone(), note.clone());
            let totals = self.models.entry(key).or_default();
            (totals.model, totals.priced_as, totals.note) = (row.model.clone(), row.priced_as.clone(), note);
            totals.rows += 1;
            totals.llm_calls = totals.llm_calls.saturating_add(row.llm_calls);
            add(&mut totals.old_usd, row.old_usd);
            add(&mut totals.new_usd, row.new_usd());
            add(&mut totals.difference_usd, row.difference_usd());
            totals.in_part |= matches!(row.new, Answer::Priced { in_part: true, .. });
            totals.newly_priced += u64::from(row.old_usd.is_none() && row.new_usd().is_some());
            if matches!(row.new, Answer::Unknown { .. }) {
                self.total.not_repriced_usd += row.old_usd.unwrap_or_default();
                self.total.rows_not_repriced += 1;
            } else {
                self.total.old_usd += row.old_usd.unwrap_or_default();
                self.total.new_usd += row.new_usd().unwrap_or_default();
            }
        }
        self.total.difference_usd = self.total.new_usd - self.total.old_usd;
    }

    pub(super) fn models(&self) -> Vec<&ModelTotals> {
        let mut models: Vec<&ModelTotals> = self.models.values().collect();
        models.sort_by_key(|model| std::cmp::Reverse(model.old_usd.max(model.new_usd)));
        models
    }

    /// Returns one row per model and kind of result.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new([
            left("MODEL", "model"),
            left("PRICED AS", "priced_as"),
            right("LLM", "llm_calls"),
            right("OLD", "old_usd"),
            right("NEW", "new_usd"),
            right("DIFFERENCE", "difference_usd"),
            right("%", "ratio"),
            left("", "note"),
        ]);
        let models = self.models();
        let amounts = models.iter().flat_map(|model| [model.old_usd, model.new_usd]).flatten();
        let money = Money::for_amounts(amounts.chain([self.total.old_usd, self.total.new_usd]));
        for model in models {
            let priced_as = model.priced_as.as_ref().filter(|name| Some(*name) != model.model.as_ref());
            let note = match (&model.note, model.newly_priced) {
                (Some(note), _) => Cell::whole(note).in_tone(Tone::Warn),
                (None, 0) => Cell::empty(),
                (None, _) => Cell::words("no old price"),
            };
            table.row([
                Cell::words_or_unknown(model.model.as_ref()),
                Cell::words_or_empty(priced_as),
                Cell::count(model.llm_calls),
                Cell::money(money, model.old_usd, false),
                Cell::money(money, model.new_usd, model.in_part),
                Cell::money_change(money, model.difference_usd),
                Cell::ratio(ratio(model.old_usd, model.difference_usd)),
                note,
            ]);
        }
        let total = &self.total;
        table.sum([
            Cell::words("total"),
            Cell::empty(),
            Cell::empty(),
            Cell::money(money, Some(total.old_usd), false),
            Cell::money(money, Some(total.new_usd), false),
            Cell::money_change(money, Some(total.difference_usd)),
            Cell::ratio(ratio(Some(total.old_usd), Some(total.difference_usd))),
            Cell::empty(),
        ]);
        table
    }

    /// Returns a sentence about the rows that the total leaves out; empty if it leaves out nothing.
    pub(super) fn left_out(&self) -> String {
        let total = &self.total;
        if total.rows_not_repriced == 0 {
            return String::new();
        }
        let money = Money::for_amounts([total.not_repriced_usd].into_iter());
        format!(
            "The total leaves out rows that cannot be repriced ({UNKNOWN}): {} as stored.",
            money.write(total.not_repriced_usd)
        )
    }
}

/// Adds a known amount; a sum of unknown amounts only stays `None`, not 0.
fn add(sum: &mut Option<Usd>, more: Option<Usd>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or_default() + more);
    }
}

pub(super) fn ratio(old: Option<Usd>, difference: Option<Usd>) -> Option<f64> {
    let old = old.filter(|old| *old > Usd::ZERO)?;
    Some(difference?.to_f64() / old.to_f64())
}
