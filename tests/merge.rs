//! Parts of one run, merged in any order and any grouping, are the same run.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tracing_budget::{
    Kind, RunSummary, Status, Usage, Usd, Verdict,
    summary::{
        BudgetSummary, CallRecord, Figures, GateVerdict, ModelRow, OperationRecord, OperationRow, Rows,
        StageAttempt, StageLimits, StageRow, Timestamp,
    },
};

/// 2026-04-19T09:12:03Z.
const START_MS: i64 = 1_776_589_923_000;

/// Stages with those around them.
const STAGES: [&str; 8] = [
    "discovery",
    "discovery>review",
    "implementation",
    "implementation>review",
    "implementation>review>review",
    "review",
    "review>discovery",
    "unattributed",
];
const AGENTS: [&str; 2] = ["planner", "writer"];
const MODELS: [&str; 3] = ["anthropic/claude-sonnet-4-5", "openai/gpt-4o-mini", "unknown"];
const OPERATIONS: [&str; 3] = ["chat", "embeddings", "verification"];

/// One model call, as a layer would book it.
#[derive(Clone, Debug)]
struct Call {
    stage: &'static str,
    agent: Option<&'static str>,
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
                units: [(Kind::WebSearches, read % 3), (Kind::AudioInputMicros, write)].into_iter().collect(),
                unpriced_calls: u64::from(usage.is_some() && cost.is_none()),
                calls_without_usage: u64::from(usage.is_none() && cost.is_none()),
                partial_calls: u64::from(usage.is_none() && cost.is_some()),
            };
            figures.settle_unknowns();
            figures
        },
    )
}

fn call() -> impl Strategy<Value = Call> {
    // Finer than the microsecond that a merge keeps: when it is rounded must not depend on the order.
    let seconds = (0..100_000_000_000_u64).prop_map(|ns| ns as f64 / 1e9);
    let agent = option::of(select(&AGENTS));
    let named = (select(&STAGES), agent, select(&MODELS), select(&OPERATIONS));
    // Few starts, so that many are equal.
    (named, figures(), seconds, 0..20_i64).prop_map(
        |((stage, agent, model, operation), figures, seconds, started_ms)| Call {
            stage,
            agent,
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
        option::of(0..STAGES.len()),
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
            run.failed_stage = stage.map(|stage| stage.to_string());
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

/// Adds the time of a call, which no span has measured for some.
fn add_time(sum: &mut Option<f64>, call: &Call) {
    if call.started_ms % 3 != 0 {
        *sum.get_or_insert(0.0) += call.seconds;
    }
}

fn add_to_model(models: &mut Rows<ModelRow>, call: &Call) {
    let model = models.entry(call.model);
    model.figures += &call.figures;
    add_time(&mut model.duration_seconds, call);
    if call.figures.cost_usd.is_some() {
        model.price_sources = vec![format!("source of {}", call.seconds as u64 % 3)];
    }
}

/// A stage and those around it, from itself outwards.
fn outwards(path: &'static str) -> impl Iterator<Item = &'static str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('>').map(|(around, _)| around))
}

fn name(path: &str) -> &str {
    path.rsplit('>').next().unwrap_or(path)
}

/// Gives stages rows, with the plain name for the first, as they are listed, of each name.
fn with_rows(
    budget: &mut BudgetSummary,
    stages: impl Iterator<Item = &'static str>,
) -> BTreeMap<&'static str, String> {
    let mut keys = BTreeMap::new();
    let mut taken = BTreeSet::from(["unattributed"]);
    for path in stages.flat_map(outwards).collect::<BTreeSet<_>>() {
        let is_plain = path == "unattributed" || taken.insert(name(path));
        keys.insert(
            path,
            if is_plain { name(path).to_owned() } else { format!("/{}", path.replace('>', "/")) },
        );
    }
    for (path, key) in &keys {
        let row = budget.per_agent.entry(key);
        row.name = Some(name(path).to_owned()).filter(|name| name != key);
        row.parent = outwards(path).nth(1).map(|around| keys[around].clone());
    }
    keys
}

/// Parts that list attempts are of this version, and those that do not are of an earlier one.
fn booked(
    mut run: RunSummary,
    calls: &[Call],
    ends: &BTreeMap<&'static str, Status>,
    gates: Vec<GateVerdict>,
    lists_attempts: bool,
) -> RunSummary {
    let budget = &mut run.budget_summary;
    let keys = with_rows(budget, calls.iter().map(|call| call.stage).chain(ends.keys().copied()));
    let has_agents = calls.iter().any(|call| call.agent.is_some());
    for call in calls {
        budget.total += &call.figures;
        let stage = budget.per_agent.entry(&keys[call.stage]);
        stage.figures += &call.figures;
        stage.calls += 1;
        stage.duration_seconds += call.seconds;
        stage.errors += u64::from(call.seconds < 10.0);
        let began = Timestamp::from_unix_ms(START_MS + call.started_ms);
        stage.started_at = began.into_iter().chain(stage.started_at).min();
        stage.error_events += call.started_ms as u64 % 3;
        budget.error_events += call.started_ms as u64 % 3;
        if lists_attempts {
            stage.attempts.extend(began.map(|began| attempt(began, call.seconds)));
        }
        add_to_model(&mut stage.per_model, call);
        add_to_model(&mut budget.per_model, call);
        if has_agents {
            let agent = budget.by_agent.entry(call.agent.unwrap_or("unattributed"));
            agent.figures += &call.figures;
            agent.calls += u64::from(call.agent.is_some());
            add_time(&mut agent.duration_seconds, call);
            agent.called_by =
                call.agent.map(|_| AGENTS[call.started_ms as usize % 2].to_owned()).into_iter().collect();
        }
        let operation = budget.by_operation.entry(call.operation);
        operation.figures += &call.figures;
        operation.calls += 1;
        add_time(&mut operation.duration_seconds, call);
    }
    // A part of an earlier version lists none.
    if lists_attempts {
        budget.calls = Some(calls.iter().filter_map(|call| record_of(call, &keys[call.stage])).collect());
    }
    for (stage, status) in ends {
        let row = budget.per_agent.entry(&keys[stage]);
        row.status = *status;
        // An attempt that is still open.
        row.calls += u64::from(*status == Status::Running);
        if lists_attempts && row.calls > 0 && *status == Status::Completed {
            (row.calls, row.attempts_left_out) = (row.calls + 5, 5);
        }
    }
    for (key, row) in budget.per_agent.clone().iter() {
        if row.name.as_deref().unwrap_or(key) == "review" && lists_attempts {
            budget.per_agent.entry(key).limits = Some(limits((calls.len() as u64).min(20)));
        }
    }
    let failed = run.failed_stage.and_then(|number| number.parse::<usize>().ok());
    let begun: Vec<&str> =
        budget.per_agent.iter().filter(|(_, row)| row.calls > 0).map(|(key, _)| key).collect();
    run.failed_stage = failed.and_then(|number| begun.get(number)).map(|key| (*key).to_owned());
    budget.by_operation.entry("execute_tool").calls += 1;
    budget.gate_verdicts = gates;
    for (seq, gate) in (1..).zip(&mut budget.gate_verdicts) {
        gate.seq = seq;
    }
    budget.settle();
    run
}

/// The record of a call. Many are equal in what decides which are listed.
fn record_of(call: &Call, stage: &str) -> Option<CallRecord> {
    let began = Timestamp::from_unix_ms(START_MS + call.started_ms)?;
    let mut record = CallRecord::new(began, call.operation);
    record.stage = Some(stage.to_owned()).filter(|stage| stage != "unattributed");
    record.agent = call.agent.map(str::to_owned);
    record.model = Some(call.model.to_owned());
    record.cost_usd = call.figures.cost_usd.map(|cost| Usd::from_pico(cost.pico() % 3));
    record.usage = Usage::new().input(call.figures.input_tokens % 2);
    if call.seconds < 10.0 {
        (record.status, record.error) = (Status::Failed, Some("overloaded".to_owned()));
    }
    Some(record)
}

fn attempt(began: Timestamp, seconds: f64) -> StageAttempt {
    let has_failed = seconds < 30.0;
    let mut attempt = StageAttempt::new(began, if has_failed { Status::Failed } else { Status::Completed });
    attempt.duration_seconds = seconds;
    attempt.error = has_failed.then(|| format!("boom {}", seconds as u64 % 2));
    attempt
}

fn limits(used: u64) -> StageLimits {
    let mut limits = StageLimits::default();
    (limits.tokens, limits.tokens_remaining) = (Some(20 - used), Some(20 - 5 * used as i64));
    limits.exhausted = 5 * used >= 20;
    limits
}

fn part() -> impl Strategy<Value = RunSummary> {
    // Now and then more attempts than a row lists.
    let attempts = prop_oneof![9 => 0..3_usize, 1 => 40..90_usize];
    let attempts = attempts.prop_flat_map(|count| vec((0..20_i64, 0..100_u64), count));
    let stages = (vec(call(), 0..6), btree_map(select(&STAGES), status(), 0..4), any::<bool>(), attempts);
    (head(), stages, vec(gate(), 0..4)).prop_map(|(head, (calls, ends, lists_attempts, attempts), gates)| {
        let mut run = booked(head, &calls, &ends, gates, lists_attempts);
        if lists_attempts {
            let row = run.budget_summary.per_agent.entry("implementation");
            row.calls += attempts.len() as u64;
            row.attempts.extend(attempts.iter().filter_map(|(ms, seconds)| {
                Some(attempt(Timestamp::from_unix_ms(START_MS + ms)?, *seconds as f64))
            }));
            run.budget_summary.settle();
        }
        run
    })
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
            booked(head.clone(), &calls, &BTreeMap::new(), Vec::new(), true).budget_summary
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
            let figures = rows.iter().map(|(key, row)| (path(rows, key), row.figures.clone(), row.calls));
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// More calls than a run lists: the first of all are the first of the first of each.
    #[test]
    fn lists_of_many_calls_merge_in_any_order_and_grouping(
        parts in proptest::array::uniform3(vec(call(), 200..700)),
    ) {
        let head = RunSummary::new("0193c0de", Timestamp::from_unix_ms(START_MS).expect("a time"));
        let [a, b, c] =
            parts.map(|calls| booked(head.clone(), &calls, &BTreeMap::new(), Vec::new(), true));
        let merged = a.merge(&b).merge(&c);
        assert_same(&merged, &a.merge(&b.merge(&c)))?;
        assert_same(&merged, &c.merge(&a).merge(&b))?;
        prop_assert_eq!(merged.check(), Ok(()));
        let budget = &merged.budget_summary;
        let listed = budget.calls.as_ref().map_or(0, Vec::len);
        prop_assert_eq!(listed as u64, budget.total.llm_calls.min(1_000));
    }
}

/// The names of the stages around a row's stage and its own: keys differ between parts.
fn path(rows: &Rows<StageRow>, key: &str) -> String {
    let row = &rows[key];
    let around = row.parent.as_deref().map(|parent| path(rows, parent) + ">");
    around.unwrap_or_default() + row.name.as_deref().unwrap_or(key)
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
        agent: Some("planner"),
        model: MODELS[0],
        operation: "chat",
        figures: Figures { llm_calls: 1, input_tokens: 5, tokens_used: Some(5), ..Figures::default() },
        seconds: 1.0,
        started_ms: 0,
    };
    let at = Timestamp::from_unix_ms(START_MS).expect("a time");
    let sound = booked(RunSummary::new("0193", at), &[call], &BTreeMap::new(), Vec::new(), true);
    assert_eq!(sound.check(), Ok(()));
    type Break = fn(&mut RunSummary);
    let breaks: [(&str, Break); 18] = [
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
        ("llm_calls of by_agent", |run| {
            run.budget_summary.by_agent.entry("planner").figures.llm_calls = 2;
        }),
        ("partial_calls of per_agent", |run| run.budget_summary.total.partial_calls = 1),
        ("error_events of per_agent sum to 0, expected 1", |run| run.budget_summary.error_events = 1),
        ("attempts of per_agent.discovery come to 2, expected 1", |run| {
            run.budget_summary.per_agent.entry("discovery").attempts_left_out = 1;
        }),
        ("attempts of per_agent.discovery come to 1, expected 2", |run| {
            let row = run.budget_summary.per_agent.entry("discovery");
            (row.calls, row.status) = (2, Status::Completed);
        }),
        ("parent of per_agent.discovery is \"gone\", which has no row", |run| {
            run.budget_summary.per_agent.entry("discovery").parent = Some("gone".to_owned());
        }),
        ("per_agent.discovery is inside of stages that are around each other", |run| {
            run.budget_summary.per_agent.entry("discovery").parent = Some("discovery".to_owned());
        }),
        ("per_agent.again is the second row of its stage", |run| {
            run.budget_summary.per_agent.entry("again").name = Some("discovery".to_owned());
        }),
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

/// Two parts that began stages of one name in different stages, and one that did not run the declared stage.
#[test]
fn stages_of_one_name_in_different_stages_keep_their_rows() {
    let part = |around: &str, ms: i64| {
        let at = Timestamp::from_unix_ms(START_MS + ms).expect("a time");
        let mut part = RunSummary::new("0193", at);
        let rows = &mut part.budget_summary.per_agent;
        (rows.entry(around).calls, rows.entry(around).started_at) = (1, Some(at));
        let row = rows.entry("search");
        (row.calls, row.parent, row.started_at) = (1, Some(around.to_owned()), Some(at));
        (part.failed_stage, part.failed_at) = (Some("search".to_owned()), Some(at));
        part
    };
    let mut declared = part("discovery", 0);
    declared.budget_summary.per_agent = [("search", StageRow::default())].into_iter().collect();
    declared.failed_stage = None;
    let (early, late) = (part("discovery", 3), part("review", 7));
    for merged in [
        late.merge(&early).merge(&declared),
        declared.merge(&late.merge(&early)),
        early.merge(&declared).merge(&late),
    ] {
        let keys: Vec<&str> = merged.stages().iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["discovery", "search", "review", "review/search"]);
        assert_eq!(merged.stages()["review/search"].parent.as_deref(), Some("review"));
        assert_eq!(merged.stages()["review/search"].name.as_deref(), Some("search"));
        assert_eq!(merged.stages()["search"].parent.as_deref(), Some("discovery"));
        assert_eq!(merged.stages().named("search").count(), 2);
        assert_eq!(merged.check(), Ok(()));
    }
    let mut late = late;
    late.failed_at = Timestamp::from_unix_ms(START_MS);
    assert_eq!(early.merge(&late).failed_stage.as_deref(), Some("review/search"));
}
