//! What the tools answer. Money is USD, durations are seconds; what nobody knows is null.

use schemars::JsonSchema;
use serde::Serialize;

use tracing_budget::Usd;
use tracing_budget::summary::{Figures, GateVerdict, RunSummary, Status};
use tracing_budget_history::RunRow;
use tracing_budget_history::compare::{Comparison, FiguresDelta, RowDelta};
use tracing_budget_history::health::{Finding, Health};

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunList {
    pub(super) runs: Vec<Run>,
    /// Where the next page begins; null on the last.
    pub(super) next: Option<String>,
}

/// One run in a line.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Run {
    run_id: String,
    project: String,
    pipeline: String,
    status: &'static str,
    /// It says that it runs, and nobody says so any more.
    stale: bool,
    started_at: String,
    duration_seconds: f64,
    #[schemars(with = "Option<f64>")]
    cost_usd: Option<Usd>,
    tokens_used: Option<u64>,
    llm_calls: u64,
    /// Calls whose cost nobody knows; they are not in `cost_usd`.
    unpriced_calls: u64,
    gates_failed: u64,
    failed_stage: Option<String>,
    error_summary: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunDetail {
    #[serde(flatten)]
    pub(super) run: Run,
    value_usd: Option<f64>,
    /// Dearest first.
    stages: Vec<Row>,
    /// Dearest first.
    models: Vec<Row>,
    /// In the order in which they spoke.
    gates: Vec<Gate>,
    warnings: Vec<String>,
    /// Rows that are left out of `stages`, `models`, `gates` and `warnings` to keep the answer short.
    left_out: usize,
}

/// One stage or model.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Row {
    name: String,
    /// How a stage ended; null for a model.
    status: Option<&'static str>,
    #[schemars(with = "Option<f64>")]
    cost_usd: Option<Usd>,
    tokens_used: Option<u64>,
    llm_calls: u64,
    duration_seconds: f64,
    unpriced_calls: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Gate {
    gate: String,
    verdict: String,
    blocking: bool,
    after_stage: Option<String>,
    reason: Option<String>,
    score: Option<f64>,
}

/// Why the last run that failed did.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Failure {
    /// In a sentence.
    pub(super) text: String,
    /// Null if no run has failed.
    pub(super) run: Option<Run>,
    /// Gates of that run that failed or could not be judged.
    pub(super) gates_failed: Vec<Gate>,
    /// Its stages in their order, with what had been spent by then.
    pub(super) stages: Vec<Row>,
    /// The last run of the same pipeline that completed before it; null if there is none.
    pub(super) last_completed: Option<Run>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Changes {
    a: String,
    b: String,
    total: Change,
    /// Stages whose figures differ, the largest change in cost first.
    stages: Vec<NamedChange>,
    /// Models whose figures differ, the largest change in cost first.
    models: Vec<NamedChange>,
    /// Gates that say something else.
    gates: Vec<GateSays>,
}

/// `b` less `a`; null where either is unknown.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Change {
    #[schemars(with = "Option<f64>")]
    cost_usd_a: Option<Usd>,
    #[schemars(with = "Option<f64>")]
    cost_usd_b: Option<Usd>,
    #[schemars(with = "Option<f64>")]
    cost_usd_change: Option<Usd>,
    tokens_change: Option<i64>,
    duration_seconds_change: Option<f64>,
    llm_calls_change: Option<i64>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct NamedChange {
    name: String,
    in_a: bool,
    in_b: bool,
    #[serde(flatten)]
    change: Change,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct GateSays {
    gate: String,
    a: Option<String>,
    b: Option<String>,
    reason: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Condition {
    /// `ok`, `notice`, `warning` or `critical`: the gravest of the findings.
    severity: &'static str,
    /// What is not as usual, the gravest first.
    findings: Vec<Found>,
    /// Pipelines that were looked at.
    pipelines: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Found {
    severity: &'static str,
    project: String,
    pipeline: String,
    text: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Cost {
    /// The model as the price book has it, with its provider.
    pub(super) model: String,
    /// Of one call; null if there is no price.
    #[schemars(with = "Option<f64>")]
    pub(super) cost_usd_per_call: Option<Usd>,
    /// Of all calls; null if there is no price.
    #[schemars(with = "Option<f64>")]
    pub(super) cost_usd: Option<Usd>,
    pub(super) calls: u32,
    /// Where the price comes from.
    pub(super) source: Option<String>,
    /// Why there is no price, with the nearest model that has one.
    pub(super) why_not: Option<String>,
}

/// The most rows of a kind in one answer.
const MOST: usize = 20;

impl From<RunRow> for Run {
    fn from(row: RunRow) -> Self {
        Self {
            run_id: row.run_id,
            project: row.project,
            pipeline: row.pipeline,
            status: row.status.as_str(),
            stale: row.stale,
            started_at: row.started_at.to_string(),
            duration_seconds: row.duration_seconds,
            cost_usd: row.cost_usd,
            tokens_used: row.tokens_used,
            llm_calls: row.llm_calls,
            unpriced_calls: row.unpriced_calls,
            gates_failed: row.gates_failed,
            failed_stage: row.failed_stage,
            error_summary: row.error_summary,
        }
    }
}

impl RunDetail {
    pub(super) fn of(run: &RunSummary, row: RunRow) -> Self {
        let budget = &run.budget_summary;
        let (mut stages, mut models) = (stages(run), models(run));
        dearest_first(&mut stages);
        dearest_first(&mut models);
        let mut gates: Vec<Gate> = budget.gate_verdicts.iter().map(Gate::of).collect();
        let mut warnings = run.warnings.clone();
        let left_out =
            shorten(&mut stages) + shorten(&mut models) + shorten(&mut gates) + shorten(&mut warnings);
        Self {
            run: row.into(),
            value_usd: run.value_usd.map(Usd::to_f64),
            stages,
            models,
            gates,
            warnings,
            left_out,
        }
    }
}

/// The stages of a run in their order, without those that had nothing to do.
pub(super) fn stages(run: &RunSummary) -> Vec<Row> {
    let rows = run.budget_summary.per_agent.iter();
    rows.map(|(name, row)| Row::of(name, Some(row.status), &row.figures, row.duration_seconds)).collect()
}

fn models(run: &RunSummary) -> Vec<Row> {
    let rows = run.budget_summary.per_model.iter();
    rows.map(|(name, row)| Row::of(name, None, &row.figures, row.duration_seconds)).collect()
}

/// An unknown cost may be the largest of all.
fn dearest_first(rows: &mut [Row]) {
    rows.sort_by_key(|row| std::cmp::Reverse((row.cost_usd.is_none() && row.llm_calls > 0, row.cost_usd)));
}

/// Cuts a list to what an answer has room for; how many were cut.
pub(super) fn shorten<T>(rows: &mut Vec<T>) -> usize {
    let left_out = rows.len().saturating_sub(MOST);
    rows.truncate(MOST);
    left_out
}

impl Row {
    fn of(name: &str, status: Option<Status>, figures: &Figures, duration_seconds: f64) -> Self {
        Self {
            name: name.to_owned(),
            status: status.map(Status::as_str),
            cost_usd: figures.cost_usd,
            tokens_used: figures.tokens_used,
            llm_calls: figures.llm_calls,
            duration_seconds,
            unpriced_calls: figures.unpriced_calls,
        }
    }
}

impl Gate {
    pub(super) fn of(gate: &GateVerdict) -> Self {
        Self {
            gate: gate.gate_name.clone(),
            verdict: gate.verdict.to_string(),
            blocking: gate.blocking,
            after_stage: gate.after_stage.clone(),
            reason: gate.reason.clone(),
            score: gate.score,
        }
    }
}

impl From<Comparison> for Changes {
    fn from(comparison: Comparison) -> Self {
        let gates = comparison.gates.into_iter().filter(|gate| gate.changed).map(|gate| GateSays {
            gate: gate.gate,
            a: gate.a.map(|verdict| verdict.to_string()),
            b: gate.b.map(|verdict| verdict.to_string()),
            reason: gate.reason,
        });
        Self {
            a: comparison.a.run_id,
            b: comparison.b.run_id,
            total: Change::of(&comparison.total),
            stages: NamedChange::all(comparison.stages),
            models: NamedChange::all(comparison.models),
            gates: gates.take(MOST).collect(),
        }
    }
}

impl Change {
    fn of(delta: &FiguresDelta) -> Self {
        Self {
            cost_usd_a: delta.cost_usd.a,
            cost_usd_b: delta.cost_usd.b,
            cost_usd_change: delta.cost_usd.change,
            tokens_change: delta.tokens_used.change,
            duration_seconds_change: delta.duration_seconds.change,
            llm_calls_change: delta.llm_calls.change,
        }
    }

    /// Whether there is something to tell: also that a figure is unknown on one side.
    fn is_any(&self) -> bool {
        self.cost_usd_a != self.cost_usd_b
            || self.tokens_change != Some(0)
            || self.llm_calls_change != Some(0)
            || self.duration_seconds_change != Some(0.0)
    }
}

impl NamedChange {
    fn all(rows: Vec<RowDelta>) -> Vec<Self> {
        let of = |row: RowDelta| Self {
            change: Change::of(&row.figures),
            name: row.name,
            in_a: row.in_a,
            in_b: row.in_b,
        };
        let mut all: Vec<Self> = rows.into_iter().map(of).filter(|row| row.change.is_any()).collect();
        let size = |row: &Self| row.change.cost_usd_change.map(|change| change.max(Usd::ZERO - change));
        all.sort_by_key(|row| std::cmp::Reverse(size(row)));
        all.truncate(MOST);
        all
    }
}

impl From<Health> for Condition {
    fn from(health: Health) -> Self {
        let found = |finding: Finding| Found {
            severity: finding.severity.as_str(),
            project: finding.project,
            pipeline: finding.pipeline,
            text: finding.text,
        };
        let mut findings = health.findings;
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Self {
            severity: health.severity.as_str(),
            findings: findings.into_iter().take(MOST).map(found).collect(),
            pipelines: health.pipelines.len(),
        }
    }
}
