//! A run history with runs around midnights, around a change of clocks, and around now.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tracing_budget::summary::{GateVerdict, ModelRow, StageRow, Timestamp};
use tracing_budget::{RunSummary, Status, Verdict};
use tracing_budget_history::{Sqlite, Store};

pub(crate) const PROJECT: &str = "apprentice";

/// Names and ids of the runs. All ids differ in their beginnings and in their endings.
const RUNS: [(&str, &str); 7] = [
    ("oct-25", "0199f0a1-0000-7000-8000-00000000aa01"),
    ("oct-26", "0199f0a2-0000-7000-8000-00000000aa02"),
    ("oct-26-late", "0199f0a3-0000-7000-8000-00000000aa03"),
    ("oct-27", "0199f0a4-0000-7000-8000-00000000aa04"),
    ("ten-days", "019ad0b1-0000-7000-8000-00000000bb01"),
    ("three-days", "019ad0b2-0000-7000-8000-00000000bb02"),
    ("hour", "019ad0b3-0000-7000-8000-00000000bb03"),
];

/// Returns the names of runs.
pub(crate) fn names(ids: &[String]) -> Vec<&'static str> {
    ids.iter()
        .map(|id| RUNS.iter().find(|(_, known)| known == id).map_or("a run of no name", |(name, _)| name))
        .collect()
}

/// Returns whether a text is the id of a run.
pub(crate) fn is_run(id: &str) -> bool {
    RUNS.iter().any(|(_, known)| *known == id)
}

/// A folder with a history, deleted with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn empty(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let folder = Self(folder);
        Sqlite::open(folder.database()).expect("a history");
        folder
    }

    pub(crate) fn seeded(name: &str) -> Self {
        let folder = Self::empty(name);
        let store = Sqlite::open(folder.database()).expect("a history");
        for run in runs() {
            store.put(&run).expect("stored");
        }
        folder
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("runs.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn runs() -> Vec<RunSummary> {
    let mut oct_25 = run("oct-25", at("2025-10-25T21:59:00Z"), Some("0.01"));
    oct_25.tags.insert("tier".into(), "2".into());
    let mut oct_26 = run("oct-26", at("2025-10-25T22:00:00Z"), Some("0.02"));
    oct_26.tags.insert("branch".into(), "a=b".into());
    let oct_26_late = run("oct-26-late", at("2025-10-26T22:59:00Z"), Some("0.03"));
    let mut oct_27 = run("oct-27", at("2025-10-26T23:00:00Z"), Some("0.04"));
    oct_27.pipeline = "weekly".into();

    let mut ten_days = run("ten-days", ago(10 * 24), Some("0.50"));
    ten_days.status = Status::Failed;
    ten_days.duration_seconds = 20.0;
    ten_days.tags.insert("tier".into(), "2".into());
    ten_days.tags.insert("branch".into(), "main".into());
    ten_days.budget_summary.gate_verdicts.push(GateVerdict::new(1, "lint", Verdict::Fail));

    let mut three_days = run("three-days", ago(3 * 24), Some("0.10"));
    three_days.status = Status::Interrupted;
    three_days.duration_seconds = 10.0;
    let mut stage = StageRow::default();
    (stage.calls, stage.status, stage.started_at) = (1, Status::Completed, Some(three_days.started_at));
    three_days.budget_summary.per_agent.insert("review", stage);
    three_days.budget_summary.settle();
    three_days.budget_summary.gate_verdicts.push(GateVerdict::new(1, "lint", Verdict::Pass));

    let mut hour = run("hour", ago(1), None);
    hour.duration_seconds = 30.0;
    let mut model = ModelRow::default();
    (model.figures.llm_calls, model.figures.unpriced_calls, model.figures.cost_usd) = (1, 1, None);
    hour.budget_summary.total = model.figures.clone();
    for figures in [
        &mut hour.budget_summary.per_agent.entry("unattributed").figures,
        &mut hour.budget_summary.by_operation.entry("chat").figures,
    ] {
        *figures = model.figures.clone();
    }
    hour.budget_summary.per_model.insert("openai/gpt-5-mini", model);

    vec![oct_25, oct_26, oct_26_late, oct_27, ten_days, three_days, hour]
}

fn run(name: &str, started_at: Timestamp, cost: Option<&str>) -> RunSummary {
    let (_, id) = RUNS.iter().find(|(known, _)| *known == name).expect("a name of the table");
    let mut run = RunSummary::new(*id, started_at);
    run.project = PROJECT.into();
    run.pipeline = "nightly".into();
    run.status = Status::Completed;
    run.duration_seconds = 1.0;
    run.completed_at = Timestamp::from_unix_ms(started_at.unix_ms() + 60_000);
    if let Some(cost) = cost {
        let budget = &mut run.budget_summary;
        budget.total.cost_usd = Some(cost.parse().expect("an amount"));
        budget.per_agent.entry("unattributed").figures = budget.total.clone();
        budget.per_model.entry("acme/drawing").figures = budget.total.clone();
        budget.by_operation.entry("image").figures = budget.total.clone();
        budget.settle();
    }
    run
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn ago(hours: u64) -> Timestamp {
    (SystemTime::now() - Duration::from_secs(hours * 3_600)).into()
}
