//! A panic costs no row, and is named.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tracing::{Instrument, info_span, instrument};
use tracing_budget::{RunSummary, Status, layer};

use crate::runs_of::{chat, dispatch, run_of, tokens_of};

/// Panics without a word on stderr.
fn give_up() {
    resume_unwind(Box::new("gave up"));
}

#[instrument]
fn draft() {
    chat(3);
    give_up();
}

fn failed_in_draft(run: &RunSummary) {
    assert_eq!(run.status, Status::Failed);
    assert_eq!(run.failed_stage.as_deref(), Some("draft"));
    assert!(run.error_summary.as_deref().is_some_and(|text| text.contains("panicked")), "{run:?}");
    assert_eq!(run.budget_summary.per_agent["draft"].status, Status::Failed);
    assert_eq!(tokens_of(run, "draft"), Some(3));
}

/// A12.
#[test]
fn a_stage_that_panics_fails_the_run_even_if_its_root_catches_it() {
    let run = run_of(layer(), |_| {
        let _root = info_span!("pipeline").entered();
        assert!(catch_unwind(draft).is_err());
    });
    failed_in_draft(&run);
}

/// A14.
#[test]
fn a_panic_through_the_root_leaves_a_summary() {
    let run = run_of(layer(), |_| {
        let whole = catch_unwind(|| {
            let _root = info_span!("pipeline").entered();
            info_span!("fine").in_scope(|| chat(1));
            draft();
        });
        assert!(whole.is_err());
    });
    failed_in_draft(&run);
    assert_eq!(tokens_of(&run, "fine"), Some(1));
    assert_eq!(run.budget_summary.per_agent["fine"].status, Status::Completed);
}

#[test]
fn a_panic_on_another_thread_fails_the_stage_that_was_there() {
    let run = run_of(layer(), |_| {
        let root = info_span!("pipeline");
        let (dispatch, inside) = (dispatch(), root.clone());
        let thread = std::thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || inside.in_scope(draft));
        });
        assert!(thread.join().is_err());
    });
    failed_in_draft(&run);
}

#[test]
fn a_task_that_panics_fails_its_stage() {
    let run = run_of(layer(), |_| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(
            async {
                let stage = async {
                    chat(3);
                    give_up();
                };
                assert!(tokio::spawn(stage.instrument(info_span!("draft"))).await.is_err());
            }
            .instrument(info_span!("pipeline")),
        );
    });
    failed_in_draft(&run);
}

#[test]
fn a_stage_that_panics_at_first_and_succeeds_then_has_not_failed_the_run() {
    let run = run_of(layer(), |_| {
        let _root = info_span!("pipeline").entered();
        assert!(catch_unwind(draft).is_err());
        info_span!("draft").in_scope(|| chat(4));
    });
    let row = &run.budget_summary.per_agent["draft"];
    assert_eq!((run.status, row.status, row.calls, row.errors), (Status::Completed, Status::Completed, 2, 1));
    assert_eq!(tokens_of(&run, "draft"), Some(7));
}

#[test]
fn a_span_that_outlives_the_panic_in_it_has_failed() {
    let run = run_of(layer(), |_| {
        let _root = info_span!("pipeline").entered();
        let stage = info_span!("draft");
        let caught = catch_unwind(AssertUnwindSafe(|| {
            stage.in_scope(|| {
                chat(3);
                give_up();
            });
        }));
        assert!(caught.is_err());
    });
    failed_in_draft(&run);
}
