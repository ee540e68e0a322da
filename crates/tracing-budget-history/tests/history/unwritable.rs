//! Reading needs no writing, a full disk can be pruned, and files are private.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tracing_budget::{Status, Usd};
use tracing_budget_history::{Filter, Page, Prune, Scope, Sort, Sqlite, Store, StoreError};

use crate::fixtures::{MIDNIGHT, TempHistory, costing, run};

const RUNS: u64 = 300;

/// A history of many runs, closed, without a log beside it.
fn filled(temp: &TempHistory) {
    let store = temp.store();
    for n in 0..RUNS {
        let run = run(&format!("r{n:03}"), Status::Completed, MIDNIGHT + n as i64);
        store.put(&costing(run, "review", 5)).unwrap();
    }
    drop(store);
    assert!(!beside(temp, "-wal").exists());
}

fn beside(temp: &TempHistory, ending: &str) -> PathBuf {
    temp.path().join(format!("runs.db{ending}"))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn reads_all(store: &Sqlite, runs: u64) {
    let overview = store.summary(&Scope::new()).unwrap();
    assert_eq!((overview.runs, overview.cost_usd), (runs, Some(Usd::from_pico(5 * i128::from(runs)))));
    let page = store.list(&Filter::new(), Sort::default(), &Page::first(10)).unwrap();
    assert_eq!(page.runs.len(), 10);
    assert!(store.get(&page.runs[0].run_id).unwrap().is_some());
    assert!(store.verify().unwrap().is_sound());
}

/// As root too, who may write where the mode forbids it.
#[test]
fn a_history_in_a_directory_without_room_for_other_files_is_read() {
    let temp = TempHistory::new();
    filled(&temp);
    // What SQLite needs to write, and to read as a writer: no process can make it here.
    fs::create_dir(beside(&temp, "-shm")).unwrap();
    let before = fs::read(temp.db()).unwrap();
    let store = Sqlite::open_existing(temp.db()).unwrap();
    reads_all(&store, RUNS);
    let refused = store.put(&run("new", Status::Completed, MIDNIGHT)).unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused}");
    assert!(refused.to_string().contains("can be read and not written"), "{refused}");
    drop(store);
    let refused = Sqlite::open(temp.db()).map(|store| store.put(&run("new", Status::Completed, MIDNIGHT)));
    assert!(!matches!(refused, Ok(Ok(_))), "who wants to write is refused");
    assert!(fs::read(temp.db()).unwrap() == before);
}

#[test]
fn a_history_that_was_left_with_its_log_is_read_whole_without_writing() {
    let temp = TempHistory::new();
    let copy = temp.path().join("copy.db");
    let store = temp.store();
    for n in 0..RUNS {
        let run = run(&format!("r{n:03}"), Status::Completed, MIDNIGHT + n as i64);
        store.put(&costing(run, "review", 5)).unwrap();
    }
    // As after a kill: the newest runs are in the log.
    fs::copy(temp.db(), &copy).unwrap();
    fs::copy(beside(&temp, "-wal"), temp.path().join("copy.db-wal")).unwrap();
    fs::create_dir(temp.path().join("copy.db-shm")).unwrap();
    let log = fs::read(temp.path().join("copy.db-wal")).unwrap();
    let copied = Sqlite::open_existing(&copy).unwrap();
    reads_all(&copied, RUNS);
    drop(copied);
    assert!(fs::read(temp.path().join("copy.db-wal")).unwrap() == log, "the log was not touched");
}

#[test]
fn a_history_with_the_modes_of_a_read_only_one_is_read() {
    let temp = TempHistory::new();
    filled(&temp);
    set_mode(&temp.db(), 0o444);
    set_mode(temp.path(), 0o555);
    let is_root = fs::File::options().write(true).open(temp.db()).is_ok();
    let store = Sqlite::open_existing(temp.db()).unwrap();
    reads_all(&store, RUNS);
    // Root writes whatever the mode.
    if !is_root {
        let refused = store.put(&run("new", Status::Completed, MIDNIGHT)).unwrap_err();
        assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused}");
        let refused = store.prune(&Prune::keep_last(1)).unwrap_err();
        assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused}");
    }
    set_mode(temp.path(), 0o755);
}

#[test]
fn what_is_created_is_private() {
    let temp = TempHistory::new();
    let path = temp.path().join("made/inner/runs.db");
    let store = Sqlite::open(&path).unwrap();
    store.put(&run("a", Status::Completed, MIDNIGHT)).unwrap();
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.clone().into_os_string();
        name.push(ending);
        assert_eq!(mode(Path::new(&name)), 0o600, "{name:?}");
    }
    assert_eq!((mode(path.parent().unwrap()), mode(&temp.path().join("made"))), (0o700, 0o700));
    assert!(!store.is_readable_by_others());
    set_mode(&path, 0o644);
    assert!(store.is_readable_by_others());
    assert_eq!(mode(&path), 0o644, "what the user set is left");
}

#[test]
fn a_file_of_no_byte_is_no_history_to_read_and_becomes_one_to_write() {
    let temp = TempHistory::new();
    fs::write(temp.db(), "").unwrap();
    let missing = Sqlite::open_existing(temp.db()).unwrap_err();
    assert!(matches!(missing, StoreError::Missing { .. }), "{missing}");
    assert_eq!(fs::metadata(temp.db()).unwrap().len(), 0, "it was not touched");
    temp.store().put(&run("a", Status::Completed, MIDNIGHT)).unwrap();
    assert_eq!(Sqlite::open_existing(temp.db()).unwrap().summary(&Scope::new()).unwrap().runs, 1);
}
