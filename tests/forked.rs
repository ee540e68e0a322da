//! A fork without `exec` has the layer and none of its threads: it hangs nowhere, and leaves the files of its parent alone.

#![cfg(all(unix, feature = "prices"))]
#![expect(clippy::unwrap_used, reason = "a test may")]

mod journaled;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Command, exit};
use std::time::{Duration, Instant};

use fork::{Fork, fork, waitpid_nohang};
use journaled::Fresh;
use tracing::info_span;
use tracing_budget::journal::JournalBound;
use tracing_budget::sink::{FlushError, Memory};
use tracing_budget::{BudgetGuard, Usage, layer, record_usage};
use tracing_subscriber::prelude::*;

#[test]
fn a_fork_hangs_nowhere_and_writes_nothing_of_its_parents() {
    for bound in ["every record", "in time"] {
        let fresh = Fresh::new();
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "forks", "--ignored", "--nocapture", "--test-threads", "1"])
            .env("FORKED_DIRECTORY", fresh.path())
            .env("FORKED_BOUND", bound)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{bound}: {}\n{}", text(&output.stderr), text(&output.stdout));
    }
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn forks() {
    let directory: PathBuf = env::var_os("FORKED_DIRECTORY").unwrap().into();
    let bound = match env::var("FORKED_BOUND").unwrap().as_str() {
        "every record" => JournalBound::EveryRecord,
        _ => JournalBound::Every(Duration::from_millis(1)),
    };
    let memory = Memory::new();
    let builder = layer().journal(&directory).journal_bound(bound).sink(memory.clone());
    let (budget, guard) = builder.build().unwrap();
    let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(budget));
    let root = info_span!("pipeline").entered();
    record_usage(Usage::new().input(1_000));
    guard.flush().unwrap();
    let text = || Fresh::at(&directory).text();
    let before = text();
    match fork().unwrap() {
        Fork::Child => {
            let ended = catch_unwind(AssertUnwindSafe(|| in_the_fork(guard)));
            // Without the test harness, which has no threads here either.
            exit(if ended.is_ok() { 0 } else { 1 });
        }
        Fork::Parent(child) => {
            // The promise is at once, and a failure takes 30 s.
            let begun = Instant::now();
            let status = loop {
                if let Some(status) = waitpid_nohang(child).unwrap() {
                    break status;
                }
                assert!(begun.elapsed() < Duration::from_secs(20), "the fork hangs");
                std::thread::sleep(Duration::from_millis(10));
            };
            assert_eq!(status, 0, "the assertions in the fork hold");
        }
    }
    assert_eq!(text(), before, "the fork wrote nothing");
    record_usage(Usage::new().input(1));
    drop(root);
    guard.flush().unwrap();
    assert_eq!(memory.take().remove(0).budget_summary.total.tokens_used, Some(1_001));
    drop(guard);
}

fn in_the_fork(guard: BudgetGuard) {
    let handle = guard.handle();
    record_usage(Usage::new().input(10));
    info_span!(parent: None, "own").in_scope(|| record_usage(Usage::new().input(5)));
    assert_eq!(handle.stats().delivery.lost, 1, "counted");
    let error = guard.flush().unwrap_err();
    assert_eq!(error, FlushError::Forked { lost: 1 });
    assert!(error.to_string().contains("is a fork of the one that built the layer"), "{error}");
    assert_eq!(guard.flush(), Err(FlushError::Forked { lost: 0 }), "reported once");
    drop(guard);
}
