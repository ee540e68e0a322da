//! Several layers keep apart, in one subscriber and in several.

use std::sync::Barrier;

use tracing::{Dispatch, info_span};
use tracing_budget::sink::Memory;
use tracing_budget::{Usage, call, layer};
use tracing_subscriber::prelude::*;

use crate::runs_of::{chat, delivered, run_of, tokens};

#[test]
fn two_layers_in_one_subscriber_each_see_everything_once() {
    let (one, two) = (Memory::new(), Memory::new());
    let (first, first_guard) = layer().project("one").sink(one.clone()).build().unwrap();
    let (second, second_guard) = layer().project("two").stages(["draft"]).sink(two.clone()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(first).with(second), || {
        for tokens in [1, 2] {
            let _root = info_span!("pipeline").entered();
            info_span!("draft").in_scope(|| chat(tokens));
            info_span!("review").in_scope(|| chat(10 * tokens));
        }
    });
    for (guard, memory, project) in [(&first_guard, &one, "one"), (&second_guard, &two, "two")] {
        let runs = delivered(guard, memory);
        let totals: Vec<_> = runs.iter().map(tokens).collect();
        assert_eq!(totals, [Some(11), Some(22)], "{project}");
        assert!(runs.iter().all(|run| run.project == project));
        assert_eq!(guard.handle().stats().late, 0);
        assert_eq!(runs[0].budget_summary.per_agent.get("review").is_some(), project == "one");
    }
}

#[test]
fn subscribers_that_one_thread_alternates_between_keep_their_own() {
    let (one, two) = (Memory::new(), Memory::new());
    let (first, first_guard) = layer().sink(one.clone()).build().unwrap();
    let (second, second_guard) = layer().sink(two.clone()).build().unwrap();
    let first = tracing_subscriber::registry().with(first);
    let second = tracing_subscriber::registry().with(second);
    tracing::subscriber::with_default(first, || {
        let _root = info_span!("outer").entered();
        chat(1);
        tracing::subscriber::with_default(second, || {
            let _root = info_span!("inner").entered();
            chat(2);
            info_span!("draft").in_scope(|| chat(4));
        });
        chat(8);
    });
    assert_eq!(tokens(&delivered(&first_guard, &one)[0]), Some(9));
    assert_eq!(tokens(&delivered(&second_guard, &two)[0]), Some(6));
}

#[test]
fn subscribers_on_two_threads_keep_their_own() {
    let barrier = Barrier::new(2);
    std::thread::scope(|threads| {
        for thread in [1, 2] {
            let barrier = &barrier;
            threads.spawn(move || {
                let run = run_of(layer(), |_| {
                    let _root = info_span!("pipeline").entered();
                    barrier.wait();
                    for _ in 0..2_000 {
                        info_span!("draft").in_scope(|| chat(thread));
                    }
                    barrier.wait();
                });
                assert_eq!(tokens(&run), Some(2_000 * thread));
            });
        }
    });
}

#[test]
fn a_call_of_one_subscriber_may_record_its_usage_under_another() {
    let (one, two) = (Memory::new(), Memory::new());
    let (first, first_guard) = layer().sink(one.clone()).build().unwrap();
    let (second, second_guard) = layer().sink(two.clone()).build().unwrap();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(first));
    let held = tracing::dispatcher::with_default(&dispatch, || {
        info_span!("pipeline").in_scope(|| call("gpt-5").start())
    });
    tracing::subscriber::with_default(tracing_subscriber::registry().with(second), || {
        let _root = info_span!("other").entered();
        chat(1);
        held.usage(Usage::new().input(2));
    });
    // The registry lets a parent go only while its own subscriber is the default.
    tracing::dispatcher::with_default(&dispatch, || drop(held));
    assert_eq!(tokens(&delivered(&first_guard, &one)[0]), Some(2));
    assert_eq!(tokens(&delivered(&second_guard, &two)[0]), Some(1));
}
