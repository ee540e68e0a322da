//! Many runs' rows, added up by model.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cell::{Cell, Tone};
use crate::sheet::{Sheet, left, right};
use tracing_budget::Usd;
use tracing_budget::present::numbers::{Money, UNKNOWN};
use tracing_budget_history::reprice::{Answer, Repriced};

/// A model's rows, of all runs, that came to the same kind of answer.
#[derive(Debug, Default, Serialize)]
pub(super) struct ModelTally {
    pub(super) model: Option<String>,
    pub(super) priced_as: Option<String>,
    pub(super) rows: u64,
    pub(super) llm_calls: u64,
    /// The stored cost, as far as it is known.
    pub(super) old_usd: Option<Usd>,
    /// Null where it cannot be told.
    pub(super) new_usd: Option<Usd>,
    /// Over the rows whose old and new cost are both known.
    pub(super) difference_usd: Option<Usd>,
    pub(super) in_part: bool,
    /// Why it stays, or why it cannot be told.
    pub(super) note: Option<String>,
    /// Rows that had no cost and have one now.
    pub(super) newly_priced: u64,
}

/// Sums of all rows.
#[derive(Debug, Default, Serialize)]
pub(super) struct Total {
    /// The stored cost of what could be repriced or stays.
    pub(super) old_usd: Usd,
    /// The new cost of the same.
    pub(super) new_usd: Usd,
    pub(super) difference_usd: Usd,
    /// The stored cost of the rows that could not be repriced; in no other figure here.
    pub(super) not_repriced_usd: Usd,
    pub(super) rows_not_repriced: u64,
}

type Key = (Option<String>, Option<String>, Option<String>);

/// Everything added up.
#[derive(Default)]
pub(super) struct Tally {
    models: BTreeMap<Key, ModelTally>,
    pub(super) total: Total,
}

impl Tally {
    pub(super) fn add(&mut self, run: &Repriced) {
        for row in &run.rows {
            let note = match &row.new {
                Answer::Priced { .. } => None,
                Answer::Kept { why, .. } => Some((*why).to_owned()),
                Answer::Unknown { why } => Some(why.to_string()),
            };
            let key = (row.model.clone(), row.priced_as.clone(), note.clone());
            let tally = self.models.entry(key).or_default();
            (tally.model, tally.priced_as, tally.note) = (row.model.clone(), row.priced_as.clone(), note);
            tally.rows += 1;
            tally.llm_calls = tally.llm_calls.saturating_add(row.llm_calls);
            add(&mut tally.old_usd, row.old_usd);
            add(&mut tally.new_usd, row.new_usd());
            add(&mut tally.difference_usd, row.difference_usd());
            tally.in_part |= matches!(row.new, Answer::Priced { in_part: true, .. });
            tally.newly_priced += u64::from(row.old_usd.is_none() && row.new_usd().is_some());
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

    pub(super) fn models(&self) -> Vec<&ModelTally> {
        let mut models: Vec<&ModelTally> = self.models.values().collect();
        models.sort_by_key(|model| std::cmp::Reverse(model.old_usd.max(model.new_usd)));
        models
    }

    /// A row a model and answer.
    pub(super) fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new([
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
                (None, _) => Cell::words("had no price"),
            };
            sheet.row([
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
        sheet.sum([
            Cell::words("total"),
            Cell::empty(),
            Cell::empty(),
            Cell::money(money, Some(total.old_usd), false),
            Cell::money(money, Some(total.new_usd), false),
            Cell::money_change(money, Some(total.difference_usd)),
            Cell::ratio(ratio(Some(total.old_usd), Some(total.difference_usd))),
            Cell::empty(),
        ]);
        sheet
    }

    /// What the total leaves out; empty where that is nothing.
    pub(super) fn left_out(&self) -> String {
        let total = &self.total;
        if total.rows_not_repriced == 0 {
            return String::new();
        }
        let money = Money::for_amounts([total.not_repriced_usd].into_iter());
        format!(
            "The total leaves out what cannot be repriced ({UNKNOWN}): {} as stored.",
            money.write(total.not_repriced_usd)
        )
    }
}

/// A sum of what is known; nothing known is no sum.
fn add(sum: &mut Option<Usd>, more: Option<Usd>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or_default() + more);
    }
}

pub(super) fn ratio(old: Option<Usd>, difference: Option<Usd>) -> Option<f64> {
    let old = old.filter(|old| *old > Usd::ZERO)?;
    Some(difference?.to_f64() / old.to_f64())
}
