//! Events: what changed between two polls.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use utoipa::ToSchema;

use crate::schema;
use tracing_budget::Usd;
use tracing_budget::summary::{RunSummary, StageRow, Status, Timestamp};
use tracing_budget_history::RunRow;

/// The runs in flight at one poll.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct RunsInFlight {
    /// The runs, by id.
    pub(crate) runs: BTreeMap<String, RunState>,
}

/// A run in flight, as its process last stored it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct RunState {
    /// Identifies the run.
    pub(crate) run_id: String,
    /// The run's project.
    pub(crate) project: String,
    /// The root span's name.
    pub(crate) pipeline: String,
    /// Its status.
    #[schema(value_type = schema::Status)]
    pub(crate) status: Status,
    /// Time at which the root span was opened.
    #[schema(value_type = schema::Timestamp)]
    pub(crate) started_at: Timestamp,
    /// Seconds from the start to the newest figures.
    pub(crate) duration_seconds: f64,
    /// Tokens; null if calls were made and none reported usage.
    pub(crate) tokens_used: Option<u64>,
    /// USD; null if calls were made and the cost of none is known.
    #[schema(value_type = Option<schema::Usd>)]
    pub(crate) cost_usd: Option<Usd>,
    /// Model calls.
    pub(crate) llm_calls: u64,
    /// Calls with known usage and unknown cost; they are not in `cost_usd`.
    pub(crate) unpriced_calls: u64,
    /// Calls that reported only a part of their usage.
    pub(crate) partial_calls: u64,
    /// Its stages, in the order of the run; at most 1,000.
    pub(crate) stages: Vec<StageState>,
    /// Stages that are not in `stages`; the run's own document has them.
    pub(crate) stages_left_out: u64,
}

/// A stage of a run in flight.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct StageState {
    /// The stage.
    pub(crate) name: String,
    /// Its status.
    #[schema(value_type = schema::Status)]
    pub(crate) status: Status,
    /// Number of times it was started.
    pub(crate) calls: u64,
    /// Seconds, summed over its attempts.
    pub(crate) duration_seconds: f64,
    /// Tokens; null if calls were made and none reported usage.
    pub(crate) tokens_used: Option<u64>,
    /// USD; null if calls were made and the cost of none is known.
    #[schema(value_type = Option<schema::Usd>)]
    pub(crate) cost_usd: Option<Usd>,
    /// Model calls.
    pub(crate) llm_calls: u64,
    /// Number of failures of the stage and of calls in it.
    pub(crate) errors: u64,
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    RunStarted(RunState),
    StageStarted(StageChanged),
    StageClosed(StageChanged),
    CostMoved(CostMoved),
    RunEnded(RunEnded),
    RunStale(RunGone),
    RunDeleted(RunGone),
}

/// A stage that started or closed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct StageChanged {
    /// The run.
    pub(crate) run_id: String,
    /// The run's project.
    pub(crate) project: String,
    /// The stage's current state.
    pub(crate) stage: StageState,
}

/// A run with a change of tokens, cost or calls.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct CostMoved {
    /// The run.
    pub(crate) run_id: String,
    /// The run's project.
    pub(crate) project: String,
    /// Seconds from the start to the newest figures.
    pub(crate) duration_seconds: f64,
    /// Tokens; null if calls were made and none reported usage.
    pub(crate) tokens_used: Option<u64>,
    /// USD; null if calls were made and the cost of none is known.
    #[schema(value_type = Option<schema::Usd>)]
    pub(crate) cost_usd: Option<Usd>,
    /// Model calls.
    pub(crate) llm_calls: u64,
    /// Calls with known usage and unknown cost; they are not in `cost_usd`.
    pub(crate) unpriced_calls: u64,
    /// Calls that reported only a part of their usage.
    pub(crate) partial_calls: u64,
    /// The stages with changed figures.
    pub(crate) stages: Vec<StageState>,
}

/// A run that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct RunEnded {
    /// The run's final state.
    #[serde(flatten)]
    pub(crate) run: RunState,
    /// Time at which the run ended.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub(crate) completed_at: Option<Timestamp>,
    /// The stage that failed first; null if no stage failed.
    pub(crate) failed_stage: Option<String>,
    /// The reason of the failure; null if nothing failed.
    pub(crate) error_summary: Option<String>,
}

/// A run that became stale or was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct RunGone {
    /// The run.
    pub(crate) run_id: String,
    /// The run's project.
    pub(crate) project: String,
}

/// Stages of a run in its state, and so events of one poll. They are sent to every subscriber.
const MAX_STAGES: usize = 1_000;

impl RunState {
    pub(crate) fn of(row: &RunRow, run: &RunSummary) -> Self {
        let stages = run.budget_summary.per_agent.iter();
        Self {
            run_id: row.run_id.clone(),
            project: row.project.clone(),
            pipeline: row.pipeline.clone(),
            status: row.status,
            started_at: row.started_at,
            duration_seconds: row.duration_seconds,
            tokens_used: row.tokens_used,
            cost_usd: row.cost_usd,
            llm_calls: row.llm_calls,
            unpriced_calls: row.unpriced_calls,
            partial_calls: row.partial_calls,
            stages: stages.take(MAX_STAGES).map(|(name, stage)| StageState::of(name, stage)).collect(),
            stages_left_out: run.stages().len().saturating_sub(MAX_STAGES) as u64,
        }
    }

    pub(super) fn gone(&self) -> RunGone {
        RunGone { run_id: self.run_id.clone(), project: self.project.clone() }
    }

    /// Appends what changed from this state to `now`.
    pub(super) fn changes(&self, now: &Self, events: &mut Vec<Event>) {
        let mut moved = Vec::new();
        // Not a search for each stage: that is quadratic.
        let before: HashMap<&str, &StageState> =
            self.stages.iter().map(|stage| (stage.name.as_str(), stage)).collect();
        for stage in &now.stages {
            let before = before.get(stage.name.as_str()).copied();
            let changed = || StageChanged {
                run_id: now.run_id.clone(),
                project: now.project.clone(),
                stage: stage.clone(),
            };
            let starts_before = before.map_or(0, |before| before.calls);
            if stage.calls > starts_before {
                events.push(Event::StageStarted(changed()));
            }
            let was_open = before.is_none_or(|before| !before.status.is_terminal());
            if stage.status.is_terminal() && (was_open || stage.calls > starts_before) {
                events.push(Event::StageClosed(changed()));
            }
            if before.is_none_or(|before| before.used() != stage.used()) {
                moved.push(stage.clone());
            }
        }
        if self.used() != now.used() {
            events.push(Event::CostMoved(CostMoved {
                run_id: now.run_id.clone(),
                project: now.project.clone(),
                duration_seconds: now.duration_seconds,
                tokens_used: now.tokens_used,
                cost_usd: now.cost_usd,
                llm_calls: now.llm_calls,
                unpriced_calls: now.unpriced_calls,
                partial_calls: now.partial_calls,
                stages: moved,
            }));
        }
    }

    /// The same run before it used anything.
    pub(super) fn before_any_use(&self) -> Self {
        Self {
            tokens_used: Some(0),
            cost_usd: Some(Usd::ZERO),
            llm_calls: 0,
            unpriced_calls: 0,
            partial_calls: 0,
            stages: Vec::new(),
            ..self.clone()
        }
    }

    fn used(&self) -> (Option<u64>, Option<Usd>, u64, u64, u64) {
        (self.tokens_used, self.cost_usd, self.llm_calls, self.unpriced_calls, self.partial_calls)
    }
}

impl StageState {
    fn of(name: &str, stage: &StageRow) -> Self {
        Self {
            name: name.to_owned(),
            status: stage.status,
            calls: stage.calls,
            duration_seconds: stage.duration_seconds,
            tokens_used: stage.figures.tokens_used,
            cost_usd: stage.figures.cost_usd,
            llm_calls: stage.figures.llm_calls,
            errors: stage.errors,
        }
    }

    fn used(&self) -> (Option<u64>, Option<Usd>, u64, u64) {
        (self.tokens_used, self.cost_usd, self.llm_calls, self.errors)
    }
}

impl RunGone {
    pub(super) fn of(row: &RunRow) -> Self {
        Self { run_id: row.run_id.clone(), project: row.project.clone() }
    }
}

impl RunEnded {
    pub(crate) fn of(row: &RunRow, run: &RunSummary) -> Self {
        Self {
            run: RunState::of(row, run),
            completed_at: row.completed_at,
            failed_stage: row.failed_stage.clone(),
            error_summary: row.error_summary.clone(),
        }
    }
}

impl Event {
    /// The event's name in the stream.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::RunStarted(_) => "run_started",
            Self::StageStarted(_) => "stage_started",
            Self::StageClosed(_) => "stage_closed",
            Self::CostMoved(_) => "cost_moved",
            Self::RunEnded(_) => "run_ended",
            Self::RunStale(_) => "run_stale",
            Self::RunDeleted(_) => "run_deleted",
        }
    }

    /// The ids of the run and its project.
    pub(crate) fn run_and_project(&self) -> (&str, &str) {
        match self {
            Self::RunStarted(run) => (&run.run_id, &run.project),
            Self::StageStarted(stage) | Self::StageClosed(stage) => (&stage.run_id, &stage.project),
            Self::CostMoved(run) => (&run.run_id, &run.project),
            Self::RunEnded(ended) => (&ended.run.run_id, &ended.run.project),
            Self::RunStale(gone) | Self::RunDeleted(gone) => (&gone.run_id, &gone.project),
        }
    }

    /// Whether no further event of this run follows.
    pub(crate) const fn is_last(&self) -> bool {
        matches!(self, Self::RunEnded(_) | Self::RunDeleted(_))
    }

    pub(crate) fn to_json(&self) -> String {
        let written = match self {
            Self::RunStarted(run) => serde_json::to_string(run),
            Self::StageStarted(stage) | Self::StageClosed(stage) => serde_json::to_string(stage),
            Self::CostMoved(run) => serde_json::to_string(run),
            Self::RunEnded(ended) => serde_json::to_string(ended),
            Self::RunStale(gone) | Self::RunDeleted(gone) => serde_json::to_string(gone),
        };
        written.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, status: Status, calls: u64, tokens: u64) -> StageState {
        StageState {
            name: name.into(),
            status,
            calls,
            duration_seconds: 1.0,
            tokens_used: Some(tokens),
            cost_usd: None,
            llm_calls: 0,
            errors: 0,
        }
    }

    fn run(tokens: u64, stages: Vec<StageState>) -> RunState {
        RunState {
            run_id: "a".into(),
            project: "p".into(),
            pipeline: "l".into(),
            status: Status::Running,
            started_at: "2026-04-19T09:12:03Z".parse().expect("a time"),
            duration_seconds: tokens as f64,
            tokens_used: Some(tokens),
            cost_usd: None,
            llm_calls: 0,
            unpriced_calls: 0,
            partial_calls: 0,
            stages,
            stages_left_out: 0,
        }
    }

    fn names(before: &RunState, now: &RunState) -> Vec<&'static str> {
        let mut events = Vec::new();
        before.changes(now, &mut events);
        events.iter().map(Event::name).collect()
    }

    #[test]
    fn passing_time_alone_is_no_event() {
        let one = run(5, vec![stage("a", Status::Running, 1, 5)]);
        let mut two = one.clone();
        two.duration_seconds += 1.0;
        assert!(names(&one, &two).is_empty());
    }

    #[test]
    fn a_stage_starts_changes_and_closes() {
        let nothing = run(0, vec![]);
        let begun = run(0, vec![stage("a", Status::Running, 1, 0)]);
        let moved = run(7, vec![stage("a", Status::Running, 1, 7)]);
        let closed = run(7, vec![stage("a", Status::Completed, 1, 7)]);
        assert_eq!(names(&nothing, &begun), ["stage_started"]);
        assert_eq!(names(&begun, &moved), ["cost_moved"]);
        assert_eq!(names(&moved, &closed), ["stage_closed"]);
        assert!(names(&closed, &closed).is_empty());
    }

    #[test]
    fn a_stage_that_ran_between_two_polls_is_reported() {
        let nothing = run(0, vec![stage("a", Status::NotRun, 0, 0)]);
        let closed = run(7, vec![stage("a", Status::Failed, 1, 7)]);
        assert_eq!(names(&nothing, &closed), ["stage_started", "stage_closed", "cost_moved"]);
        let again = run(9, vec![stage("a", Status::Completed, 2, 9)]);
        assert_eq!(names(&closed, &again), ["stage_started", "stage_closed", "cost_moved"]);
    }
}
