//! The ledger's things as they stand in a line. Every field is named here and none is left out: one that is new in the
//! ledger does not compile until it is in the journal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::beginning::OpenStage;
use super::exact;
use crate::ledger::{
    Began, CellKey, Ended, Kind, Ledger, Name, Outcome, RunReading, Sources, StageTally, Tally, Usage, Usd,
};
use crate::summary::{GateVerdict, OperationRecord, Timestamp};

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What was added to one cell.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CellShape {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    operation: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    usage: BTreeMap<UsageKind, u64>,
    #[serde(with = "exact", default, skip_serializing_if = "Option::is_none")]
    cost_usd: Option<Usd>,
    #[serde(default, skip_serializing_if = "is_zero")]
    count: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    llm_calls: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    unpriced: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    without_usage: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    errors: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    nanos: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sources: Vec<PriceSource>,
}

/// The kinds of usage by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum UsageKind {
    Input,
    Output,
    CacheRead,
    CacheWrite,
    #[serde(rename = "cache_write_1h")]
    CacheWrite1h,
    Reasoning,
    AudioInput,
    AudioOutput,
    Requests,
    Tokens,
}

impl UsageKind {
    /// In the order of [`Kind::ALL`].
    const ALL: [Self; Kind::ALL.len()] = [
        Self::Input,
        Self::Output,
        Self::CacheRead,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::Reasoning,
        Self::AudioInput,
        Self::AudioOutput,
        Self::Requests,
        Self::Tokens,
    ];
}

/// Where a price came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PriceSource {
    Reported,
    Override,
    Book,
}

impl PriceSource {
    const ALL: [(Self, Sources); 3] = [
        (Self::Reported, Sources::REPORTED),
        (Self::Override, Sources::OVERRIDE),
        (Self::Book, Sources::BOOK),
    ];
}

impl CellShape {
    fn of(key: CellKey, tally: &Tally) -> Self {
        let CellKey { stage, model, operation } = key;
        let Tally { usage, cost, count, llm_calls, unpriced, without_usage, errors, nanos, sources } = *tally;
        let told = Kind::ALL.iter().copied().zip(UsageKind::ALL);
        Self {
            stage: stage.map(text),
            model: model.map(text),
            operation: text(operation),
            usage: told.filter_map(|(kind, name)| Some((name, usage.get(kind)?))).collect(),
            cost_usd: (cost != Usd::ZERO).then_some(cost),
            count,
            llm_calls,
            unpriced,
            without_usage,
            errors,
            nanos,
            sources: PriceSource::ALL
                .into_iter()
                .filter(|(_, source)| sources.contains(*source))
                .map(|(name, _)| name)
                .collect(),
        }
    }

    fn add_to(self, ledger: &mut Ledger) {
        let mut usage = Usage::new();
        for (kind, name) in Kind::ALL.iter().copied().zip(UsageKind::ALL) {
            if let Some(count) = self.usage.get(&name) {
                usage.set(kind, *count);
            }
        }
        let sources = PriceSource::ALL.into_iter().filter(|(name, _)| self.sources.contains(name));
        let key = CellKey {
            stage: self.stage.as_deref().map(Name::of),
            model: self.model.as_deref().map(Name::of),
            operation: Name::of(&self.operation),
        };
        let tally = Tally {
            usage,
            cost: self.cost_usd.unwrap_or_default(),
            count: self.count,
            llm_calls: self.llm_calls,
            unpriced: self.unpriced,
            without_usage: self.without_usage,
            errors: self.errors,
            nanos: self.nanos,
            sources: sources.fold(Sources::default(), |all, (_, source)| all.union(source)),
        };
        ledger.add(key, &tally);
    }
}

/// What was added to one stage.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StageShape {
    stage: String,
    /// How often it was begun.
    begun: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    open: u64,
    nanos: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    errors: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    /// The first beginning, in nanoseconds after the origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    /// The last end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<u64>,
    /// How that was.
    #[serde(flatten)]
    outcome: OutcomeShape,
}

/// How something ended.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct OutcomeShape {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    failed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl OutcomeShape {
    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self::default(),
            Outcome::Failed(error) => Self { failed: true, error: error.as_deref().map(str::to_owned) },
        }
    }

    pub(super) fn outcome(self) -> Outcome {
        if self.failed { Outcome::Failed(self.error.map(Into::into)) } else { Outcome::Completed }
    }
}

impl StageShape {
    fn of(stage: Name, tally: &StageTally) -> Self {
        let StageTally { begun, open, nanos, errors, first, last } = tally;
        let parent = first.and_then(|Began { at: _, parent }| parent);
        let (to, outcome) = match last {
            Some(Ended { at, outcome }) => (Some(*at), OutcomeShape::of(outcome)),
            None => (None, OutcomeShape::default()),
        };
        Self {
            stage: text(stage),
            begun: *begun,
            open: *open,
            nanos: *nanos,
            errors: *errors,
            parent: parent.map(text),
            from: first.map(|first| first.at),
            to,
            outcome,
        }
    }

    fn add_to(self, ledger: &mut Ledger) {
        let parent = self.parent.as_deref().map(Name::of);
        let outcome = self.outcome.outcome();
        let tally = StageTally {
            begun: self.begun,
            open: self.open,
            nanos: self.nanos,
            errors: self.errors,
            first: self.from.map(|at| Began { at, parent }),
            last: self.to.map(|at| Ended { at, outcome }),
        };
        ledger.add_stage(Name::of(&self.stage), &tally);
    }
}

/// A ledger, or what was added to one.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct LedgerShape {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cells: Vec<CellShape>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stages: Vec<StageShape>,
}

impl LedgerShape {
    pub(super) fn of(ledger: &Ledger) -> Self {
        Self {
            cells: ledger.cells().map(|(key, tally)| CellShape::of(*key, tally)).collect(),
            stages: ledger.stages().map(|(stage, tally)| StageShape::of(stage, tally)).collect(),
        }
    }

    pub(super) fn ledger(self) -> Ledger {
        let mut ledger = Ledger::default();
        self.cells.into_iter().for_each(|cell| cell.add_to(&mut ledger));
        self.stages.into_iter().for_each(|stage| stage.add_to(&mut ledger));
        ledger
    }
}

/// A stage that is open.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OpenShape {
    stage: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    at: u64,
}

impl OpenShape {
    pub(super) fn of(open: OpenStage) -> Self {
        let OpenStage { stage, parent, at } = open;
        Self { stage: text(stage), parent: parent.map(text), at }
    }

    pub(super) fn open(self) -> OpenStage {
        let parent = self.parent.as_deref().map(Name::of);
        OpenStage { stage: Name::of(&self.stage), parent, at: self.at }
    }
}

/// What spans told of their whole run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ToldShape {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run_id: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    counts: BTreeMap<String, i64>,
    #[serde(with = "exact", default, skip_serializing_if = "Option::is_none")]
    value_usd: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iteration: Option<u64>,
}

impl ToldShape {
    pub(super) fn of(told: RunReading) -> Self {
        let RunReading { run_id, project, tags, counts, value, iteration } = told;
        Self { run_id, project, tags, counts, value_usd: value, iteration }
    }

    pub(super) fn told(self) -> RunReading {
        let Self { run_id, project, tags, counts, value_usd, iteration } = self;
        RunReading { run_id, project, tags, counts, value: value_usd, iteration }
    }
}

/// An operation that was recorded directly.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RecordShape {
    operation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    #[serde(with = "exact", default, skip_serializing_if = "Option::is_none")]
    cost_usd: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iteration: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    meta: BTreeMap<String, serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recorded_at: Option<Timestamp>,
}

impl RecordShape {
    pub(super) fn of(record: OperationRecord) -> Self {
        let OperationRecord { operation, stage, cost_usd, duration_seconds, iteration, meta, at } = record;
        Self { operation, stage, cost_usd, duration_seconds, iteration, meta, recorded_at: at }
    }

    pub(super) fn record(self) -> OperationRecord {
        let Self { operation, stage, cost_usd, duration_seconds, iteration, meta, recorded_at } = self;
        OperationRecord { operation, stage, cost_usd, duration_seconds, iteration, meta, at: recorded_at }
    }
}

/// What a gate said.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct GateShape {
    seq: u64,
    gate: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after_stage: Option<String>,
    verdict: String,
    blocking: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    diagnostics: BTreeMap<String, serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spoke_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<f64>,
    #[serde(with = "exact", default, skip_serializing_if = "Option::is_none")]
    cost_usd: Option<Usd>,
}

impl GateShape {
    pub(super) fn of(gate: GateVerdict) -> Self {
        let GateVerdict {
            seq,
            gate_name,
            after_stage,
            verdict,
            blocking,
            score,
            reason,
            diagnostics,
            at,
            duration_seconds,
            cost_usd,
        } = gate;
        Self {
            seq,
            gate: gate_name,
            after_stage,
            verdict: verdict.as_str().to_owned(),
            blocking,
            score,
            reason,
            diagnostics,
            spoke_at: at,
            duration_seconds,
            cost_usd,
        }
    }

    pub(super) fn gate(self) -> GateVerdict {
        GateVerdict {
            seq: self.seq,
            gate_name: self.gate,
            after_stage: self.after_stage,
            verdict: self.verdict.as_str().into(),
            blocking: self.blocking,
            score: self.score,
            reason: self.reason,
            diagnostics: self.diagnostics,
            at: self.spoke_at,
            duration_seconds: self.duration_seconds,
            cost_usd: self.cost_usd,
        }
    }
}

fn text(name: Name) -> String {
    name.as_str().to_owned()
}
