//! A run as a row of a list.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cursor::Cursor;
use tracing_budget::summary::{RunSummary, Status, Timestamp};
use tracing_budget::{Usd, Verdict};

/// The stage row of amounts outside any stage.
pub(super) const UNATTRIBUTED: &str = "unattributed";

/// A run in a list: enough to choose one, without its rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunRow {
    /// Identifies the run.
    pub run_id: String,
    /// The project of the run.
    pub project: String,
    /// The root span's name.
    pub pipeline: String,
    /// The status that its process last stored.
    pub status: Status,
    /// The status is `running` and the heartbeat is overdue: the process has died or hangs. See
    /// [`Heartbeat::is_fresh`](crate::Heartbeat::is_fresh).
    pub stale: bool,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// When the root span was opened.
    pub started_at: Timestamp,
    /// When it ended; null while it runs.
    pub completed_at: Option<Timestamp>,
    /// Seconds from the start to the end, or to the last delivery of a run in flight.
    pub duration_seconds: f64,
    /// Number of stages that were begun.
    pub stages: u64,
    /// Model calls.
    pub llm_calls: u64,
    /// Tokens; null where calls were made and none reported usage.
    pub tokens_used: Option<u64>,
    /// USD; null where calls were made and the cost of none is known.
    pub cost_usd: Option<Usd>,
    /// Calls of known usage and unknown cost; they are not in `cost_usd`.
    pub unpriced_calls: u64,
    /// Calls that reported no usage.
    pub calls_without_usage: u64,
    /// Calls that reported only a part of their usage.
    #[serde(default)]
    pub partial_calls: u64,
    /// Verdicts `pass`.
    pub gates_passed: u64,
    /// Verdicts `fail` and `error`.
    pub gates_failed: u64,
    /// All verdicts, those of gates that were skipped included.
    pub gates_total: u64,
    /// The stage that failed first.
    pub failed_stage: Option<String>,
    /// Why the run failed.
    pub error_summary: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Parts that several processes stored of it; usually 1.
    pub parts: u64,
}

impl RunRow {
    /// The row of a document that one part made, first stored at this time, and not stale.
    #[must_use]
    pub fn of(run: &RunSummary, created_at: Timestamp) -> Self {
        let figures = &run.budget_summary;
        let count = |wanted: &[Verdict]| {
            figures.gate_verdicts.iter().filter(|gate| wanted.contains(&gate.verdict)).count() as u64
        };
        Self {
            run_id: run.run_id.clone(),
            project: run.project.clone(),
            pipeline: run.pipeline.clone(),
            status: run.status,
            stale: false,
            created_at,
            started_at: run.started_at,
            completed_at: run.completed_at,
            duration_seconds: run.duration_seconds,
            stages: figures
                .per_agent
                .iter()
                .filter(|(name, row)| row.calls > 0 && *name != UNATTRIBUTED)
                .count() as u64,
            llm_calls: figures.total.llm_calls,
            tokens_used: figures.total.tokens_used,
            cost_usd: figures.total.cost_usd,
            unpriced_calls: figures.total.unpriced_calls,
            calls_without_usage: figures.total.calls_without_usage,
            partial_calls: figures.total.partial_calls,
            gates_passed: count(&[Verdict::Pass]),
            gates_failed: count(&[Verdict::Fail, Verdict::Error]),
            gates_total: figures.gate_verdicts.len() as u64,
            failed_stage: run.failed_stage.clone(),
            error_summary: run.error_summary.clone(),
            tags: run.tags.clone(),
            parts: 1,
        }
    }

    /// Whether the run is in flight: `running`, with a heartbeat that is not overdue.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.status == Status::Running && !self.stale
    }
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunPage {
    /// The runs, in the requested order.
    pub runs: Vec<RunRow>,
    /// Where the next page begins; null at the end of the list.
    pub next: Option<Cursor>,
}
