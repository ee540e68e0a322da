//! What is stored is in the file that has the history's name, whatever happens to that file while it is open.
#![cfg(unix)]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use tracing_budget::sink::Sink;
use tracing_budget::{RunSummary, Status};
use tracing_budget_history::{Filter, HistorySink, Page, Scope, Sort, Sqlite, Store, StoreError};

use crate::fixtures::{MIDNIGHT, TempHistory, costing, run};

fn completed(id: &str) -> RunSummary {
    costing(run(id, Status::Completed, MIDNIGHT), "review", 5)
}

fn beside(temp: &TempHistory, ending: &str) -> PathBuf {
    temp.path().join(format!("runs.db{ending}"))
}

/// The runs that a process finds that opens the file now.
fn found(temp: &TempHistory) -> Vec<String> {
    let store = Sqlite::open_existing(temp.db()).unwrap();
    let runs = store.list(&Filter::new(), Sort::default(), &Page::default()).unwrap().runs;
    let mut ids: Vec<String> = runs.into_iter().map(|run| run.run_id).collect();
    ids.sort();
    assert_eq!(store.summary(&Scope::new()).unwrap().runs, ids.len() as u64);
    let raw = rusqlite::Connection::open(temp.db()).unwrap();
    let sound: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    ids
}

fn seen(store: &Sqlite) -> u64 {
    store.summary(&Scope::new()).unwrap().runs
}

#[test]
fn a_removed_history_is_begun_anew() {
    for with_log in [false, true] {
        let temp = TempHistory::new();
        let store = temp.store();
        store.put(&completed("a")).unwrap();
        assert_eq!((seen(&store), store.reopened()), (1, 0));
        fs::remove_file(temp.db()).unwrap();
        if with_log {
            fs::remove_file(beside(&temp, "-wal")).unwrap();
            fs::remove_file(beside(&temp, "-shm")).unwrap();
        }
        let gone = store.summary(&Scope::new()).unwrap_err();
        assert!(matches!(gone, StoreError::Missing { .. }), "{gone}");
        store.put(&completed("b")).unwrap();
        store.put(&completed("c")).unwrap();
        assert_eq!((seen(&store), store.reopened()), (2, 1));
        assert_eq!(found(&temp), ["b", "c"]);
    }
}

#[test]
fn a_history_in_a_directory_that_was_removed_is_begun_anew() {
    let temp = TempHistory::new();
    let path = temp.path().join("inner/runs.db");
    let store = Sqlite::open(&path).unwrap();
    store.put(&completed("a")).unwrap();
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    store.put(&completed("b")).unwrap();
    assert_eq!(seen(&Sqlite::open_existing(&path).unwrap()), 1);
}

#[test]
fn runs_go_into_the_history_that_took_the_place_of_the_open_one() {
    let temp = TempHistory::new();
    let store = temp.store();
    store.put(&completed("a")).unwrap();
    assert_eq!(seen(&store), 1);
    let other = Sqlite::open(temp.path().join("other.db")).unwrap();
    other.put(&completed("old 1")).unwrap();
    other.put(&completed("old 2")).unwrap();
    drop(other);
    fs::rename(temp.path().join("other.db"), temp.db()).unwrap();
    assert_eq!(seen(&store), 2, "a reader sees the new file");
    store.put(&completed("b")).unwrap();
    assert_eq!(store.reopened(), 1);
    assert_eq!(found(&temp), ["b", "old 1", "old 2"]);
}

#[test]
fn a_file_of_another_kind_in_its_place_is_left_alone_and_nothing_is_acknowledged() {
    let temp = TempHistory::new();
    let store = temp.store();
    store.put(&completed("a")).unwrap();
    fs::rename(temp.db(), temp.path().join("moved.db")).unwrap();
    fs::write(temp.db(), "run_id,cost\na,5\n").unwrap();
    for _ in 0..2 {
        let error = store.put(&completed("b")).unwrap_err();
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    }
    assert_eq!(fs::read(temp.db()).unwrap(), b"run_id,cost\na,5\n");
    fs::remove_file(temp.db()).unwrap();
    store.put(&completed("b")).unwrap();
    assert_eq!(found(&temp), ["b"]);
}

#[test]
fn an_emptied_history_is_begun_anew() {
    let temp = TempHistory::new();
    let store = temp.store();
    store.put(&completed("a")).unwrap();
    assert_eq!(seen(&store), 1);
    fs::File::options().write(true).open(temp.db()).unwrap().set_len(0).unwrap();
    let gone = store.summary(&Scope::new()).unwrap_err();
    assert!(matches!(gone, StoreError::Missing { .. }), "{gone}");
    store.put(&completed("b")).unwrap();
    assert_eq!(found(&temp), ["b"]);
}

#[test]
fn a_history_that_was_cut_acknowledges_nothing() {
    let temp = TempHistory::new();
    let store = temp.store();
    for n in 0..50 {
        store.put(&completed(&format!("r{n}"))).unwrap();
    }
    rusqlite::Connection::open(temp.db())
        .unwrap()
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    store.put(&completed("before")).unwrap();
    let half = fs::metadata(temp.db()).unwrap().len() / 8192 * 4096;
    fs::File::options().write(true).open(temp.db()).unwrap().set_len(half).unwrap();
    for _ in 0..2 {
        let error = store.put(&completed("b")).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }
}

#[test]
fn a_log_that_was_removed_costs_no_run() {
    for endings in [&["-wal"][..], &["-shm"], &["-wal", "-shm"]] {
        let temp = TempHistory::new();
        let store = temp.store();
        store.put(&completed("a")).unwrap();
        assert_eq!(seen(&store), 1);
        for ending in endings {
            fs::remove_file(beside(&temp, ending)).unwrap();
        }
        store.put(&completed("b")).unwrap();
        assert_eq!(found(&temp), ["a", "b"], "{endings:?}");
        assert_eq!(seen(&store), 2);
    }
}

#[test]
fn a_newer_schema_is_noticed_by_a_process_that_has_the_file_open() {
    let temp = TempHistory::new();
    let store = temp.store();
    store.put(&completed("a")).unwrap();
    assert_eq!(seen(&store), 1);
    let newer = rusqlite::Connection::open(temp.db()).unwrap();
    newer.execute_batch("PRAGMA user_version = 99").unwrap();
    let before: i64 = newer.query_row("SELECT count(*) FROM runs", [], |row| row.get(0)).unwrap();
    for error in [
        store.put(&completed("b")).unwrap_err(),
        store.delete(&["a"]).unwrap_err(),
        store.summary(&Scope::new()).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
        assert!(error.to_string().contains("upgrade tracing-budget"), "{error}");
    }
    let after: i64 = newer.query_row("SELECT count(*) FROM runs", [], |row| row.get(0)).unwrap();
    assert_eq!((before, after), (1, 1));
}

#[test]
fn a_run_that_the_sink_took_is_stored() {
    let temp = TempHistory::new();
    let other = temp.store();
    let mut sink = HistorySink::new(Arc::new(temp.store()));
    for (n, id) in ["a", "b", "c"].into_iter().enumerate() {
        sink.run_finished(&completed(id)).unwrap();
        assert_eq!(seen(&other), n as u64 + 1, "the answer came before the run was stored");
    }
    // What it cannot store it does not take.
    fs::remove_file(temp.db()).unwrap();
    fs::create_dir(temp.db()).unwrap();
    assert!(sink.run_finished(&completed("d")).is_err());
    fs::remove_dir(temp.db()).unwrap();
    sink.run_finished(&completed("d")).unwrap();
    assert_eq!(found(&temp), ["d"]);
}
