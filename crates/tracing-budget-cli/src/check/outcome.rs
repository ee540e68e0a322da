//! What the rules said.

use serde::Serialize;

use tracing_budget::Usd;
use tracing_budget::summary::{RunSummary, Status};

/// What one rule said of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Outcome {
    /// The rule: `status`, `cost`, `gate lint`, `cost against baseline`.
    pub(super) check: String,
    pub(super) result: Verdict,
    /// What was found, in a sentence.
    pub(super) text: String,
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Passed,
    Failed,
    /// It could not be applied, and that is nobody's fault.
    Skipped,
}

impl Outcome {
    pub(super) fn passed(check: impl Into<String>, text: impl Into<String>) -> Self {
        Self { check: check.into(), result: Verdict::Passed, text: text.into() }
    }

    pub(super) fn failed(check: impl Into<String>, text: impl Into<String>) -> Self {
        Self { check: check.into(), result: Verdict::Failed, text: text.into() }
    }

    pub(super) fn skipped(check: impl Into<String>, text: impl Into<String>) -> Self {
        Self { check: check.into(), result: Verdict::Skipped, text: text.into() }
    }
}

/// One run and what all rules said of it.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    pub(super) run_id: String,
    pub(super) project: String,
    pub(super) pipeline: String,
    pub(super) status: Status,
    /// The file that it was read from; null for a run of the history.
    pub(super) origin: Option<String>,
    pub(super) cost_usd: Option<Usd>,
    pub(super) tokens_used: Option<u64>,
    pub(super) duration_seconds: f64,
    pub(super) baseline: Option<String>,
    pub(super) passed: bool,
    pub(super) checks: Vec<Outcome>,
}

impl Checked {
    pub(super) fn new(
        run: &RunSummary,
        origin: Option<String>,
        baseline: Option<String>,
        checks: Vec<Outcome>,
    ) -> Self {
        let total = &run.budget_summary.total;
        Self {
            run_id: run.run_id.clone(),
            project: run.project.clone(),
            pipeline: run.pipeline.clone(),
            status: run.status,
            origin,
            cost_usd: total.cost_usd,
            tokens_used: total.tokens_used,
            duration_seconds: run.duration_seconds,
            baseline,
            passed: checks.iter().all(|check| check.result != Verdict::Failed),
            checks,
        }
    }

    pub(super) fn failures(&self) -> usize {
        self.checks.iter().filter(|check| check.result == Verdict::Failed).count()
    }

    pub(super) fn name(&self) -> &str {
        if self.pipeline.is_empty() { "run" } else { &self.pipeline }
    }
}

/// All runs that were checked.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) passed: bool,
    pub(super) runs: Vec<Checked>,
}
