//! A full disk, an unwritable directory, a panicking sink: the pipeline finishes, the loss is counted, printed once and in the
//! audit, and the other sinks have every run.
//!
//! Nothing here depends on permissions, which do not apply to root. The full disk is `/dev/full` or a limit on the size of
//! files, and the unwritable directory is one below a file.

#![cfg(all(feature = "prices", target_os = "linux"))]
#![expect(clippy::unwrap_used, reason = "a test may")]

mod journaled;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use journaled::Fresh;
use tracing::{info, info_span};
use tracing_budget::sink::{Delivery, JsonDir, JsonLines, Memory, OpenError};
use tracing_budget::{
    BudgetGuard, BuildError, Builder, Handle, PriceBook, RunSummary, Status, audit::Discrepancy,
    journal::JournalBound, layer, price::Rates,
};
use tracing_subscriber::prelude::*;

const RUNS: usize = 3;

fn builder() -> Builder {
    let rates = Rates::per_million().input("1");
    let book = PriceBook::builder().prices_json("[]").price("m", rates).build().unwrap();
    layer().usage_events([module_path!()]).prices(book).delivery(Delivery::new().retries([]))
}

fn one_run(calls: usize) {
    info_span!("pipeline").in_scope(|| {
        let _stage = info_span!("stage", stage = "stage").entered();
        (0..calls).for_each(|_| info!(model = "m", input_tokens = 1));
    });
}

/// One of the ignored tests below, in a process of its own.
fn process(test: &str, directory: &Path) -> Command {
    let mut command = Command::new("sh");
    // Files of at most 16 KiB: beyond that `write` fails, because the signal is ignored. The limit can be raised later.
    let limited = "ulimit -S -f 32; trap '' XFSZ; exec \"$@\"";
    command.args(["-c", limited, "sh"]).arg(env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads", "1"]);
    command
        .env("BAD_DISK_DIRECTORY", directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn directory() -> PathBuf {
    env::var_os("BAD_DISK_DIRECTORY").unwrap().into()
}

/// Runs a test in a process of its own, and returns its stderr.
fn stderr_of(test: &str) -> String {
    let fresh = Fresh::new();
    fs::create_dir_all(fresh.path()).unwrap();
    let output = process(test, fresh.path()).stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}\n{}", String::from_utf8_lossy(&output.stdout));
    stderr
}

fn lines<'a>(stderr: &'a str, with: &str) -> Vec<&'a str> {
    stderr.lines().filter(|line| line.starts_with("tracing-budget: ") && line.contains(with)).collect()
}

/// Three runs under a builder with a sink that fails beside one that does not; the audit names the first and its reason.
fn a_failing_sink(builder: Builder, meanwhile: impl FnOnce(), reason: &str) {
    let memory = Memory::new();
    let (budget, guard) = builder.sink(memory.clone()).build().unwrap();
    meanwhile();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        (0..RUNS).for_each(|_| one_run(1));
    });
    let error = guard.flush().unwrap_err().to_string();
    assert!(error.contains("lost 3 runs") && error.contains(reason), "{error}");
    assert_eq!(memory.take().len(), RUNS, "the other sink has everything");
    let failed: Vec<_> = guard.handle().stats().delivery.sinks.iter().map(|sink| sink.failed).collect();
    assert_eq!(failed.iter().sum::<u64>(), RUNS as u64);
    let audit = guard.handle().audit();
    let [Discrepancy::SinkFailed { runs: 3, reason: reported, .. }] = audit.discrepancies.as_slice() else {
        panic!("{audit}")
    };
    assert!(reported.contains(reason), "{reported}");
    assert!(guard.flush().is_ok(), "reported once");
}

#[test]
fn a_full_disk() {
    let stderr = stderr_of("on_a_full_disk");
    assert_eq!(lines(&stderr, "sink JsonLines lost run").len(), 1, "{stderr}");
    assert_eq!(lines(&stderr, "No space left on device").len(), 1, "{stderr}");
    assert_eq!(lines(&stderr, "sink JsonLines lost 3 runs in all").len(), 1, "{stderr}");
}

#[test]
#[ignore = "run by the test above"]
fn on_a_full_disk() {
    a_failing_sink(builder().sink(JsonLines::new("/dev/full").unwrap()), || (), "No space left on device");
}

#[test]
fn a_directory_that_cannot_be_written() {
    let stderr = stderr_of("in_a_directory_that_cannot_be_written");
    assert_eq!(lines(&stderr, "sink JsonDir lost run").len(), 1, "{stderr}");
}

#[test]
#[ignore = "run by the test above"]
fn in_a_directory_that_cannot_be_written() {
    let path = directory().join("runs");
    let files = JsonDir::new(&path).unwrap();
    // From here on the directory cannot be created again either.
    let replaced = || {
        fs::remove_dir_all(&path).unwrap();
        fs::write(&path, "a file").unwrap();
    };
    a_failing_sink(builder().sink(files), replaced, "Not a directory");
}

#[test]
fn a_sink_that_panics() {
    let stderr = stderr_of("with_a_sink_that_panics");
    assert_eq!(lines(&stderr, "lost run").len(), 1, "{stderr}");
    assert_eq!(lines(&stderr, "it panicked: on purpose").len(), 1, "{stderr}");
}

#[test]
#[ignore = "run by the test above"]
fn with_a_sink_that_panics() {
    let sink = |_: &RunSummary| panic!("on purpose");
    a_failing_sink(builder().sink(sink), || (), "it panicked: on purpose");
}

#[test]
fn a_journal_that_cannot_be_created_is_an_error_of_the_builder() {
    let fresh = Fresh::new();
    fs::create_dir_all(fresh.path()).unwrap();
    let file = fresh.path().join("file");
    fs::write(&file, "").unwrap();
    let error = builder().journal(file.join("below")).build::<tracing_subscriber::Registry>().map(drop);
    let error = error.unwrap_err();
    assert!(matches!(error, BuildError::Sink(OpenError::CreateDirectory { .. })), "{error}");
    assert!(error.to_string().contains("file/below"), "{error}");
    // The file system below /proc takes no file, not even from root.
    let error = builder().journal("/proc/self/fd").build::<tracing_subscriber::Registry>().map(drop);
    let error = error.unwrap_err();
    assert!(matches!(error, BuildError::Sink(OpenError::WriteDirectory { .. })), "{error}");
    let (layer, guard) =
        builder().journal(file.join("below")).build_or_disabled::<tracing_subscriber::Registry>();
    assert!(guard.handle().why_disabled().unwrap().contains("file/below"));
    drop(layer);
}

fn journal_of(handle: &Handle) -> tracing_budget::journal::JournalStats {
    handle.stats().journal.unwrap()
}

/// Fills the journal's file until it takes no more.
fn fill(guard: &BudgetGuard) {
    let handle = guard.handle();
    while !journal_of(&handle).is_failing {
        info!(model = "m", input_tokens = 1);
        std::thread::yield_now();
    }
}

#[test]
fn a_journal_on_a_full_disk() {
    for test in ["a_journal_of_every_record", "a_journal_with_a_bound_in_time"] {
        let stderr = stderr_of(test);
        assert_eq!(lines(&stderr, "the journal cannot be written").len(), 1, "{stderr}");
        assert_eq!(lines(&stderr, "File too large").len(), 1, "{stderr}");
    }
}

#[test]
#[ignore = "run by the test above"]
fn a_journal_of_every_record() {
    a_failing_journal(JournalBound::EveryRecord);
}

#[test]
#[ignore = "run by the test above"]
fn a_journal_with_a_bound_in_time() {
    a_failing_journal(JournalBound::Every(Duration::from_millis(1)));
}

fn a_failing_journal(bound: JournalBound) {
    let memory = Memory::new();
    let (budget, guard) =
        builder().journal(directory()).journal_bound(bound).sink(memory.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        info_span!("pipeline").in_scope(|| {
            fill(&guard);
            one_run(1);
        });
        one_run(2);
    });
    let error = guard.flush().unwrap_err().to_string();
    assert!(
        error.starts_with("sink journal could not be flushed: ") && error.contains("File too large"),
        "{error}"
    );
    let runs = memory.take();
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run.status == Status::Completed && run.check().is_ok()));
    let stats = journal_of(&guard.handle());
    assert!(stats.waiting() > 0 && stats.lost == 0, "{stats:?}");
    let audit = guard.handle().audit();
    let [Discrepancy::JournalFailing { records, reason }] = audit.discrepancies.as_slice() else {
        panic!("{audit}")
    };
    assert!(*records == stats.waiting() && reason.contains("File too large"), "{audit}");
    drop(guard);
    assert_eq!(fs::read_dir(directory()).unwrap().count(), 0, "the runs are delivered");
}

#[test]
fn when_there_is_room_again_the_journal_continues_and_names_its_loss() {
    let fresh = Fresh::new();
    let mut child = process("a_journal_that_loses", fresh.path()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let lost = stdout.by_ref().find_map(|line| line.strip_prefix("lost ").map(str::to_owned)).unwrap();
    let raised = Command::new("prlimit")
        .args(["--pid", &child.id().to_string(), "--fsize=unlimited:"])
        .status()
        .unwrap();
    assert!(raised.success());
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"on\n").unwrap();
    assert!(stdout.any(|line| line == "wrote"));
    child.kill().unwrap();
    child.wait().unwrap();
    let found = fresh.recover();
    let run = found.runs().next().unwrap();
    run.check().unwrap();
    assert_eq!(
        found.journals()[0].skipped_in_all(),
        0,
        "the line that was begun was ended or left out whole"
    );
    assert!(run.budget_summary.by_operation.get("after").is_some(), "{run}");
    let warning = run.warnings.iter().find(|warning| warning.contains("File too large")).unwrap();
    assert!(warning.starts_with(&format!("{lost} records ")), "{lost}: {warning}");
}

#[test]
#[ignore = "run by the test above"]
fn a_journal_that_loses() {
    let (budget, guard) =
        builder().journal(directory()).journal_bound(JournalBound::EveryRecord).build().unwrap();
    let handle = guard.handle();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let _root = info_span!("pipeline").entered();
        let padding = "x".repeat(4_000);
        let mut number = 0;
        while journal_of(&handle).lost == 0 {
            number += 1;
            // Gates, because warnings beyond the bound are only counted.
            info!(gate = "padding", verdict = "pass", reason = padding, number);
        }
        // The test harness has begun a line of its own.
        println!("\nlost {}", journal_of(&handle).lost);
        let _ = std::io::stdin().lock().read(&mut [0]).unwrap();
        info!(model = "m", input_tokens = 1, operation = "after");
        assert!(!journal_of(&handle).is_failing);
        println!("wrote");
        loop {
            std::thread::park();
        }
    });
}
