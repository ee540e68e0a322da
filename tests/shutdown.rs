//! A program that ends by Ctrl-C or SIGTERM leaves the summary of what it has used.
#![cfg(all(unix, feature = "prices"))]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use tracing_budget::{RunSummary, Status};

/// Starts an example, waits for its first line, which must begin so, and ends it by a signal. Returns how it ended, and the rest
/// of what it printed.
fn ended(example: &str, arguments: &[&Path], first: &str, signal: &str) -> (ExitStatus, String) {
    // Cargo builds the examples before it runs tests, and puts them here.
    let tests = env::current_exe().expect("a test has an executable");
    let program = tests.ancestors().nth(2).expect("target/debug").join("examples").join(example);
    assert!(program.is_file(), "not built yet: cargo build --example {example}");

    let mut command = Command::new(&program);
    let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().expect("the example starts");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut ready = String::new();
    output.read_line(&mut ready).expect("a line");
    assert!(ready.starts_with(first), "{ready}");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().expect("kill starts").success());

    let mut shown = String::new();
    output.read_to_string(&mut shown).expect("text");
    (child.wait().expect("an end"), shown)
}

/// A14.
#[test]
fn a_signal_ends_the_run_as_incomplete_with_its_usage() {
    for signal in ["-INT", "-TERM"] {
        let (status, shown) = ended("shutdown", &[], "the first of many calls", signal);
        assert!(status.success(), "{signal}: {shown}");
        assert!(shown.contains("incomplete") && shown.contains("3,000"), "{signal}: {shown}");
    }
}

/// A14.
#[test]
fn a_service_that_sigterm_ends_loses_nothing() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sigterm-{}", std::process::id()));
    let (status, shown) = ended("sigterm", &[&directory], "three requests wait", "-TERM");
    assert_eq!(status.code(), Some(143), "{shown}");

    let read = |entry: std::io::Result<fs::DirEntry>| {
        let text = fs::read(entry.expect("an entry").path()).expect("a file");
        RunSummary::from_json(&text).expect("a whole summary")
    };
    let mut runs: Vec<_> = fs::read_dir(&directory).expect("a directory").map(read).collect();
    fs::remove_dir_all(&directory).expect("it is removed");
    runs.sort_by_key(|run| run.budget_summary.total.llm_calls);
    assert_eq!(runs.len(), 3);
    for (run, request) in runs.iter().zip(1..) {
        run.check().expect("rows add up");
        assert_eq!(run.status, Status::Incomplete);
        // Those that have ended, and what the one under way has reported.
        assert_eq!(run.budget_summary.total.llm_calls, request + 1);
        assert_eq!(run.budget_summary.total.tokens_used, Some(request * 110 + 3_120));
        assert_eq!(run.stages()["search"].figures.tokens_used, Some(request * 110));
        assert!(run.cost_usd().is_some());
    }
}

#[test]
fn the_page_shows_the_example() {
    let example = include_str!("../examples/shutdown.rs");
    let (_, program) = example.split_once("\n\n").expect("a comment, then the program");
    let page = include_str!("../docs/shutdown.md");
    let (_, block) = page.split_once("\n```rust,no_run\n").expect("a program");
    assert_eq!(block.split_once("\n```").expect("an end").0.trim(), program.trim());
}
