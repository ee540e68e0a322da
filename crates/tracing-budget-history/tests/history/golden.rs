//! Histories that the version before wrote are read: the same documents, and the same sums to the last digit.
//!
//! `history-v2.db` is a file of that version: runs of every kind, one of two parts, one repriced, one of a cost that
//! JSON cannot hold exactly. `history-v1.sql` has the same rows under the schema before. `history.json` has that
//! version's own answers. None of them is ever written again: a new schema gets a new file.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use tracing_budget::{RunSummary, Usd};
use tracing_budget_history::health::HealthQuery;
use tracing_budget_history::{Filter, Page, Scope, Sort, Store};

use crate::fixtures::TempHistory;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Compared as JSON, as the version before wrote its answers: it rounds amounts above 8,192 USD in the last digits.
fn same(answers: &Value, key: &str, answer: &impl Serialize) {
    let mut answer = serde_json::to_value(answer).unwrap();
    forget_new_keys(&mut answer, &answers[key]);
    assert_eq!(answer, answers[key], "{key}");
}

/// Removes the keys that the version before did not have.
fn forget_new_keys(answer: &mut Value, before: &Value) {
    match (answer, before) {
        (Value::Object(answer), Value::Object(before)) => {
            answer.retain(|key, _| before.contains_key(key));
            answer.iter_mut().for_each(|(key, value)| forget_new_keys(value, &before[key]));
        }
        (Value::Array(answer), Value::Array(before)) => {
            answer.iter_mut().zip(before).for_each(|(one, two)| forget_new_keys(one, two));
        }
        _ => {}
    }
}

fn answers_as_the_version_before(temp: &TempHistory) {
    let answers: Value = serde_json::from_str(&fs::read_to_string(golden("history.json")).unwrap()).unwrap();
    let (store, all) = (temp.store(), Scope::new());
    let documents: Vec<RunSummary> = serde_json::from_value(answers["documents"].clone()).unwrap();
    assert_eq!(documents.len(), 8);
    for document in documents {
        assert_eq!(store.get(&document.run_id).unwrap(), Some(document));
    }
    let page = store.list(&Filter::new(), Sort::default(), &Page::default()).unwrap();
    same(&answers, "list", &page);
    let overview = store.summary(&all).unwrap();
    same(&answers, "summary", &overview);
    // What JSON rounds is exact in the store.
    assert_eq!(overview.cost_usd, "9000.931777589011".parse().ok());
    same(&answers, "stages", &store.stages(&all).unwrap());
    same(&answers, "models", &store.models(&all).unwrap());
    same(&answers, "gates", &store.gates(&all).unwrap());
    same(&answers, "pipelines", &store.health(&HealthQuery::new(all)).unwrap().pipelines);

    let ids: Vec<&str> = page.runs.iter().map(|run| run.run_id.as_str()).collect();
    assert_eq!(store.delete(&ids).unwrap(), 8);
    let nothing = store.summary(&Scope::new()).unwrap();
    assert_eq!((nothing.runs, nothing.cost_usd), (0, Some(Usd::ZERO)), "the sums follow a deletion");
    assert_eq!(store.stages(&Scope::new()).unwrap(), []);
}

#[test]
fn a_history_of_schema_2_is_read() {
    let temp = TempHistory::new();
    fs::copy(golden("history-v2.db"), temp.db()).unwrap();
    answers_as_the_version_before(&temp);
}

#[test]
fn a_history_of_schema_1_is_read_and_its_sums_are_made() {
    let temp = TempHistory::new();
    let older = rusqlite::Connection::open(temp.db()).unwrap();
    older.execute_batch(&fs::read_to_string(golden("history-v1.sql")).unwrap()).unwrap();
    drop(older);
    answers_as_the_version_before(&temp);
}
