//! Plays a program through the layer, and compares what it leaves with what is expected.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use serde_json::Value as Json;
use tracing::{Level, Span};
use tracing_budget::builder::ErrorEvents;
use tracing_budget::limit::BudgetExceeded;
use tracing_budget::price::Rates;
use tracing_budget::record::UsageRecord;
use tracing_budget::sink::Memory;
use tracing_budget::{Builder, Handle, PriceBook, Usage};
use tracing_subscriber::prelude::*;

use crate::program::{self, Callsite, Field, Program, Run, Step, Value};
use crate::spans::{self, Parent, Shape};

/// Plays the program. Returns what differs, or the summaries if nothing does.
pub(crate) fn check(program: &Program) -> Result<(), String> {
    let mut runs = play(program);
    let got = |runs: &[Json]| match runs {
        [] => "  no run\n".to_owned(),
        runs => runs.iter().map(rows).collect::<Vec<_>>().join(""),
    };
    let all = got(&runs);
    let mut differences = Vec::new();
    if runs.len() != program.runs.len() {
        differences.push(format!("{} runs, expected {}", runs.len(), program.runs.len()));
    }
    for expected in &program.runs {
        let at =
            runs.iter().position(|run| expected.name.as_ref().is_none_or(|name| run["pipeline"] == **name));
        match at {
            Some(at) => compare(expected, &runs.remove(at), &mut differences),
            None => differences.push(format!("no run {:?}", expected.name.as_deref().unwrap_or_default())),
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(format!("{}\n--- got\n{all}", differences.join("\n"))) }
}

/// The prices of the programs, in USD per million tokens.
fn prices() -> PriceBook {
    let rates = |input, output| Rates::per_million().input(input).output(output);
    PriceBook::builder()
        .price("m-a", rates("1", "2").cache_read("0.1"))
        .price("m-b", rates("0.5", "4"))
        .build()
        .unwrap()
}

fn builder(program: &Program) -> Builder {
    let mut builder = tracing_budget::layer().prices(prices());
    for (key, values) in &program.headers {
        builder = match key.as_str() {
            "stages" => builder.stages(values),
            "roots" => builder.roots(values),
            "usage_events" => builder.usage_events(values),
            "error_events" => {
                assert_eq!(values[0], "fail");
                builder.error_events(ErrorEvents::Fail)
            }
            "exclusive_cache" => builder.exclusive_cache(&values[0], values.get(1).map(String::as_str)),
            "project" => builder.project(&values[0]),
            "limit_tokens" => builder.limit_tokens(values[0].parse().unwrap()),
            _ => panic!("{key} is no header"),
        };
    }
    builder
}

/// The summaries that the program leaves, in the order of their delivery.
fn play(program: &Program) -> Vec<Json> {
    let memory = Memory::new();
    let (layer, guard) = builder(program).sink(memory.clone()).build().unwrap();
    let handle = guard.handle();
    let played = tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        catch_unwind(AssertUnwindSafe(|| {
            for step in &program.spans {
                let mut late = Vec::new();
                play_step(step, None, &handle, &mut late);
                for (span, at_end) in late {
                    record_groups(&span, at_end);
                }
            }
        }))
    });
    match played {
        Err(panic) if panic.downcast_ref() != Some(&OnPurpose) => resume_unwind(panic),
        _ => {}
    }
    guard.flush().unwrap();
    let runs = memory.take();
    for run in &runs {
        run.check().unwrap_or_else(|error| panic!("{}: {error}\n{run}", program.title));
    }
    runs.iter().map(|run| serde_json::to_value(run).unwrap()).collect()
}

/// The panic of `> panic`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct OnPurpose;

/// Spans that are closed after the outermost one, with what they record then.
type Late<'a> = Vec<(Span, &'a [Vec<Field>])>;

fn play_step<'a>(step: &'a Step, around: Option<&Span>, handle: &Handle, late: &mut Late<'a>) {
    match step {
        Step::Record(fields) => record(around.expect("a span around the record"), fields),
        Step::Event(event) => {
            let is_named = !event.callsite.name.is_empty();
            let name = if is_named { event.callsite.name.as_str() } else { "event" };
            let shape = shape(Shape::event(name), &event.callsite)
                .fields(event.fields.iter().map(|field| &field.name));
            shape.emit(&parent(&event.callsite), &values(&event.fields));
        }
        Step::Do(words) => call(words, handle),
        Step::Span(opened) if opened.run.is_some() => play_run(opened, handle, late),
        Step::Span(opened) => {
            let shape = shape(Shape::new(&opened.callsite.name), &opened.callsite).fields(&opened.declared);
            let span = shape.span(&parent(&opened.callsite), &values(&opened.at_opening));
            let entered = span.enter();
            for step in &opened.inside {
                play_step(step, Some(&span), handle, late);
            }
            drop(entered);
            if opened.callsite.is_late {
                late.push((span, &opened.at_end));
            } else {
                record_groups(&span, &opened.at_end);
            }
        }
    }
}

/// Plays an explicit run. Late spans in it are open at its end.
fn play_run<'a>(opened: &'a program::Span, handle: &Handle, late: &mut Late<'a>) {
    let run = tracing_budget::run(opened.run.as_deref().unwrap());
    run.in_scope(|| {
        for step in &opened.inside {
            match step {
                Step::Record(fields) => fields.iter().for_each(|field| fail(&run, field)),
                step => play_step(step, Some(run.span()), handle, late),
            }
        }
    });
}

fn fail(run: &tracing_budget::Run, field: &Field) {
    let Value::Text(reason) = &field.value else { panic!("{field:?} is no reason") };
    run.fail(reason);
}

fn parent(callsite: &Callsite) -> Parent<'static> {
    if callsite.is_root { Parent::Root } else { Parent::Current }
}

fn shape(mut shape: Shape, callsite: &Callsite) -> Shape {
    if let Some(target) = &callsite.target {
        shape = shape.target(target);
    }
    if let Some(level) = &callsite.level {
        shape = shape.level(level.parse::<Level>().unwrap());
    }
    if let Some(file) = &callsite.file {
        shape = shape.file(file);
    }
    shape
}

fn values(fields: &[Field]) -> Vec<(&str, spans::Value)> {
    fields.iter().map(|field| (field.name.as_str(), value(&field.value))).collect()
}

fn value(value: &Value) -> spans::Value {
    match value {
        Value::U64(number) => spans::Value::U64(*number),
        Value::I64(number) => spans::Value::I64(*number),
        Value::U128(number) => spans::Value::U128(*number),
        Value::I128(number) => spans::Value::I128(*number),
        Value::F64(number) => spans::Value::F64(*number),
        Value::Bool(truth) => spans::Value::Bool(*truth),
        Value::Text(text) => spans::Value::Str(text.clone()),
        Value::Debug(text) => spans::Value::Debug(text.clone()),
        Value::Display(text) => spans::Value::Display(text.clone()),
        Value::Error(text) => spans::Value::Error(text.clone()),
        Value::Empty => spans::Value::Empty,
    }
}

fn record(span: &Span, fields: &[Field]) {
    fields.iter().for_each(|field| spans::record(span, &field.name, &value(&field.value)));
}

fn record_groups(span: &Span, groups: &[Vec<Field>]) {
    groups.iter().for_each(|fields| record(span, fields));
}

/// A step in this crate's API: `record_usage 100/10 m-a`, `gate lint pass`, `check ok`, `finish`, `panic`.
fn call(words: &[String], handle: &Handle) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let usage = |figures: &str| {
        let (input, output) = figures.split_once('/').unwrap();
        Usage::new().input(input.parse::<u64>().unwrap()).output(output.parse::<u64>().unwrap())
    };
    match *words {
        ["record_usage", figures] => tracing_budget::record_usage(usage(figures)),
        ["record_usage", figures, model] => {
            tracing_budget::record_usage(UsageRecord::new(usage(figures)).model(model));
        }
        ["record_usage", figures, model, operation] => {
            tracing_budget::record_usage(UsageRecord::new(usage(figures)).model(model).operation(operation));
        }
        ["operation", name, cost] => tracing_budget::operation(name).cost_usd(cost).record(),
        ["gate", name, "pass"] => tracing_budget::gate(name).pass(),
        ["gate", name, "fail"] => tracing_budget::gate(name).fail("on purpose"),
        ["check", "ok"] => assert_eq!(check_limits(), Ok(())),
        ["check", "refused"] => assert!(check_limits().is_err(), "expected a refusal"),
        ["finish"] => {
            for run in handle.snapshot() {
                assert!(handle.finish(&run.run_id));
            }
        }
        ["finish", run_id] => assert!(handle.finish(run_id)),
        ["panic"] => resume_unwind(Box::new(OnPurpose)),
        _ => panic!("{words:?} is no step"),
    }
}

/// Whether the current run is within its limits.
fn check_limits() -> Result<(), BudgetExceeded> {
    tracing_budget::current().expect("a run is around").check()
}

fn compare(expected: &Run, run: &Json, differences: &mut Vec<String>) {
    let summary = &run["budget_summary"];
    let has_status = |clause: &String| STATUSES.contains(&clause.as_str());
    let status =
        expected.clauses.iter().find(|clause| has_status(clause)).map_or("completed", String::as_str);
    if run["status"] != *status {
        differences.push(format!("run: {}, expected {status}", text(&run["status"])));
    }
    for clause in expected.clauses.iter().filter(|clause| !has_status(clause)) {
        let (key, value) = clause.split_once(' ').unwrap();
        if text(&run[key]) != value.trim_matches('"') {
            differences.push(format!("run: {key} {}, expected {value}", run[key]));
        }
    }
    for (dimension, column) in [("stage", "per_agent"), ("agent", "by_agent")] {
        for (key, row) in summary[column].as_object().into_iter().flatten() {
            if !expected.rows.iter().any(|row| row.dimension == dimension && row.key == *key) {
                differences.push(format!(
                    "{dimension} {key}: {}, expected no such row",
                    clauses(dimension, key, row)
                ));
            }
        }
    }
    for row in &expected.rows {
        let (dimension, key) = (row.dimension.as_str(), row.key.as_str());
        let found = match dimension {
            "total" => Some(summary),
            "stage" => summary["per_agent"].get(key),
            "agent" => summary["by_agent"].get(key),
            "model" => summary["per_model"].get(key),
            "operation" => summary["by_operation"].get(key),
            _ => continue,
        };
        match found {
            Some(found) => compare_row(row, found, differences),
            None => differences.push(format!("no row {dimension} {key}")),
        }
    }
    let verdicts = |gates: Vec<(String, String)>| gates;
    let expected_gates = expected.rows.iter().filter(|row| row.dimension == "gate");
    let expected_gates =
        verdicts(expected_gates.map(|row| (row.key.clone(), row.clauses.join(", "))).collect());
    let gates = summary["gate_verdicts"].as_array().into_iter().flatten();
    let gates = verdicts(gates.map(|gate| (text(&gate["gate_name"]), text(&gate["verdict"]))).collect());
    if gates != expected_gates {
        differences.push(format!("gates {gates:?}, expected {expected_gates:?}"));
    }
    let warnings: Vec<String> = run["warnings"].as_array().into_iter().flatten().map(text).collect();
    for part in &expected.warnings {
        if !warnings.iter().any(|warning| warning.contains(part)) {
            differences.push(format!("no warning with {part:?}"));
        }
    }
    // Which models have prices is no matter of the rules, and `unpriced` counts their calls.
    const PRICES: [&str; 3] = ["cannot be priced", "no price is known", "the split of the tokens"];
    let is_about_prices = |text: &str| PRICES.iter().any(|part| text.contains(part));
    for warning in warnings {
        if !is_about_prices(&warning) && !expected.warnings.iter().any(|part| warning.contains(part)) {
            differences.push(format!("warning {warning:?}, expected none"));
        }
    }
}

const STATUSES: [&str; 6] = ["running", "completed", "failed", "incomplete", "interrupted", "not_run"];

/// Counts of a row: the word of their clause, and their key.
const COUNTS: [(&str, &str); 11] = [
    ("calls", "llm_calls"),
    ("in", "input_tokens"),
    ("out", "output_tokens"),
    ("cached", "cache_read_tokens"),
    ("written", "cache_write_tokens"),
    ("reasoning", "reasoning_tokens"),
    ("unpriced", "unpriced_calls"),
    ("silent", "calls_without_usage"),
    ("partial", "partial_calls"),
    ("errors", "errors"),
    ("error_events", "error_events"),
];

/// What a row has of one count that clauses state: 0 where nothing is stated.
fn stated(clauses: &[String], word: &str) -> u64 {
    let mut count = 0;
    for clause in clauses {
        if let Some((number, unit)) = clause.split_once(' ')
            && unit == word
        {
            count = number.replace('_', "").parse().unwrap();
        }
        if let Some((input, output)) = clause.split_once('/')
            && let (Ok(input), Ok(output)) = (input.parse(), output.parse())
        {
            match word {
                "in" => count = input,
                "out" => count = output,
                _ => {}
            }
        }
    }
    count
}

fn compare_row(expected: &program::Row, row: &Json, differences: &mut Vec<String>) {
    let program::Row { dimension, key, clauses } = expected;
    let mut differs = |what: &str, got: String, expected: String| {
        if got != expected {
            differences.push(format!("{dimension} {key}: {what} {got}, expected {expected}"));
        }
    };
    for (word, key) in COUNTS {
        let expected = stated(clauses, word);
        // A dimension without the count has no such key.
        if row.get(key).is_some() || expected > 0 {
            differs(word, row[key].as_u64().unwrap_or_default().to_string(), expected.to_string());
        }
    }
    let with = |start: &str| clauses.iter().find_map(|clause| clause.strip_prefix(start));
    let tokens = match with("tokens ") {
        Some(tokens) => tokens.to_owned(),
        None => (stated(clauses, "in") + stated(clauses, "out")).to_string(),
    };
    // A row of calls that all lack usage has unknown tokens.
    let is_unknown = stated(clauses, "calls") > 0 && stated(clauses, "calls") == stated(clauses, "silent");
    differs("tokens", row["tokens_used"].to_string(), if is_unknown { "null".into() } else { tokens });
    if let Some(cost) = with("$") {
        let cost_of = |text: &str| text.parse::<f64>().map_or(text.into(), |usd| format!("{usd:.9}"));
        differs("$", cost_of(text(&row["cost_usd"]).trim_matches('"')), cost_of(cost));
    }
    if dimension == "agent" {
        differs("executions", row["calls"].to_string(), stated(clauses, "executions").to_string());
        differs("called by", list(&row["called_by"]), with("called by ").unwrap_or_default().into());
    }
    if dimension == "operation" && stated(clauses, "executions") > 0 {
        differs("executions", row["calls"].to_string(), stated(clauses, "executions").to_string());
    }
    if dimension == "stage" {
        let is_stated = clauses.iter().any(|clause| clause.ends_with(" attempts"));
        let attempts = match stated(clauses, "attempts") {
            0 if !is_stated && key != "unattributed" => 1,
            attempts => attempts,
        };
        differs("attempts", row["calls"].to_string(), attempts.to_string());
        let status = clauses.iter().find(|clause| STATUSES.contains(&clause.as_str()));
        if attempts > 0 || status.is_some() {
            differs("status", text(&row["status"]), status.map_or("completed", String::as_str).into());
        }
        differs("parent", text(&row["parent"]), with("parent ").unwrap_or("null").into());
        differs("name", text(&row["name"]), with("name ").unwrap_or("null").into());
        if let Some(statuses) = with("statuses ") {
            let attempts = row["attempts"].as_array().into_iter().flatten();
            let found: Vec<String> = attempts.map(|attempt| text(&attempt["status"])).collect();
            differs("statuses", found.join(" "), statuses.into());
        }
    }
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), Into::into)
}

fn list(value: &Json) -> String {
    value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(" ")
}

/// A row in the form of a program's expectation.
fn clauses(dimension: &str, key: &str, row: &Json) -> String {
    let number = |key: &str| row[key].as_u64().unwrap_or_default();
    let mut clauses = vec![format!("{} calls", number("llm_calls"))];
    clauses.push(format!("{}/{}", number("input_tokens"), number("output_tokens")));
    clauses.push(format!("tokens {}", row["tokens_used"]));
    clauses.push(format!("${}", text(&row["cost_usd"])));
    for (word, key) in &COUNTS[3..] {
        if number(key) > 0 {
            clauses.push(format!("{} {word}", number(key)));
        }
    }
    if dimension == "stage" && (key != "unattributed" || number("calls") > 0) {
        clauses.push(format!("{} attempts", number("calls")));
        clauses.push(text(&row["status"]));
        for key in ["parent", "name"] {
            if !row[key].is_null() {
                clauses.push(format!("{key} {}", text(&row[key])));
            }
        }
    }
    if dimension == "agent" || dimension == "operation" {
        clauses.push(format!("{} executions", number("calls")));
    }
    if !list(&row["called_by"]).is_empty() {
        clauses.push(format!("called by {}", list(&row["called_by"])));
    }
    clauses.join(", ")
}

/// A run in the form of a program's expectation.
fn rows(run: &Json) -> String {
    let summary = &run["budget_summary"];
    let mut lines = vec![format!("run {}: {}", text(&run["pipeline"]), text(&run["status"]))];
    lines.push(format!("total: {}", clauses("total", "", summary)));
    for (dimension, column) in
        [("stage", "per_agent"), ("agent", "by_agent"), ("model", "per_model"), ("operation", "by_operation")]
    {
        for (key, row) in summary[column].as_object().into_iter().flatten() {
            lines.push(format!("{dimension} {key}: {}", clauses(dimension, key, row)));
        }
    }
    for gate in summary["gate_verdicts"].as_array().into_iter().flatten() {
        lines.push(format!("gate {}: {}", text(&gate["gate_name"]), text(&gate["verdict"])));
    }
    lines.extend(
        run["warnings"].as_array().into_iter().flatten().map(|warning| format!("warning: {}", text(warning))),
    );
    lines.iter().map(|line| format!("  {line}\n")).collect()
}
