//! Folding: what a run has beyond the bounds of a document is one row for the rest.
//!
//! # Invariants
//!
//! - Sums are those of all that there was: a row's figures move, none is dropped.
//! - Stages of which the last attempt failed stay, as the run fails by them. Then the most expensive rows, then those with the most
//!   tokens, then those with the most executions.
//! - A verdict that decides whether its gate holds stays before one that was given again.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::document::GateVerdict;
use crate::ledger::bounds::{MORE_NAMES, ROWS, VERDICTS};
use crate::ledger::{AgentTotals, CellKey, CellTotals, FastHash, Ledger, StageId, StageTotals, Symbol};

/// What decides whether a row stays: the greatest do.
type Weight = (bool, i128, u64, u64);

/// The weights of rows, and how many may stay.
struct Ranking<K>(HashMap<K, Weight, FastHash>);

impl<K: Copy + Eq + Hash + Ord> Ranking<K> {
    fn new() -> Self {
        Self(HashMap::with_hasher(FastHash))
    }

    fn add(&mut self, key: K, (fails, cost, tokens, executions): Weight) {
        let weight = self.0.entry(key).or_default();
        weight.0 |= fails;
        weight.1 = weight.1.saturating_add(cost);
        weight.2 = weight.2.saturating_add(tokens);
        weight.3 = weight.3.saturating_add(executions);
    }

    /// The keys that stay; `None` if all do.
    fn kept(self, most: usize) -> Option<Vec<K>> {
        if self.0.len() <= most {
            return None;
        }
        let mut keys: Vec<(Weight, K)> = self.0.into_iter().map(|(key, weight)| (weight, key)).collect();
        keys.sort_unstable_by(|one, two| two.0.cmp(&one.0).then_with(|| one.1.cmp(&two.1)));
        Some(keys.into_iter().take(most).map(|(_, key)| key).collect())
    }
}

/// The rows of one kind: how many there are, and which of them stay, if not all do.
struct Kept<K> {
    count: usize,
    kept: Option<HashSet<K, FastHash>>,
}

impl<K: Copy + Eq + Hash + Ord> Kept<K> {
    fn of(ranking: Ranking<K>) -> Self {
        let count = ranking.0.len();
        // One place is that of the row for the rest.
        Self { count, kept: ranking.kept(ROWS - 1).map(|keys| keys.into_iter().collect()) }
    }

    fn or_rest(&self, key: K, rest: K) -> K {
        if self.kept.as_ref().is_some_and(|kept| !kept.contains(&key)) { rest } else { key }
    }

    fn warning(&self, what: &str) -> Option<String> {
        let kept = self.kept.as_ref()?;
        let more = self.count - kept.len();
        Some(format!("{more} of {} {what} are together in the row {MORE_NAMES}", self.count))
    }
}

fn weight(totals: &CellTotals) -> Weight {
    let tokens = totals.usage.tokens_used().unwrap_or_default();
    (false, totals.cost.pico(), tokens, totals.count.unsigned_abs())
}

fn weight_of_stage(stage: &StageTotals) -> Weight {
    let fails = stage.last.as_ref().is_some_and(|last| last.outcome.is_failed());
    (fails, 0, 0, stage.attempts)
}

/// The ledger with at most so many stages, agents, models and operations as a document has rows, and what was folded; `None` if it
/// has no more.
pub(super) fn folded(ledger: &Ledger) -> Option<(Ledger, Vec<String>)> {
    // Counted first: nearly every run is far below the bound.
    let rows = [ledger.cells().count(), ledger.stages().count(), ledger.agents().count()];
    if rows.iter().all(|rows| *rows < ROWS) && ledger.error_events().count() < ROWS {
        return None;
    }
    let more = Symbol::intern(MORE_NAMES);
    let (mut stages, mut agents) = (Ranking::new(), Ranking::new());
    let (mut models, mut operations) = (Ranking::new(), Ranking::new());
    for (key, totals) in ledger.cells() {
        let weight = weight(totals);
        key.stage.into_iter().for_each(|stage| stages.add(stage, weight));
        key.agent.into_iter().for_each(|agent| agents.add(agent, weight));
        key.model.into_iter().for_each(|model| models.add(model, weight));
        operations.add(key.operation, weight);
    }
    for (stage, totals) in ledger.stages() {
        stages.add(stage, weight_of_stage(totals));
    }
    for (stage, events) in ledger.error_events() {
        stage.into_iter().for_each(|stage| stages.add(stage, (false, 0, 0, events)));
    }
    for (agent, _, AgentTotals { executions, .. }) in ledger.agents() {
        agents.add(agent, (false, 0, 0, *executions));
    }
    let (stages, agents) = (Kept::of(stages), Kept::of(agents));
    let (models, operations) = (Kept::of(models), Kept::of(operations));
    let warnings: Vec<String> = [
        stages.warning("stages"),
        agents.warning("agents"),
        models.warning("models"),
        operations.warning("operations"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if warnings.is_empty() {
        return None;
    }

    let rest = StageId::intern(more, None);
    let stage = |stage: StageId| stages.or_rest(stage, rest);
    let agent = |agent: Symbol| agents.or_rest(agent, more);
    let key = |key: CellKey| CellKey {
        stage: key.stage.map(stage),
        agent: key.agent.map(agent),
        model: key.model.map(|model| models.or_rest(model, more)),
        operation: operations.or_rest(key.operation, more),
    };
    let mut folded = Ledger::default();
    folded.keep_calls(ledger.calls().most());
    ledger.cells().for_each(|(cell, totals)| folded.add(key(*cell), totals));
    ledger.stages().for_each(|(name, totals)| folded.add_stage(stage(name), totals));
    for (name, caller, totals) in ledger.agents() {
        folded.add_agent(agent(name), caller.map(agent), totals);
    }
    for (name, events) in ledger.error_events() {
        folded.add_error_events(name.map(stage), events);
    }
    for call in ledger.calls().iter() {
        folded.add_call(&crate::ledger::Call { key: key(call.key), ..call });
    }
    Some((folded, warnings))
}

/// Leaves as many verdicts as a document lists, in their order, and returns how many were left out: old ones of gates that have
/// spoken again, then old ones that do not fail their run.
pub(crate) fn bound_verdicts(gates: &mut Vec<GateVerdict>, most: usize) -> u64 {
    let mut surplus = gates.len().saturating_sub(most);
    let left_out = surplus as u64;
    if surplus == 0 {
        return 0;
    }
    let last: HashMap<String, usize> =
        gates.iter().zip(0..).map(|(gate, at)| (gate.gate_name.clone(), at)).collect();
    let mut stays = vec![true; gates.len()];
    type Test<'a> = &'a dyn Fn(usize, &GateVerdict) -> bool;
    let is_old: Test<'_> = &|at, gate| last.get(&gate.gate_name) != Some(&at);
    let is_harmless: Test<'_> = &|_, gate| !gate.fails_its_run();
    for may_go in [is_old, is_harmless, &|_, _| true] {
        for (at, gate) in gates.iter().enumerate() {
            if surplus > 0 && stays[at] && may_go(at, gate) {
                stays[at] = false;
                surplus -= 1;
            }
        }
    }
    let mut stays = stays.into_iter();
    gates.retain(|_| stays.next().unwrap_or(true));
    left_out
}

/// Bounds the verdicts of a document, numbers them again, and returns the warning of how many are not listed.
pub(super) fn bound_listed(gates: &mut Vec<GateVerdict>, gone: u64) -> Option<String> {
    let total = gates.len() as u64 + gone;
    let left_out = bound_verdicts(gates, VERDICTS) + gone;
    if left_out == 0 {
        return None;
    }
    gates.iter_mut().zip(1..).for_each(|(gate, seq)| gate.seq = seq);
    Some(format!(
        "{left_out} of {total} verdicts are not listed: earlier ones of gates that spoke again first"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Kind, Usage, Usd, Verdict};

    #[test]
    fn every_kind_of_name_is_bounded_and_sums_stay() {
        const NAMES: usize = ROWS + 500;
        let mut ledger = Ledger::default();
        for number in 0..NAMES {
            let name = |what: &str| Symbol::intern(&format!("{what} {number}"));
            let key = CellKey {
                stage: Some(StageId::intern(name("stage"), None)),
                agent: Some(name("agent")),
                model: Some(name("model")),
                operation: name("operation"),
            };
            let mut usage = Usage::new();
            usage.add(Kind::Input, number as u64);
            let cost = Usd::from_pico(number as i128);
            ledger.add(key, &CellTotals { cost, usage, count: 1, llm_calls: 1, ..CellTotals::default() });
            ledger.end_agent(name("agent"), None, 1, false);
        }
        let (folded, warnings) = folded(&ledger).expect("there are more names than rows");
        assert_eq!(folded.total(), ledger.total());
        assert_eq!(folded.cells().count(), ROWS);
        assert_eq!(folded.agents().map(|(_, _, totals)| totals.executions).sum::<u64>(), NAMES as u64);
        let [more, least] = [MORE_NAMES, "model 501"].map(Symbol::intern);
        let of =
            |model| folded.cells().find(|(key, _)| key.model == Some(model)).map(|(_, totals)| totals.count);
        assert_eq!((of(more), of(least)), (Some(501), Some(1)));
        let kinds = ["stages", "agents", "models", "operations"];
        let expected = kinds.map(|what| format!("501 of 10500 {what} are together in the row (more names)"));
        assert_eq!(warnings, expected);
    }

    #[test]
    fn an_ordinary_ledger_is_left_alone() {
        assert!(folded(&Ledger::default()).is_none());
    }

    #[test]
    fn verdicts_that_decide_stay_longest() {
        let gate =
            |name: &str, verdict, blocking| GateVerdict { blocking, ..GateVerdict::new(1, name, verdict) };
        let mut gates = vec![
            gate("a", Verdict::Fail, true),
            gate("b", Verdict::Fail, true),
            gate("c", Verdict::Pass, true),
            gate("a", Verdict::Pass, true),
            gate("d", Verdict::Fail, false),
        ];
        let names =
            |gates: &[GateVerdict]| gates.iter().map(|gate| gate.gate_name.clone()).collect::<String>();
        assert_eq!((bound_verdicts(&mut gates, 5), names(&gates)), (0, "abcad".to_owned()));
        assert_eq!((bound_verdicts(&mut gates, 4), names(&gates)), (1, "bcad".to_owned()));
        assert_eq!((bound_verdicts(&mut gates, 2), names(&gates)), (2, "bd".to_owned()));
        assert_eq!((bound_verdicts(&mut gates, 1), names(&gates)), (1, "b".to_owned()));
    }
}
