//! Tasks: what a future does belongs where it was instrumented, whichever thread polls it and whenever it is dropped.
#![allow(clippy::async_yields_async, reason = "handles of detached tasks are handed out")]
#![allow(
    clippy::redundant_async_block,
    reason = "a future under `with_current_subscriber` is dropped without its subscriber, and the registry lets a span's \
              parent go only while its own subscriber is the default: what is instrumented is dropped inside"
)]

use std::future::pending;
use std::time::Duration;

use tracing::instrument::WithSubscriber;
use tracing::{Instrument, info_span};
use tracing_budget::{Status, Usage, call, layer, record::UsageRecord, record_usage};

use crate::runs_of::{chat, run_of, runs_of, tokens, tokens_of};

fn one_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

fn two_threads() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

#[test]
fn a_detached_task_that_is_instrumented_keeps_its_run_open_and_is_in_its_stage() {
    let run = run_of(layer(), |guard| {
        let runtime = two_threads();
        let task = runtime.block_on(
            async {
                async {
                    let detached = async {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        chat(5);
                        record_usage(UsageRecord::new(Usage::new().input(6)).model("gpt-5"));
                    };
                    let detached = detached.in_current_span();
                    tokio::spawn(async { detached.await }.with_current_subscriber())
                }
                .instrument(info_span!("draft"))
                .await
            }
            .instrument(info_span!("pipeline")),
        );
        assert_eq!(guard.handle().stats().runs_finished, 0);
        runtime.block_on(task).unwrap();
    });
    assert_eq!((tokens(&run), tokens_of(&run, "draft")), (Some(11), Some(11)));
    assert_eq!(run.status, Status::Completed);
}

#[test]
fn a_detached_task_without_a_span_has_a_run_of_its_own_and_nothing_of_it_is_lost() {
    let runs = runs_of(layer(), |guard| {
        let runtime = two_threads();
        let task = runtime.block_on(
            async {
                chat(1);
                let detached = async {
                    record_usage(Usage::new().input(6));
                    chat(2);
                };
                tokio::spawn(detached.with_current_subscriber())
            }
            .instrument(info_span!("pipeline")),
        );
        runtime.block_on(task).unwrap();
        assert_eq!(guard.handle().stats().outside, 1, "usage outside of any span is counted");
    });
    let mut pipelines: Vec<_> = runs.iter().map(|run| (run.pipeline.as_str(), tokens(run))).collect();
    pipelines.sort();
    assert_eq!(pipelines, [("call", Some(2)), ("pipeline", Some(1))]);
}

#[test]
fn a_future_that_is_dropped_early_leaves_what_it_had_used() {
    let run = run_of(layer(), |_| {
        one_thread().block_on(
            async {
                let draft = async {
                    chat(5);
                    let stream = call("gpt-5").provider("openai").start();
                    let span = stream.span().clone();
                    pending::<()>().instrument(span).await;
                    stream.usage(Usage::new().input(1_000));
                };
                let draft = draft.instrument(info_span!("draft"));
                assert!(tokio::time::timeout(Duration::from_millis(10), draft).await.is_err());
            }
            .instrument(info_span!("pipeline")),
        );
    });
    let row = &run.budget_summary.per_agent["draft"];
    assert_eq!((tokens(&run), row.figures.llm_calls, row.figures.calls_without_usage), (Some(5), 2, 1));
    assert_eq!(row.status, Status::Completed);
}

#[test]
fn a_task_that_is_aborted_and_one_that_is_never_polled_close_their_run() {
    let run = run_of(layer(), |_| {
        let runtime = one_thread();
        runtime.block_on(
            async {
                chat(5);
                tokio::spawn(pending::<()>().instrument(info_span!("draft"))).abort();
                drop(async { chat(9) }.instrument(info_span!("review")));
            }
            .instrument(info_span!("pipeline")),
        );
        drop(runtime);
    });
    assert_eq!((run.status, tokens(&run)), (Status::Completed, Some(5)));
    assert_eq!(run.budget_summary.per_agent["review"].calls, 1);
}

#[test]
fn stages_at_once_on_one_thread_and_on_several_keep_their_own() {
    for runtime in [one_thread(), two_threads()] {
        let runs = runs_of(layer(), |_| {
            let one_root = |root: u64| {
                let work = async move {
                    let stages: Vec<_> = (0..20_u64)
                        .map(|stage| {
                            let work = async move {
                                for tokens in 0..5 {
                                    tokio::task::yield_now().await;
                                    chat(root * 1_000 + stage * 10 + tokens);
                                    tokio::time::sleep(Duration::from_micros(200)).await;
                                }
                            };
                            // Ten of each name at once.
                            let span = if stage % 2 == 0 { info_span!("even") } else { info_span!("odd") };
                            tokio::spawn(async { work.instrument(span).await }.with_current_subscriber())
                        })
                        .collect();
                    for stage in stages {
                        stage.await.unwrap();
                    }
                }
                .instrument(info_span!("pipeline", tag.root = root));
                async { work.await }.with_current_subscriber()
            };
            runtime.block_on(async {
                let (one, two) = (tokio::spawn(one_root(1)), tokio::spawn(one_root(2)));
                one.await.unwrap();
                two.await.unwrap();
            });
        });
        assert_eq!(runs.len(), 2);
        for run in runs {
            let root: u64 = run.tags["root"].parse().unwrap();
            let of = |stages: &mut dyn Iterator<Item = u64>| {
                stages.map(|stage| 5 * (root * 1_000 + stage * 10) + 10).sum::<u64>()
            };
            assert_eq!(tokens_of(&run, "even"), Some(of(&mut (0..20).step_by(2))));
            assert_eq!(tokens_of(&run, "odd"), Some(of(&mut (1..20).step_by(2))));
            assert_eq!(run.budget_summary.per_agent["even"].calls, 10);
            assert_eq!(run.budget_summary.per_agent["even"].figures.llm_calls, 50);
        }
    }
}
