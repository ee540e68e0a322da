//! Runs as a busy team leaves them: the same ones every time.

use tracing_budget::{
    RunSummary, Status, Usd, Verdict,
    summary::{Figures, GateVerdict, ModelRow, OperationRow, StageRow, Timestamp},
};

const PROJECTS: [&str; 5] = ["apprentice", "atlas", "ledger-bot", "support", "translator"];
const PIPELINES: [&str; 3] = ["nightly", "on_demand", "review"];
const STAGES: [&str; 6] = ["discovery", "planning", "implementation", "assessment", "review", "publish"];
/// Each with its price of an input and of an output token, in pico-dollars.
const MODELS: [(&str, i128, i128); 4] = [
    ("anthropic/claude-sonnet-4-5", 3_000_000, 15_000_000),
    ("openai/gpt-5", 1_250_000, 10_000_000),
    ("google/gemini-2.5-flash", 300_000, 2_500_000),
    ("acme/in-house", 0, 0),
];
const GATES: [&str; 4] = ["lint", "tests", "coverage", "sign_off"];

/// The newest run starts here: 2026-11-01T00:00:00Z.
pub(crate) const END_MS: i64 = 1_793_491_200_000;

/// All runs start within this before the end: 90 days.
pub(crate) const SPAN_MS: i64 = 90 * 86_400_000;

/// SplitMix64 (Steele, Lea, Flood 2014): good enough to spread figures, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// Mostly near 1, sometimes far above: the product of three even spreads.
    fn skewed(&mut self) -> f64 {
        (0..3).map(|_| 0.5 + self.below(1_000) as f64 / 1_000.0).product()
    }
}

/// Run `n` of `of`: they are in the order of their starts.
pub(crate) fn run(n: u64, of: u64) -> RunSummary {
    let mut dice = Dice(n);
    let from = END_MS - SPAN_MS;
    let started = from + (i128::from(SPAN_MS) * i128::from(n) / i128::from(of.max(1))) as i64;
    // The id is a UUIDv7, as the layer makes them: sorted by time.
    let id = format!(
        "{:08x}-{:04x}-7{:03x}-8{:03x}-{:012x}",
        started >> 16,
        started & 0xffff,
        dice.below(4096),
        dice.below(4096),
        n
    );
    let mut run = RunSummary::new(id, time(started));
    run.project = PROJECTS[dice.below(5) as usize].to_owned();
    run.pipeline = PIPELINES[dice.below(3) as usize].to_owned();
    run.status = status(&mut dice);
    run.tags.insert("branch".into(), format!("feature-{}", dice.below(40)));
    run.tags.insert("tier".into(), dice.below(3).to_string());
    run.counts.insert("candidates".into(), dice.below(30) as i64);
    fill(&mut run, &mut dice, started);
    run.completed_at = Some(time(started + (run.duration_seconds * 1e3) as i64));
    run
}

fn status(dice: &mut Dice) -> Status {
    match dice.below(1_000) {
        0..50 => Status::Failed,
        50..60 => Status::Cancelled,
        60..65 => Status::Incomplete,
        65..68 => Status::Interrupted,
        _ => Status::Completed,
    }
}

fn fill(run: &mut RunSummary, dice: &mut Dice, started: i64) {
    let failing = (run.status == Status::Failed).then(|| dice.below(6) as usize);
    for (place, name) in STAGES.iter().enumerate() {
        let mut row = StageRow::default();
        if failing.is_some_and(|failing| place > failing) {
            run.budget_summary.per_agent.insert(*name, row);
            continue;
        }
        let (model, per_input, per_output) =
            MODELS[dice.below(1_000).min(999) as usize * MODELS.len() / 1_000];
        let calls = 1 + dice.below(5);
        row.figures = figures(dice, calls, (per_input, per_output), model == "acme/in-house");
        row.calls = 1;
        row.duration_seconds = millis(calls as f64 * 2.5 * dice.skewed());
        row.started_at = Some(time(started + (run.duration_seconds * 1e3) as i64));
        row.status = Status::Completed;
        if failing == Some(place) {
            (row.status, row.errors) = (Status::Failed, 1);
            run.failed_stage = Some((*name).to_owned());
            run.error_summary = Some(format!("{name}: the model answered 529 (overloaded) three times"));
        }
        run.duration_seconds = millis(run.duration_seconds + row.duration_seconds);
        add(run, model, &row);
        let mut of_model = ModelRow::default();
        of_model.figures = row.figures.clone();
        of_model.duration_seconds = Some(row.duration_seconds);
        row.per_model.insert(model, of_model);
        run.budget_summary.per_agent.insert(*name, row);
    }
    run.budget_summary.settle();
    for (place, name) in GATES.iter().enumerate() {
        let verdict = match dice.below(100) {
            0..4 => Verdict::Fail,
            4..6 => Verdict::Warn,
            6..9 => Verdict::Skipped,
            _ => Verdict::Pass,
        };
        let mut gate = GateVerdict::new(place as u64 + 1, *name, verdict);
        gate.after_stage = Some(STAGES[place + 1].to_owned());
        gate.at = Some(time(started + 1_000 * place as i64));
        run.budget_summary.gate_verdicts.push(gate);
    }
}

fn figures(dice: &mut Dice, calls: u64, (per_input, per_output): (i128, i128), unpriced: bool) -> Figures {
    let input = (2_000.0 * calls as f64 * dice.skewed()) as u64;
    let output = (500.0 * calls as f64 * dice.skewed()) as u64;
    let cost = Usd::from_pico(per_input * i128::from(input) + per_output * i128::from(output));
    let without_usage = dice.chance(2);
    Figures {
        tokens_used: (!without_usage).then_some(input + output),
        cost_usd: (!without_usage && !unpriced).then_some(cost),
        llm_calls: calls,
        input_tokens: if without_usage { 0 } else { input },
        output_tokens: if without_usage { 0 } else { output },
        unpriced_calls: if unpriced && !without_usage { calls } else { 0 },
        calls_without_usage: if without_usage { calls } else { 0 },
        ..Figures::default()
    }
}

fn add(run: &mut RunSummary, model: &str, stage: &StageRow) {
    let summary = &mut run.budget_summary;
    let is_first = summary.total.llm_calls == 0;
    summary.total =
        if is_first { stage.figures.clone() } else { [&summary.total, &stage.figures].into_iter().sum() };
    let mut chat = OperationRow::default();
    chat.figures = summary.total.clone();
    chat.calls = summary.total.llm_calls;
    chat.duration_seconds = Some(run.duration_seconds);
    summary.by_operation.insert("chat", chat);
    let known = summary.per_model.get(model).cloned();
    let mut row = ModelRow::default();
    row.figures = match &known {
        Some(old) => [&old.figures, &stage.figures].into_iter().sum(),
        None => stage.figures.clone(),
    };
    let before = known.and_then(|old| old.duration_seconds).unwrap_or(0.0);
    row.duration_seconds = Some(millis(before + stage.duration_seconds));
    row.price_sources = vec!["genai-prices@0.2.1".to_owned()];
    summary.per_model.insert(model, row);
}

fn millis(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

fn time(unix_ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(unix_ms).unwrap_or_else(|| std::time::UNIX_EPOCH.into())
}
