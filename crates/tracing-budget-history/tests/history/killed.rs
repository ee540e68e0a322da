//! A run of a killed process is there once: what its journal has takes the place of its last picture.
//!
//! The child is this test program itself.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tracing::{info, info_span};
use tracing_budget::journal::{JournalBound, recover};
use tracing_budget::{Builder, Status};
use tracing_budget_history::{HistorySink, Put, RunRow, Scope, Sqlite, Store};
use tracing_subscriber::{Registry, prelude::*};

use crate::fixtures::TempHistory;
use crate::in_flight::wait_for;

const DIRECTORY: &str = "TRACING_BUDGET_TEST_DIRECTORY";

fn layer(directory: &Path) -> Builder {
    let sink = HistorySink::open(directory.join("runs.db")).unwrap().refresh(Duration::from_millis(20));
    tracing_budget::layer()
        .usage_events([module_path!()])
        .journal(directory.join("journal"))
        // Only what is waited for is in the file, so that the kill comes at a known moment.
        .journal_bound(JournalBound::Every(Duration::from_secs(3_600)))
        .sink(sink)
}

/// Not a test by itself: the process that is killed, with three runs in flight, of which two share their id, and one that ended.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let (budget, guard) = layer(directory.as_ref()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let in_flight = [
            info_span!(parent: None, "pipeline", run_id = "alone"),
            info_span!(parent: None, "pipeline", run_id = "twin"),
            info_span!(parent: None, "pipeline", run_id = "twin"),
        ];
        for root in &in_flight {
            root.in_scope(|| info!(model = "m", input_tokens = 7_000, output_tokens = 0));
        }
        info_span!("pipeline", run_id = "ended").in_scope(|| {
            info!(model = "m", input_tokens = 7_000, output_tokens = 0);
            guard.flush().unwrap();
            info!(model = "m", input_tokens = 3_000, output_tokens = 0);
        });
        // Until it is killed, or its parent is.
        let _ = std::io::stdin().read(&mut [0]);
    });
}

fn shown(row: Option<RunRow>) -> Option<(Status, Option<u64>, u64)> {
    row.map(|row| (row.status, row.tokens_used, row.parts))
}

fn after_a_kill(recovers: impl FnOnce(&Path, &Sqlite)) {
    let temp = TempHistory::new();
    let store = temp.store();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child", "--nocapture"])
        .env(DIRECTORY, temp.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let row = |id: &str| shown(store.row(id).unwrap());
    wait_for("the run that ended", || row("ended") == Some((Status::Completed, Some(10_000), 1)));
    wait_for("the run in flight", || row("alone") == Some((Status::Running, Some(7_000), 1)));
    wait_for("its twins", || row("twin") == Some((Status::Running, Some(14_000), 2)));
    child.kill().unwrap();
    child.wait().unwrap();
    recovers(temp.path(), &store);
    assert_eq!(row("ended"), Some((Status::Completed, Some(10_000), 1)));
    assert_eq!(row("alone"), Some((Status::Interrupted, Some(7_000), 1)));
    assert_eq!(row("twin"), Some((Status::Interrupted, Some(14_000), 2)));
    assert_eq!(store.summary(&Scope::new()).unwrap().tokens_used, Some(31_000));
}

#[test]
fn the_next_process_delivers_the_parts_of_the_one_that_was_killed() {
    after_a_kill(|directory, _| {
        let (_, guard) = layer(directory).build::<Registry>().unwrap();
        guard.flush().unwrap();
    });
}

#[test]
fn runs_that_are_recovered_by_hand_are_the_parts_of_the_process_that_was_killed() {
    after_a_kill(|directory, store| {
        let found = recover(directory.join("journal")).unwrap();
        // Twice, as after a failure between the store and the journal.
        for _ in 0..2 {
            store.put_all(&found.runs().map(Put::new).collect::<Vec<_>>()).unwrap();
        }
    });
}
