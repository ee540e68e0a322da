//! Runs of a killed process are recovered from its journal, once.

use std::path::Path;
use std::process::Command;

use tracing_budget::{Usage, call, journal::JournalBound};
use tracing_subscriber::prelude::*;

use crate::program::Place;

const JOURNAL: &str = "CLI_TEST_JOURNAL";

/// Not a test: what a process does that dies in the middle of a run. It is started by the tests below.
#[test]
#[ignore = "ends its process"]
fn a_process_that_dies() {
    let Some(directory) = std::env::var_os(JOURNAL) else { return };
    let layer = tracing_budget::layer()
        .project("apprentice")
        .journal(directory)
        .journal_bound(JournalBound::EveryRecord);
    let (budget, guard) = layer.build().expect("a layer");
    let _subscriber = tracing_subscriber::registry().with(budget).set_default();
    let _run = tracing::info_span!("nightly").entered();
    let _stage = tracing::info_span!("discovery").entered();
    let spent = call("claude-sonnet-4-5").provider("anthropic").start();
    spent.usage(Usage::new().input(3_000).output(987));
    drop(spent);
    std::mem::forget(guard);
    std::process::exit(9);
}

fn a_process_died(directory: &Path) {
    let this = std::env::current_exe().expect("this program");
    let arguments = ["--exact", "recovering::a_process_that_dies", "--ignored", "--nocapture"];
    let output = Command::new(this).args(arguments).env(JOURNAL, directory).output().expect("it runs");
    assert_eq!(output.status.code(), Some(9), "{output:?}");
}

#[test]
fn a_killed_run_is_in_the_history_as_interrupted_with_what_it_had_spent() {
    let place = Place::empty();
    a_process_died(&place.path("journal"));
    let dry = place.run(&["recover", "journal", "--dry-run"]).ended_with(0);
    assert!(dry.data.contains("1 run found, nothing stored"), "{}", dry.data);
    assert!(!place.db().exists());

    let recovered = place.run(&["recover", "journal", "--format", "json"]).ended_with(0).json();
    assert_eq!(recovered["runs"][0]["status"], "interrupted");
    let run = place.run(&["runs", "show", "last", "--format", "json"]).ended_with(0).json();
    assert_eq!(run["status"], "interrupted");
    assert_eq!(run["budget_summary"]["tokens_used"], 3_987);
    assert_eq!(run["budget_summary"]["cost_usd"], 0.023805);

    let again = place.run(&["recover", "journal"]).ended_with(0);
    assert_eq!(again.data, "0 runs stored\n", "the journal is gone");
    let listed = place.run(&["runs", "list", "--format", "json"]).ended_with(0).json();
    assert_eq!(listed["runs"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_import_reads_journals_and_leaves_them_where_they_are() {
    let place = Place::empty();
    a_process_died(&place.path("journal"));
    assert_eq!(place.run(&["import", "journal"]).ended_with(0).data, "1 new, 0 updated, 0 already there\n");
    assert_eq!(place.run(&["import", "journal"]).ended_with(0).data, "0 new, 0 updated, 1 already there\n");
    let kept = place.run(&["recover", "journal", "--keep"]).ended_with(0);
    assert!(kept.data.ends_with("1 run stored, journals kept\n"), "{}", kept.data);
    let listed = place.run(&["runs", "list", "--format", "json"]).ended_with(0).json();
    assert_eq!(listed["runs"].as_array().map(Vec::len), Some(1), "stored once");
}
