//! Gates: from the fields of a span or an event to a verdict in the run.

use super::clock::Moment;
use super::core::Core;
use super::reading::GateReading;
use super::stats::count;
use super::table::{Open, Place};
use crate::ledger::{CellTotals, Outcome, Usd, Verdict};
use crate::summary::{GateVerdict, Timestamp};

/// The verdict of an evaluation that gave a score and no label.
const SCORED: &str = "scored";

/// When a gate gave its verdict, how long it took and what it cost.
pub(crate) struct VerdictContext {
    pub(crate) at: Moment,
    pub(crate) seconds: Option<f64>,
    pub(crate) cost: Option<Usd>,
}

impl Core {
    /// Books the verdict of a gate that is a span. `sum` is what was settled in it.
    pub(crate) fn settle_gate(&self, open: &mut Open, sum: &CellTotals, duration: u64) {
        let Some(remarks) = &mut open.reading.remarks else { return };
        let Some(mut gate) = remarks.gate.take() else { return };
        if gate.verdict.is_none() && !(gate.is_evaluation && gate.score.is_some()) {
            gate.verdict = Some(Verdict::Error);
            let failure = match remarks.failure.outcome() {
                Outcome::Failed(Some(text)) => text,
                Outcome::Failed(None) => "the gate failed".into(),
                Outcome::Completed => "closed without a verdict".into(),
            };
            gate.reason.get_or_insert(failure);
        }
        let is_known = sum.cost > Usd::ZERO || sum.llm_calls > sum.unpriced + sum.without_usage;
        let context = VerdictContext {
            at: self.clock.now(),
            seconds: Some(duration as f64 / 1e9),
            cost: is_known.then_some(sum.cost),
        };
        self.record_gate(open.place, *gate, context);
    }

    /// Books the verdict of a gate.
    pub(crate) fn record_gate(&self, place: Place, mut gate: GateReading, context: VerdictContext) {
        let Some(name) = gate.name.take() else { return };
        let blocking = gate.blocking.unwrap_or(!gate.is_evaluation);
        let verdict = match gate.verdict.take() {
            Some(verdict) => verdict,
            None if gate.is_evaluation => Verdict::Other(SCORED.into()),
            None => Verdict::Error,
        };
        let was_recorded = self.on_run(place, |run| {
            // Before `rest` is locked: `last_stage` locks the parts, and parts and `rest` are never locked together (lock order).
            let after = place.stage.or_else(|| run.last_stage());
            let mut rest = run.rest();
            // The run ended since it was looked up. Its summary may be built already, so the verdict would be in none: it counts as late.
            if rest.end.is_some() {
                return false;
            }
            if let Verdict::Other(word) = &verdict
                && &**word != SCORED {
                    let warning = format!(
                        "gate {name:?}: expected pass, fail, warn, skipped or error, got {word:?}; it was kept unchanged"
                    );
                    rest.warn(warning.into());
                }
            // Numbered under the lock, so that no two gates of a run get the same number.
            let seq = rest.gates.len() as u64 + 1;
            rest.record_gate(GateVerdict {
                seq,
                gate_name: name.to_string(),
                after_stage: after.map(|stage| stage.name().as_str().to_owned()),
                verdict: verdict.clone(),
                blocking,
                score: gate.score,
                reason: gate.reason.as_deref().map(str::to_owned),
                diagnostics: std::mem::take(&mut gate.diagnostics),
                at: Some(Timestamp::from(self.clock.wall(context.at))),
                duration_seconds: context.seconds,
                cost_usd: context.cost,
            });
            true
        });
        if was_recorded != Some(true) {
            count(&self.counters.late);
        }
    }
}
