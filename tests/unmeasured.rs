//! A time that no span measured is null, and `—` in the table: of a model, an operation, an agent, and of what is in no stage.

#![expect(clippy::unwrap_used, reason = "a test may")]

use serde_json::{Value, json};
use tracing::info_span;
use tracing_budget::record::UsageRecord;
use tracing_budget::sink::Memory;
use tracing_budget::{RunSummary, Usage, call, layer, operation, record_usage};
use tracing_subscriber::prelude::*;

fn run(work: impl FnOnce()) -> RunSummary {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(budget);
    tracing::subscriber::with_default(subscriber, || info_span!("pipeline").in_scope(work));
    guard.flush().unwrap();
    let run = memory.take().remove(0);
    run.check().unwrap();
    run
}

fn by_hand(model: &str) {
    record_usage(UsageRecord::new(Usage::new().input(100).output(10)).provider("acme").model(model));
}

fn key<'a>(run: &'a Value, rows: &str, name: &str) -> &'a Value {
    &run["budget_summary"][rows][name]["duration_seconds"]
}

/// The cell of a column in the line of the table that begins so.
fn cell(table: &str, heading: &str, line: &str, column: &str) -> String {
    let mut lines = table.lines().skip_while(|text| !text.starts_with(heading));
    let at = lines.next().unwrap().find(column).unwrap();
    let line = lines.find(|text| text.starts_with(line)).unwrap();
    // Columns are aligned to the right, so that the cell ends with its heading.
    let text: String = line.chars().take(at + column.len()).collect();
    text.rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn usage_by_hand_has_no_time() {
    let run = run(|| {
        by_hand("by-hand");
        operation("github_api_call").record();
    });
    let document = serde_json::to_value(&run).unwrap();
    assert_eq!(key(&document, "per_model", "acme/by-hand"), &Value::Null);
    assert_eq!(key(&document, "by_operation", "chat"), &Value::Null);
    assert_eq!(key(&document, "by_operation", "github_api_call"), &Value::Null);
    let table = run.to_string();
    assert_eq!(cell(&table, "MODEL", "acme/by-hand", "TIME"), "—", "{table}");
    assert_eq!(cell(&table, "OPERATION", "chat", "TIME"), "—", "{table}");
    assert_eq!(cell(&table, "STAGE", "unattributed", "TIME"), "—", "{table}");
}

#[test]
fn a_time_that_a_span_measured_is_there_whatever_has_none() {
    let run = run(|| {
        call("by-span").provider("acme").start().usage(Usage::new().input(100).output(10));
        by_hand("by-span");
        by_hand("by-hand");
    });
    let (by_span, by_hand) =
        (&run.budget_summary.per_model["acme/by-span"], &run.budget_summary.per_model["acme/by-hand"]);
    assert!(by_span.duration_seconds.is_some());
    assert_eq!(by_span.figures.llm_calls, 2);
    assert_eq!(by_hand.duration_seconds, None);
    // The sum over both has what is known.
    assert_eq!(run.budget_summary.by_operation["chat"].duration_seconds, by_span.duration_seconds);
}

#[test]
fn an_agent_that_only_calls_name_has_no_time() {
    let run = run(|| {
        let chat = info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m",
            gen_ai.agent.name = "planner",
            gen_ai.usage.input_tokens = 100,
            gen_ai.usage.output_tokens = 10,
        );
        drop(chat);
    });
    let planner = &run.budget_summary.by_agent["planner"];
    assert_eq!((planner.calls, planner.duration_seconds), (0, None));
}

#[test]
fn merging_adds_what_is_known() {
    let part = |seconds: Value| {
        let figures =
            json!({"llm_calls": 1, "tokens_used": 10, "input_tokens": 10, "duration_seconds": seconds});
        let document = json!({
            "schema_version": 1, "run_id": "a", "status": "completed", "started_at": "2026-04-19T09:12:03.120Z",
            "budget_summary": {
                "total": {"llm_calls": 1, "tokens_used": 10, "input_tokens": 10},
                "per_agent": {"unattributed": {"llm_calls": 1, "tokens_used": 10, "input_tokens": 10}},
                "per_model": {"m": figures}, "by_operation": {"chat": figures},
            },
        });
        RunSummary::from_json(document.to_string()).unwrap()
    };
    for (one, two, both) in [
        (Value::Null, Value::Null, None),
        (Value::Null, json!(1.5), Some(1.5)),
        (json!(0.25), json!(1.5), Some(1.75)),
        // As earlier versions wrote it.
        (json!(0), Value::Null, Some(0.0)),
    ] {
        let (one, two) = (part(one), part(two));
        for run in [one.merge(&two), two.merge(&one)] {
            assert_eq!(run.budget_summary.per_model["m"].duration_seconds, both);
            assert_eq!(run.budget_summary.by_operation["chat"].duration_seconds, both);
        }
    }
}
