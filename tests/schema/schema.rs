//! The published JSON Schema describes what the crate writes: all of it, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use tracing_budget::{
    Kind, RunSummary, Status, Usage, Usd, Verdict,
    summary::{
        AgentRow, CallRecord, Figures, GateVerdict, ModelRow, OperationRecord, OperationRow, StageAttempt,
        StageLimits, StageRow, Timestamp,
    },
};

fn main_package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn schema() -> Value {
    let path = main_package().join("schema/run-summary.v1.schema.json");
    serde_json::from_slice(&fs::read(path).expect("the schema is there")).expect("the schema is JSON")
}

fn validator() -> Validator {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema()).expect("the schema is a schema")
}

fn at(second: u32) -> Timestamp {
    format!("2026-04-19T09:12:{second:02}.120Z").parse().expect("a time")
}

fn figures() -> Figures {
    Figures {
        tokens_used: Some(4_107),
        cost_usd: Some(Usd::from_pico(59_805_000_001)),
        llm_calls: 3,
        input_tokens: 3_000,
        output_tokens: 987,
        cache_read_tokens: 900,
        cache_write_tokens: 100,
        reasoning_tokens: 50,
        units: [(Kind::WebSearches, 2), (Kind::AudioInputMicros, 12_340_000)].into_iter().collect(),
        unpriced_calls: 1,
        calls_without_usage: 1,
        partial_calls: 1,
    }
}

/// A document in which every key is set and no list or object is empty.
fn full() -> RunSummary {
    let mut model = ModelRow::default();
    model.figures = figures();
    model.duration_seconds = Some(9.1);
    model.price_sources = vec!["genai-prices@0.2.1".into()];

    let mut stage = StageRow::default();
    stage.figures = figures();
    stage.calls = 2;
    stage.duration_seconds = 47.27;
    stage.errors = 1;
    stage.status = Status::Failed;
    stage.error_events = 2;
    stage.name = Some("find".into());
    stage.parent = Some("preparation".into());
    let mut attempt = StageAttempt::new(at(5), Status::Failed);
    attempt.error = Some("no candidates".into());
    stage.attempts = vec![attempt];
    stage.attempts_left_out = 1;
    stage.started_at = Some(at(4));
    let mut limits = StageLimits::default();
    limits.usd = Some(Usd::from_pico(59_805_000_000));
    limits.tokens = Some(9_000);
    limits.usd_remaining = Some(Usd::from_pico(-1));
    limits.tokens_remaining = Some(4_893);
    limits.exhausted = true;
    stage.limits = Some(limits);
    stage.per_model = [("anthropic/claude-sonnet-4-5", model.clone())].into_iter().collect();

    let mut agent = AgentRow::default();
    agent.figures = figures();
    agent.calls = 2;
    agent.duration_seconds = Some(47.27);
    agent.called_by = vec!["planner".into()];

    let mut operation = OperationRow::default();
    operation.figures = figures();
    operation.calls = 3;
    operation.duration_seconds = Some(9.1);

    let mut gate = GateVerdict::new(1, "lint", Verdict::Fail);
    gate.after_stage = Some("discovery".into());
    gate.blocking = true;
    gate.score = Some(0.25);
    gate.reason = Some("3 findings".into());
    gate.diagnostics = [("findings".to_owned(), json!(3))].into();
    gate.at = Some(at(40));
    gate.duration_seconds = Some(1.5);
    gate.cost_usd = Some(Usd::from_pico(1));

    let mut run = RunSummary::new("0193c0de-7a11-7000-8000-0000000000a1", at(3));
    run.project = "apprentice".into();
    run.pipeline = "apprentice_pipeline".into();
    run.status = Status::Failed;
    run.completed_at = Some(at(50));
    run.duration_seconds = 47.0;
    run.failed_stage = Some("discovery".into());
    run.error_summary = Some("lint failed".into());
    run.failed_at = Some(at(41));
    run.tags = [("tier".to_owned(), "2".to_owned())].into();
    run.counts = [("candidates".to_owned(), -12)].into();
    run.value_usd = Some(Usd::from_pico(100));
    run.iterations = Some(8);
    run.warnings = vec!["one call reported no usage".into()];
    let mut record = OperationRecord::new("mcp_tool_call");
    record.stage = Some("discovery".into());
    record.cost_usd = Some(Usd::from_pico(1));
    record.duration_seconds = Some(0.34);
    record.iteration = Some(2);
    record.meta = [("tool".to_owned(), json!("web_search"))].into();
    record.at = Some(at(41));
    let budget = &mut run.budget_summary;
    budget.total = figures();
    budget.limits.usd = Some(Usd::from_pico(5_000_000_000_000));
    budget.limits.tokens = Some(4_000);
    budget.error_events = 2;
    budget.per_agent = [("discovery", stage), ("preparation", StageRow::default())].into_iter().collect();
    budget.by_agent = [("writer", agent)].into_iter().collect();
    budget.per_model = [("anthropic/claude-sonnet-4-5", model)].into_iter().collect();
    budget.by_operation = [("chat", operation)].into_iter().collect();
    budget.gate_verdicts = vec![gate];
    budget.records = vec![record];
    budget.records_dropped = 7;
    budget.calls = Some(vec![call()]);
    budget.calls_left_out = 2;
    run.settle();
    assert_eq!(run.check(), Ok(()));
    run
}

/// A call of which everything is known.
fn call() -> CallRecord {
    let text = |text: &str| Some(text.to_owned());
    let mut call = CallRecord::new(at(4), "chat");
    call.duration_seconds = Some(1.2);
    call.time_to_first_token_seconds = Some(0.3);
    call.stage = text("discovery");
    call.agent = text("writer");
    call.provider = text("anthropic");
    call.model = text("anthropic/claude-sonnet-4-5");
    call.model_requested = text("claude-sonnet-4-5");
    call.model_answered = text("claude-sonnet-4-5-20250929");
    call.tier = text("priority");
    call.response_id = text("msg_01");
    call.conversation = text("session-7");
    call.prompt_name = text("review");
    call.prompt_version = text("3");
    call.attempt = 2;
    call.status = Status::Failed;
    call.error = text("overloaded");
    call.finish_reason = text("stop");
    call.partial = true;
    call.usage = Kind::ALL.iter().fold(Usage::new(), |usage, kind| usage.with(*kind, 7));
    call.cost_usd = Some(Usd::from_pico(1));
    call.price_source = text("reported");
    call
}

fn written(run: &RunSummary) -> Value {
    serde_json::from_str(&run.to_json()).expect("JSON")
}

fn faults(validator: &Validator, document: &Value) -> Vec<String> {
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Returns the schema of the value at each pointer of the document: pointer, key, and the schema of the key
/// with its reference resolved. Names that the user gives (stages, models, tags) are not keys of the document.
fn described(schema: &Value, document: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    walk(schema, schema, document, String::new(), &mut found);
    found
}

fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => {
            root.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference} leads nowhere"))
        }
        None => schema,
    }
}

fn walk(root: &Value, schema: &Value, value: &Value, path: String, found: &mut Vec<(String, Value)>) {
    let schema = resolved(root, schema);
    let below = |name: &str| format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(object) => match schema["properties"].as_object() {
            Some(properties) => {
                for key in properties.keys() {
                    assert!(object.contains_key(key), "{path}/{key} is described and not written");
                }
                for (key, value) in object {
                    let property = properties
                        .get(key)
                        .unwrap_or_else(|| panic!("{path}/{key} is written and not described"));
                    found.push((below(key), property.clone()));
                    walk(root, property, value, below(key), found);
                }
            }
            None => {
                // A stage without a parent and attempts, which the full one needs around it.
                for (name, value) in object.iter().filter(|(name, _)| *name != "preparation") {
                    walk(root, &schema["additionalProperties"], value, below(name), found);
                }
            }
        },
        Value::Array(list) => {
            for (at, value) in list.iter().enumerate() {
                walk(root, &schema["items"], value, format!("{path}/{at}"), found);
            }
        }
        _ => (),
    }
}

fn parent_and_key(pointer: &str) -> (&str, String) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    (parent, key.replace("~1", "/").replace("~0", "~"))
}

#[test]
fn the_schema_is_a_schema() {
    jsonschema::draft202012::meta::validate(&schema()).expect("valid against the draft");
}

#[test]
fn every_document_that_is_shown_in_the_tests_is_valid() {
    let validator = validator();
    let mut seen = 0;
    for entry in fs::read_dir(main_package().join("tests/table")).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        seen += 1;
        let kept = fs::read(&path).expect("a document");
        let run = RunSummary::from_json(&kept).expect("it reads");
        let as_kept: Value = serde_json::from_slice(&kept).expect("JSON");
        assert_eq!(faults(&validator, &as_kept), [""; 0], "{}", path.display());
        assert_eq!(faults(&validator, &written(&run)), [""; 0], "{} as written", path.display());
        assert_eq!(faults(&validator, &written(&run.merge(&run))), [""; 0], "{} merged", path.display());
    }
    assert!(seen >= 6, "{seen} documents");
}

#[test]
fn a_document_with_every_key_set_and_one_with_hardly_any_are_valid() {
    let validator = validator();
    assert_eq!(faults(&validator, &written(&full())), [""; 0]);
    assert_eq!(faults(&validator, &written(&RunSummary::new("0193", at(0)))), [""; 0]);
}

#[test]
fn every_key_that_is_written_is_described_and_every_described_key_is_written() {
    let schema = schema();
    let document = written(&full());
    let described = described(&schema, &document);
    assert!(described.len() > 60, "{} keys", described.len());
    for (pointer, property) in &described {
        let text = property["description"].as_str().unwrap_or_default();
        assert!(text.len() > 5 && text.ends_with(['.', '…']), "{pointer} is described as {text:?}");
        let value = document.pointer(pointer).expect("it was walked");
        assert!(!value.is_null(), "{pointer} is not set in the full document");
        let nullable = property["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
        assert_eq!(
            nullable,
            text.contains("Null"),
            "{pointer}: the description must state when it is null, and only then"
        );
    }
    let used = |name: &str| schema.to_string().contains(&format!("#/$defs/{name}"));
    assert!(
        schema["$defs"].as_object().is_some_and(|all| all.keys().all(|name| used(name))),
        "no dead definitions"
    );
}

/// Keys that documents of the first version do not have. They are valid, and reading them takes the keys for 0 or empty.
const ADDED: [&str; 9] = [
    "partial_calls",
    "error_events",
    "by_agent",
    "name",
    "attempts",
    "attempts_left_out",
    "calls",
    "calls_left_out",
    "units",
];

/// What every call has. All else is absent where it is unknown: a list of a thousand would be twice as long.
const OF_CALLS: [&str; 5] = ["started_at", "operation", "attempt", "status", "usage"];

#[test]
fn every_key_is_required() {
    let validator = validator();
    let document = written(&full());
    for (pointer, _) in described(&schema(), &document) {
        let (parent, key) = parent_and_key(&pointer);
        if ADDED.contains(&key.as_str()) {
            continue;
        }
        let mut broken = document.clone();
        let object = broken.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
        assert!(object.remove(&key).is_some());
        let may_be_missing = parent.contains("/calls/") && !OF_CALLS.contains(&key.as_str());
        assert_eq!(validator.is_valid(&broken), may_be_missing, "{pointer}");
    }
}

#[test]
fn a_value_of_a_wrong_type_is_refused_at_every_key() {
    let validator = validator();
    let document = written(&full());
    let schema = schema();
    for (pointer, property) in described(&schema, &document) {
        let types = resolved(&schema, &property)["type"].clone();
        let allowed =
            |name: &str| types == name || types.as_array().is_some_and(|all| all.contains(&json!(name)));
        for wrong in
            [json!(null), json!(true), json!(-0.5), json!("mistyped"), json!([[]]), json!({"a": [0]})]
        {
            let name = match &wrong {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            };
            // What is of the right type may still be wrong; that is another promise.
            if allowed(name) {
                continue;
            }
            let mut broken = document.clone();
            *broken.pointer_mut(&pointer).expect("a value") = wrong.clone();
            assert!(!validator.is_valid(&broken), "{pointer} may be {wrong}");
        }
    }
}

#[test]
fn values_out_of_range_are_refused() {
    let validator = validator();
    let stage = "/budget_summary/per_agent/discovery";
    for (pointer, wrong) in [
        ("/schema_version".to_owned(), json!(2)),
        ("/run_id".to_owned(), json!(" ")),
        ("/status".to_owned(), json!("paused")),
        ("/started_at".to_owned(), json!("yesterday")),
        ("/completed_at".to_owned(), json!("2026-04-19")),
        ("/error_summary".to_owned(), json!("x".repeat(513))),
        ("/tags/tier".to_owned(), json!(2)),
        ("/counts/candidates".to_owned(), json!(0.5)),
        ("/warnings/0".to_owned(), json!(null)),
        ("/budget_summary/cost_usd".to_owned(), json!(1e26)),
        (format!("{stage}/calls"), json!(-1)),
        (format!("{stage}/started_at"), json!("9 o'clock")),
        (format!("{stage}/share_of_cost"), json!(-0.1)),
        (format!("{stage}/limits/tokens"), json!(-1)),
        (format!("{stage}/per_model/anthropic~1claude-sonnet-4-5/llm_calls"), json!(1.5)),
        ("/budget_summary/gate_verdicts/0/seq".to_owned(), json!(0)),
        ("/efficiency/cost_per_iteration_usd".to_owned(), json!(1e26)),
        ("/budget_summary/records/0/iteration".to_owned(), json!(-1)),
        ("/budget_summary/records/0/at".to_owned(), json!("yesterday")),
        ("/budget_summary/records_dropped".to_owned(), json!(0.5)),
        ("/budget_summary/calls/0/attempt".to_owned(), json!(0)),
        ("/budget_summary/calls/0/status".to_owned(), json!("running")),
        ("/budget_summary/calls/0/usage/input_tokens".to_owned(), json!(-1)),
        ("/budget_summary/calls_left_out".to_owned(), json!(0.5)),
    ] {
        let mut broken = written(&full());
        *broken.pointer_mut(&pointer).expect("a value") = wrong.clone();
        assert!(!validator.is_valid(&broken), "{pointer} may be {wrong}");
    }
}

#[test]
fn keys_of_a_later_version_are_let_through() {
    let validator = validator();
    let mut document = written(&full());
    for pointer in
        ["", "/budget_summary", "/budget_summary/per_agent/discovery", "/budget_summary/gate_verdicts/0"]
    {
        let object = document.pointer_mut(pointer).and_then(Value::as_object_mut).expect("an object");
        object.insert("invented_later".into(), Value::Object(Map::new()));
    }
    assert_eq!(faults(&validator, &document), [""; 0]);
    assert!(RunSummary::from_json(document.to_string()).is_ok());
}
