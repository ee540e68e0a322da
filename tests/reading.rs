//! A summary reads back as it was written; whatever else is given is refused with the key at fault, never with a
//! panic.

use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use tracing_budget::{
    RunSummary, Status,
    summary::{ReadError, SCHEMA_VERSION},
};

const DOCUMENTS: [&str; 7] = ["completed", "failed", "unknown", "empty", "large", "names", "running"];

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/table").join(name).with_extension("json");
    fs::read_to_string(path).expect("the document is there")
}

fn smallest() -> Value {
    json!({"schema_version": 1, "run_id": "0193", "status": "running", "started_at": "2026-04-19T09:12:03Z"})
}

/// Returns the error of the smallest document with one key replaced, or taken away with `None`.
fn error_of(key: &str, value: Option<Value>) -> String {
    let mut document = smallest();
    let object = document.as_object_mut().expect("an object");
    match value {
        Some(value) => object.insert(key.to_owned(), value),
        None => object.remove(key),
    };
    match RunSummary::from_json(document.to_string()) {
        Ok(run) => panic!("{key} was accepted: {run:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_written_reads_back() {
    for name in DOCUMENTS {
        let run = RunSummary::from_json(document(name)).expect(name);
        let json = run.to_json();
        assert!(json.ends_with("}\n"));
        assert_eq!(RunSummary::from_json(&json).as_ref(), Ok(&run), "{name}");
        assert_eq!(
            RunSummary::from_json(json.as_bytes()).map(|run| run.to_json()),
            Ok(json),
            "order too: {name}"
        );
    }
}

#[test]
fn optional_keys_may_be_missing_and_unknown_ones_present() {
    let mut document = smallest();
    document["invented_later"] = json!({"a": [1, 2]});
    document["budget_summary"] = json!({"per_agent": {"review": {"calls": 2, "invented_later": true}}});
    let run = RunSummary::from_json(document.to_string()).expect("it is readable");
    assert_eq!((run.status, run.project.as_str(), run.completed_at), (Status::Running, "", None));
    let review = &run.budget_summary.per_agent["review"];
    assert_eq!((review.calls, review.figures.tokens_used), (2, Some(0)));
}

#[test]
fn a_newer_document_is_refused_whatever_else_is_in_it() {
    let newer = json!({"schema_version": SCHEMA_VERSION + 1, "status": {"now": "an object"}});
    let error = RunSummary::from_json(newer.to_string()).expect_err("it is newer");
    assert_eq!(error, ReadError::Newer { found: 2, supported: 1 });
    assert!(error.to_string().starts_with("schema_version is 2, expected at most 1"), "{error}");
}

#[test]
fn the_key_at_fault_is_named_with_what_was_expected() {
    for (key, value, expected) in [
        ("schema_version", None, "schema_version is missing, expected a whole number from 1"),
        ("schema_version", Some(json!(0)), "schema_version is 0, expected a whole number from 1"),
        ("schema_version", Some(json!("1")), r#"schema_version is "1", expected a whole number from 1"#),
        ("run_id", None, "run_id is missing, expected a text that is not empty"),
        ("run_id", Some(json!("  ")), r#"run_id is "  ", expected a text that is not empty"#),
        ("status", None, "status is missing, expected one of running, completed,"),
        ("status", Some(json!("paused")), r#"status is "paused", expected one of running"#),
        ("started_at", Some(json!("yesterday")), r#"started_at is "yesterday", expected an RFC 3339 time"#),
        ("tags", Some(json!({"tier": 2})), "tags.tier is 2, expected a text"),
        ("counts", Some(json!({"n": 0.5})), "counts.n is 0.5, expected a whole number"),
        (
            "budget_summary",
            Some(json!({"per_agent": {"review": {"calls": "many"}}})),
            r#"budget_summary.per_agent.review.calls is "many", expected a whole number from 0"#,
        ),
        (
            "budget_summary",
            Some(json!({"per_agent": {"review": {"per_model": {"gpt": {"cost_usd": "free"}}}}})),
            r#"budget_summary.per_agent.review.per_model.gpt.cost_usd is "free", expected a number of USD"#,
        ),
        (
            "budget_summary",
            Some(json!({"cost_usd": 1e26})),
            "budget_summary.cost_usd is 1e+26, expected a number of USD below 1e26, or null",
        ),
        (
            "budget_summary",
            Some(json!({"gate_verdicts": [{"seq": 1, "gate_name": "lint"}]})),
            "budget_summary.gate_verdicts[0].verdict is missing, expected a text",
        ),
    ] {
        let text = error_of(key, value);
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn what_is_no_object_and_what_is_no_json_is_refused() {
    for text in ["[]", "null", "17", "\"run\""] {
        let error = RunSummary::from_json(text).expect_err(text).to_string();
        assert!(error.contains("the document is") && error.contains("expected an object"), "{text}: {error}");
    }
    for text in ["", "{", "{\"run_id\": }", "nonsense", "{} {}"] {
        let error = RunSummary::from_json(text).expect_err(text);
        assert!(matches!(error, ReadError::Syntax { .. }), "{text}: {error}");
    }
    let cut = &document("completed")[..500];
    assert!(matches!(RunSummary::from_json(cut), Err(ReadError::Syntax { line: 15.., .. })));
    let twice = smallest().to_string().replacen('{', r#"{"run_id": "0192", "#, 1);
    let error = RunSummary::from_json(twice).expect_err("a key occurs twice");
    assert!(error.to_string().contains("run_id"), "{error}");
}

#[test]
fn a_wrong_value_anywhere_is_refused_by_its_own_name() {
    let sound: Value = serde_json::from_str(&document("failed")).expect("JSON");
    let mut paths = Vec::new();
    leaves(&sound, String::new(), &mut paths);
    assert!(paths.len() > 100);
    for path in paths.iter().filter(|path| !path.contains("/diagnostics/")) {
        let mut broken = sound.clone();
        *broken.pointer_mut(path).expect("a leaf") = json!([[]]);
        let error = RunSummary::from_json(broken.to_string()).expect_err(path);
        let last = path.rsplit('/').find(|key| key.parse::<usize>().is_err()).expect("a key");
        assert!(error.to_string().contains(last), "{path}: {error}");
        assert!(!matches!(error, ReadError::Malformed { .. }), "{path}: {error}");
    }
}

/// Pointers to every value that holds no others.
fn leaves(value: &Value, path: String, found: &mut Vec<String>) {
    let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(object) if !object.is_empty() => {
            object.iter().for_each(|(key, value)| leaves(value, format!("{path}/{}", escape(key)), found));
        }
        Value::Array(list) if !list.is_empty() => {
            list.iter().enumerate().for_each(|(at, value)| leaves(value, format!("{path}/{at}"), found));
        }
        _ => found.push(path),
    }
}

/// An accepted document can be shown, checked, merged and written. A refused one has an error.
fn survives(json: &[u8]) {
    match RunSummary::from_json(json) {
        Ok(run) => {
            assert!(!run.to_string().is_empty());
            let _ = run.check();
            let _ = run.merge(&run).to_string();
            assert_eq!(RunSummary::from_json(run.to_json()).map(|run| run.run_id), Ok(run.run_id));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop_oneof![Just(u64::MAX), Just(0)].prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![Just(1e15), Just(1e26), Just(-1e300), Just(9.99e14), Just(5e-324)].prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop_oneof![Just("9999-12-30T22:00:00Z"), Just("-009999-01-02T01:59:59Z")].prop_map(Value::from),
        Just(json!({})),
        Just(json!([{}])),
    ]
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        survives(&bytes);
    }

    #[test]
    fn a_document_with_bytes_cut_out_and_put_in(
        name in proptest::sample::select(vec!["failed", "unknown", "names"]),
        wounds in vec((any::<prop::sample::Index>(), 0..40_usize, vec(any::<u8>(), 0..4)), 1..4),
    ) {
        let mut bytes = document(name).into_bytes();
        for (at, length, put) in wounds {
            let at = at.index(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, put);
        }
        survives(&bytes);
    }

    #[test]
    fn a_document_with_values_exchanged(
        name in proptest::sample::select(vec!["failed", "unknown", "names"]),
        exchanges in vec((any::<prop::sample::Index>(), odd_value()), 1..4),
    ) {
        let mut document: Value = serde_json::from_str(&document(name)).expect("JSON");
        for (at, value) in exchanges {
            let mut paths = Vec::new();
            leaves(&document, String::new(), &mut paths);
            *document.pointer_mut(&paths[at.index(paths.len())]).expect("a leaf") = value;
        }
        survives(document.to_string().as_bytes());
    }
}
