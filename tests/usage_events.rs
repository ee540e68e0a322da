//! Usage in events counts only from named targets; a log line that looks like a call is in the warnings.
//!
//! A7 and A12 are rules of `docs/attribution.md`.

mod budgeted;

use budgeted::{run, run_with, runs, stage, tokens};
use tracing::{error, info, info_span};
use tracing_budget::{RunSummary, Status, Usage, builder::ErrorEvents, record::UsageRecord, record_usage};

fn from_targets(named: &[&str]) -> RunSummary {
    run_with(tracing_budget::layer().usage_events(named.iter().copied()), || {
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("draft", stage = "draft").entered();
        info!(target: "my_client", model = "gpt-5", input_tokens = 1, output_tokens = 10);
        info!(target: "my_client::http", model = "gpt-5", input_tokens = 2, output_tokens = 20);
        info!(target: "my_clients", model = "gpt-5", input_tokens = 4, output_tokens = 40);
        info!(target: "my_client_beta::http", model = "gpt-5", input_tokens = 8, output_tokens = 80);
        info!(target: "other", model = "gpt-5", input_tokens = 16, output_tokens = 160);
    })
}

fn hints(run: &RunSummary) -> Vec<&str> {
    run.warnings.iter().map(String::as_str).filter(|warning| warning.contains(".usage_events")).collect()
}

/// A7.
#[test]
fn a_named_target_counts_with_its_modules_and_no_target_that_only_begins_like_it() {
    let run = from_targets(&["my_client"]);
    assert_eq!((tokens(&run), run.budget_summary.total.llm_calls), ((3, 30), 2));
    assert_eq!(stage(&run, "draft").figures.input_tokens, 3);
}

/// A7.
#[test]
fn a_module_that_is_named_leaves_its_parent_out() {
    let run = from_targets(&["my_client::http"]);
    assert_eq!((tokens(&run), run.budget_summary.total.llm_calls), ((2, 20), 1));
}

/// A7.
#[test]
fn every_named_target_counts() {
    let builder = || tracing_budget::layer().usage_events(["my_client"]).usage_events(["other"]);
    let run = run_with(builder(), || {
        let _root = info_span!("pipeline").entered();
        info!(target: "my_client", model = "gpt-5", input_tokens = 1);
        info!(target: "other", model = "gpt-5", input_tokens = 16);
    });
    assert_eq!((tokens(&run).0, run.budget_summary.total.llm_calls), (17, 2));
}

/// A7.
#[test]
fn a_target_that_is_not_named_is_in_the_warnings_once_with_the_line_that_counts_it() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        record_usage(UsageRecord::new(Usage::new().input(100).output(10)).model("gpt-5"));
        for _ in 0..3 {
            info!(target: "their_client", model = "gpt-5", input_tokens = 2, output_tokens = 20);
        }
    });
    assert_eq!((tokens(&run), run.budget_summary.total.llm_calls), ((100, 10), 1));
    let hints = hints(&run);
    assert_eq!(hints.len(), 1, "{run}");
    assert!(hints[0].contains(r#".usage_events(["their_client"])"#), "{}", hints[0]);
}

/// A7.
#[test]
fn a_log_line_that_repeats_a_call_needs_no_warning() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        record_usage(UsageRecord::new(Usage::new().input(100).output(10)).model("gpt-5"));
        info!(target: "their_client", model = "gpt-5", input_tokens = 100, output_tokens = 10);
    });
    assert_eq!((tokens(&run), hints(&run).len()), ((100, 10), 0), "{run}");
}

/// A7.
#[test]
fn tokens_in_a_log_line_are_no_usage_and_open_no_run() {
    let runs = runs(|| {
        let _root = info_span!("pipeline").entered();
        info!(target: "their_parser", tokens = 8_000, "chunked document");
    });
    assert_eq!(runs, []);
}

fn with_a_slow_disk(effect: ErrorEvents) -> RunSummary {
    run_with(tracing_budget::layer().error_events(effect), || {
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("draft", stage = "draft").entered();
        error!("the disk is slow");
    })
}

/// A12.
#[test]
fn an_error_event_is_counted_and_fails_nothing_unless_configured() {
    let counted = with_a_slow_disk(ErrorEvents::Count);
    let row = stage(&counted, "draft");
    assert_eq!(
        (counted.status, row.status, row.errors, row.error_events),
        (Status::Completed, Status::Completed, 0, 1)
    );

    let failed = with_a_slow_disk(ErrorEvents::Fail);
    assert_eq!((failed.status, failed.failed_stage.as_deref()), (Status::Failed, Some("draft")));
    assert_eq!(failed.error_summary.as_deref(), Some("the disk is slow"));
    assert_eq!(stage(&failed, "draft").errors, 1);
}
