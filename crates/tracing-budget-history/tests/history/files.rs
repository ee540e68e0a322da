//! Which files are opened, which are refused, and that what is refused is left as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tracing_budget::{Status, Usd, Verdict};
use tracing_budget_history::{Scope, Sqlite, Store, StoreError};

use crate::fixtures::{MIDNIGHT, TempHistory, costing, gated, run};

/// Every file of a directory with what is in it.
fn everything(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Opening fails so, and nothing in the directory has changed or come to be.
fn refused(temp: &TempHistory, expected: &str) -> StoreError {
    let before = everything(temp.path());
    let error = Sqlite::open(temp.db()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(expected), "{text}");
    assert!(text.contains(&format!("{:?}", temp.db())), "{text}");
    assert!(everything(temp.path()) == before, "{expected}: it was touched");
    error
}

/// A history with runs in it, closed.
fn filled(temp: &TempHistory) {
    let store = temp.store();
    for n in 0..200 {
        store.put(&costing(run(&format!("r{n}"), Status::Completed, MIDNIGHT + n), "review", 5)).unwrap();
    }
}

#[test]
fn a_file_of_another_kind_is_refused() {
    for content in [&b"run_id,cost\na,5\n"[..], &[0x5a; 50_000], b"SQLite format 3\0 but no more of it"] {
        let temp = TempHistory::new();
        fs::write(temp.db(), content).unwrap();
        assert!(matches!(refused(&temp, "is not a run history"), StoreError::Foreign { .. }));
    }
    let temp = TempHistory::new();
    fs::create_dir(temp.db()).unwrap();
    refused(&temp, "is not a run history but a directory");
}

#[test]
fn a_database_of_another_program_is_refused() {
    let temp = TempHistory::new();
    let other = rusqlite::Connection::open(temp.db()).unwrap();
    other.execute_batch("CREATE TABLE runs (id INTEGER); INSERT INTO runs VALUES (1);").unwrap();
    drop(other);
    refused(&temp, "a database of another program");
}

#[test]
fn a_newer_history_is_refused() {
    let temp = TempHistory::new();
    filled(&temp);
    let newer = rusqlite::Connection::open(temp.db()).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let error = refused(&temp, "has schema 99");
    assert!(error.to_string().contains("upgrade tracing-budget"), "{error}");
}

#[test]
fn a_newer_history_is_refused_while_its_version_is_only_in_the_log() {
    let temp = TempHistory::new();
    filled(&temp);
    let newer = rusqlite::Connection::open(temp.db()).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    let error = Sqlite::open(temp.db()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
}

#[test]
fn a_damaged_history_is_refused() {
    type Damage = fn(&mut Vec<u8>);
    let damage: [(&str, Damage); 3] = [
        ("cut short", |bytes| bytes.truncate(bytes.len() / 2)),
        ("all but the header lost", |bytes| bytes[100..].fill(0xff)),
        ("the tables lost", |bytes| bytes[4096..].fill(0)),
    ];
    for (what, damage) in damage {
        let temp = TempHistory::new();
        filled(&temp);
        let mut bytes = fs::read(temp.db()).unwrap();
        damage(&mut bytes);
        fs::write(temp.db(), bytes).unwrap();
        let error = refused(&temp, "is damaged");
        assert!(error.to_string().contains("it was not touched"), "{what}: {error}");
    }
}

#[test]
fn an_older_history_is_brought_to_the_present() {
    let temp = TempHistory::new();
    let summary =
        gated(costing(run("a", Status::Failed, MIDNIGHT), "review", 59_805_000_000), "lint", Verdict::Fail);
    let older = rusqlite::Connection::open(temp.db()).unwrap();
    older.execute_batch(include_str!("../../src/sqlite/schema_v1.sql")).unwrap();
    older
        .execute(
            "INSERT INTO runs VALUES (1, 'a', 'apprentice', 'nightly', 'failed', ?1, ?1, ?1 + 1000, 1.0, 1, 1, 1000,
                 59805000000, 0, 0, 0, 1, 1, NULL, NULL, '{}', 1, NULL, NULL)",
            [MIDNIGHT],
        )
        .unwrap();
    older
        .execute(
            "INSERT INTO parts VALUES (1, 1, 'p', 'failed', ?1, 'nightly', NULL, NULL, ?2, NULL)",
            (MIDNIGHT, summary.to_json()),
        )
        .unwrap();
    older.pragma_update(None, "user_version", 1).unwrap();
    drop(older);

    let store = temp.store();
    assert_eq!(store.get("a").unwrap(), Some(summary));
    let overview = store.summary(&Scope::new()).unwrap();
    assert_eq!((overview.runs, overview.by_status.failed), (1, 1));
    assert_eq!(overview.cost_usd, Some(Usd::from_pico(59_805_000_000)));
    assert_eq!(store.stages(&Scope::new()).unwrap()[0].stage, "review");
    assert_eq!(store.gates(&Scope::new()).unwrap()[0].failed, 1);
    assert_eq!(store.delete(&["a"]).unwrap(), 1);
    assert_eq!(store.summary(&Scope::new()).unwrap().runs, 0);
}

#[test]
fn a_history_that_is_only_to_be_read_is_not_made() {
    let temp = TempHistory::new();
    let error = Sqlite::open_existing(temp.db()).unwrap_err();
    assert!(error.to_string().contains("there is no run history at"), "{error}");
    assert!(!temp.db().exists());
    filled(&temp);
    assert_eq!(Sqlite::open_existing(temp.db()).unwrap().summary(&Scope::new()).unwrap().runs, 200);
}

#[test]
fn directories_above_are_made() {
    let temp = TempHistory::new();
    let path = temp.path().join("a b/ü%23?/runs.db");
    Sqlite::open(&path).unwrap().put(&run("a", Status::Completed, MIDNIGHT)).unwrap();
    assert_eq!(Sqlite::open(&path).unwrap().summary(&Scope::new()).unwrap().runs, 1);
    assert!(path.exists());
}
