//! The ledger: cells and stages of one run, or of one part of a run.

use super::agent::AgentTotals;
use super::call::{Call, Rank};
use super::calls::Calls;
use super::cell::{CellKey, CellTotals};
use super::last_hit_map::LastHitMap;
use super::stage::{Outcome, StageTotals};
use super::stage_id::StageId;
use super::symbol::Symbol;

/// What a run, or a part of it, has used so far. Merging is associative and commutative, so each thread keeps its own part
/// and needs no shared lock.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ledger {
    cells: LastHitMap<CellKey, CellTotals>,
    stages: LastHitMap<StageId, StageTotals>,
    /// Agents, each with the agent that called it.
    agents: LastHitMap<(Symbol, Option<Symbol>), AgentTotals>,
    /// ERROR events that failed nothing, by the stage that they happened in.
    error_events: LastHitMap<Option<StageId>, u64>,
    /// The stage that closed last, with its time. A gate outside of any stage is reported after it.
    last_stage: Option<(u64, StageId)>,
    /// The calls that are kept one by one.
    calls: Calls,
}

impl Ledger {
    /// Sets how many calls are kept one by one.
    pub(crate) fn keep_calls(&mut self, most: usize) {
        self.calls.keep(most);
    }

    /// The calls that are kept one by one.
    pub(crate) fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Whether a call with this rank may be kept.
    // Inlined: see `Calls::takes`.
    #[inline]
    pub(crate) fn takes_call(&self, rank: Rank) -> bool {
        self.calls.takes(rank)
    }

    /// Adds a call to those that are kept one by one. Its amount is added to its cell apart.
    // Inlined: see `Calls::push`.
    #[inline]
    pub(crate) fn add_call(&mut self, call: &Call<'_>) {
        self.calls.push(call);
    }

    /// Adds a further record of a response to the call that it completes; `false` if that is not kept here.
    pub(crate) fn complete_call(&mut self, call: &Call<'_>) -> bool {
        self.calls.complete(call)
    }

    /// Adds an amount to a cell.
    // Always inlined: one call per model call, with a key and an amount that the caller has in registers.
    #[inline(always)]
    pub(crate) fn add(&mut self, key: CellKey, amount: &CellTotals) {
        self.cells.entry(key).merge(amount);
    }

    /// Adds one attempt of a stage that has ended.
    // Always inlined: one call per closed stage, on the hot path.
    #[inline(always)]
    pub(crate) fn end_stage(&mut self, stage: StageId, started: u64, at: u64, outcome: &Outcome) {
        let closed = (at, stage);
        self.stages.entry(stage).end(started, at, outcome);
        // Times first: rows are ordered by their text, which is slow, and equal times are rare.
        match self.last_stage {
            Some(last) if last.0 > closed.0 || last.0 == closed.0 && last >= closed => {}
            _ => self.last_stage = Some(closed),
        }
    }

    /// Adds attempts of a stage.
    pub(crate) fn add_stage(&mut self, stage: StageId, attempts: &StageTotals) {
        self.stages.entry(stage).merge(attempts);
        let closed = attempts.last.as_ref().map(|end| (end.at, stage));
        self.last_stage = self.last_stage.max(closed);
    }

    /// Adds an ERROR event that failed nothing.
    pub(crate) fn add_error_events(&mut self, stage: Option<StageId>, events: u64) {
        *self.error_events.entry(stage) += events;
    }

    /// Adds one execution of an agent that has ended, and names the agent that called it.
    pub(crate) fn end_agent(&mut self, agent: Symbol, caller: Option<Symbol>, nanos: u64, has_failed: bool) {
        self.add_agent(agent, caller, &AgentTotals { executions: 1, nanos, errors: u64::from(has_failed) });
    }

    /// Names an agent that was only named by a call, with the agent around it.
    pub(crate) fn name_agent(&mut self, agent: Symbol, caller: Option<Symbol>) {
        self.agents.entry((agent, caller));
    }

    pub(crate) fn add_agent(&mut self, agent: Symbol, caller: Option<Symbol>, totals: &AgentTotals) {
        self.agents.entry((agent, caller)).merge(totals);
    }

    /// Adds every cell, stage and agent of another ledger.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (key, tally) in other.cells.iter() {
            self.add(*key, tally);
        }
        for (stage, attempts) in other.stages.iter() {
            self.add_stage(*stage, attempts);
        }
        for ((agent, caller), totals) in other.agents.iter() {
            self.add_agent(*agent, *caller, totals);
        }
        for (stage, events) in other.error_events.iter() {
            self.add_error_events(*stage, *events);
        }
        self.last_stage = self.last_stage.max(other.last_stage);
        self.calls.merge(&other.calls);
    }

    /// Empties the ledger and keeps its allocations: the layer reuses one per thread.
    pub(crate) fn clear(&mut self) {
        self.cells.clear();
        self.stages.clear();
        self.agents.clear();
        self.error_events.clear();
        self.last_stage = None;
        self.calls.clear();
    }

    /// Returns the stage that closed last, with its time.
    pub(crate) fn last_stage(&self) -> Option<(u64, StageId)> {
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

    /// Iterates over every stage that was begun, in no specified order.
    pub(crate) fn stages(&self) -> impl Iterator<Item = (StageId, &StageTotals)> {
        self.stages.iter().map(|(stage, tally)| (*stage, tally))
    }

    /// Iterates over every agent with the agent that called it, in no specified order.
    pub(crate) fn agents(&self) -> impl Iterator<Item = (Symbol, Option<Symbol>, &AgentTotals)> {
        self.agents.iter().map(|((agent, caller), totals)| (*agent, *caller, totals))
    }

    /// Iterates over the stages with ERROR events that failed nothing, in no specified order.
    pub(crate) fn error_events(&self) -> impl Iterator<Item = (Option<StageId>, u64)> {
        self.error_events.iter().map(|(stage, events)| (*stage, *events))
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
        Stage(StageId, u64, StageEnd),
        Agent(Symbol, Option<Symbol>, u64),
        ErrorEvent(Option<StageId>),
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let name = prop::sample::select(vec!["discovery", "review", "charts"]).prop_map(Symbol::intern);
        let row = (name.clone(), prop::option::of(name.clone())).prop_map(|(name, parent)| {
            StageId::intern(name, parent.map(|parent| StageId::intern(parent, None)))
        });
        let (some_row, some_name) = (prop::option::of(row.clone()), prop::option::of(name.clone()));
        let key = (some_row.clone(), some_name.clone(), some_name.clone(), name.clone())
            .prop_map(|(stage, agent, model, operation)| CellKey { stage, agent, model, operation });
        let usage = (0..1_000_u64, prop::option::of(0..1_000_u64))
            .prop_map(|(input, output)| Usage::new().input(input).with(Kind::Output, output));
        let amount = (key, usage, any::<i64>(), 0..3_i64).prop_map(|(key, usage, pico, calls)| {
            let cost = Usd::from_pico(pico.into());
            let sources = Sources::REPORTED;
            Entry::Amount(
                key,
                CellTotals { usage, cost, llm_calls: calls, count: calls, sources, ..CellTotals::default() },
            )
        });
        let stage = (row, 0..50_u64, 0..50_u64, any::<bool>()).prop_map(|(stage, from, took, fails)| {
            let outcome = if fails { Outcome::Failed(Some("boom".into())) } else { Outcome::Completed };
            Entry::Stage(stage, from, StageEnd { at: from + took, outcome })
        });
        let agent = (name, some_name, 0..50_u64)
            .prop_map(|(agent, caller, nanos)| Entry::Agent(agent, caller, nanos));
        prop_oneof![4 => amount, 4 => stage, 1 => agent, 1 => some_row.prop_map(Entry::ErrorEvent)]
    }

    fn ledger<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Ledger {
        let mut ledger = Ledger::default();
        for entry in entries {
            match entry {
                Entry::Amount(key, tally) => ledger.add(*key, tally),
                Entry::Stage(stage, began, ended) => {
                    ledger.end_stage(*stage, *began, ended.at, &ended.outcome)
                }
                Entry::Agent(agent, caller, nanos) => ledger.end_agent(*agent, *caller, *nanos, false),
                Entry::ErrorEvent(stage) => ledger.add_error_events(*stage, 1),
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
                |key: &CellKey| key.stage.map(|stage| Symbol::intern(&stage.path())),
                |key: &CellKey| key.agent,
                |key: &CellKey| key.model,
                |key: &CellKey| Some(key.operation),
            ] {
                let mut rows: HashMap<Option<Symbol>, CellTotals> = HashMap::new();
                ledger.cells().for_each(|(key, tally)| rows.entry(of(key)).or_default().merge(tally));
                let mut sum = CellTotals::default();
                rows.values().for_each(|row| sum.merge(row));
                prop_assert_eq!(sum, total.clone());
            }
        }
    }
}
