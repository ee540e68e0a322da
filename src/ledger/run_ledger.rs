//! The ledger itself: cells and stages of one run, or of a part of one.

use super::cell::{CellKey, CellTotals};
use super::last_hit_map::LastHitMap;
use super::stage::{Outcome, StageStart, StageTotals};
use super::symbol::Symbol;

/// What a run, or a part of one, has used so far. Merging parts is associative and commutative, so a run may be kept
/// in as many parts as there are threads at work.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ledger {
    cells: LastHitMap<CellKey, CellTotals>,
    stages: LastHitMap<Symbol, StageTotals>,
    /// The stage that closed last, and when; gates name it.
    last_stage: Option<(u64, Symbol)>,
}

impl Ledger {
    /// Adds an amount to a cell.
    #[inline(always)]
    pub(crate) fn add(&mut self, key: CellKey, amount: &CellTotals) {
        self.cells.entry(key).merge(amount);
    }

    /// Adds one run of a stage that has ended.
    #[inline(always)]
    pub(crate) fn end_stage(&mut self, stage: Symbol, began: StageStart, at: u64, outcome: &Outcome) {
        let closed = (at, stage);
        self.stages.entry(stage).end(began, at, outcome);
        // Names are compared letter by letter, and times are seldom the same.
        match self.last_stage {
            Some(last) if last.0 > closed.0 || last.0 == closed.0 && last >= closed => {}
            _ => self.last_stage = Some(closed),
        }
    }

    /// Adds runs of a stage.
    pub(crate) fn add_stage(&mut self, stage: Symbol, run: &StageTotals) {
        self.stages.entry(stage).merge(run);
        let closed = run.last.as_ref().map(|end| (end.at, stage));
        self.last_stage = self.last_stage.max(closed);
    }

    /// Adds all of another ledger.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (key, tally) in other.cells.iter() {
            self.add(*key, tally);
        }
        for (stage, run) in other.stages.iter() {
            self.add_stage(*stage, run);
        }
        self.last_stage = self.last_stage.max(other.last_stage);
    }

    /// Forgets everything, and keeps the room for it.
    pub(crate) fn clear(&mut self) {
        self.cells.clear();
        self.stages.clear();
        self.last_stage = None;
    }

    /// The stage that closed last, and when.
    pub(crate) fn last_stage(&self) -> Option<(u64, Symbol)> {
        self.last_stage
    }

    /// The sum of all cells.
    pub(crate) fn total(&self) -> CellTotals {
        let mut total = CellTotals::default();
        self.cells.iter().for_each(|(_, tally)| total.merge(tally));
        total
    }

    /// Every cell that something was added to.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&CellKey, &CellTotals)> {
        self.cells.iter()
    }

    /// Whether a stage was begun.
    pub(crate) fn has_stage(&self, stage: Symbol) -> bool {
        self.stages.get(&stage).is_some()
    }

    /// Every stage that was begun.
    pub(crate) fn stages(&self) -> impl Iterator<Item = (Symbol, &StageTotals)> {
        self.stages.iter().map(|(name, tally)| (*name, tally))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ledger::stage::StageEnd;
    use crate::ledger::{Kind, Sources, Usage, Usd};

    /// One thing that a thread writes.
    #[derive(Clone, Debug)]
    enum Entry {
        Amount(CellKey, CellTotals),
        Stage(Symbol, StageStart, StageEnd),
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let name = prop::sample::select(vec!["discovery", "review", "charts"]).prop_map(Symbol::intern);
        let key = (prop::option::of(name.clone()), prop::option::of(name.clone()), name.clone())
            .prop_map(|(stage, model, operation)| CellKey { stage, model, operation });
        let usage = (0..1_000_u64, prop::option::of(0..1_000_u64)).prop_map(|(input, output)| {
            let usage = Usage::new().input(input);
            output.map_or(usage, |output| usage.with(Kind::Output, output))
        });
        let amount = (key, usage, any::<i64>(), 0..3_u64).prop_map(|(key, usage, pico, calls)| {
            let cost = Usd::from_pico(pico.into());
            let sources = Sources::REPORTED;
            Entry::Amount(
                key,
                CellTotals { usage, cost, llm_calls: calls, count: calls, sources, ..CellTotals::default() },
            )
        });
        let stage = (name.clone(), prop::option::of(name), 0..50_u64, 0..50_u64, any::<bool>()).prop_map(
            |(stage, parent, from, took, fails)| {
                let outcome = if fails { Outcome::Failed(Some("boom".into())) } else { Outcome::Completed };
                Entry::Stage(stage, StageStart { at: from, parent }, StageEnd { at: from + took, outcome })
            },
        );
        prop_oneof![amount, stage]
    }

    fn ledger<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Ledger {
        let mut ledger = Ledger::default();
        for entry in entries {
            match entry {
                Entry::Amount(key, tally) => ledger.add(*key, tally),
                Entry::Stage(stage, began, ended) => {
                    ledger.end_stage(*stage, *began, ended.at, &ended.outcome)
                }
            }
        }
        ledger
    }

    proptest! {
        #[test]
        fn nothing_is_lost_under_any_order_in_any_number_of_parts(
            entries in prop::collection::vec((entry(), 0..4_usize), 0..40),
            backwards in any::<bool>(),
        ) {
            let whole = ledger(entries.iter().map(|(entry, _)| entry));
            let mut parts: Vec<Ledger> =
                (0..4).map(|part| ledger(entries.iter().filter(|(_, of)| *of == part).map(|(entry, _)| entry))).collect();
            if backwards {
                parts.reverse();
            }
            let mut merged = Ledger::default();
            parts.iter().for_each(|part| merged.merge(part));
            prop_assert_eq!(&merged, &whole);
        }

        #[test]
        fn merging_is_associative(entries in prop::collection::vec((entry(), 0..3_usize), 0..30)) {
            let [one, two, three] =
                [0, 1, 2].map(|part| ledger(entries.iter().filter(|(_, of)| *of == part).map(|(entry, _)| entry)));
            let mut left = one.clone();
            left.merge(&two);
            left.merge(&three);
            let mut right = two;
            right.merge(&three);
            let mut all = one;
            all.merge(&right);
            prop_assert_eq!(left, all);
        }

        #[test]
        fn cells_add_up_to_the_total_by_whatever_they_are_summed(entries in prop::collection::vec(entry(), 0..40)) {
            let ledger = ledger(&entries);
            let total = ledger.total();
            for of in [
                |key: &CellKey| key.stage,
                |key: &CellKey| key.model,
                |key: &CellKey| Some(key.operation),
            ] {
                let mut rows: HashMap<Option<Symbol>, CellTotals> = HashMap::new();
                ledger.cells().for_each(|(key, tally)| rows.entry(of(key)).or_default().merge(tally));
                let mut sum = CellTotals::default();
                rows.values().for_each(|row| sum.merge(row));
                prop_assert_eq!(sum, total);
            }
        }
    }
}
