//! Journals of the first version are read, and today's lines have the same form.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod journaled;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use journaled::Fresh;
use proptest::prelude::*;
use serde_json::{Value, json};
use tracing::{error, info, info_span};
use tracing_budget::builder::ErrorEvents;
use tracing_budget::price::Rates;
use tracing_budget::record::UsageRecord;
use tracing_budget::sink::{Delivery, Sink, SinkError};
use tracing_budget::summary::Units;
use tracing_budget::{
    BudgetGuard, Builder, Kind, PriceBook, RunSummary, Usage, Verdict, call, gate, journal::JournalBound,
    layer, operation, record_usage,
};
use tracing_subscriber::prelude::*;

/// Two journals of the version before the workspace, written by [`write_every_record`] and [`write_rewritten`] in processes
/// that aborted at `end`. `*.runs.json` has the runs that the same version recovered from them. All but two of the thousand
/// `recorded` lines were taken out before.
const GOLDEN: [&str; 2] = ["journal-v1", "journal-v1-rewritten"];

fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

/// Takes the runs of the pipelines `delivered` and `padding`, and refuses all others.
struct TakesSome;

impl Sink for TakesSome {
    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        let is_taken = ["delivered", "padding"].contains(&run.pipeline.as_str());
        if is_taken { Ok(()) } else { Err(SinkError::new("refused")) }
    }
}

fn builder(directory: &Path) -> Builder {
    let book =
        PriceBook::builder().price("m", Rates::per_million().input("1.000001").output("2")).build().unwrap();
    layer()
        .prices(book)
        .project("apprentice")
        .tag("tier", "2")
        .stages(["discovery", "implementation", "inner", "charts"])
        .expect_gates(["lint", "sign_off"])
        .limit_usd("5000000.000000000001")
        .limit_tokens(1_000_000)
        .usage_events(["journal_format"])
        .error_events(ErrorEvents::Fail)
        .delivery(Delivery::new().retries([]))
        .sink(TakesSome)
        .journal(directory)
        .journal_bound(JournalBound::EveryRecord)
}

fn with_layer(builder: Builder, code: impl FnOnce(&BudgetGuard)) {
    let (budget, guard) = builder.build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || code(&guard));
}

/// Usage of every kind and price source, a recorded operation, gates, failed stages, run attributes and a warning.
fn work() {
    info!(tag.branch = "main", count.candidates = 12, value_usd = "100.000000000001", iteration = 3_u64);
    info_span!("implementation").in_scope(|| {
        info!(
            model = "m",
            provider = "p",
            input_tokens = 3_000,
            output_tokens = 987,
            cache_read_tokens = 5,
            cache_write_tokens = 6,
            cache_write_1h_tokens = 2,
            reasoning_tokens = 7,
            audio_input_tokens = 8,
            audio_output_tokens = 9
        );
        record_usage(UsageRecord::new(Usage::new().with(Kind::Requests, 2)).model("m"));
        operation("verification").record();
        info!(model = "gpt-4o", provider = "openai", input_tokens = 10, output_tokens = 3);
        info!(model = "unknown model", input_tokens = 10);
        info!(model = "m", total_tokens = 4);
        info!(cost_usd = 9_000.000000000001);
        drop(call("m").start());
        info_span!("tool", gen_ai.operation.name = "execute_tool").in_scope(|| ());
        let call =
            info_span!("chat", gen_ai.operation.name = "chat", gen_ai.request.model = "m", error = "boom");
        drop(call);
        info_span!("inner").in_scope(|| error!("it broke"));
    });
    let spent = operation("mcp_tool_call").cost_usd("0.0005").duration(Duration::from_millis(3)).iteration(7);
    spent.meta("tool", "grep").record();
    let judge = info_span!("judge", gate = "judge", verdict = "PASSED", score = 0.1, why = "all \"good\"\n");
    judge.in_scope(|| info!(model = "m", input_tokens = 7));
    gate("lint").verdict(Verdict::Fail).blocking(false).reason("E0308").diagnostic("lines", 3).emit();
    info!(gate = "style", verdict = "meh", blocking = false);
    info!(input_tokens = -5, model = "m");
}

/// More distinct warnings than a run keeps.
fn warn_often() {
    for number in 1..=102 {
        info!(model = format!("unknown model {number}"), input_tokens = 1);
    }
}

/// A journal with every kind of record but `lost`; `end` is called while runs are in flight.
fn write_every_record(directory: &Path, end: &mut dyn FnMut()) {
    with_layer(builder(directory), |guard| {
        {
            let _root = info_span!("forgotten").entered();
            info!(model = "m", input_tokens = 1);
            guard.handle().reset();
        }
        info_span!("delivered").in_scope(|| info!(model = "m", input_tokens = 1));
        info_span!("failed", run_id = "own", project = "other").in_scope(|| {
            work();
            error!("no space left");
        });
        let unfinished = info_span!("unfinished");
        unfinished.in_scope(work);
        let open = unfinished.in_scope(|| info_span!("charts"));
        let run = guard.handle().snapshot().remove(0).run_id;
        assert!(guard.handle().finish(&run));
        let _ = guard.flush();
        let _root = info_span!(
            "in flight",
            tag.from = "root",
            count.files = 2,
            value_usd = "0.5",
            iteration = 1_u64,
        )
        .entered();
        // A stage that ends before anything is recorded is in the run's first record.
        info_span!("discovery").in_scope(|| error!("nothing found"));
        work();
        warn_often();
        let charts = info_span!("charts").entered();
        let _inner = info_span!("inner").entered();
        info!(model = "m", input_tokens = 1);
        let _ = guard.flush();
        end();
        drop(charts);
        drop(open);
    });
}

/// A journal that was rewritten when it had grown, after a line of it was damaged.
fn write_rewritten(directory: &Path, end: &mut dyn FnMut()) {
    with_layer(builder(directory), |guard| {
        let unfinished = info_span!("unfinished");
        unfinished.in_scope(work);
        let run = guard.handle().snapshot().remove(0).run_id;
        assert!(guard.handle().finish(&run));
        let _root = info_span!("in flight", run_id = "own", project = "other", tag.from = "root").entered();
        info_span!("discovery").in_scope(|| error!("nothing found"));
        work();
        warn_often();
        for number in 0..1_005 {
            operation("many").iteration(number).record();
        }
        let _charts = info_span!("charts").entered();
        let _inner = info_span!("inner").entered();
        info!(model = "m", input_tokens = 1);
        let file = journals(directory).remove(0);
        fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(b"damaged\n").unwrap();
        let padding = "x".repeat(90_000);
        let size = || fs::metadata(journals(directory).remove(0)).unwrap().len();
        let mut largest = 0;
        loop {
            largest = largest.max(size());
            info_span!(parent: None, "padding", stage = "padding", error = padding).in_scope(|| {
                info!(model = "m", input_tokens = 1);
            });
            let _ = guard.flush();
            if size() < largest {
                break;
            }
        }
        end();
    });
}

/// The journals in a directory.
fn journals(directory: &Path) -> Vec<PathBuf> {
    Fresh::at(directory).files()
}

/// The old version wrote 0 for a time that no span had measured.
fn unmeasured(seconds: &mut Option<f64>) {
    *seconds = seconds.filter(|seconds| *seconds > 0.0);
}

#[test]
fn a_journal_in_format_1_gives_the_same_runs_as_the_version_that_wrote_it() {
    for name in GOLDEN {
        let directory = Fresh::new();
        fs::create_dir_all(directory.path()).unwrap();
        // A copy: the lock of a reader must not meet the one of another test.
        fs::copy(golden(&format!("{name}.jsonl")), directory.path().join("journal-golden.jsonl")).unwrap();
        let found = directory.recover();
        assert_eq!((found.unreadable(), found.journals()[0].skipped()), ([].as_slice(), [].as_slice()));
        let recovered: Vec<RunSummary> = found.runs().cloned().collect();
        let text = fs::read_to_string(golden(&format!("{name}.runs.json"))).unwrap();
        let expected: Vec<RunSummary> = serde_json::from_str(&text).unwrap();
        assert!(!expected.is_empty());
        // As documents: those of the old version have money as doubles.
        let document = |run: &RunSummary| {
            let mut run = run.clone();
            // The old version listed no attempts. What is known of them is in its lines, and `check` compares their number.
            for row in run.budget_summary.per_agent.values_mut() {
                (row.attempts, row.attempts_left_out) = (Vec::new(), 0);
                row.per_model.values_mut().for_each(|row| unmeasured(&mut row.duration_seconds));
            }
            let budget = &mut run.budget_summary;
            // Nor has the old version units in rows.
            let stages = budget.per_agent.values_mut().flat_map(|row| {
                let models = row.per_model.values_mut().map(|row| &mut row.figures);
                models.chain([&mut row.figures])
            });
            stages
                .chain(budget.per_model.values_mut().map(|row| &mut row.figures))
                .chain(budget.by_agent.values_mut().map(|row| &mut row.figures))
                .chain(budget.by_operation.values_mut().map(|row| &mut row.figures))
                .chain([&mut budget.total])
                .for_each(|figures| figures.units = Units::default());
            budget.per_model.values_mut().for_each(|row| unmeasured(&mut row.duration_seconds));
            budget.by_operation.values_mut().for_each(|row| unmeasured(&mut row.duration_seconds));
            budget.by_agent.values_mut().for_each(|row| unmeasured(&mut row.duration_seconds));
            serde_json::to_value(run).unwrap()
        };
        for (recovered, expected) in recovered.iter().zip(&expected) {
            recovered.check().unwrap();
            let (found, wanted) = (document(recovered), document(expected));
            assert_eq!(found, wanted, "recovered:\n{recovered}\n\nexpected:\n{expected}");
        }
        assert_eq!(recovered.len(), expected.len(), "{name}");
        let rows = recovered.iter().flat_map(|run| run.stages().iter());
        assert!(rows.flat_map(|(_, row)| &row.attempts).any(|attempt| attempt.error.is_some()), "{name}");
    }
}

/// The paths of all keys of each kind of record: `booked` has `cells[].usage.input`.
fn keys_by_kind(journals: &[String]) -> BTreeMap<String, BTreeSet<String>> {
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in journals.iter().flat_map(|text| text.lines()) {
        let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
        add_keys(&record, "", kinds.entry(record["kind"].as_str().unwrap().to_owned()).or_default());
    }
    kinds
}

fn add_keys(value: &Value, path: &str, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            add_keys(value, &format!("{path}.{key}"), keys);
        }),
        Value::Array(items) => items.iter().for_each(|item| add_keys(item, &format!("{path}[]"), keys)),
        // The type belongs to the form: money is text, and a count is a number.
        Value::Null => drop(keys.insert(format!("{path}: null"))),
        Value::Bool(_) => drop(keys.insert(format!("{path}: boolean"))),
        Value::Number(_) => drop(keys.insert(format!("{path}: number"))),
        Value::String(_) => drop(keys.insert(format!("{path}: text"))),
    }
}

#[test]
fn lines_of_today_have_the_keys_of_format_1() {
    let written = |program: fn(&Path, &mut dyn FnMut())| {
        let directory = Fresh::new();
        let mut text = String::new();
        program(directory.path(), &mut || text = directory.text());
        text
    };
    let today = keys_by_kind(&[written(write_every_record), written(write_rewritten)]);
    let format_1 =
        keys_by_kind(&GOLDEN.map(|name| fs::read_to_string(golden(&format!("{name}.jsonl"))).unwrap()));
    assert_eq!(
        format_1.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "booked",
            "delivered",
            "ended",
            "forgotten",
            "gate",
            "journal",
            "lost",
            "opened",
            "recorded",
            "run",
            "told",
            "warned"
        ]
    );
    for (kind, keys) in &format_1 {
        let missing: Vec<_> = keys.difference(&today[kind]).collect();
        assert!(missing.is_empty(), "{kind}: {missing:?}");
        let more: Vec<_> = today[kind].difference(keys).filter(|key| !is_added(key)).collect();
        assert!(more.is_empty(), "{kind}: {more:?}");
    }
    assert_eq!(today.len(), format_1.len());
}

/// What the lines of a journal hold at most, each taken as it is.
#[derive(Debug, Default, PartialEq)]
struct Held {
    runs: usize,
    gates: usize,
    calls: u128,
    tokens: u128,
    records: u128,
}

impl Held {
    fn by_lines(text: &[u8]) -> Self {
        let mut held = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            let Ok(line) = serde_json::from_slice::<Value>(line) else { continue };
            let kind = line["kind"].as_str().unwrap_or_default();
            held.runs += usize::from(kind == "run");
            held.gates += usize::from(kind == "gate");
            held.records += u128::from(kind == "recorded");
            for cell in line["cells"].as_array().into_iter().flatten() {
                held.calls += u128::from(cell["llm_calls"].as_u64().unwrap_or(0));
                let usage = cell["usage"].as_object().into_iter().flatten();
                held.tokens += usage.map(|(_, count)| u128::from(count.as_u64().unwrap_or(0))).sum::<u128>();
            }
        }
        held
    }

    /// Fails if a run has what no line holds.
    fn bounds(&self, runs: &[&RunSummary]) {
        let sum = |of: fn(&RunSummary) -> u64| runs.iter().map(|run| u128::from(of(run))).sum::<u128>();
        assert!(runs.len() <= self.runs, "{} runs of {}", runs.len(), self.runs);
        let has_passed = |run: &&RunSummary| {
            run.budget_summary.gate_verdicts.iter().filter(|gate| gate.verdict != Verdict::Skipped).count()
        };
        assert!(runs.iter().map(has_passed).sum::<usize>() <= self.gates);
        assert!(sum(|run| run.budget_summary.total.llm_calls) <= self.calls, "{self:?}");
        assert!(sum(|run| run.budget_summary.total.tokens_used.unwrap_or(0)) <= self.tokens, "{self:?}");
        assert!(sum(|run| run.budget_summary.records.len() as u64) <= self.records);
    }
}

/// Reads a journal as a recovery does: every run adds up, can be read again, and has no more than the lines hold.
fn read_hostile(text: &[u8]) -> Vec<RunSummary> {
    let directory = Fresh::new();
    fs::create_dir_all(directory.path()).unwrap();
    fs::write(directory.path().join("journal-hostile.jsonl"), text).unwrap();
    let found = directory.recover();
    let runs: Vec<&RunSummary> = found.runs().collect();
    Held::by_lines(text).bounds(&runs);
    let mut parts = BTreeSet::new();
    for run in &runs {
        run.check().unwrap_or_else(|error| panic!("{error}\n{run}"));
        let read = RunSummary::from_json(serde_json::to_vec(run).unwrap()).unwrap();
        read.check().unwrap_or_else(|error| panic!("read again: {error}\n{run}"));
        assert!(run.part().is_none_or(|part| parts.insert(part)), "one part is one run");
    }
    runs.into_iter().cloned().collect()
}

/// The lines of a journal of today, with every kind of record.
fn lines_of_today() -> &'static Vec<String> {
    static LINES: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    LINES.get_or_init(|| {
        let directory = Fresh::new();
        let mut text = String::new();
        write_every_record(directory.path(), &mut || text = directory.text());
        // Those without the thousand equal ones: a mutation shall meet each kind.
        let (operations, mut lines): (Vec<_>, Vec<_>) =
            text.lines().map(str::to_owned).partition(|line| line.contains(r#""kind":"recorded""#));
        lines.extend(operations.into_iter().take(3));
        lines.retain(|line| !line.contains("unknown model 1"));
        lines
    })
}

/// The values within a value, deepest last.
fn places<'a>(value: &'a mut Value, depth: usize, pick: &mut u32) -> Option<&'a mut Value> {
    if depth > 0 && *pick == 0 {
        return Some(value);
    }
    if depth > 0 {
        *pick -= 1;
    }
    match value {
        Value::Object(fields) => fields.values_mut().find_map(|value| places(value, depth + 1, pick)),
        Value::Array(items) => items.iter_mut().find_map(|value| places(value, depth + 1, pick)),
        _ => None,
    }
}

fn hostile_values() -> Vec<Value> {
    vec![
        json!(0),
        json!(1),
        json!(2),
        json!(-1),
        json!(u64::MAX),
        json!(u64::MAX - 1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(1_u64 << 53),
        json!(1_u64 << 62),
        json!(1e308),
        json!(-0.5),
        json!("170141183460469231731687303.715884105727"),
        json!("-170141183460469231731687303.715884105728"),
        json!("999999999999999.999999999999"),
        json!(""),
        json!("a"),
        json!("x".repeat(70_000)),
        json!(true),
        json!(null),
        json!([]),
        json!({}),
        json!(vec!["a"; 3_000]),
        json!("unattributed"),
        json!("9999-12-31T23:59:59.999Z"),
    ]
}

/// One change of a journal: of what kind, in which line, where in it, and to what.
type Change = (u8, u32, u32, u32);

fn changed(lines: &mut Vec<String>, (kind, line, place, to): Change) {
    let at = line as usize % lines.len();
    let other = place as usize % lines.len();
    match kind % 8 {
        0 => lines.insert(other, lines[at].clone()),
        1 => lines.swap(at, other),
        2 if lines.len() > 2 => drop(lines.remove(at)),
        3 => {
            // A byte of the file, which may make the line unreadable, or another text.
            let mut bytes = lines[at].clone().into_bytes();
            let byte = place as usize % bytes.len();
            bytes[byte] = bytes[byte].wrapping_add(to as u8 | 1) & 0x7f;
            lines[at] = String::from_utf8(bytes).unwrap().replace('\n', " ");
        }
        _ => {
            let Ok(mut value) = serde_json::from_str::<Value>(&lines[at]) else { return };
            let count = lines[at].matches([':', ',']).count() as u32 + 1;
            if let Some(value) = places(&mut value, 0, &mut (place % count)) {
                let hostile = hostile_values();
                match value {
                    // Items many times over: rows, calls and attempts of one name.
                    Value::Array(items) if kind % 2 == 0 && !items.is_empty() => {
                        let copies = items.clone();
                        (0..to % 300).for_each(|_| items.extend(copies.clone()));
                    }
                    value => *value = hostile[to as usize % hostile.len()].clone(),
                }
            }
            lines[at] = value.to_string();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Whatever a journal holds, reading it ends, and invents nothing.
    #[test]
    fn a_reader_trusts_no_number(changes in prop::collection::vec(any::<Change>(), 1..8), base in 0..2_u8) {
        let mut lines = match base {
            0 => lines_of_today().clone(),
            _ => fs::read_to_string(golden("journal-v1.jsonl")).unwrap().lines().map(str::to_owned).collect(),
        };
        changes.into_iter().for_each(|change| changed(&mut lines, change));
        read_hostile((lines.join("\n") + "\n").as_bytes());
    }
}

const HEAD: &str = concat!(
    r#"{"kind":"journal","format":1,"version":"0.1.0","process":1,"built_at":"2026-04-19T09:12:03.120Z","#,
    r#""origin_ns":1776589923120000000,"book":"b","paths":true,"keep_calls":18446744073709551615}"#
);
const RUN: &str = concat!(
    r#"{"kind":"run","run":1,"at":5,"id":"01a2047a-8122-780e-8f21-593782ee3b3c","pipeline":"p","crate":"c","#,
    r#""started":1,"more_warnings":9007199254740992}"#
);

/// The only run of a journal with these lines, and the number of lines that were skipped.
fn run_of(lines: &[String]) -> RunSummary {
    let text = [&[HEAD.to_owned(), RUN.to_owned()], lines].concat().join("\n") + "\n";
    let mut runs = read_hostile(text.as_bytes());
    assert_eq!(runs.len(), 1);
    runs.remove(0)
}

fn verdict(seq: u64) -> String {
    json!({ "kind": "gate", "run": 1, "at": 1, "seq": seq, "gate": "lint", "verdict": "pass", "blocking": true })
        .to_string()
}

#[test]
fn a_verdict_with_a_hostile_number_invents_no_others() {
    let run = run_of(&[verdict(0)]);
    assert!(run.budget_summary.gate_verdicts.is_empty(), "the first verdict has the number 1");
    assert!(
        run.warnings.iter().any(|text| text.starts_with("1 lines of the journal could not be read")),
        "{run}"
    );
    let run = run_of(&[verdict(u64::MAX), verdict(u64::MAX)]);
    assert_eq!(run.budget_summary.gate_verdicts.len(), 1, "one number is one verdict");
    assert!(!run.warnings.iter().any(|text| text.contains("18446744073709551614")), "{run}");
}

#[test]
fn counts_that_would_overflow_are_skipped_and_counted() {
    let cell = |count: i64, llm_calls: i64| {
        let cell =
            json!({ "operation": "chat", "model": "m", "count": count, "llm_calls": llm_calls, "errors": 1 });
        json!({ "kind": "booked", "run": 1, "at": 1, "cells": [cell, cell] }).to_string()
    };
    let run = run_of(&[cell(i64::MAX, 1), cell(1, i64::MAX), cell(i64::MIN, i64::MIN), cell(1, 1)]);
    assert_eq!(run.budget_summary.total.llm_calls, 2);
    assert!(run.warnings.iter().any(|text| text.starts_with("3 lines of the journal could not")), "{run}");
    // Many that are within bounds, each by itself.
    let most = 1_i64 << 50;
    let run = run_of(&(0..100).map(|_| cell(0, most)).collect::<Vec<_>>());
    assert_eq!(run.budget_summary.total.llm_calls, (1 << 53) - (1 << 51), "as far as a run's counts go");
    let stage = json!({ "stage": "s", "begun": 0, "open": u64::MAX, "nanos": u64::MAX, "errors": u64::MAX });
    let agent = json!({ "agent": "a", "executions": u64::MAX, "nanos": u64::MAX, "errors": u64::MAX });
    let events = json!({ "stage": "s", "events": u64::MAX });
    let lines: Vec<String> = [("stages", stage), ("agents", agent), ("error_events", events)]
        .into_iter()
        .map(|(key, row)| json!({ "kind": "booked", "run": 1, "at": u64::MAX, key: [row, row] }).to_string())
        .collect();
    assert!(run_of(&lines).stages().is_empty());
}

/// Sums of a layer may be beyond what a person would write as a price.
#[test]
fn costs_beyond_a_quadrillion_are_read() {
    let cell =
        json!({ "operation": "chat", "model": "m", "llm_calls": 1, "cost_usd": "12345678901234567.5" });
    let run = run_of(&[json!({ "kind": "booked", "run": 1, "at": 1, "cells": [cell] }).to_string()]);
    assert_eq!(run.cost_usd().map(|usd| usd.to_string()).as_deref(), Some("12345678901234567.5"));
}

/// A hundred thousand stages around each other, by their names or by the stages around them, with and without paths.
#[test]
fn deep_and_circular_stages_take_linear_time() {
    let deep =
        json!({ "stage": "s", "begun": 1, "nanos": 1, "from": 1, "to": 2, "around": vec!["deep"; 100_000] });
    let opened =
        json!({ "kind": "opened", "run": 1, "at": 1, "stage": "o", "around": vec!["deep"; 100_000] });
    let line =
        |stages: Vec<Value>| json!({ "kind": "booked", "run": 1, "at": 9, "stages": stages }).to_string();
    let run = run_of(&[line(vec![deep]), opened.to_string()]);
    assert!(run.stages().len() < 1_000, "{}", run.stages().len());
    let chain = |from: u32, to: u32| json!({ "stage": format!("c{from}"), "parent": format!("c{to}"), "begun": 1, "nanos": 1, "from": 1, "to": 2 });
    let circle = (0..4_000).map(|at| chain(at, (at + 1) % 4_000)).collect();
    let text = [HEAD.replace(r#""paths":true,"#, ""), RUN.to_owned(), line(circle)].join("\n") + "\n";
    assert_eq!(read_hostile(text.as_bytes()).len(), 1);
}

#[test]
fn what_identifies_an_earlier_line_is_no_second_one() {
    let second = RUN.replace(r#""run":1"#, r#""run":2"#);
    let run = run_of(&[RUN.to_owned(), second]);
    assert!(run.warnings.iter().any(|text| text.starts_with("2 lines of the journal could not")), "{run}");
    let end = r#"{"kind":"ended","run":1,"at":7}"#.to_owned();
    let run =
        run_of(&[end, r#"{"kind":"ended","run":1,"at":18446744073709551615,"failed":true}"#.to_owned()]);
    assert!(run.duration_seconds < 1.0, "{run}");
}

/// Keys that were added to format 1. A reader of the first version ignores them.
fn is_added(key: &str) -> bool {
    let of_cells = [".cells[].parent", ".cells[].around[]", ".cells[].agent", ".cells[].partial"];
    let of_stages = [".stages[].around[]", ".stages[].attempts[]", ".open[].around[]", ".around[]"];
    let others = [".agents[]", ".error_events[]", ".paths", ".calls[]", ".keep_calls", ".corrections"];
    [&of_cells[..], &of_stages, &others].concat().iter().any(|added| key.starts_with(added))
}
