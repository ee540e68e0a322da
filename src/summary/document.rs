//! The summary of a run, as the file, the history and the live snapshot all have it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::call::CallRecord;
use super::efficiency::Efficiency;
use super::part::Part;
use super::record::OperationRecord;
use super::rows::Rows;
use super::status::Status;
use super::timestamp::Timestamp;
use super::units::Units;
use crate::ledger::{Usd, Verdict};

/// The version of the document that this crate writes, and the newest version that it reads.
pub const SCHEMA_VERSION: u32 = 1;

/// One run: who, when, how it ended, and where its tokens, money and time went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunSummary {
    /// Version of this document's shape.
    pub schema_version: u32,
    /// Identifies the run: a UUIDv7, or what the root span recorded as `run_id`.
    pub run_id: String,
    /// The project of the run.
    #[serde(default)]
    pub project: String,
    /// The root span's name.
    #[serde(default)]
    pub pipeline: String,
    /// The status of the run.
    pub status: Status,
    /// When the root span was opened.
    pub started_at: Timestamp,
    /// When the run ended; null while it runs.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
    /// Seconds from the start to the end, or to the moment of a live snapshot.
    #[serde(default)]
    pub duration_seconds: f64,
    /// The first stage with a failed last attempt.
    #[serde(default)]
    pub failed_stage: Option<String>,
    /// Why the run failed, in one line of at most 512 characters.
    #[serde(default)]
    pub error_summary: Option<String>,
    /// When that failure occurred; null if nothing failed or the time was not recorded. Of several parts of a run, the
    /// one that failed first gives the cause.
    #[serde(default)]
    pub failed_at: Option<Timestamp>,
    /// Labels recorded as `tag.*`.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Domain counters recorded as `count.*`, summed.
    #[serde(default)]
    pub counts: BTreeMap<String, i64>,
    /// The value of the run in USD, as recorded in `value_usd`; null if it was not recorded.
    #[serde(default)]
    pub value_usd: Option<Usd>,
    /// The highest recorded `iteration`; null if none was recorded.
    #[serde(default)]
    pub iterations: Option<u64>,
    /// Return on the cost, and burn rates.
    #[serde(default)]
    pub efficiency: Efficiency,
    /// Warnings about the figures, for people.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The figures.
    #[serde(default)]
    pub budget_summary: BudgetSummary,
    #[serde(skip)]
    pub(super) part: Part,
}

impl RunSummary {
    /// Returns a running run without any usage.
    ///
    /// ```
    /// use tracing_budget::{RunSummary, Status};
    ///
    /// let mut run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
    /// run.pipeline = "apprentice_pipeline".into();
    /// assert_eq!(run.status, Status::Running);
    /// assert_eq!(run.budget_summary.total.tokens_used, Some(0));
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    #[must_use]
    pub fn new(run_id: impl Into<String>, started_at: Timestamp) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            run_id: run_id.into(),
            project: String::new(),
            pipeline: String::new(),
            status: Status::Running,
            started_at,
            completed_at: None,
            duration_seconds: 0.0,
            failed_stage: None,
            error_summary: None,
            failed_at: None,
            tags: BTreeMap::new(),
            counts: BTreeMap::new(),
            value_usd: None,
            iterations: None,
            efficiency: Efficiency::default(),
            warnings: Vec::new(),
            budget_summary: BudgetSummary::default(),
            part: Part::default(),
        }
    }

    /// Returns the name of this part of a run: what one process saw of it, in 32 hexadecimal digits.
    ///
    /// It distinguishes a newer state of a part from a further part, where several runs or processes share a `run_id`. A run has
    /// one name from its first picture in flight to its end, also if its process was killed and its journal is recovered.
    ///
    /// `None` for a summary that was read from a document, made by hand or merged. Summaries that differ in it alone are equal.
    ///
    /// ```
    /// use tracing_budget::RunSummary;
    ///
    /// let read = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
    /// assert_eq!(read.part(), None);
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    #[must_use]
    pub fn part(&self) -> Option<String> {
        self.part.0.map(|part| part.simple().to_string())
    }

    /// Returns the rows of the stages, which are also `budget_summary.per_agent`.
    ///
    /// ```
    /// use tracing_budget::RunSummary;
    ///
    /// let run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
    /// assert!(run.stages().is_empty());
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    #[must_use]
    pub const fn stages(&self) -> &Rows<StageRow> {
        &self.budget_summary.per_agent
    }

    /// Returns the row of a stage; `None` if the run has no such stage.
    ///
    /// ```
    /// use tracing_budget::RunSummary;
    ///
    /// let run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
    /// assert!(run.stage("review").is_none());
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&StageRow> {
        self.budget_summary.per_agent.get(name)
    }

    /// Returns the known cost of the run in USD; `None` if calls were made and the cost of each is unknown.
    ///
    /// ```
    /// use tracing_budget::RunSummary;
    ///
    /// let run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
    /// assert_eq!(run.cost_usd(), "0".parse().ok());
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    #[must_use]
    pub const fn cost_usd(&self) -> Option<Usd> {
        self.budget_summary.total.cost_usd
    }
}

/// The figures of a run: totals, and the same totals by stage, by model and by operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct BudgetSummary {
    /// The totals of the run.
    #[serde(flatten)]
    pub total: Figures,
    /// The limits set for the run.
    pub limits: Limits,
    /// USD left under the limit, negative when it was exceeded; null without a limit, and where no cost is known.
    pub usd_remaining: Option<Usd>,
    /// Tokens left under the limit, negative when it was exceeded; null without a limit, and where no usage is known.
    pub tokens_remaining: Option<i64>,
    /// Whether the usage has reached a limit.
    pub exhausted: bool,
    /// ERROR events that failed nothing, in all stages and outside of them.
    pub error_events: u64,
    /// One row per stage. Amounts outside of any stage are in the row `unattributed`.
    pub per_agent: Rows<StageRow>,
    /// One row per model, named `provider/model`.
    pub per_model: Rows<ModelRow>,
    /// One row per agent; empty for a run without agents. Amounts outside of any agent are in the row `unattributed`.
    pub by_agent: Rows<AgentRow>,
    /// One row per operation: `chat`, `embeddings`, `execute_tool`, …
    pub by_operation: Rows<OperationRow>,
    /// The verdicts of the gates, ordered by `seq`.
    pub gate_verdicts: Vec<GateVerdict>,
    /// Operations that were recorded directly, oldest first: the newest 1,000. The rows contain the cost of all of them.
    pub records: Vec<OperationRecord>,
    /// Records that were dropped from the list.
    pub records_dropped: u64,
    /// Model calls one by one: failed ones first, then the most expensive, then the newest. At most 1,000. Absent in documents of
    /// earlier versions, which kept none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<Vec<CallRecord>>,
    /// Model calls of the run that `calls` does not list.
    #[serde(skip_serializing_if = "is_zero")]
    pub calls_left_out: u64,
}

impl BudgetSummary {
    /// Returns the cost of an operation in USD; `None` if it was never executed, or if its cost is unknown.
    ///
    /// ```
    /// assert_eq!(tracing_budget::summary::BudgetSummary::default().operation_cost("chat"), None);
    /// ```
    #[must_use]
    pub fn operation_cost(&self, operation: &str) -> Option<Usd> {
        self.by_operation.get(operation)?.figures.cost_usd
    }
}

/// Tokens, money and calls: the figures of every row, which add up to the totals.
///
/// Deliberately not `#[non_exhaustive]`: programs and tests build rows with `..Figures::default()`, and new figures would change
/// the schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Input and output tokens together; null where calls were made and none reported usage.
    pub tokens_used: Option<u64>,
    /// USD; null where calls were made and the cost of none is known.
    pub cost_usd: Option<Usd>,
    /// Model calls, whether they reported usage or not.
    pub llm_calls: u64,
    /// Input tokens, cached ones included.
    pub input_tokens: u64,
    /// Output tokens, reasoning included.
    pub output_tokens: u64,
    /// Input tokens read from a cache.
    pub cache_read_tokens: u64,
    /// Input tokens written to a cache.
    pub cache_write_tokens: u64,
    /// Output tokens spent on reasoning.
    pub reasoning_tokens: u64,
    /// Counts of further units: tokens by modality, searches, seconds, pages, … Absent where all are 0.
    #[serde(skip_serializing_if = "Units::is_empty")]
    pub units: Units,
    /// Calls with known usage and unknown cost. `cost_usd` does not contain them.
    pub unpriced_calls: u64,
    /// Calls that closed without reporting usage. No token figure contains them.
    pub calls_without_usage: u64,
    /// Calls that are partly known: output without input, or the reverse, a cost without tokens, or a unit without a price. The figures
    /// contain the known part only.
    pub partial_calls: u64,
}

impl Default for Figures {
    /// No calls: known to have used nothing and to have cost nothing.
    fn default() -> Self {
        Self {
            tokens_used: Some(0),
            cost_usd: Some(Usd::ZERO),
            llm_calls: 0,
            input_tokens: 0,
            output_tokens: 0,
            cache_read_tokens: 0,
            cache_write_tokens: 0,
            reasoning_tokens: 0,
            units: Units::default(),
            unpriced_calls: 0,
            calls_without_usage: 0,
            partial_calls: 0,
        }
    }
}

/// The limits of a run; null is no limit.
///
/// Deliberately not `#[non_exhaustive]`: it has one field per unit that a limit can have, and programs build it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// USD.
    pub usd: Option<Usd>,
    /// Tokens.
    pub tokens: Option<u64>,
}

/// One stage. Its figures exclude those of enclosed stages, which have their own rows.
///
/// Stages of one name under different stages are different rows. The key of a row is the stage's name; where another row has
/// that key, it is `parent/name`. [`Rows::named`] finds them all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct StageRow {
    /// Tokens, money and calls of this stage alone.
    #[serde(flatten)]
    pub figures: Figures,
    /// Attempts of the stage, retries included.
    pub calls: u64,
    /// Seconds from open to close, summed over its attempts. Enclosed stages are included.
    pub duration_seconds: f64,
    /// Failures of the stage itself and of calls in it.
    pub errors: u64,
    /// ERROR events in it that failed nothing.
    pub error_events: u64,
    /// The status of its last attempt.
    pub status: Status,
    /// The stage's name, where it differs from the row's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The key of the enclosing stage's row.
    pub parent: Option<String>,
    /// When its first attempt was begun; null if it was never begun.
    pub started_at: Option<Timestamp>,
    /// Its share of the run's known cost, 0 to 1; null if no cost is known.
    pub share_of_cost: Option<f64>,
    /// The limits of the stage and what remains; null without a limit. They are those of all stages of this name together.
    pub limits: Option<StageLimits>,
    /// Attempts that have ended, in the order of their starts. At most 100: failed ones first, then the newest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<StageAttempt>,
    /// Attempts that have ended and are not listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub attempts_left_out: u64,
    /// The same figures by model.
    pub per_model: Rows<ModelRow>,
}

impl StageRow {
    /// Returns the seconds of its attempts; `None` where it was never begun, as the row `unattributed`, so that nothing was measured.
    ///
    /// ```
    /// use tracing_budget::summary::StageRow;
    ///
    /// let mut row = StageRow::default();
    /// assert_eq!(row.measured_seconds(), None);
    /// (row.calls, row.duration_seconds) = (1, 2.5);
    /// assert_eq!(row.measured_seconds(), Some(2.5));
    /// ```
    #[must_use]
    pub fn measured_seconds(&self) -> Option<f64> {
        (self.calls > 0).then_some(self.duration_seconds)
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// One attempt of a stage that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StageAttempt {
    /// When it was begun.
    pub started_at: Timestamp,
    /// Seconds from open to close.
    #[serde(default)]
    pub duration_seconds: f64,
    /// `completed` or `failed`.
    pub status: Status,
    /// Why it failed, in one line of at most 512 characters; null if it did not fail or recorded no reason.
    #[serde(default)]
    pub error: Option<String>,
}

impl StageAttempt {
    /// Returns an attempt that took no time and recorded no error.
    ///
    /// ```
    /// use tracing_budget::{Status, summary::StageAttempt};
    ///
    /// let attempt = StageAttempt::new("2026-04-19T09:12:03Z".parse()?, Status::Failed);
    /// assert_eq!((attempt.status, attempt.error), (Status::Failed, None));
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    #[must_use]
    pub const fn new(started_at: Timestamp, status: Status) -> Self {
        Self { started_at, duration_seconds: 0.0, status, error: None }
    }
}

/// The limits of a stage. Unlike the figures of its row, they include enclosed stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct StageLimits {
    /// USD; null is no limit.
    pub usd: Option<Usd>,
    /// Tokens; null is no limit.
    pub tokens: Option<u64>,
    /// USD left, negative when the limit was exceeded; null without a limit, and where no cost is known.
    pub usd_remaining: Option<Usd>,
    /// Tokens left, negative when the limit was exceeded; null without a limit, and where no usage is known.
    pub tokens_remaining: Option<i64>,
    /// Whether the usage has reached a limit.
    pub exhausted: bool,
}

/// One model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct ModelRow {
    /// Tokens, money and calls of this model.
    #[serde(flatten)]
    pub figures: Figures,
    /// Seconds from open to close of its calls, summed over those with a span; null where no span measured one.
    pub duration_seconds: Option<f64>,
    /// The sources of its prices: `reported`, `override`, `corrections@DATE`, `genai-prices@VERSION`, the last two with
    /// ` × factor` where a factor of the user's was applied.
    pub price_sources: Vec<String>,
}

/// One agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct AgentRow {
    /// Tokens, money and calls of this agent, without those of agents that it called.
    #[serde(flatten)]
    pub figures: Figures,
    /// Executions of the agent.
    pub calls: u64,
    /// Seconds from open to close of its executions, summed. Agents that it called are included. Null without an execution, as
    /// of an agent that only calls name.
    pub duration_seconds: Option<f64>,
    /// Failed executions and failed calls.
    pub errors: u64,
    /// The agents that called it, sorted.
    pub called_by: Vec<String>,
}

/// One operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct OperationRow {
    /// Tokens, money and calls of this operation.
    #[serde(flatten)]
    pub figures: Figures,
    /// Executions of the operation, with or without a model.
    pub calls: u64,
    /// Seconds from open to close, or as recorded, summed over those with a time; null where none has one.
    pub duration_seconds: Option<f64>,
}

/// The verdict of one gate, with its circumstances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GateVerdict {
    /// Its position in the order of verdicts, from 1.
    pub seq: u64,
    /// The gate's name.
    pub gate_name: String,
    /// The enclosing stage, else the last stage that closed before it.
    #[serde(default)]
    pub after_stage: Option<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether its `fail` fails the run.
    #[serde(default)]
    pub blocking: bool,
    /// Its score, in a unit of the gate's own.
    #[serde(default)]
    pub score: Option<f64>,
    /// The reason for the verdict.
    #[serde(default)]
    pub reason: Option<String>,
    /// Other recorded values.
    #[serde(default)]
    pub diagnostics: BTreeMap<String, serde_json::Value>,
    /// When it was recorded; null for a gate that was never reached.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// Seconds that the check took, if it was a span.
    #[serde(default)]
    pub duration_seconds: Option<f64>,
    /// USD that the check itself cost, if it was a span with priced calls.
    #[serde(default)]
    pub cost_usd: Option<Usd>,
}

impl GateVerdict {
    /// Whether its run fails by it, unless the gate has a later verdict.
    pub(crate) fn fails_its_run(&self) -> bool {
        self.blocking && self.verdict == Verdict::Fail
    }

    /// Returns a verdict that is not blocking and has no stage, reason or time.
    ///
    /// ```
    /// use tracing_budget::{Verdict, summary::GateVerdict};
    ///
    /// let gate = GateVerdict::new(1, "lint", Verdict::Pass);
    /// assert_eq!((gate.gate_name.as_str(), gate.blocking), ("lint", false));
    /// ```
    #[must_use]
    pub fn new(seq: u64, gate_name: impl Into<String>, verdict: Verdict) -> Self {
        Self {
            seq,
            gate_name: gate_name.into(),
            after_stage: None,
            verdict,
            blocking: false,
            score: None,
            reason: None,
            diagnostics: BTreeMap::new(),
            at: None,
            duration_seconds: None,
            cost_usd: None,
        }
    }
}
