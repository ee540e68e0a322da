//! Many threads in one run.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tracing::{info, info_span};
use tracing_budget::{Usage, call, layer, record::UsageRecord, record_usage};

use crate::runs_of::{dispatch, run_of, tokens, tokens_of};

#[test]
fn eight_threads_with_a_hundred_thousand_calls_each_sum_exactly() {
    const CALLS: u64 = 100_000;
    let run = run_of(layer(), |guard| {
        let root = info_span!("pipeline");
        let dispatch = dispatch();
        std::thread::scope(|threads| {
            for thread in 0..8_u64 {
                let (root, dispatch) = (&root, &dispatch);
                threads.spawn(move || {
                    tracing::dispatcher::with_default(dispatch, || {
                        let _stage = if thread % 2 == 0 {
                            info_span!(parent: root, "even").entered()
                        } else {
                            info_span!(parent: root, "odd").entered()
                        };
                        for number in 0..CALLS {
                            if number % 10 == 0 {
                                let call = info_span!(
                                    "chat",
                                    gen_ai.operation.name = "chat",
                                    gen_ai.request.model = "m",
                                    gen_ai.usage.input_tokens = number,
                                    cost_usd = 0.000_000_000_001
                                );
                                drop(call);
                            } else {
                                info!(input_tokens = number, cost_usd = 0.000_000_000_001);
                            }
                        }
                    });
                });
            }
        });
        assert_eq!((guard.handle().stats().late, guard.handle().stats().outside), (0, 0));
    });
    let sum = CALLS * (CALLS - 1) / 2;
    assert_eq!(tokens(&run), Some(8 * sum));
    assert_eq!((tokens_of(&run, "even"), tokens_of(&run, "odd")), (Some(4 * sum), Some(4 * sum)));
    let total = &run.budget_summary.total;
    assert_eq!(total.llm_calls, 8 * CALLS);
    assert_eq!(total.cost_usd.map(|usd| usd.to_string()).as_deref(), Some("0.0000008"));
}

#[test]
fn a_snapshot_adds_up_whenever_it_is_taken() {
    let run = run_of(layer(), |guard| {
        let handle = guard.handle();
        let root = info_span!("pipeline");
        let (dispatch, is_over) = (dispatch(), AtomicBool::new(false));
        let seen = std::thread::scope(|threads| {
            let writers: Vec<_> = (0..4)
                .map(|_| {
                    threads.spawn(|| {
                        tracing::dispatcher::with_default(&dispatch, || {
                            for number in 0..5_000 {
                                let stage = info_span!(parent: &root, "draft", tokens = 1);
                                stage.in_scope(|| {
                                    let usage = Usage::new().input(number).output(2).cache_read(number / 2);
                                    record_usage(UsageRecord::new(usage).provider("openai").model("gpt-5"));
                                    drop(call("no such model").start());
                                    let sum = info_span!("sum", gen_ai.usage.input_tokens = 7);
                                    sum.in_scope(|| {
                                        call("gpt-5").start().usage(Usage::new().input(5));
                                    });
                                });
                            }
                        });
                    })
                })
                .collect();
            let reader = threads.spawn(|| {
                let (mut seen, mut last) = (0, 0);
                while !is_over.load(Relaxed) {
                    for run in handle.snapshot() {
                        run.check().unwrap();
                        let calls = run.budget_summary.total.llm_calls;
                        assert!(calls >= last, "a figure goes down: {last}, then {calls}");
                        (seen, last) = (seen + 1, calls);
                    }
                }
                seen
            });
            for writer in writers {
                writer.join().unwrap();
            }
            is_over.store(true, Relaxed);
            reader.join().unwrap()
        });
        assert!(seen > 0, "no snapshot was taken");
    });
    assert_eq!(tokens(&run), Some(4 * (4_999 * 5_000 / 2 + 5_000 * (2 + 1 + 7))));
}
