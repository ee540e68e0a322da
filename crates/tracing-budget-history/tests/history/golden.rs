//! Histories that the version before wrote are read: the same documents, and the same sums to the last digit.
//!
//! `history-v2.db` is a file of that version: runs of every kind, one of two parts, one repriced, one whose cost JSON
//! cannot hold exactly. `history-v1.sql` has the same rows under the schema before. `history.json` has that version's
//! own answers. None of them is ever written again: a new schema gets a new file.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing_budget::{RunSummary, Usd};
use tracing_budget_history::health::HealthQuery;
use tracing_budget_history::stats::{GateStats, ModelStats, Overview, StageStats};
use tracing_budget_history::{Filter, Page, RunPage, Scope, Sort, Store, resolve_run_id};

use crate::made_up::Place;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn expected<T: DeserializeOwned>(answers: &Value, key: &str) -> T {
    serde_json::from_value(answers[key].clone()).unwrap_or_else(|error| panic!("{key}: {error}"))
}

fn answers_as_the_version_before(place: &Place) {
    let answers: Value = serde_json::from_str(&fs::read_to_string(golden("history.json")).unwrap()).unwrap();
    let (store, all) = (place.store(), Scope::new());
    let documents: Vec<RunSummary> = expected(&answers, "documents");
    assert_eq!(documents.len(), 8);
    for document in documents {
        assert_eq!(store.get(&document.run_id).unwrap(), Some(document));
    }
    let page = store.list(&Filter::new(), Sort::default(), &Page::default()).unwrap();
    assert_eq!(page, expected::<RunPage>(&answers, "list"));
    assert_eq!(store.summary(&all).unwrap(), expected::<Overview>(&answers, "summary"));
    assert_eq!(store.stages(&all).unwrap(), expected::<Vec<StageStats>>(&answers, "stages"));
    assert_eq!(store.models(&all).unwrap(), expected::<Vec<ModelStats>>(&answers, "models"));
    assert_eq!(store.gates(&all).unwrap(), expected::<Vec<GateStats>>(&answers, "gates"));
    let health = store.health(&HealthQuery::new(all)).unwrap();
    assert_eq!(serde_json::to_value(health).unwrap(), answers["health"]);

    // The amount that JSON rounds is whole.
    let large = store.get(&resolve_run_id(&store, "0193c0de-0005").unwrap()).unwrap().unwrap();
    assert!(large.budget_summary.total.cost_usd > "9000".parse::<Usd>().ok());
    // The sums follow a change: nothing is left of a history whose runs are deleted.
    let ids: Vec<&str> = page.runs.iter().map(|run| run.run_id.as_str()).collect();
    assert_eq!(store.delete(&ids).unwrap(), 8);
    assert_eq!(store.stages(&Scope::new()).unwrap(), []);
    assert_eq!(store.summary(&Scope::new()).unwrap().cost_usd, Some(Usd::ZERO));
}

#[test]
fn a_history_of_schema_2_is_read() {
    let place = Place::new();
    fs::copy(golden("history-v2.db"), place.db()).unwrap();
    answers_as_the_version_before(&place);
}

#[test]
fn a_history_of_schema_1_is_read_and_its_sums_are_made() {
    let place = Place::new();
    let older = rusqlite::Connection::open(place.db()).unwrap();
    older.execute_batch(&fs::read_to_string(golden("history-v1.sql")).unwrap()).unwrap();
    drop(older);
    answers_as_the_version_before(&place);
}
