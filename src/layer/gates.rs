//! Gates: from the fields of a span or an event to a verdict in the run.

use super::clock::Moment;
use super::core::Core;
use super::position::Position;
use super::span_state::SpanState;
use super::stats::count;
use crate::attribution::GateReading;
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

impl VerdictContext {
    /// The context of a gate that is a span; `sum` is what was booked in it.
    fn of_span(at: Moment, nanos: u64, sum: &CellTotals) -> Self {
        let is_known = sum.cost > Usd::ZERO || sum.llm_calls > sum.unpriced + sum.without_usage;
        Self { at, seconds: Some(nanos as f64 / 1e9), cost: is_known.then_some(sum.cost) }
    }
}

impl Core {
    /// Books the verdict of a gate that is a span, once. `sum` is what was booked in it.
    pub(crate) fn record_span_gate(&self, state: &mut SpanState, sum: &CellTotals, nanos: u64) {
        let Some(remarks) = &mut state.span.reading.remarks else { return };
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
        self.record_gate(&state.position, *gate, VerdictContext::of_span(self.clock.now(), nanos, sum));
    }

    /// Books the verdict of a gate.
    pub(crate) fn record_gate(&self, position: &Position, mut gate: GateReading, context: VerdictContext) {
        let Some(name) = gate.name.take() else { return };
        let blocking = gate.blocking.unwrap_or(!gate.is_evaluation);
        let verdict = match gate.verdict.take() {
            Some(verdict) => verdict,
            None if gate.is_evaluation => Verdict::Other(SCORED.into()),
            None => Verdict::Error,
        };
        self.begin(position.run);
        let recorded = self.runs.room(position.run).and_then(|run| {
            // If the run ended since, its summary may be built already. The verdict would be in none: it counts as late.
            let mut details = run.room.open_details(position.run)?;
            let after = position.place.stage.or_else(|| run.last_stage());
            if let Verdict::Other(word) = &verdict
                && &**word != SCORED {
                    let warning = format!(
                        "gate {name:?}: expected pass, fail, warn, skipped or error, got {word:?}; it was kept unchanged"
                    );
                    details.warn(warning.into());
                }
            // Numbered under the lock, so that no two gates of a run get the same number.
            let seq = details.verdicts() + 1;
            details.record_gate(GateVerdict {
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
            Some(())
        });
        if recorded.is_none() {
            count(&self.counters.late);
        }
    }
}
