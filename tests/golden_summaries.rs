//! Summaries that an earlier version of this crate wrote are read, and lose nothing.
//!
//! The documents in `tests/golden/summaries` were written by the library before the crate was split into a workspace. They
//! are never regenerated: a change that cannot read them needs a new `schema_version`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tracing_budget::{RunSummary, Status};

/// Every document with its file name.
fn documents() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/summaries");
    let mut documents: Vec<_> = fs::read_dir(directory)
        .expect("the directory exists")
        .map(|entry| {
            let path = entry.expect("the entry is readable").path();
            let name = path.file_stem().expect("a file name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("the document is readable"))
        })
        .collect();
    documents.sort();
    documents
}

fn read(name: &str) -> RunSummary {
    let (_, text) = documents().into_iter().find(|(file, _)| file == name).expect("the document exists");
    RunSummary::from_json(text).expect("the document is read")
}

#[test]
fn every_document_is_read_checks_and_is_written_as_it_was() {
    let documents = documents();
    assert_eq!(documents.len(), 9);
    for (name, text) in documents {
        let run = RunSummary::from_json(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(run.check(), Ok(()), "{name}");
        // As text: the order of keys and rows is part of what people read.
        assert_eq!(without_new_keys(&run), text.trim_end(), "{name}");
    }
}

/// The document without the keys that it did not have when the golden ones were written. Their values are 0 or empty.
fn without_new_keys(run: &RunSummary) -> String {
    let text = serde_json::to_string_pretty(run).expect("text");
    let is_new = |line: &str| {
        [r#""partial_calls": 0,"#, r#""error_events": 0,"#, r#""by_agent": {},"#].contains(&line.trim())
    };
    text.lines().filter(|line| !is_new(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_documents_have_every_key_and_the_statuses_of_a_run() {
    let mut keys = BTreeSet::new();
    let mut statuses = BTreeSet::new();
    for (_, text) in documents() {
        let document: Value = serde_json::from_str(&text).expect("JSON");
        filled_keys(&document, &mut keys);
        statuses.insert(document["status"].as_str().expect("a status").to_owned());
    }
    for key in [
        "tags",
        "counts",
        "value_usd",
        "iterations",
        "roi",
        "warnings",
        "failed_stage",
        "error_summary",
        "failed_at",
        "parent",
        "limits",
        "usd_remaining",
        "tokens_remaining",
        "per_agent",
        "per_model",
        "by_operation",
        "gate_verdicts",
        "records",
        "diagnostics",
        "meta",
        "share_of_cost",
    ] {
        assert!(keys.contains(key), "no document has a value for {key}");
    }
    assert_eq!(
        statuses.into_iter().collect::<Vec<_>>(),
        ["completed", "failed", "incomplete", "interrupted", "running"]
    );
}

/// Collects the keys with a value that is neither null nor empty.
fn filled_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let is_empty = value.is_null()
                    || value.as_array().is_some_and(Vec::is_empty)
                    || value.as_object().is_some_and(serde_json::Map::is_empty);
                if !is_empty {
                    keys.insert(key.clone());
                }
                filled_keys(value, keys);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| filled_keys(value, keys)),
        _ => {}
    }
}

#[test]
fn what_was_unknown_is_still_unknown() {
    let run = read("unknown");
    assert!(run.budget_summary.total.unpriced_calls > 0);
    assert!(run.budget_summary.total.calls_without_usage > 0);
    assert_eq!(run.budget_summary.per_model["in-house/house-model-1"].figures.cost_usd, None);
    assert_eq!(read("running").status, Status::Running);
    assert_eq!(read("running").completed_at, None);
}

#[test]
fn old_documents_merge_as_they_did() {
    let merged = read("failed").merge(&read("unknown")).merge(&read("records"));
    assert_eq!(merged, read("merged"));
}
