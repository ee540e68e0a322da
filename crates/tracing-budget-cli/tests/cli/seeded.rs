//! A fixed run history: three weeks of two pipelines, with failures, an interrupted run and unknown prices.

use std::path::Path;
use std::time::SystemTime;

use tracing_budget::{
    PriceBook, RunSummary, Status, Usage, Usd, Verdict,
    summary::{Figures, GateVerdict, ModelRow, OperationRow, StageRow, Timestamp},
};
use tracing_budget_history::{Sqlite, Store};

pub(crate) const SONNET: &str = "anthropic/claude-sonnet-4-5";
pub(crate) const MINI: &str = "openai/gpt-5-mini";
/// A model without a price.
pub(crate) const FRONTIER: &str = "acme/frontier-9";

/// Writes the history into a file.
pub(crate) fn history(path: &Path) {
    let store = Sqlite::open(path).expect("a history");
    for run in runs() {
        store.put(&run).expect("stored");
    }
}

/// The runs, oldest first.
pub(crate) fn runs() -> Vec<RunSummary> {
    let mut runs: Vec<RunSummary> = (1..=18).map(nightly).collect();
    runs.push(failed(19));
    runs.push(interrupted(20));
    runs.push(unpriced(21));
    runs.push(support(18));
    runs.push(support(21));
    for run in &runs {
        assert_eq!(run.check(), Ok(()), "{}", run.run_id);
    }
    runs
}

/// An id in the form of a UUIDv7. Both its beginning and its ending name the day and the pipeline.
pub(crate) fn id(pipeline: u8, day: u32) -> String {
    format!("019a{day:04}-{pipeline:02}00-7000-8000-0000{pipeline:04}{day:04}")
}

fn at(day: u32) -> Timestamp {
    format!("2026-11-{day:02}T08:30:00Z").parse().expect("a time")
}

/// A completed run; figures vary from day to day.
pub(crate) fn nightly(day: u32) -> RunSummary {
    let extra = u64::from(day * 37 % 11) * 100;
    let mut run = begun("nightly", 1, day);
    run.status = Status::Completed;
    run.duration_seconds = 40.0 + f64::from(day % 5);
    stage(&mut run, "discovery", 12.0, &[(SONNET, 2, 12_000 + extra, 900)]);
    stage(&mut run, "implementation", 24.5, &[(SONNET, 3, 30_000, 4_100 + extra), (MINI, 1, 2_000, 150)]);
    stage(&mut run, "review", 3.25, &[(MINI, 2, 8_000, 640)]);
    gate(&mut run, "lint", Verdict::Pass, "implementation", None);
    gate(&mut run, "tests", Verdict::Pass, "implementation", None);
    ended(run)
}

fn failed(day: u32) -> RunSummary {
    let mut run = begun("nightly", 1, day);
    run.status = Status::Failed;
    run.duration_seconds = 19.0;
    run.failed_stage = Some("implementation".into());
    run.error_summary = Some("the model's patch does not apply: hunk 3 of src/lib.rs".into());
    stage(&mut run, "discovery", 12.0, &[(SONNET, 2, 12_400, 900)]);
    stage(&mut run, "implementation", 7.0, &[(SONNET, 1, 11_000, 2_000)]);
    let row = run.budget_summary.per_agent.entry("implementation");
    (row.status, row.errors) = (Status::Failed, 1);
    run.budget_summary.per_agent.entry("review").status = Status::NotRun;
    gate(&mut run, "lint", Verdict::Fail, "implementation", Some("12 findings"));
    gate(&mut run, "tests", Verdict::Skipped, "", Some("not reached"));
    ended(run)
}

fn interrupted(day: u32) -> RunSummary {
    let mut run = begun("nightly", 1, day);
    run.status = Status::Interrupted;
    run.duration_seconds = 5.0;
    stage(&mut run, "discovery", 5.0, &[(SONNET, 1, 6_000, 300)]);
    run.budget_summary.per_agent.entry("discovery").status = Status::Interrupted;
    ended(run)
}

/// A run with a review that called a model without a price.
fn unpriced(day: u32) -> RunSummary {
    let mut run = begun("nightly", 1, day);
    run.status = Status::Completed;
    run.duration_seconds = 44.0;
    stage(&mut run, "discovery", 12.0, &[(SONNET, 2, 12_000, 900)]);
    stage(&mut run, "implementation", 24.5, &[(SONNET, 3, 30_000, 4_100)]);
    stage(&mut run, "review", 5.0, &[(FRONTIER, 2, 8_000, 640)]);
    gate(&mut run, "lint", Verdict::Pass, "implementation", None);
    run.warnings.push("no price is known for model \"frontier-9\" at provider \"acme\"".into());
    ended(run)
}

fn support(day: u32) -> RunSummary {
    let mut run = begun("answer", 2, day);
    run.project = "support".into();
    run.status = Status::Completed;
    run.duration_seconds = 2.5;
    run.tags.insert("tier".into(), "2".into());
    stage(&mut run, "retrieve", 0.5, &[]);
    stage(&mut run, "answer", 1.9, &[(MINI, 1, 1_800, 240)]);
    ended(run)
}

fn begun(pipeline: &str, number: u8, day: u32) -> RunSummary {
    let mut run = RunSummary::new(id(number, day), at(day));
    run.project = "apprentice".into();
    run.pipeline = pipeline.into();
    run
}

type Calls = (&'static str, u64, u64, u64);

/// A stage that called models: name, calls, input, output. The price book decides their cost.
fn stage(run: &mut RunSummary, name: &str, seconds: f64, models: &[Calls]) {
    let at = SystemTime::from(run.started_at);
    let mut row = StageRow::default();
    (row.calls, row.duration_seconds, row.status) = (1, seconds, Status::Completed);
    row.started_at = Some(run.started_at);
    for &(model, calls, input, output) in models {
        let mut cell = ModelRow::default();
        cell.duration_seconds = Some(seconds * 0.8);
        cell.figures = figures(model, calls, input, output, at, &mut cell.price_sources);
        row.figures += &cell.figures;
        let budget = &mut run.budget_summary;
        budget.total += &cell.figures;
        let by_model = budget.per_model.entry(model);
        by_model.figures += &cell.figures;
        *by_model.duration_seconds.get_or_insert(0.0) += seconds * 0.8;
        by_model.price_sources.clone_from(&cell.price_sources);
        let by_operation: &mut OperationRow = budget.by_operation.entry("chat");
        by_operation.figures += &cell.figures;
        by_operation.calls += calls;
        *by_operation.duration_seconds.get_or_insert(0.0) += seconds * 0.8;
        row.per_model.insert(model, cell);
    }
    run.budget_summary.per_agent.insert(name, row);
}

fn figures(
    model: &str,
    calls: u64,
    input: u64,
    output: u64,
    at: SystemTime,
    sources: &mut Vec<String>,
) -> Figures {
    let mut figures = Figures::default();
    (figures.llm_calls, figures.input_tokens, figures.output_tokens) = (calls, input, output);
    figures.tokens_used = Some(input + output);
    let (provider, name) = model.split_once('/').expect("a provider");
    let price = PriceBook::new()
        .model(Some(provider), Some(name))
        .price(&Usage::new().input(input).output(output), at);
    match price {
        Ok(price) => {
            figures.cost_usd = Some(price.cost);
            *sources = vec![price.source.to_string()];
        }
        Err(_) => {
            figures.unpriced_calls = calls;
            figures.cost_usd = Some(Usd::ZERO);
        }
    }
    figures.settle_unknowns();
    figures
}

fn gate(run: &mut RunSummary, name: &str, verdict: Verdict, after: &str, reason: Option<&str>) {
    let seq = run.budget_summary.gate_verdicts.len() as u64 + 1;
    let mut gate = GateVerdict::new(seq, name, verdict);
    gate.blocking = true;
    gate.after_stage = (!after.is_empty()).then(|| after.to_owned());
    gate.reason = reason.map(str::to_owned);
    run.budget_summary.gate_verdicts.push(gate);
}

fn ended(mut run: RunSummary) -> RunSummary {
    let took = (run.duration_seconds * 1_000.0) as i64;
    run.completed_at = Timestamp::from_unix_ms(run.started_at.unix_ms() + took);
    run.settle();
    run
}
