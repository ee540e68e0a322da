//! A GenAI span that a library opens as a root belongs to the span that was current then.

use std::sync::Barrier;

use tracing::{Span, field::Empty, info_span};
use tracing_budget::{Status, layer};

use crate::runs_of::{chat, dispatch, run_of, runs_of, tokens, tokens_of};

fn agent() -> Span {
    info_span!(
        parent: None,
        "invoke_agent",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.usage.input_tokens = Empty
    )
}

/// A9.
#[test]
fn it_is_in_the_stage_that_was_current() {
    let run = run_of(layer(), |_| {
        let _root = info_span!("pipeline").entered();
        info_span!("draft").in_scope(|| agent().in_scope(|| chat(3)));
    });
    assert_eq!((tokens(&run), tokens_of(&run, "invoke_agent")), (Some(3), Some(3)));
    assert_eq!(run.stage("invoke_agent").unwrap().parent.as_deref(), Some("draft"));
}

/// A9.
#[test]
fn it_may_close_after_its_stage_and_its_root_and_the_run_ends_with_it() {
    let run = run_of(layer(), |guard| {
        let first_and_last = {
            let _root = info_span!("pipeline").entered();
            let _stage = info_span!("draft").entered();
            (agent(), agent())
        };
        guard.flush().unwrap();
        assert_eq!(guard.handle().stats().runs_finished, 0);
        first_and_last.0.in_scope(|| chat(3));
        drop(first_and_last.0);
        assert_eq!(guard.handle().stats().runs_finished, 0);
        first_and_last.1.in_scope(|| chat(4));
        assert_eq!(guard.handle().snapshot().len(), 1);
        drop(first_and_last.1);
        assert_eq!(guard.handle().stats().runs_finished, 1);
        assert_eq!(guard.handle().stats().open_spans, 0);
        assert_eq!(guard.handle().stats().late, 0);
    });
    assert_eq!((tokens(&run), tokens_of(&run, "invoke_agent")), (Some(7), Some(7)));
    assert_eq!((run.status, run.budget_summary.per_agent["draft"].calls), (Status::Completed, 1));
}

#[test]
fn a_root_that_reports_a_total_waits_for_the_spans_inside_it() {
    let run = run_of(layer(), |_| {
        let late = {
            let root = info_span!(
                "invoke_agent",
                gen_ai.operation.name = "invoke_agent",
                gen_ai.usage.input_tokens = 10
            );
            root.in_scope(agent)
        };
        late.in_scope(|| chat(8));
    });
    assert_eq!(tokens(&run), Some(10), "eight of the ten are known from inside");
}

#[test]
fn a_root_that_failed_has_failed_even_if_what_it_adopted_closes_later() {
    for finished in [false, true] {
        let run = run_of(layer(), |guard| {
            let late = {
                let root = info_span!("pipeline", error = "no more money").entered();
                chat(1);
                let late = agent();
                drop(root);
                late
            };
            late.in_scope(|| chat(2));
            if finished {
                let run_id = guard.handle().snapshot()[0].run_id.clone();
                assert!(guard.handle().finish(&run_id));
            }
        });
        assert_eq!(run.status, if finished { Status::Incomplete } else { Status::Failed });
        assert_eq!(run.error_summary.as_deref(), Some("no more money"));
        assert_eq!(tokens(&run), Some(3));
    }
}

#[test]
fn what_comes_inside_it_after_its_run_was_finished_is_late_and_no_run() {
    for root_is_closed in [false, true] {
        let run = run_of(layer(), |guard| {
            let root = info_span!("pipeline");
            let late = root.in_scope(|| {
                chat(1);
                agent()
            });
            let root = (!root_is_closed).then_some(root);
            let run_id = guard.handle().snapshot()[0].run_id.clone();
            assert!(guard.handle().finish(&run_id));
            late.in_scope(|| chat(2));
            drop((late, root));
            let stats = guard.handle().stats();
            assert_eq!((stats.late, stats.runs_started, stats.open_spans), (1, 1, 0), "{root_is_closed}");
        });
        assert_eq!(tokens(&run), Some(1), "root closed: {root_is_closed}");
    }
}

#[test]
fn a_root_and_what_it_adopted_may_close_at_the_same_moment() {
    const ROUNDS: usize = 4_000;
    let runs = runs_of(layer(), |guard| {
        let dispatch = dispatch();
        let barrier = Barrier::new(2);
        let (send, receive) = std::sync::mpsc::channel::<Span>();
        std::thread::scope(|threads| {
            let (dispatch, barrier) = (&dispatch, &barrier);
            threads.spawn(move || {
                tracing::dispatcher::with_default(dispatch, || {
                    for _ in 0..ROUNDS {
                        let adopted = receive.recv().unwrap();
                        barrier.wait();
                        adopted.in_scope(|| chat(1));
                    }
                });
            });
            for _ in 0..ROUNDS {
                let root = info_span!("pipeline", input_tokens = 1, model = "gpt-5");
                send.send(root.in_scope(agent)).unwrap();
                barrier.wait();
                drop(root);
            }
        });
        let stats = guard.handle().stats();
        assert_eq!((stats.late, stats.open_spans), (0, 0));
    });
    assert_eq!(runs.len(), ROUNDS);
    assert!(runs.iter().all(|run| tokens(run) == Some(2)));
}
