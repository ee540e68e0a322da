//! Sample runs. They are the same every time, except that their times are relative to a given end.

use std::time::Duration;

use tracing_budget::{
    RunSummary, Status, Usage, Usd, Verdict,
    summary::{CallRecord, Figures, GateVerdict, ModelRow, OperationRow, StageRow, Timestamp},
};

const DAY_MS: i64 = 86_400_000;
const SONNET: &str = "anthropic/claude-sonnet-4-5";
const HAIKU: &str = "anthropic/claude-haiku-4-5";
const LOCAL: &str = "local/qwen3-coder-30b";
const EMBEDDINGS: &str = "openai/text-embedding-3-small";

/// A run with its heartbeat.
pub struct Sample {
    /// The run.
    pub run: RunSummary,
    /// Interval of the heartbeats; a running run without one is stale at once.
    pub heartbeat: Option<Duration>,
}

/// A month of runs that ended, one that is stale, and none in flight.
#[must_use]
pub fn month(now: Timestamp) -> Vec<Sample> {
    let mut runs = Vec::new();
    for n in 0..120_u64 {
        // Older runs are further apart, as in a project that grows.
        let ago = i64::try_from(n * n).unwrap_or(0) * 30 * DAY_MS / (120 * 120) + 420_000;
        let started = at(now, -ago);
        runs.push(Sample { run: run(n, started), heartbeat: None });
    }
    let mut stale = new_run(
        "apprentice",
        "apprentice_pipeline",
        "0193c0de-7a11-7000-8000-00000057a1e0",
        at(now, -7_500_000),
    );
    stage(&mut stale, "discovery", None, 10, 9.2, Status::Completed, &[(SONNET, 3_100, 990, 1)]);
    stage(&mut stale, "implementation", None, 9_400, 410.0, Status::Running, &[(SONNET, 41_000, 6_000, 4)]);
    stale.duration_seconds = 419.4;
    total(&mut stale);
    runs.push(Sample { run: stale, heartbeat: None });
    runs
}

/// The run that failed last: in a stage, after a retry, with a blocking gate that has a reason.
#[must_use]
pub fn failed(now: Timestamp) -> RunSummary {
    let started = at(now, -200_000);
    let mut run =
        new_run("apprentice", "apprentice_pipeline", "0193c0de-7a11-7000-8000-0000000fa17e", started);
    run.tags = [("branch", "main"), ("tier", "2")].map(|(name, value)| (name.into(), value.into())).into();
    run.counts.insert("candidates".into(), 12);
    run.value_usd = "25.00".parse().ok();
    run.iterations = Some(3);
    stage(&mut run, "discovery", None, 10, 9.1, Status::Completed, &[(SONNET, 3_000, 987, 1)]);
    stage(&mut run, "implementation", None, 9_180, 84.0, Status::Failed, &[(SONNET, 61_210, 9_120, 6)]);
    stage(&mut run, "unit_tests", Some("implementation"), 31_000, 22.4, Status::Failed, &[]);
    stage(
        &mut run,
        "fix_loop",
        Some("implementation"),
        52_000,
        30.1,
        Status::Completed,
        &[(HAIKU, 8_400, 1_300, 3)],
    );
    stage(&mut run, "search", None, 9_300, 41.0, Status::Completed, &[(EMBEDDINGS, 12_000, 0, 8)]);
    stage(&mut run, "review", None, 0, 0.0, Status::NotRun, &[]);
    again(&mut run, "unit_tests", 3, 2);
    again(&mut run, "fix_loop", 2, 0);
    run.budget_summary.per_agent.entry("implementation").errors = 2;
    run.duration_seconds = 93.3;
    run.status = Status::Failed;
    run.completed_at = Some(at(started, 93_300));
    run.failed_stage = Some("implementation".into());
    run.failed_at = Some(at(started, 93_180));
    run.error_summary = Some("cargo test: 3 of 41 tests failed: ledger::rows_add_up, ledger::merge_is_associative and table::a_failed_run, after 3 attempts".into());
    run.warnings.push("cache_read + cache_write of target rig_core::completion exceed the input: taken as counted beside it, and added to the input of 1 call".into());
    run.budget_summary.limits.usd = "0.50".parse().ok();
    run.budget_summary.limits.tokens = Some(200_000);
    let verdicts = [
        ("plan_quality", "discovery", Verdict::Pass, false, Some(0.92), Some("clear and small")),
        (
            "lint",
            "implementation",
            Verdict::Warn,
            false,
            None,
            Some("2 warnings: unused import in src/ledger/row.rs; needless borrow in src/layer/span.rs"),
        ),
        ("tests", "implementation", Verdict::Fail, true, Some(0.926_829), Some("3 of 41 tests failed")),
        (
            "licences",
            "implementation",
            Verdict::Error,
            true,
            None,
            Some("cargo-deny: could not read deny.toml"),
        ),
    ];
    for (name, stage, verdict, blocking, score, reason) in verdicts {
        gate(&mut run, name, Some(stage), verdict, blocking, score, reason, Some(at(started, 93_100)));
    }
    gate(&mut run, "human_review", None, Verdict::Skipped, true, None, Some("not reached"), None);
    run.budget_summary.gate_verdicts[2].diagnostics.insert("failed".into(), 3.into());
    run.budget_summary.gate_verdicts[2].duration_seconds = Some(22.4);
    total(&mut run);
    run
}

/// A run in flight after this number of its three stages; after all of them it is completed.
#[must_use]
pub fn going_on(started: Timestamp, settled: usize) -> RunSummary {
    let mut run = new_run("apprentice", "live_pipeline", "0193c0de-7a11-7000-8000-00000000071e", started);
    let stages = [("discovery", SONNET, 0), ("implementation", SONNET, 9_000), ("assessment", HAIKU, 31_000)];
    for (n, (name, model, from)) in stages.into_iter().enumerate() {
        let status = match n.cmp(&settled) {
            std::cmp::Ordering::Less => Status::Completed,
            std::cmp::Ordering::Equal => Status::Running,
            std::cmp::Ordering::Greater => continue,
        };
        let calls = u64::from(status == Status::Completed);
        stage(&mut run, name, None, from, 9.0, status, &[(model, 4_000 * calls, 900 * calls, calls)]);
    }
    run.duration_seconds = 12.0 * (settled + 1) as f64;
    if settled >= stages.len() {
        run.status = Status::Completed;
        run.completed_at = Some(at(started, 41_000));
        run.duration_seconds = 41.0;
        gate(
            &mut run,
            "lint",
            Some("assessment"),
            Verdict::Pass,
            true,
            None,
            None,
            Some(at(started, 40_900)),
        );
    }
    total(&mut run);
    run
}

/// One run of the month. Its project, pipeline and figures depend on its number alone.
fn run(n: u64, started: Timestamp) -> RunSummary {
    let (project, pipeline) =
        if n % 5 == 3 { ("librarian", "nightly_index") } else { ("apprentice", "apprentice_pipeline") };
    let id = format!("0193c0de-7a11-7000-8000-{:012x}", 0xa0_0000 + n * 7_919);
    let mut run = new_run(project, pipeline, &id, started);
    let wobble = |salt: u64| ((n * 2_654_435_761 + salt * 40_503) % 97) as f64 / 97.0;
    let more = |base: u64, salt: u64| base + (base as f64 * wobble(salt)) as u64;
    let minutes = 20.0 + 50.0 * wobble(1);
    if project == "librarian" {
        stage(&mut run, "read", None, 5, minutes * 0.3, Status::Completed, &[]);
        stage(
            &mut run,
            "embed",
            None,
            (minutes * 300.0) as i64,
            minutes * 0.6,
            Status::Completed,
            &[(EMBEDDINGS, more(400_000, 2), 0, 40)],
        );
        stage(
            &mut run,
            "summarise",
            None,
            (minutes * 900.0) as i64,
            minutes * 0.2,
            Status::Completed,
            &[(LOCAL, more(20_000, 3), more(2_000, 4), 12)],
        );
    } else {
        let spike = if n == 31 { 9 } else { 1 };
        stage(
            &mut run,
            "discovery",
            None,
            5,
            minutes * 0.2,
            Status::Completed,
            &[(SONNET, more(3_000, 2), more(800, 3), 1)],
        );
        stage(
            &mut run,
            "implementation",
            None,
            (minutes * 200.0) as i64,
            minutes * 0.6,
            Status::Completed,
            &[(SONNET, spike * more(30_000, 4), spike * more(4_000, 5), 4)],
        );
        stage(
            &mut run,
            "assessment",
            None,
            (minutes * 800.0) as i64,
            minutes * 0.15,
            Status::Completed,
            &[(HAIKU, more(9_000, 6), more(500, 7), 3)],
        );
        if n.is_multiple_of(4) {
            stage(
                &mut run,
                "review",
                None,
                (minutes * 950.0) as i64,
                minutes * 0.05,
                Status::Completed,
                &[("openai/gpt-5", more(6_000, 8), more(700, 9), 1)],
            );
        }
    }
    run.duration_seconds = minutes;
    run.completed_at = Some(at(started, (minutes * 1e3) as i64));
    run.status = Status::Completed;
    let end = run.completed_at;
    let passes = n % 9 != 2;
    gate(
        &mut run,
        "lint",
        Some("implementation"),
        if n % 6 == 1 { Verdict::Warn } else { Verdict::Pass },
        false,
        None,
        None,
        end,
    );
    gate(
        &mut run,
        "tests",
        Some("implementation"),
        if passes { Verdict::Pass } else { Verdict::Fail },
        true,
        Some(if passes { 1.0 } else { 0.9 }),
        (!passes).then_some("4 of 41 tests failed"),
        end,
    );
    if !passes {
        run.status = Status::Failed;
        run.error_summary = Some("gate tests: 4 of 41 tests failed".into());
        run.failed_at = end;
    } else if n % 17 == 5 {
        run.status = Status::Failed;
        run.failed_stage = Some("implementation".into());
        run.error_summary =
            Some("HTTP 529 from api.anthropic.com: overloaded_error, after 4 attempts within 61 s".into());
        run.budget_summary.per_agent.entry("implementation").status = Status::Failed;
        run.budget_summary.per_agent.entry("implementation").errors = 4;
        run.failed_at = end;
    } else if n % 41 == 7 {
        run.status = Status::Interrupted;
    } else if n % 37 == 9 {
        run.status = Status::Incomplete;
    }
    run.tags.insert("branch".into(), if n.is_multiple_of(3) { "main" } else { "next" }.into());
    total(&mut run);
    run
}

fn new_run(project: &str, pipeline: &str, id: &str, started: Timestamp) -> RunSummary {
    let mut run = RunSummary::new(id, started);
    run.project = project.into();
    run.pipeline = pipeline.into();
    run
}

fn at(from: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(from.unix_ms() + ms).unwrap_or(from)
}

/// Adds a stage with its calls: model, input, output, how many.
fn stage(
    run: &mut RunSummary,
    name: &str,
    parent: Option<&str>,
    from_ms: i64,
    seconds: f64,
    status: Status,
    calls: &[(&str, u64, u64, u64)],
) {
    let started = at(run.started_at, from_ms);
    let mut row = StageRow::default();
    row.status = status;
    row.parent = parent.map(str::to_owned);
    if status != Status::NotRun {
        row.calls = 1;
        row.duration_seconds = seconds;
        row.started_at = Some(started);
        row.errors = u64::from(status == Status::Failed);
    }
    for &(model, input, output, calls) in calls.iter().filter(|(.., calls)| *calls > 0) {
        let figures = figures(model, input, output, calls);
        let each = self::figures(model, input / calls, output / calls, 1);
        row.figures = [&row.figures, &figures].into_iter().sum();
        let mut of_model = ModelRow::default();
        of_model.duration_seconds = Some(seconds * 0.8);
        of_model.price_sources =
            if figures.cost_usd.is_some() { vec!["genai-prices@0.2.1".into()] } else { vec![] };
        of_model.figures = figures;
        row.per_model.insert(model, of_model);
        let listed = run.budget_summary.calls.get_or_insert_default();
        for number in 0..calls {
            let mut call = CallRecord::new(at(started, 1_000 * i64::try_from(number).unwrap_or(0)), "chat");
            (call.stage, call.model, call.model_requested) =
                (Some(name.to_owned()), Some(model.to_owned()), Some(model.to_owned()));
            call.usage = Usage::new().input(each.input_tokens).output(each.output_tokens);
            call.cost_usd = each.cost_usd;
            call.duration_seconds = Some(seconds * 0.8 / calls as f64);
            listed.push(call);
        }
    }
    run.budget_summary.per_agent.insert(name, row);
}

fn again(run: &mut RunSummary, name: &str, calls: u64, errors: u64) {
    let row = run.budget_summary.per_agent.entry(name);
    row.calls = calls;
    row.errors = errors;
}

fn figures(model: &str, input: u64, output: u64, calls: u64) -> Figures {
    // Pico-dollars a token.
    let rates = match model {
        SONNET => Some((3_000_000, 15_000_000)),
        HAIKU => Some((1_000_000, 5_000_000)),
        EMBEDDINGS => Some((20_000, 0)),
        LOCAL => None,
        _ => Some((1_250_000, 10_000_000)),
    };
    Figures {
        tokens_used: Some(input + output),
        cost_usd: rates.map(|(in_rate, out_rate)| {
            Usd::from_pico(i128::from(input) * in_rate + i128::from(output) * out_rate)
        }),
        llm_calls: calls,
        input_tokens: input,
        output_tokens: output,
        cache_read_tokens: if model == SONNET { input / 3 } else { 0 },
        unpriced_calls: if rates.is_none() { calls } else { 0 },
        ..Figures::default()
    }
}

#[allow(
    clippy::too_many_arguments,
    reason = "a verdict has as many parts, and a builder for samples would hide them"
)]
fn gate(
    run: &mut RunSummary,
    name: &str,
    after: Option<&str>,
    verdict: Verdict,
    blocking: bool,
    score: Option<f64>,
    reason: Option<&str>,
    when: Option<Timestamp>,
) {
    let gates = &mut run.budget_summary.gate_verdicts;
    let mut gate = GateVerdict::new(gates.len() as u64 + 1, name, verdict);
    gate.after_stage = after.map(str::to_owned);
    gate.blocking = blocking;
    gate.score = score;
    gate.reason = reason.map(str::to_owned);
    gate.at = when;
    gates.push(gate);
}

fn add_seconds(sum: &mut Option<f64>, seconds: Option<f64>) {
    if let Some(seconds) = seconds {
        *sum.get_or_insert(0.0) += seconds;
    }
}

/// Computes everything that follows from the stages: models, operations, totals, limits.
fn total(run: &mut RunSummary) {
    let budget = &mut run.budget_summary;
    for (_, stage) in budget.per_agent.iter() {
        for (name, model) in stage.per_model.iter() {
            let row = budget.per_model.entry(name);
            row.figures = [&row.figures, &model.figures].into_iter().sum();
            add_seconds(&mut row.duration_seconds, model.duration_seconds);
            row.price_sources.clone_from(&model.price_sources);
            let operation = if name == EMBEDDINGS { "embeddings" } else { "chat" };
            let row: &mut OperationRow = budget.by_operation.entry(operation);
            row.figures = [&row.figures, &model.figures].into_iter().sum();
            row.calls += model.figures.llm_calls;
            add_seconds(&mut row.duration_seconds, model.duration_seconds);
        }
    }
    budget.total = budget.per_agent.iter().map(|(_, row)| &row.figures).sum();
    run.settle();
}
