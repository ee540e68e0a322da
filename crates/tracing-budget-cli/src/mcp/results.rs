//! Results of the tools. Money is in USD, durations are in seconds, and unknown values are null.

use schemars::JsonSchema;
use serde::Serialize;

use crate::prices::calc::ChargeRow;
use tracing_budget::Usd;
use tracing_budget::present::{self, stages::StageNode};
use tracing_budget::summary::{Figures, GateVerdict, RunSummary, Status};
use tracing_budget_history::RunRow;
use tracing_budget_history::compare::{Comparison, FiguresDelta, RowDelta};
use tracing_budget_history::health::{Finding, Health};

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunList {
    pub(super) runs: Vec<Run>,
    /// Cursor of the next page; null on the last page.
    pub(super) next: Option<String>,
}

/// One run, in short.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Run {
    run_id: String,
    project: String,
    pipeline: String,
    status: &'static str,
    /// Status is running, but its last heartbeat is overdue.
    stale: bool,
    started_at: String,
    duration_seconds: f64,
    #[schemars(with = "Option<f64>")]
    cost_usd: Option<Usd>,
    tokens_used: Option<u64>,
    llm_calls: u64,
    /// Calls of unknown cost; they are not in `cost_usd`.
    unpriced_calls: u64,
    /// Calls that reported no usage; they are in neither tokens nor cost.
    calls_without_usage: u64,
    /// Calls that reported only a part of their usage: tokens and cost are at least what is given.
    partial_calls: u64,
    gates_failed: u64,
    failed_stage: Option<String>,
    error_summary: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunDetail {
    #[serde(flatten)]
    pub(super) run: Run,
    value_usd: Option<f64>,
    /// Most expensive first.
    stages: Vec<FigureRow>,
    /// Most expensive first.
    models: Vec<FigureRow>,
    /// In the order of their verdicts.
    gates: Vec<Gate>,
    warnings: Vec<String>,
    /// Rows left out of `stages`, `models`, `gates` and `warnings` to keep the result short.
    left_out: usize,
}

/// One stage or model.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FigureRow {
    name: String,
    /// Status of a stage; null for a model.
    status: Option<&'static str>,
    #[schemars(with = "Option<f64>")]
    cost_usd: Option<Usd>,
    tokens_used: Option<u64>,
    llm_calls: u64,
    /// Null where no span measured it.
    duration_seconds: Option<f64>,
    unpriced_calls: u64,
    calls_without_usage: u64,
    partial_calls: u64,
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

/// The cause of the last failed run.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FailureResult {
    /// The cause in a sentence.
    pub(super) text: String,
    /// Null if no run failed.
    pub(super) run: Option<Run>,
    /// Gates of that run with verdict fail or error.
    pub(super) gates_failed: Vec<Gate>,
    /// Stages of that run in their order, with their figures.
    pub(super) stages: Vec<FigureRow>,
    /// The last completed run of the same pipeline before it; null for the first one.
    pub(super) last_completed: Option<Run>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Changes {
    a: String,
    b: String,
    total: Change,
    /// Stages with different figures, the largest change in cost first.
    stages: Vec<NamedChange>,
    /// Models with different figures, the largest change in cost first.
    models: Vec<NamedChange>,
    /// Gates with different verdicts.
    gates: Vec<GateChanged>,
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
pub(super) struct GateChanged {
    gate: String,
    a: Option<String>,
    b: Option<String>,
    reason: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct HealthResult {
    /// `ok`, `notice`, `warning` or `critical`: the worst of the findings.
    severity: &'static str,
    /// Deviations from the usual, worst first.
    findings: Vec<HealthFinding>,
    /// Number of pipelines that were judged.
    pipelines: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct HealthFinding {
    severity: &'static str,
    project: String,
    pipeline: String,
    text: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CostResult {
    /// Model and provider as resolved by the price book.
    pub(super) model: String,
    /// Cost of one call; null if there is no price.
    #[schemars(with = "Option<f64>")]
    pub(super) cost_usd_per_call: Option<Usd>,
    /// Cost of all calls; null if there is no price.
    #[schemars(with = "Option<f64>")]
    pub(super) cost_usd: Option<Usd>,
    pub(super) calls: u32,
    /// What each unit of one call is charged; the amounts add up to its cost.
    pub(super) charges: Vec<ChargeRow>,
    /// Units without a price; the cost is without them.
    pub(super) unpriced_units: Vec<&'static str>,
    /// Source of the price.
    pub(super) source: Option<String>,
    /// Reason why there is no price, with the nearest model that has one.
    pub(super) why_not: Option<String>,
}

/// Maximum rows of a kind in one result: more would crowd the context of a model.
const MAX_ROWS: usize = 20;

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
            calls_without_usage: row.calls_without_usage,
            partial_calls: row.partial_calls,
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
        most_expensive_first(&mut stages);
        most_expensive_first(&mut models);
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

/// Returns the stages of a run in their order.
pub(super) fn stages(run: &RunSummary) -> Vec<FigureRow> {
    let nodes = present::stages::tree(&run.budget_summary.per_agent).into_iter();
    nodes
        .map(|StageNode { name, row, .. }| {
            FigureRow::of(name, Some(row.status), &row.figures, row.measured_seconds())
        })
        .collect()
}

fn models(run: &RunSummary) -> Vec<FigureRow> {
    let rows = run.budget_summary.per_model.iter();
    rows.map(|(name, row)| FigureRow::of(name, None, &row.figures, row.duration_seconds)).collect()
}

/// Unknown costs come first: they may be the largest of all.
fn most_expensive_first(rows: &mut [FigureRow]) {
    rows.sort_by_key(|row| std::cmp::Reverse((row.cost_usd.is_none() && row.llm_calls > 0, row.cost_usd)));
}

/// Truncates a list to [`MAX_ROWS`]; returns the number of removed rows.
pub(super) fn shorten<T>(rows: &mut Vec<T>) -> usize {
    let left_out = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    left_out
}

impl FigureRow {
    fn of(name: &str, status: Option<Status>, figures: &Figures, duration_seconds: Option<f64>) -> Self {
        Self {
            name: name.to_owned(),
            status: status.map(Status::as_str),
            cost_usd: figures.cost_usd,
            tokens_used: figures.tokens_used,
            llm_calls: figures.llm_calls,
            duration_seconds,
            unpriced_calls: figures.unpriced_calls,
            calls_without_usage: figures.calls_without_usage,
            partial_calls: figures.partial_calls,
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
        let gates = comparison.gates.into_iter().filter(|gate| gate.changed).map(|gate| GateChanged {
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
            gates: gates.take(MAX_ROWS).collect(),
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

    /// Returns whether a figure differs, or is unknown on one side.
    fn differs(&self) -> bool {
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
        let mut all: Vec<Self> = rows.into_iter().map(of).filter(|row| row.change.differs()).collect();
        let size = |row: &Self| row.change.cost_usd_change.map(|change| change.max(Usd::ZERO - change));
        all.sort_by_key(|row| std::cmp::Reverse(size(row)));
        all.truncate(MAX_ROWS);
        all
    }
}

impl From<Health> for HealthResult {
    fn from(health: Health) -> Self {
        let found = |finding: Finding| HealthFinding {
            severity: finding.severity.as_str(),
            project: finding.project,
            pipeline: finding.pipeline,
            text: finding.text,
        };
        let mut findings = health.findings;
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Self {
            severity: health.severity.as_str(),
            findings: findings.into_iter().take(MAX_ROWS).map(found).collect(),
            pipelines: health.pipelines.len(),
        }
    }
}
