//! Made-up runs, and temporary histories for them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tracing_budget::{
    RunSummary, Status, Usd, Verdict,
    summary::{GateVerdict, ModelRow, StageRow, Timestamp},
};
use tracing_budget_history::Sqlite;

/// 2026-11-01T00:00:00Z.
pub(crate) const MIDNIGHT: i64 = 1_793_491_200_000;

/// A temporary directory, deleted on drop.
pub(crate) struct TempHistory(PathBuf);

impl TempHistory {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "tracing-budget-history-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.0.join("runs.db")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn store(&self) -> Sqlite {
        Sqlite::open(self.db()).unwrap()
    }
}

impl Drop for TempHistory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn at(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_ms).unwrap()
}

/// A run of one second that used nothing.
pub(crate) fn run(id: &str, status: Status, started_ms: i64) -> RunSummary {
    let mut run = RunSummary::new(id, at(started_ms));
    run.project = "apprentice".into();
    run.pipeline = "nightly".into();
    run.status = status;
    run.duration_seconds = 1.0;
    if status.is_terminal() {
        run.completed_at = Some(at(started_ms + 1_000));
    }
    run
}

/// The run with a stage and a model that cost this.
pub(crate) fn costing(mut run: RunSummary, stage: &str, pico: i128) -> RunSummary {
    let mut row = StageRow::default();
    row.calls = 1;
    row.status = run.status;
    row.duration_seconds = 0.5;
    row.figures.llm_calls = 1;
    row.figures.tokens_used = Some(1_000);
    row.figures.input_tokens = 900;
    row.figures.output_tokens = 100;
    row.figures.cost_usd = Some(Usd::from_pico(pico));
    let mut model = ModelRow::default();
    model.figures = row.figures.clone();
    model.duration_seconds = Some(0.5);
    let summary = &mut run.budget_summary;
    summary.total = if summary.total.llm_calls == 0 {
        row.figures.clone()
    } else {
        [&summary.total, &row.figures].into_iter().sum()
    };
    let operation = summary.by_operation.entry("chat");
    operation.calls += 1;
    operation.figures = summary.total.clone();
    model.figures = summary.total.clone();
    summary.per_agent.insert(stage, row);
    summary.per_model.insert("openai/gpt-5", model);
    summary.settle();
    run
}

/// The run with this verdict of a gate after its last stage.
pub(crate) fn gated(mut run: RunSummary, gate: &str, verdict: Verdict) -> RunSummary {
    let seq = run.budget_summary.gate_verdicts.len() as u64 + 1;
    let mut verdict = GateVerdict::new(seq, gate, verdict);
    verdict.after_stage = run.budget_summary.per_agent.iter().last().map(|(stage, _)| stage.to_owned());
    run.budget_summary.gate_verdicts.push(verdict);
    run
}
