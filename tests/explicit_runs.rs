//! A run that `run("name")` opens ends when it is dropped, whatever is open in it, and everything of it is in its summary or late.
//!
//! Programs of one thread are in `tests/rules/a01_root.txt` and `tests/rules/a14_flush.txt`.
#![allow(clippy::unwrap_used)]
#![allow(clippy::async_yields_async, reason = "handles of detached tasks are handed out")]
#![allow(
    clippy::redundant_async_block,
    reason = "a span's parent goes only while its own subscriber is the default: what is instrumented is dropped inside"
)]

#[allow(dead_code, reason = "the hazards need more of it")]
#[path = "hazards/runs_of.rs"]
mod runs_of;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, Span, info, info_span};
use tracing_budget::sink::Memory;
use tracing_budget::{Status, Usage, call, current, gate, layer, run};
use tracing_subscriber::prelude::*;

use crate::runs_of::{chat, delivered, dispatch, run_of, runs_of, tokens, tokens_of};

fn two_threads() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

/// A1, A14.
#[test]
fn a_detached_task_that_outlives_the_run_does_not_keep_it_open() {
    let summary = run_of(layer(), |guard| {
        let runtime = two_threads();
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        let task = runtime.block_on(async {
            let run = run("nightly");
            let task = async {
                chat(1);
                let watch = async move {
                    chat(2);
                    let open = call("gpt-5").provider("openai").start();
                    open.usage(Usage::new().input(4));
                    while !stopped.load(Ordering::SeqCst) {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    open.usage(Usage::new().input(1_000));
                    drop(open);
                    chat(1_000);
                };
                let watch = watch.instrument(info_span!("watcher"));
                let task = tokio::spawn(async { watch.await }.with_current_subscriber());
                while tokens_in_flight(guard.handle().snapshot().pop()) < 3 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                // The open call is there: it was opened before the task could be suspended.
                task
            }
            .instrument(run.span().clone())
            .await;
            assert_eq!(guard.handle().stats().runs_finished, 0);
            while guard.handle().stats().open_spans < 3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            drop(run);
            assert_eq!(guard.handle().stats().runs_finished, 1);
            task
        });
        stop.store(true, Ordering::SeqCst);
        runtime.block_on(task).unwrap();
        let stats = guard.handle().stats();
        // What the open call recorded later, and the call after it.
        assert_eq!((stats.late, stats.open_spans, stats.runs_started), (2, 0, 1), "{stats:?}");
        assert!(guard.handle().audit().runs.in_flight == 0);
    });
    assert_eq!((summary.pipeline.as_str(), summary.status), ("nightly", Status::Completed));
    assert_eq!(summary.budget_summary.per_agent["watcher"].status, Status::Incomplete);
    assert_eq!(tokens_of(&summary, "watcher"), Some(2 + 4));
    assert_eq!(tokens(&summary), Some(7));
}

fn tokens_in_flight(run: Option<tracing_budget::RunSummary>) -> u64 {
    run.and_then(|run| tokens(&run)).unwrap_or_default()
}

#[test]
fn a_task_may_own_its_run() {
    let summary = run_of(layer(), |_| {
        let work = async {
            let run = run("nightly");
            let found =
                async { Err::<(), _>("no source").inspect_err(|_| chat(5)) }.instrument(run.span().clone());
            if let Err(error) = found.await {
                run.fail(error);
            }
        };
        let runtime = two_threads();
        runtime.block_on(runtime.spawn(work.with_current_subscriber())).unwrap();
    });
    assert_eq!((summary.status, tokens(&summary)), (Status::Failed, Some(5)));
    assert_eq!(summary.error_summary.as_deref(), Some("no source"));
}

#[test]
fn a_cancelled_future_leaves_the_run_to_its_owner() {
    let summary = run_of(layer(), |guard| {
        let run = run("nightly");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let endless = async {
                chat(1);
                std::future::pending::<()>().await;
            };
            let endless = endless.instrument(info_span!(parent: run.span(), "review"));
            assert!(tokio::time::timeout(Duration::from_millis(5), endless).await.is_err());
        });
        assert_eq!(guard.handle().stats().runs_finished, 0);
        run.in_scope(|| chat(2));
    });
    assert_eq!(
        (summary.status, tokens(&summary), tokens_of(&summary, "review")),
        (Status::Completed, Some(3), Some(1))
    );
}

#[test]
fn a_second_thread_in_the_run_is_in_it_until_its_end() {
    let (started, ended) = (&Barrier::new(2), &Barrier::new(2));
    let summary = run_of(layer(), |guard| {
        std::thread::scope(|threads| {
            let run = run("nightly");
            let (span, dispatch) = (run.span().clone(), dispatch());
            threads.spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    span.in_scope(|| {
                        info_span!("index").in_scope(|| chat(1));
                        started.wait();
                        ended.wait();
                        // The run has ended, and the span is still entered here.
                        info_span!("index").in_scope(|| chat(10));
                        gate("lint").pass();
                        assert_eq!(current().and_then(|run| run.run_id()), None);
                    });
                });
                drop(span);
            });
            started.wait();
            drop(run);
            ended.wait();
        });
        let stats = guard.handle().stats();
        assert_eq!((stats.late, stats.open_spans, stats.runs_finished), (2, 0, 1), "{stats:?}");
    });
    assert_eq!((tokens(&summary), tokens_of(&summary, "index")), (Some(1), Some(1)));
    assert!(summary.budget_summary.gate_verdicts.is_empty());
}

#[test]
fn a_run_that_has_ended_has_no_id_while_its_summary_waits() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (budget, guard) = layer().on_run(move |_| _ = held.recv()).build().expect("a valid layer");
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        // The worker is in its sink until it is released: the summary of the second run is not made.
        run("first").in_scope(|| chat(1));
        let second = run("second");
        let here = second.in_scope(|| {
            chat(2);
            current().expect("a run is around")
        });
        assert!(here.run_id().is_some());
        drop(second);
        assert_eq!(here.run_id(), None);
    });
    drop(release);
    drop(guard);
}

/// A12.
#[test]
fn a_run_that_is_dropped_by_a_panic_failed() {
    let summary = run_of(layer(), |_| {
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let run = run("nightly");
            run.in_scope(|| chat(1));
            let left = run.in_scope(|| info_span!("watcher"));
            let _left = left;
            resume_unwind(Box::new("outside of every span"));
        }));
        assert!(unwound.is_err());
    });
    assert_eq!((summary.status, tokens(&summary)), (Status::Failed, Some(1)));
    assert_eq!(summary.error_summary.as_deref(), Some("panicked"));
}

#[test]
fn a_panic_in_a_detached_task_does_not_fail_the_run() {
    let summary = run_of(layer(), |_| {
        let run = run("nightly");
        run.in_scope(|| chat(1));
        let (span, dispatch) = (run.span().clone(), dispatch());
        let thread = std::thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                let _helper = info_span!(parent: &span, "helper").entered();
                resume_unwind(Box::new("on purpose"));
            });
        });
        assert!(thread.join().is_err());
        // The stage failed, and so does the run unless a later attempt succeeds.
        info_span!(parent: run.span(), "helper").in_scope(|| chat(2));
    });
    assert_eq!((summary.status, tokens(&summary)), (Status::Completed, Some(3)));
    assert_eq!(summary.budget_summary.per_agent["helper"].errors, 1);
}

/// A1.
#[test]
fn runs_in_runs_end_in_any_order() {
    let runs = runs_of(layer(), |guard| {
        let outer = run("outer");
        let inner = outer.in_scope(|| {
            chat(1);
            run("inner")
        });
        let innermost = inner.in_scope(|| {
            chat(2);
            info_span!("pipeline").in_scope(|| run("innermost"))
        });
        drop(outer);
        assert_eq!(guard.handle().stats().runs_finished, 1);
        inner.in_scope(|| chat(4));
        innermost.in_scope(|| chat(8));
        drop(innermost);
        inner.in_scope(|| chat(16));
        drop(inner);
        assert_eq!((guard.handle().stats().late, guard.handle().stats().open_spans), (0, 0));
    });
    let runs: Vec<_> = runs.iter().map(|run| (run.pipeline.as_str(), tokens(run))).collect();
    assert_eq!(runs, [("outer", Some(1)), ("innermost", Some(8)), ("inner", Some(22))]);
}

#[test]
fn every_layer_ends_the_run_with_figures_of_its_own() {
    let (one, two) = (Memory::new(), Memory::new());
    let (first, first_guard) = layer().sink(one.clone()).build().unwrap();
    let (second, second_guard) =
        layer().stages(["watcher"]).roots(["none"]).sink(two.clone()).build().unwrap();
    let stack = tracing_subscriber::registry().with(first).with(Some(second));
    tracing::subscriber::with_default(stack, || {
        let run = run("nightly");
        let watcher = run.in_scope(|| info_span!("watcher"));
        watcher.in_scope(|| chat(1));
        run.fail("on purpose");
        drop(run);
        watcher.in_scope(|| chat(1_000));
    });
    for (guard, memory) in [(&first_guard, &one), (&second_guard, &two)] {
        let runs = delivered(guard, memory);
        assert_eq!(runs.len(), 1);
        assert_eq!((runs[0].status, tokens(&runs[0])), (Status::Failed, Some(1)));
        assert_eq!(runs[0].budget_summary.per_agent["watcher"].status, Status::Incomplete);
        assert_eq!((guard.handle().stats().late, guard.handle().stats().open_spans), (1, 0));
    }
}

#[test]
fn a_run_belongs_to_the_subscriber_that_it_was_opened_in() {
    let runs = runs_of(layer(), |_| {
        let outer = run("nightly");
        outer.in_scope(|| chat(1));
        tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::new(), || {
            let inner = run("unseen");
            inner.in_scope(|| chat(2));
            inner.fail("unseen");
            drop((outer, inner));
        });
    });
    let [run] = runs.as_slice() else { panic!("{runs:#?}") };
    assert_eq!((run.pipeline.as_str(), run.status, tokens(run)), ("nightly", Status::Completed, Some(1)));
}

#[test]
fn without_a_layer_a_run_does_nothing() {
    let run = run("nightly");
    assert!(run.in_scope(current).is_none());
    assert_eq!(run.in_scope(|| 1), 1);
    drop(run.enter());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(async { 3 }.instrument(run.span().clone())), 3);
    run.fail("no one reads this").fail(4);
    drop(run);
    let hidden = tracing_subscriber::registry().with(LevelFilter::WARN);
    tracing::subscriber::with_default(hidden, || assert!(self::run("hidden").span().is_disabled()));
}

#[test]
fn a_layer_that_is_switched_off_has_no_runs() {
    let runs = runs_of(layer().enabled(false), |guard| {
        let run = run("nightly");
        run.in_scope(|| chat(1));
        drop(run);
        assert_eq!(guard.handle().stats().runs_started, 0);
    });
    assert!(runs.is_empty());
}

/// A14.
#[test]
fn a_run_that_was_finished_or_forgotten_before_has_one_end() {
    let runs = runs_of(layer(), |guard| {
        let handle = guard.handle();
        let finished = run("finished");
        let watcher = finished.in_scope(|| info_span!("watcher"));
        watcher.in_scope(|| chat(1));
        assert!(handle.finish(&handle.snapshot()[0].run_id));
        let call = watcher.in_scope(|| call("gpt-5").start());
        call.usage(Usage::new().input(1_000));
        finished.fail("too late");
        drop(finished);
        assert_eq!((handle.stats().runs_finished, handle.stats().late), (1, 0), "the call is open");
        drop((call, watcher));
        assert_eq!((handle.stats().late, handle.stats().open_spans), (1, 0));

        let forgotten = run("forgotten");
        forgotten.in_scope(|| chat(2));
        handle.reset();
        drop(forgotten);
        let after = run("after");
        after.in_scope(|| chat(4));
    });
    let runs: Vec<_> = runs.iter().map(|run| (run.pipeline.as_str(), run.status, tokens(run))).collect();
    assert_eq!(runs, [("finished", Status::Incomplete, Some(1)), ("after", Status::Completed, Some(4))]);
}

#[test]
fn a_guard_that_is_dropped_before_ends_the_run_as_incomplete() {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let run = run("nightly");
        let open = run.in_scope(|| call("gpt-5").provider("openai").start());
        open.usage(Usage::new().input(3));
        drop(guard);
        drop(run);
    });
    let runs = memory.take();
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].status, tokens(&runs[0])), (Status::Incomplete, Some(3)));
}

/// A9.
#[test]
fn the_end_does_not_wait_for_adopted_spans() {
    let summary = run_of(layer(), |guard| {
        let run = run("nightly");
        let agent = run.in_scope(|| {
            info_span!(parent: None, "invoke_agent", gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "scout")
        });
        agent.in_scope(|| chat(1));
        drop(run);
        assert_eq!(guard.handle().stats().runs_finished, 1);
        agent.in_scope(|| chat(1_000));
        drop(agent);
        assert_eq!((guard.handle().stats().late, guard.handle().stats().open_spans), (1, 0));
    });
    assert_eq!(
        (summary.status, tokens(&summary), tokens_of(&summary, "scout")),
        (Status::Completed, Some(1), Some(1))
    );
}

#[test]
fn attributes_of_the_run_come_from_events_in_it() {
    let summary = run_of(layer(), |_| {
        let run = run("  nightly  ");
        run.in_scope(|| {
            info!(project = "shop", run_id = "nightly-7", tag.tier = "gold", value_usd = 3);
            chat(1);
        });
    });
    assert_eq!((summary.pipeline.as_str(), summary.project.as_str()), ("nightly", "shop"));
    assert_eq!((summary.run_id.as_str(), summary.tags["tier"].as_str()), ("nightly-7", "gold"));
}

/// A14.
#[test]
fn a_run_ends_once_however_many_end_it() {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        for _ in 0..200 {
            let run = run("nightly");
            run.in_scope(|| chat(1));
            let run_id = guard.handle().snapshot()[0].run_id.clone();
            std::thread::scope(|threads| {
                let (one, two, id) = (guard.handle(), guard.handle(), run_id.as_str());
                threads.spawn(move || one.finish(id));
                threads.spawn(move || two.finish(id));
                drop(run);
            });
        }
    });
    let runs = delivered(&guard, &memory);
    assert_eq!(runs.len(), 200);
    assert!(runs.iter().all(|run| tokens(run) == Some(1)));
}

/// A14.
#[test]
fn what_other_threads_book_at_the_end_is_in_the_summary_or_late() {
    const ROUNDS: u64 = 300;
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let dispatch = dispatch();
        for _ in 0..ROUNDS {
            // Nothing accountable has happened before the end is near: who makes the run accountable is part of the race.
            let run = run("nightly");
            let spans: [Span; 2] = [run.span().clone(), run.span().clone()];
            let barrier = Barrier::new(spans.len() + 1);
            std::thread::scope(|threads| {
                for span in spans {
                    let (dispatch, barrier) = (&dispatch, &barrier);
                    threads.spawn(move || {
                        tracing::dispatcher::with_default(dispatch, || {
                            barrier.wait();
                            span.in_scope(|| (0..3).for_each(|_| chat(1)));
                            drop(span);
                        });
                    });
                }
                barrier.wait();
                drop(run);
            });
        }
    });
    let runs = delivered(&guard, &memory);
    let stats = guard.handle().stats();
    let booked: u64 = runs.iter().filter_map(tokens).sum();
    // The usage of a call that the end books before it is recorded is late as well.
    assert_eq!(booked + stats.late, ROUNDS * 6, "{stats:?}");
    assert_eq!(
        (stats.runs_started, stats.runs_finished, stats.open_spans),
        (runs.len() as u64, runs.len() as u64, 0)
    );
    assert_eq!(stats.empty_roots + stats.runs_started, ROUNDS);
    let audit = guard.handle().audit();
    assert_eq!((audit.runs.in_flight, audit.spans.open), (0, 0), "{audit:?}");
}
