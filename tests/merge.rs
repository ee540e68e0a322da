//! Parts of one run, merged in any order and any grouping, are the same run.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tracing_budget::{
    RunSummary, Status, Usd, Verdict,
    summary::{Figures, GateVerdict, ModelRow, OperationRecord, OperationRow, Rows, StageRow, Timestamp},
};

/// 2026-04-19T09:12:03Z.
const START_MS: i64 = 1_776_589_923_000;

const STAGES: [&str; 4] = ["discovery", "implementation", "review", "unattributed"];
const MODELS: [&str; 3] = ["anthropic/claude-sonnet-4-5", "openai/gpt-4o-mini", "unknown"];
const OPERATIONS: [&str; 3] = ["chat", "embeddings", "verification"];

/// One model call, as a layer would book it.
#[derive(Clone, Debug)]
struct Call {
    stage: &'static str,
    model: &'static str,
    operation: &'static str,
    figures: Figures,
    seconds: f64,
    started_ms: i64,
}

fn figures() -> impl Strategy<Value = Figures> {
    let tokens = || 0..1_000_000_u64;
    let known = (tokens(), tokens(), tokens(), tokens(), tokens(), 0..50_u64);
    (option::weighted(0.8, known), option::weighted(0.7, 0..5_000_000_000_000_i128)).prop_map(
        |(usage, cost)| {
            let (input, output, read, write, reasoning, unsplit) = usage.unwrap_or_default();
            let mut figures = Figures {
                tokens_used: Some(input + output + unsplit),
                cost_usd: cost.map(Usd::from_pico),
                llm_calls: 1,
                input_tokens: input,
                output_tokens: output,
                cache_read_tokens: read,
                cache_write_tokens: write,
                reasoning_tokens: reasoning,
                unpriced_calls: u64::from(usage.is_some() && cost.is_none()),
                calls_without_usage: u64::from(usage.is_none()),
            };
            figures.settle_unknowns();
            figures
        },
    )
}

fn call() -> impl Strategy<Value = Call> {
    // Finer than the microsecond that a merge keeps: when it is rounded must not depend on the order.
    let seconds = (0..100_000_000_000_u64).prop_map(|ns| ns as f64 / 1e9);
    (select(&STAGES), select(&MODELS), select(&OPERATIONS), figures(), seconds, 0..100_000_i64).prop_map(
        |(stage, model, operation, figures, seconds, started_ms)| Call {
            stage,
            model,
            operation,
            figures,
            seconds,
            started_ms,
        },
    )
}

fn status() -> impl Strategy<Value = Status> {
    use Status::*;
    select(vec![Running, Completed, Failed, Cancelled, Incomplete, Interrupted, NotRun])
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..5_000_i64).prop_filter_map("a time", |ms| Timestamp::from_unix_ms(START_MS + ms))
}

fn gate() -> impl Strategy<Value = GateVerdict> {
    let verdict = select(vec!["pass", "fail", "warn", "skipped", "error", "meh"]);
    let names = select(vec!["lint", "tests", "review"]);
    let more =
        (option::of(select(vec!["not reached", "3 failed"])), option::of(-1.0..1.0_f64), any::<bool>());
    let measured = (option::of(0.0..9.0_f64), option::of(0..9_i128), btree_map("[ab]", 0..3_u8, 0..3));
    (names, verdict, option::of(time()), option::of(select(&STAGES)), more, measured).prop_map(
        |(name, verdict, at, after, (reason, score, blocking), (seconds, cost, diagnostics))| {
            let mut gate = GateVerdict::new(0, name, Verdict::from(verdict));
            gate.at = at;
            gate.after_stage = after.map(str::to_owned);
            gate.reason = reason.map(str::to_owned);
            gate.score = score;
            gate.blocking = blocking;
            gate.duration_seconds = seconds;
            gate.cost_usd = cost.map(Usd::from_pico);
            gate.diagnostics = diagnostics.into_iter().map(|(name, value)| (name, value.into())).collect();
            gate
        },
    )
}

/// An operation that was recorded directly. Few enough that there are many of each, and enough of them that a list is full.
fn record() -> impl Strategy<Value = OperationRecord> {
    (select(&OPERATIONS), option::of(time()), option::of(0..3_i128), 0..3_u64).prop_map(
        |(name, at, cost, iteration)| {
            let mut record = OperationRecord::new(name);
            (record.at, record.cost_usd, record.iteration) = (at, cost.map(Usd::from_pico), Some(iteration));
            record
        },
    )
}

/// A cause of failure, a head and labels, as they may differ between parts of one run.
fn head() -> impl Strategy<Value = RunSummary> {
    let cause = (
        option::of(select(&STAGES)),
        option::of(select(vec!["boom", "bang", "timeout"])),
        option::of(time()),
    );
    let labels = (
        btree_map(select(vec!["tier", "branch"]), select(vec!["1", "2"]), 0..3),
        btree_map(select(vec!["found", "kept"]), -1_000..1_000_i64, 0..3),
        vec(select(vec!["no price", "clock went back"]), 0..3),
    );
    let names =
        (select(vec!["0193", "0193", "0194"]), select(vec!["", "apprentice"]), select(vec!["a", "b"]));
    let worth =
        (option::of(0..9_000_000_000_000_i128), option::of(0..40_u64), vec(record(), 0..600), 0..9_u64);
    let limits = (option::of(0..9_000_000_000_000_i128), option::of(0..5_000_000_u64), worth);
    (names, status(), time(), option::of(time()), 0..90_000_000_u64, cause, labels, limits).prop_map(
        |((id, project, pipeline), status, start, end, us, (stage, error, failed_at), labels, limits)| {
            let mut run = RunSummary::new(id, start);
            run.project = project.into();
            run.pipeline = pipeline.into();
            run.status = status;
            run.completed_at = end;
            run.duration_seconds = us as f64 / 1e6;
            run.failed_stage = stage.map(str::to_owned);
            run.error_summary = error.map(str::to_owned);
            run.failed_at = failed_at;
            run.tags = labels.0.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
            run.counts = labels.1.into_iter().map(|(name, value)| (name.into(), value)).collect();
            run.warnings = labels.2.into_iter().map(str::to_owned).collect();
            run.budget_summary.limits.usd = limits.0.map(Usd::from_pico);
            run.budget_summary.limits.tokens = limits.1;
            let (value, iterations, records, dropped) = limits.2;
            (run.value_usd, run.iterations) = (value.map(Usd::from_pico), iterations);
            (run.budget_summary.records, run.budget_summary.records_dropped) = (records, dropped);
            run
        },
    )
}

fn add_to_model(models: &mut Rows<ModelRow>, call: &Call) {
    let model = models.entry(call.model);
    model.figures += &call.figures;
    model.duration_seconds += call.seconds;
    if call.figures.cost_usd.is_some() {
        model.price_sources = vec![format!("source of {}", call.seconds as u64 % 3)];
    }
}

fn booked(
    mut run: RunSummary,
    calls: &[Call],
    ends: &BTreeMap<&str, Status>,
    gates: Vec<GateVerdict>,
) -> RunSummary {
    let budget = &mut run.budget_summary;
    for call in calls {
        budget.total += &call.figures;
        let stage = budget.per_agent.entry(call.stage);
        stage.figures += &call.figures;
        stage.calls += 1;
        stage.duration_seconds += call.seconds;
        stage.errors += u64::from(call.seconds < 10.0);
        let began = Timestamp::from_unix_ms(START_MS + call.started_ms);
        stage.started_at = began.into_iter().chain(stage.started_at).min();
        stage.parent = (call.stage == "review").then(|| STAGES[call.started_ms as usize % 2].to_owned());
        add_to_model(&mut stage.per_model, call);
        add_to_model(&mut budget.per_model, call);
        let operation = budget.by_operation.entry(call.operation);
        operation.figures += &call.figures;
        operation.calls += 1;
        operation.duration_seconds += call.seconds;
    }
    for (stage, status) in ends {
        budget.per_agent.entry(stage).status = *status;
    }
    budget.by_operation.entry("execute_tool").calls += 1;
    budget.gate_verdicts = gates;
    for (seq, gate) in (1..).zip(&mut budget.gate_verdicts) {
        gate.seq = seq;
    }
    budget.settle();
    run
}

fn part() -> impl Strategy<Value = RunSummary> {
    (head(), vec(call(), 0..6), btree_map(select(&STAGES), status(), 0..4), vec(gate(), 0..4))
        .prop_map(|(head, calls, ends, gates)| booked(head, &calls, &ends, gates))
}

/// Equal to the last key, in the last place: as text, where order shows and unknown is not nothing.
fn assert_same(one: &RunSummary, two: &RunSummary) -> Result<(), TestCaseError> {
    prop_assert_eq!(one.to_json(), two.to_json());
    prop_assert_eq!(one, two);
    Ok(())
}

proptest! {
    #[test]
    fn the_order_of_two_parts_does_not_matter(a in part(), b in part()) {
        assert_same(&a.merge(&b), &b.merge(&a))?;
    }

    #[test]
    fn the_grouping_of_three_parts_does_not_matter(a in part(), b in part(), c in part()) {
        assert_same(&a.merge(&b).merge(&c), &a.merge(&b.merge(&c)))?;
    }

    #[test]
    fn parts_that_add_up_make_a_run_that_adds_up(a in part(), b in part(), c in part()) {
        for part in [&a, &b, &c] {
            prop_assert_eq!(part.check(), Ok(()));
        }
        prop_assert_eq!(a.merge(&b).merge(&c).check(), Ok(()));
    }

    #[test]
    fn calls_split_between_two_parts_count_as_in_one(
        head in head(),
        calls in vec((call(), any::<bool>()), 0..12),
    ) {
        let of = |wanted: fn(bool) -> bool| {
            let calls: Vec<Call> =
                calls.iter().filter(|(_, side)| wanted(*side)).map(|(call, _)| call.clone()).collect();
            booked(head.clone(), &calls, &BTreeMap::new(), Vec::new()).budget_summary
        };
        let mut whole = head.clone();
        whole.budget_summary = of(|_| true);
        let (mut left, mut right) = (head.clone(), head.clone());
        left.budget_summary = of(|side| side);
        right.budget_summary = of(|side| !side);
        let merged = left.merge(&right).budget_summary;
        prop_assert_eq!(&merged.total, &whole.budget_summary.total);
        prop_assert_eq!(merged.usd_remaining, whole.budget_summary.usd_remaining);
        prop_assert_eq!(merged.exhausted, whole.budget_summary.exhausted);
        let figures = |rows: &Rows<StageRow>| {
            let figures = rows.iter().map(|(name, row)| (name.to_owned(), row.figures.clone(), row.calls));
            figures.collect::<Rows3>()
        };
        prop_assert_eq!(sorted(figures(&merged.per_agent)), sorted(figures(&whole.budget_summary.per_agent)));
        let operations = |rows: &Rows<OperationRow>| {
            rows.iter().map(|(name, row)| (name.to_owned(), row.figures.clone(), 0)).collect::<Rows3>()
        };
        prop_assert_eq!(
            sorted(operations(&merged.by_operation)),
            sorted(operations(&whole.budget_summary.by_operation))
        );
    }
}

type Rows3 = Vec<(String, Figures, u64)>;

fn sorted(mut rows: Rows3) -> Rows3 {
    rows.sort_by(|one, two| one.0.cmp(&two.0));
    rows
}

#[test]
fn the_check_finds_every_figure_that_is_off() {
    let call = Call {
        stage: "discovery",
        model: MODELS[0],
        operation: "chat",
        figures: Figures { llm_calls: 1, input_tokens: 5, tokens_used: Some(5), ..Figures::default() },
        seconds: 1.0,
        started_ms: 0,
    };
    let at = Timestamp::from_unix_ms(START_MS).expect("a time");
    let sound = booked(RunSummary::new("0193", at), &[call], &BTreeMap::new(), Vec::new());
    assert_eq!(sound.check(), Ok(()));
    type Break = fn(&mut RunSummary);
    let breaks: [(&str, Break); 10] = [
        ("tokens_used of per_agent", |run| run.budget_summary.total.tokens_used = Some(6)),
        ("input_tokens of per_model", |run| {
            run.budget_summary.per_model.entry(MODELS[0]).figures.input_tokens = 6
        }),
        ("llm_calls of by_operation", |run| {
            run.budget_summary.by_operation.entry("chat").figures.llm_calls = 2
        }),
        ("cost_usd of per_agent", |run| run.budget_summary.total.cost_usd = Some(Usd::from_pico(1))),
        ("per_agent.discovery.per_model", |run| {
            run.budget_summary.per_agent.entry("discovery").per_model.entry("more").figures.output_tokens = 1;
        }),
        ("usd_remaining", |run| run.budget_summary.usd_remaining = Some(Usd::ZERO)),
        ("tokens_remaining", |run| run.budget_summary.tokens_remaining = Some(1)),
        ("exhausted", |run| run.budget_summary.exhausted = true),
        ("null or not", |run| run.budget_summary.total.cost_usd = None),
        ("numbered", |run| {
            run.budget_summary.gate_verdicts.push(GateVerdict::new(2, "lint", Verdict::Pass));
        }),
    ];
    for (finding, break_it) in breaks {
        let mut broken = sound.clone();
        break_it(&mut broken);
        let error = broken.check().expect_err(finding).to_string();
        assert!(error.contains(finding), "{finding}: {error}");
    }
}
