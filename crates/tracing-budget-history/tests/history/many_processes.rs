//! Many processes write at once and nothing is lost; one that is killed leaves whole transactions.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tracing_budget::{Status, Usd};
use tracing_budget_history::{Put, Scope, Sqlite, Store};

use crate::fixtures::{MIDNIGHT, TempHistory, costing, run};

const DB: &str = "TRACING_BUDGET_TEST_DB";
const WHO: &str = "TRACING_BUDGET_TEST_WHO";
const RUNS: &str = "TRACING_BUDGET_TEST_RUNS";

const PROCESSES: u64 = 4;
const EACH: u64 = 10_000;
const AT_ONCE: u64 = 100;

/// Not a test by itself: what the processes do that the tests start.
#[test]
fn writer() {
    let Some(db) = std::env::var_os(DB) else { return };
    let who = std::env::var(WHO).unwrap();
    let runs: u64 = std::env::var(RUNS).unwrap().parse().unwrap();
    let store = Sqlite::open(db).unwrap();
    for batch in 0..runs / AT_ONCE {
        let started = MIDNIGHT + batch as i64;
        let runs: Vec<_> = (0..AT_ONCE)
            .map(|n| run(&format!("{who}-{batch:06}-{n:03}"), Status::Completed, started))
            .map(|run| costing(run, "review", 3))
            .collect();
        store.put_all(&runs.iter().map(Put::new).collect::<Vec<_>>()).unwrap();
    }
}

fn start(db: &Path, who: u64, runs: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "many_processes::writer", "--nocapture"])
        .envs([(WHO, who.to_string()), (RUNS, runs.to_string())])
        .env(DB, db)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn number(db: &Path, sql: &str) -> i64 {
    rusqlite::Connection::open(db).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn intact(db: &Path) -> String {
    let connection = rusqlite::Connection::open(db).unwrap();
    connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}

#[test]
fn four_processes_write_at_once_and_none_loses_a_run() {
    let temp = TempHistory::new();
    // No process creates the file first: that is a race too.
    let writers: Vec<Child> = (0..PROCESSES).map(|who| start(&temp.db(), who, EACH)).collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    let all = PROCESSES * EACH;
    assert_eq!(number(&temp.db(), "SELECT count(*) FROM runs") as u64, all);
    assert_eq!(number(&temp.db(), "SELECT count(*) FROM parts") as u64, all);
    let overview = temp.store().summary(&Scope::new()).unwrap();
    assert_eq!((overview.runs, overview.by_status.completed), (all, all));
    assert_eq!(overview.cost_usd, Some(Usd::from_pico(3 * i128::from(all))));
    assert_eq!(temp.store().stages(&Scope::new()).unwrap()[0].runs, all);
    assert_eq!(intact(&temp.db()), "ok");
}

#[test]
fn a_writer_that_is_killed_leaves_whole_transactions() {
    for kill_at in [1, 500, 2_500] {
        let temp = TempHistory::new();
        let store = temp.store();
        let mut writer = start(&temp.db(), 1, 1_000_000);
        let begun = Instant::now();
        while store.summary(&Scope::new()).unwrap().runs < kill_at {
            assert!(begun.elapsed() < Duration::from_secs(120), "the writer writes");
        }
        // SIGKILL on Unix.
        writer.kill().unwrap();
        writer.wait().unwrap();
        drop(store);
        assert_eq!(intact(&temp.db()), "ok");
        let runs = number(&temp.db(), "SELECT count(*) FROM runs") as u64;
        assert!(runs >= kill_at && runs < 1_000_000);
        let torn = "SELECT count(*) FROM (SELECT 1 FROM runs GROUP BY started_ms HAVING count(*) <> 100)";
        assert_eq!(number(&temp.db(), torn), 0, "a transaction is there whole or not at all");
        let overview = temp.store().summary(&Scope::new()).unwrap();
        assert_eq!((overview.runs, overview.cost_usd), (runs, Some(Usd::from_pico(3 * i128::from(runs)))));
        let last = format!("1-{:06}-099", runs / 100 - 1);
        assert_eq!(temp.store().get(&last).unwrap().unwrap().run_id, last);
    }
}
