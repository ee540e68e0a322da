//! Statistics over many runs: a project's overview, and its stages, models and gates.
//!
//! ```
//! use tracing_budget::{RunSummary, Status};
//! use tracing_budget_history::{Scope, Sqlite, Store};
//!
//! # let directory = std::env::temp_dir().join(format!("tracing-budget-doc-stats-{}", std::process::id()));
//! let store = Sqlite::open(directory.join("runs.db"))?;
//! let mut run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
//! run.status = Status::Failed;
//! store.put(&run)?;
//!
//! let overview = store.summary(&Scope::new())?;
//! assert_eq!((overview.runs, overview.by_status.failed), (1, 1));
//! assert_eq!(overview.last_failed.map(|run| run.run_id).as_deref(), Some("0193c0de"));
//! assert!(store.stages(&Scope::new())?.is_empty());
//! # drop(store);
//! # std::fs::remove_dir_all(directory)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use serde::{Deserialize, Serialize};

use super::row::RunRow;
use tracing_budget::Usd;
use tracing_budget::summary::{Status, Timestamp};

/// A project and its pipelines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProjectRow {
    /// The project's name; empty for runs without one.
    pub project: String,
    /// The names of its pipelines, sorted.
    pub pipelines: Vec<String>,
    /// Its runs, those in flight included.
    pub runs: u64,
    /// When the newest of them started.
    pub last_started_at: Timestamp,
}

/// The runs of a project in sums, or those of many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProjectTotals {
    /// The project's name; empty for runs without one. `(other)` in a last row that sums up all further projects.
    pub project: String,
    /// The projects of the row: 1, except in the row `(other)`.
    pub projects: u64,
    /// Runs by status.
    pub by_status: StatusCounts,
    /// Runs that are `running` with an overdue heartbeat.
    pub stale: u64,
    /// The known cost of the runs that ended; null where some ended and the cost of none is known.
    pub cost_usd: Option<Usd>,
    /// The known tokens of the runs that ended; null where some ended and the tokens of none are known.
    pub tokens_used: Option<u64>,
    /// Model calls of the runs that ended.
    pub llm_calls: u64,
    /// Calls of the ended runs with known usage and unknown cost.
    pub unpriced_calls: u64,
    /// When the newest run started; null in the row `(other)`.
    pub last_started_at: Option<Timestamp>,
}

/// Runs by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatusCounts {
    /// Still open, the stale ones among them.
    pub running: u64,
    /// Ended without a failure.
    pub completed: u64,
    /// Ended with a failure.
    pub failed: u64,
    /// Cancelled by the program.
    pub cancelled: u64,
    /// Closed while parts were still open.
    pub incomplete: u64,
    /// Their process died.
    pub interrupted: u64,
}

impl StatusCounts {
    /// How many have a status.
    #[must_use]
    pub const fn of(&self, status: Status) -> u64 {
        match status {
            Status::Running => self.running,
            Status::Completed => self.completed,
            Status::Failed => self.failed,
            Status::Cancelled => self.cancelled,
            Status::Incomplete => self.incomplete,
            Status::Interrupted => self.interrupted,
            Status::NotRun => 0,
        }
    }

    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.running + self.ended()
    }

    /// Those that have ended.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.completed + self.failed + self.cancelled + self.incomplete + self.interrupted
    }

    /// The fraction that completed, 0 to 1. Cancelled runs are left out: they were not meant to complete.
    #[must_use]
    pub fn success_rate(&self) -> Option<f64> {
        ratio(self.completed, self.ended() - self.cancelled)
    }
}

pub(super) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The runs of a scope in figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Overview {
    /// The runs, those in flight included.
    pub runs: u64,
    /// The runs by status.
    pub by_status: StatusCounts,
    /// Runs that are `running` with an overdue heartbeat; see [`Heartbeat`](crate::Heartbeat).
    pub stale: u64,
    /// The known cost of the runs that ended; null where some ended and the cost of none is known.
    pub cost_usd: Option<Usd>,
    /// Ended runs of unknown cost.
    pub runs_without_cost: u64,
    /// The known tokens of the runs that ended; null where some ended and the tokens of none are known.
    pub tokens_used: Option<u64>,
    /// Model calls of the runs that ended.
    pub llm_calls: u64,
    /// Calls of the ended runs with known usage and unknown cost.
    pub unpriced_calls: u64,
    /// Calls of the ended runs that reported no usage.
    #[serde(default)]
    pub calls_without_usage: u64,
    /// Calls of the ended runs that reported only a part of their usage.
    #[serde(default)]
    pub partial_calls: u64,
    /// The newest run.
    pub last_run: Option<RunRow>,
    /// The newest run that failed.
    pub last_failed: Option<RunRow>,
    /// The usual cost, duration and tokens.
    pub typical: Typical,
}

/// The usual run: medians over the newest runs that completed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Typical {
    /// How many runs the medians are of; at most [`Typical::RUNS`], the newest.
    pub runs: u64,
    /// The median of the known costs; exact.
    pub cost_usd: Option<Usd>,
    /// The median duration in seconds; exact.
    pub duration_seconds: Option<f64>,
    /// The median of the known token counts; exact.
    pub tokens_used: Option<u64>,
}

impl Typical {
    /// Maximum number of runs in the medians: older runs are no guide, and the work stays bounded.
    pub const RUNS: usize = 1_000;
}

/// One stage over many runs that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StageStats {
    /// The stage; `(other)` in a last row that sums up all stages beyond the 1,000 most expensive.
    pub stage: String,
    /// Runs that began it.
    pub runs: u64,
    /// Runs in which its last attempt failed.
    pub failed: u64,
    /// Failed attempts and calls, over all runs.
    pub errors: u64,
    /// The fraction of the runs in which it completed, 0 to 1; those in which it was cancelled are left out.
    pub success_rate: Option<f64>,
    /// Seconds in a run: half of the runs took less. Within 1 %.
    pub p50_duration_seconds: Option<f64>,
    /// Seconds in a run: 95 % of the runs took less. Within 1 %.
    pub p95_duration_seconds: Option<f64>,
    /// Seconds, summed over all runs.
    pub duration_seconds: f64,
    /// The known cost; null where it began and its cost is known in no run.
    pub cost_usd: Option<Usd>,
    /// Its fraction of the known cost of all stages, 0 to 1.
    pub share_of_cost: Option<f64>,
    /// The known tokens; null where it began and they are known in no run.
    pub tokens_used: Option<u64>,
    /// Model calls.
    pub llm_calls: u64,
    /// Calls of known usage and unknown cost.
    pub unpriced_calls: u64,
    /// Calls that reported no usage.
    pub calls_without_usage: u64,
    /// Calls that reported only a part of their usage.
    #[serde(default)]
    pub partial_calls: u64,
}

/// One model over many runs that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelStats {
    /// The model: `provider/model`; `(other)` in a last row that sums up all models beyond the 1,000 most expensive.
    pub model: String,
    /// Runs that called it.
    pub runs: u64,
    /// Model calls.
    pub llm_calls: u64,
    /// Seconds of its calls in a run: half of the runs took less. Within 1 %.
    pub p50_duration_seconds: Option<f64>,
    /// Seconds of its calls in a run: 95 % of the runs took less. Within 1 %.
    pub p95_duration_seconds: Option<f64>,
    /// Seconds, summed over all calls with a span; null where no span measured one.
    pub duration_seconds: Option<f64>,
    /// The known cost; null where its cost is known in no run.
    pub cost_usd: Option<Usd>,
    /// Its fraction of the known cost of all models, 0 to 1.
    pub share_of_cost: Option<f64>,
    /// The known tokens; null where they are known in no run.
    pub tokens_used: Option<u64>,
    /// Input tokens, cached ones included.
    pub input_tokens: u64,
    /// Output tokens, reasoning included.
    pub output_tokens: u64,
    /// Input tokens read from a cache.
    pub cache_read_tokens: u64,
    /// Input tokens written to a cache.
    pub cache_write_tokens: u64,
    /// Calls of known usage and unknown cost.
    pub unpriced_calls: u64,
    /// Calls that reported no usage.
    pub calls_without_usage: u64,
    /// Calls that reported only a part of their usage.
    #[serde(default)]
    pub partial_calls: u64,
}

/// One gate over many ended runs. A gate may have several verdicts in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GateStats {
    /// The gate; `(other)` in a last row that sums up all gates beyond the 1,000 with the most failures.
    pub gate: String,
    /// Runs that have a verdict of it, `skipped` included.
    pub runs: u64,
    /// All verdicts.
    pub verdicts: u64,
    /// Verdicts `pass`.
    pub passed: u64,
    /// Verdicts `fail`.
    pub failed: u64,
    /// Verdicts `warn`.
    pub warned: u64,
    /// Verdicts `skipped`: the check was not made.
    pub skipped: u64,
    /// Verdicts `error`: the check itself broke.
    pub errors: u64,
    /// Verdicts of other words.
    pub other: u64,
    /// The fraction of the checks made with the verdict `pass`, 0 to 1.
    pub pass_rate: Option<f64>,
    /// Seconds of a check: half took less. Within 1 %; null where no check was timed.
    pub p50_duration_seconds: Option<f64>,
    /// Seconds of a check: 95 % took less. Within 1 %; null where no check was timed.
    pub p95_duration_seconds: Option<f64>,
    /// The known cost of the checks themselves; null where none is known.
    pub cost_usd: Option<Usd>,
}
