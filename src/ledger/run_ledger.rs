//! The ledger: cells and stages of one run, or of one part of a run.

use super::cell::{CellKey, CellTotals};
use super::last_hit_map::LastHitMap;
use super::stage::{Outcome, StageStart, StageTotals};
use super::symbol::Symbol;

/// What a run, or a part of it, has used so far. Merging is associative and commutative, so each thread keeps its own part
/// and needs no shared lock.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ledger {
    cells: LastHitMap<CellKey, CellTotals>,
    stages: LastHitMap<Symbol, StageTotals>,
    /// The stage that closed last, with its time. A gate outside of any stage is reported after it.
    last_stage: Option<(u64, Symbol)>,
}

impl Ledger {
    /// Adds an amount to a cell.
    // Always inlined: one call per model call, with a key and an amount that the caller has in registers.
    #[inline(always)]
    pub(crate) fn add(&mut self, key: CellKey, amount: &CellTotals) {
        self.cells.entry(key).merge(amount);
    }

    /// Adds one attempt of a stage that has ended.
    // Always inlined: one call per closed stage, on the hot path.
    #[inline(always)]
    pub(crate) fn end_stage(&mut self, stage: Symbol, began: StageStart, at: u64, outcome: &Outcome) {
        let closed = (at, stage);
        self.stages.entry(stage).end(began, at, outcome);
        // Times first: symbols are ordered by their text, which is slow, and equal times are rare.
        match self.last_stage {
            Some(last) if last.0 > closed.0 || last.0 == closed.0 && last >= closed => {}
            _ => self.last_stage = Some(closed),
        }
    }

    /// Adds attempts of a stage.
    pub(crate) fn add_stage(&mut self, stage: Symbol, attempts: &StageTotals) {
        self.stages.entry(stage).merge(attempts);
        let closed = attempts.last.as_ref().map(|end| (end.at, stage));
        self.last_stage = self.last_stage.max(closed);
    }

    /// Adds every cell and stage of another ledger.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (key, tally) in other.cells.iter() {
            self.add(*key, tally);
        }
        for (stage, attempts) in other.stages.iter() {
            self.add_stage(*stage, attempts);
        }
        self.last_stage = self.last_stage.max(other.last_stage);
    }

    /// Empties the ledger and keeps its allocations: the layer reuses one per thread.
    pub(crate) fn clear(&mut self) {
        self.cells.clear();
        self.stages.clear();
        self.last_stage = None;
    }

    /// Returns the stage that closed last, with its time.
    pub(crate) fn last_stage(&self) -> Option<(u64, Symbol)> {
        self.last_stage
    }

    /// Returns the sum of all cells.
    pub(crate) fn total(&self) -> CellTotals {
        let mut total = CellTotals::default();
        self.cells.iter().for_each(|(_, tally)| total.merge(tally));
        total
    }

    /// Iterates over every cell with an amount, in no specified order.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&CellKey, &CellTotals)> {
        self.cells.iter()
    }

    /// Returns whether a stage was begun.
    pub(crate) fn has_stage(&self, stage: Symbol) -> bool {
        self.stages.get(&stage).is_some()
    }

    /// Iterates over every stage that was begun, in no specified order.
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

    /// One entry that a thread writes.
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
        fn parts_merged_in_any_order_equal_the_whole(
            entries in prop::collection::vec((entry(), 0..4_usize), 0..40),
            backwards in any::<bool>(),
        ) {
            let whole = ledger(entries.iter().map(|(entry, _)| entry));
            let part = |part| ledger(entries.iter().filter(|(_, of)| *of == part).map(|(entry, _)| entry));
            let mut parts: Vec<Ledger> = (0..4).map(part).collect();
            if backwards {
                parts.reverse();
            }
            let mut merged = Ledger::default();
            parts.iter().for_each(|part| merged.merge(part));
            prop_assert_eq!(&merged, &whole);
        }

        #[test]
        fn merging_is_associative(entries in prop::collection::vec((entry(), 0..3_usize), 0..30)) {
            let part = |part| ledger(entries.iter().filter(|(_, of)| *of == part).map(|(entry, _)| entry));
            let [one, two, three] = [0, 1, 2].map(part);
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
        fn cells_add_up_to_the_total_in_every_dimension(entries in prop::collection::vec(entry(), 0..40)) {
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
