//! Which stage failed, and why; and nothing that was spent is lost over it.
//!
//! A1 to A14 are the rules of `docs/attribution.md`.

mod budgeted;

use budgeted::{run, run_with, stage};
use tracing::field::Empty;
use tracing::{info, info_span, instrument};
use tracing_budget::{Status, builder::ErrorEvents};

#[instrument(err)]
fn implementation(fails: bool) -> Result<(), String> {
    info!(model = "gpt-5", input_tokens = 100, output_tokens = 10);
    if fails { Err("it does not\ncompile".into()) } else { Ok(()) }
}

#[instrument(err)]
fn pipeline() -> Result<(), String> {
    info_span!("discovery").in_scope(|| info!(model = "gpt-5", input_tokens = 1, output_tokens = 1));
    implementation(true)
}

/// A12.
#[test]
fn the_first_failing_stage_is_named_with_its_error() {
    let run = run(|| drop(pipeline()));
    assert_eq!(run.status, Status::Failed);
    assert_eq!(run.failed_stage.as_deref(), Some("implementation"));
    assert_eq!(run.error_summary.as_deref(), Some("it does not compile"));
    assert!(run.failed_at.is_some());
    let row = stage(&run, "implementation");
    assert_eq!((row.status, row.errors, row.figures.input_tokens), (Status::Failed, 1, 100));
    assert_eq!(stage(&run, "discovery").status, Status::Completed);
}

/// A12.
#[test]
fn a12_the_last_attempt_of_a_stage_decides() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let _ = implementation(true);
        let _ = implementation(false);
    });
    assert_eq!((run.status, run.failed_stage.as_deref()), (Status::Completed, None));
    let row = stage(&run, "implementation");
    assert_eq!((row.calls, row.errors, row.status, row.figures.llm_calls), (2, 1, Status::Completed, 2));
}

/// A12.
#[test]
fn a12_every_form_of_an_error_fails_its_span() {
    let ways: [fn(&tracing::Span); 6] = [
        |span| {
            span.record("error", "boom");
        },
        |span| {
            span.record("error", true);
        },
        |span| {
            span.record("error.type", "timeout");
        },
        |span| {
            span.record("otel.status_code", "ERROR");
        },
        |span| span.in_scope(|| tracing::error!(error = "boom")),
        |span| {
            span.record("error", tracing::field::debug(Some("boom")));
        },
    ];
    for (way, fail) in ways.iter().enumerate() {
        let run = run(|| {
            let _root = info_span!("pipeline").entered();
            let fields = info_span!(
                "work",
                stage = "review",
                error = Empty,
                error.type = Empty,
                otel.status_code = Empty
            );
            fail(&fields);
        });
        assert_eq!(run.failed_stage.as_deref(), Some("review"), "way {way}");
        assert!(run.error_summary.is_some(), "way {way}");
    }
}

/// A12.
#[test]
fn a12_other_error_events_fail_nothing() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let stage = info_span!("work", stage = "review", error = Empty, otel.status_code = Empty);
        stage.record("error", false).record("otel.status_code", "OK");
        stage.record("error", tracing::field::debug(None::<&str>));
        // The caller inside the stage handles this error.
        stage.in_scope(|| info_span!("attempt").in_scope(|| tracing::error!("try again")));
    });
    assert_eq!((run.status, run.failed_stage.as_deref()), (Status::Completed, None));
}

/// A12.
#[test]
fn a12_a_failed_call_is_an_error_of_its_stage_and_does_not_fail_it() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("review", stage = "review").entered();
        tracing_budget::call("gpt-5").start().error("429", "slow down");
    });
    let row = stage(&run, "review");
    assert_eq!((row.errors, row.status, row.figures.calls_without_usage), (1, Status::Completed, 1));
    assert_eq!(run.status, Status::Completed);
}

/// A12.
#[test]
fn the_root_can_fail_without_any_stage() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        info_span!("review").in_scope(|| info!(model = "gpt-5", input_tokens = 1));
        tracing::error!(error = "no space left");
    });
    assert_eq!((run.status, run.failed_stage.as_deref()), (Status::Failed, None));
    assert_eq!(run.error_summary.as_deref(), Some("no space left"));
}

#[test]
fn a_long_error_is_cut_between_characters() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("review", stage = "review", error = %"é".repeat(2_000)).entered();
    });
    let error = run.error_summary.expect("an error");
    assert_eq!(error.chars().count(), 512);
}

/// A12.
#[test]
fn a12_an_error_event_of_something_else_is_counted_and_fails_its_span_on_request_alone() {
    let program = || {
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("review", stage = "review").entered();
        tracing::error!(target: "database", "connection lost");
    };
    let counted = run(program);
    assert_eq!((counted.status, counted.budget_summary.error_events), (Status::Completed, 1));
    assert_eq!((stage(&counted, "review").errors, stage(&counted, "review").error_events), (0, 1));

    let failed = run_with(tracing_budget::layer().error_events(ErrorEvents::Fail), program);
    assert_eq!((failed.status, failed.error_summary.as_deref()), (Status::Failed, Some("connection lost")));
    assert_eq!((failed.budget_summary.error_events, stage(&failed, "review").errors), (1, 1));
}
