//! What happens outside of any run is counted by its kind, and printed once on stderr when the guard drops.

use std::process::Command;

use tracing::{info, info_span};
use tracing_budget::audit::Outside;
use tracing_budget::{Usage, call, check, gate, layer, operation, record_usage, reserve, sink::Memory};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

/// One of each kind, in no run.
fn stray() {
    record_usage(Usage::new().input(10).output(5));
    operation("search").cost_usd("0.01").record();
    gate("lint").pass();
    info!(tag.tier = "2");
    info!(input_tokens = 7, "a log line, which counts nowhere");
    call("gpt-5").start().finish(Usage::new().input(10).output(5));
    let _ = (reserve("0.01"), check());
}

#[test]
fn each_kind_is_counted() {
    let memory = Memory::new();
    let (budget, guard) = layer().limit_usd(1).sink(memory.clone()).build().expect("a layer");
    tracing::subscriber::with_default(registry().with(budget), stray);
    let stats = guard.handle().stats();
    let Outside { usage, gates, operations, attributes, calls, parentless_calls, refused, .. } =
        &stats.outside_by;
    assert_eq!((usage, gates, operations, attributes, calls), (&1, &1, &1, &1, &0));
    assert_eq!((parentless_calls, refused), (&1, &2));
    assert_eq!(stats.outside, 4, "the call is in a summary of its own");
    guard.flush().expect("delivered");
    assert_eq!(memory.take().len(), 1);
}

#[test]
fn what_named_roots_leave_out_is_counted_and_so_are_names_that_never_came() {
    let builder = layer().roots(["nightly", "hourly", "inner"]);
    let (budget, guard) = builder.build().expect("a layer");
    tracing::subscriber::with_default(registry().with(budget), || {
        stray();
        let other = info_span!("other").entered();
        info_span!("draft", model = "gpt-5", input_tokens = 10, output_tokens = 5).in_scope(|| ());
        info_span!("check", gate = "links", verdict = "pass").in_scope(|| ());
        info_span!("plain").in_scope(|| ());
        drop(other);
        // A named root inside a run is a part of that, and is there nevertheless.
        info_span!("hourly").in_scope(|| info_span!("inner").in_scope(|| gate("lint").pass()));
    });
    let stats = guard.handle().stats();
    let Outside { calls, gates, parentless_calls, missing_roots, .. } = &stats.outside_by;
    assert_eq!((calls, gates, parentless_calls), (&2, &2, &0));
    assert_eq!(missing_roots, &["nightly"]);
    assert_eq!(stats.outside, 7);
}

#[test]
fn in_a_run_nothing_is_outside() {
    let (budget, guard) = layer().limit_usd(1).build().expect("a layer");
    tracing::subscriber::with_default(registry().with(budget), || info_span!("pipeline").in_scope(stray));
    assert_eq!(guard.handle().stats().outside_by, Outside::default());
}

#[test]
#[ignore = "run by its parent, which reads its stderr"]
fn strays_in_the_child() {
    let (budget, guard) = layer().limit_usd(1).roots(["pipeline"]).build().expect("a layer");
    tracing::subscriber::with_default(registry().with(budget), || (stray(), stray()));
    drop(guard);
}

#[test]
#[ignore = "run by its parent, which reads its stderr"]
fn nothing_in_the_child() {
    let (budget, guard) = layer().limit_usd(1).build().expect("a layer");
    tracing::subscriber::with_default(registry().with(budget), || info_span!("pipeline").in_scope(stray));
    drop(guard);
}

fn stderr_of(test: &str) -> Vec<String> {
    let this = std::env::current_exe().expect("a test has an executable");
    let child = Command::new(this).args(["--exact", test, "--nocapture", "--ignored"]).output();
    let output = child.expect("it starts");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines().filter(|line| line.starts_with("tracing-budget:")).map(str::to_owned).collect()
}

#[test]
fn the_guard_prints_it_in_one_line() {
    let line = "tracing-budget: outside of any run, and in no summary: usage 2, gates 2, operations 2, attributes of runs 2, \
                calls 2; checks and reservations refused outside of any run: 4; names in `roots` that no span had: \
                \"pipeline\"";
    assert_eq!(stderr_of("strays_in_the_child"), [line]);
    assert!(stderr_of("nothing_in_the_child").is_empty());
}
