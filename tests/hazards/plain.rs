//! Roots that come to nothing leave nothing, and values of every make do no harm.

use std::fmt;

use tracing::{Span, field::Empty, info, info_span, warn_span};
use tracing_budget::layer;

use crate::runs_of::{chat, run_of, runs_of, tokens, tokens_of};

/// A1.
#[test]
fn plain_requests_leave_no_summary_and_are_counted() {
    let runs = runs_of(layer(), |guard| {
        for _ in 0..1_000 {
            let _request = info_span!("request", method = "GET", status = Empty).entered();
            info_span!("query", rows = 3).in_scope(|| info!("found"));
            warn_span!("render").in_scope(|| tracing::error!(error = "slow"));
            Span::current().record("status", 200);
        }
        let stats = guard.handle().stats();
        assert_eq!((stats.empty_roots, stats.runs_started, stats.open_spans), (1_000, 0, 0));
        assert_eq!(stats.outside, 0);
    });
    assert!(runs.is_empty());
}

/// A1.
#[test]
fn what_happened_before_a_run_began_to_count_is_in_it() {
    let run = run_of(layer(), |_| {
        let _root = info_span!("request").entered();
        info_span!("query").in_scope(|| tracing::error!(error = "slow"));
        info_span!("answer").in_scope(|| chat(2));
    });
    let query = &run.budget_summary.per_agent["query"];
    assert_eq!((query.calls, query.errors), (1, 1));
    assert_eq!(run.failed_stage.as_deref(), Some("query"));
}

/// A value that is at work when it is shown.
struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info_span!("shown", stage = "shown").in_scope(|| chat(1));
        info!(input_tokens = 2);
        Span::current().record("output_tokens", 4);
        f.write_str("8")
    }
}

#[test]
fn a_value_that_traces_while_it_is_recorded_neither_hangs_nor_loses_anything() {
    let run = run_of(layer(), |_| {
        let _root = info_span!("pipeline").entered();
        let stage = info_span!("draft", input_tokens = Empty, output_tokens = Empty).entered();
        stage.record("input_tokens", tracing::field::display(Busy));
    });
    assert_eq!(tokens_of(&run, "shown"), Some(1));
    assert_eq!(tokens_of(&run, "draft"), Some(2 + 4 + 8));
}

#[test]
fn a_value_that_panics_while_it_is_shown_leaves_the_layer_at_work() {
    struct Broken;
    impl fmt::Debug for Broken {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            std::panic::resume_unwind(Box::new("no"))
        }
    }
    let run = run_of(layer(), |_| {
        let _root = info_span!("pipeline").entered();
        let stage = info_span!("draft", input_tokens = Empty);
        let broken = || {
            stage.record("input_tokens", tracing::field::debug(Broken));
        };
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(broken)).is_err());
        stage.in_scope(|| chat(3));
    });
    assert_eq!(tokens(&run), Some(3));
}
