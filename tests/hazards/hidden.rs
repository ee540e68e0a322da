//! Spans that the layer does not see, because they are below INFO or filtered away, are looked through.

use tracing::instrument::WithSubscriber;
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Instrument, debug_span, info, info_span};
use tracing_budget::sink::Memory;
use tracing_budget::{BudgetGuard, RunSummary, gate, layer};
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::prelude::*;

use crate::runs_of::{chat, delivered, tokens_of};

/// A subscriber with `fmt` at DEBUG beside the layer, printing to nowhere.
fn beside_debug() -> (Dispatch, BudgetGuard, Memory) {
    let memory = Memory::new();
    let (budget, guard) = layer().usage_events(["hazards"]).sink(memory.clone()).build().unwrap();
    let fmt = tracing_subscriber::fmt::layer().with_writer(std::io::sink).with_filter(LevelFilter::DEBUG);
    (Dispatch::new(tracing_subscriber::registry().with(fmt).with(budget)), guard, memory)
}

fn only(guard: &BudgetGuard, memory: &Memory) -> RunSummary {
    let mut runs = delivered(guard, memory);
    assert_eq!(runs.len(), 1, "{runs:#?}");
    runs.remove(0)
}

/// Runs `work` in a span that only others see, made in the stage `draft`, on a thread that has entered nothing else.
fn on_a_bare_thread(work: impl FnOnce() + Send + 'static) -> (RunSummary, BudgetGuard) {
    let (dispatch, guard, memory) = beside_debug();
    tracing::dispatcher::with_default(&dispatch, || {
        let root = info_span!("pipeline");
        let draft = info_span!(parent: &root, "draft");
        let hidden = debug_span!(parent: &draft, "task");
        drop((root, draft));
        let dispatch = dispatch.clone();
        let thread = move || {
            tracing::dispatcher::with_default(&dispatch, || {
                hidden.in_scope(work);
                // The registry lets a parent go only while its own subscriber is the default.
                drop(hidden);
            });
        };
        std::thread::spawn(thread).join().unwrap();
    });
    (only(&guard, &memory), guard)
}

#[test]
fn a_call_in_a_task_with_a_hidden_span_is_in_the_stage_around_it() {
    let (run, _guard) = on_a_bare_thread(|| chat(3));
    assert_eq!(tokens_of(&run, "draft"), Some(3));
}

#[test]
fn usage_and_gates_of_events_in_such_a_task_are_in_that_stage_too() {
    let (run, guard) = on_a_bare_thread(|| {
        chat(1);
        info!(input_tokens = 3);
        gate("lint").verdict("pass").emit();
    });
    assert_eq!(guard.handle().stats().outside, 0);
    assert_eq!(tokens_of(&run, "draft"), Some(4));
    assert_eq!(run.budget_summary.gate_verdicts[0].after_stage.as_deref(), Some("draft"));
}

#[test]
fn an_agent_that_is_opened_as_a_root_in_such_a_task_is_adopted() {
    let (run, _guard) = on_a_bare_thread(|| {
        let agent = info_span!(parent: None, "invoke_agent", gen_ai.operation.name = "invoke_agent");
        agent.in_scope(|| chat(3));
    });
    assert_eq!((run.pipeline.as_str(), tokens_of(&run, "invoke_agent")), ("pipeline", Some(3)));
    assert_eq!(run.stage("invoke_agent").unwrap().parent.as_deref(), Some("draft"));
}

#[test]
fn a_plain_root_in_such_a_task_is_a_run_of_its_own() {
    let (dispatch, guard, memory) = beside_debug();
    tracing::dispatcher::with_default(&dispatch, || {
        let root = info_span!("pipeline");
        debug_span!(parent: &root, "task")
            .in_scope(|| info_span!(parent: None, "inner").in_scope(|| chat(3)));
    });
    assert_eq!(only(&guard, &memory).pipeline, "inner");
}

#[test]
fn a_task_with_a_hidden_span_that_hops_between_threads_stays_in_its_stage() {
    let (dispatch, guard, memory) = beside_debug();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
    let pipeline = async {
        let stages: Vec<_> = ["one", "two", "three", "four"]
            .into_iter()
            .map(|name| {
                let stage = info_span!("step", stage = name);
                let hidden = debug_span!(parent: &stage, "task");
                let work = async {
                    for _ in 0..200 {
                        chat(1);
                        info!(input_tokens = 1);
                        tokio::task::yield_now().await;
                        async { chat(1) }.instrument(debug_span!("inner")).await;
                    }
                };
                tokio::spawn(async { work.instrument(hidden).await }.with_current_subscriber())
            })
            .collect();
        for stage in stages {
            stage.await.unwrap();
        }
    };
    tracing::dispatcher::with_default(&dispatch, || {
        runtime.block_on(async {
            let root = async { pipeline.instrument(info_span!("pipeline")).await };
            tokio::spawn(root.with_current_subscriber()).await.unwrap();
        });
    });
    let run = only(&guard, &memory);
    for stage in ["one", "two", "three", "four"] {
        assert_eq!(tokens_of(&run, stage), Some(600), "{run}");
    }
}

/// A limit of the layer: it goes by its own stack of entered spans, which lacks those that a filter of the user's hides
/// from it. Where such a span was created in one stage and is entered inside of another span, its calls go to the latter's
/// row. Nothing is lost.
#[test]
fn what_is_called_in_a_span_that_a_users_filter_hides_is_in_the_run_all_the_same() {
    let memory = Memory::new();
    let (budget, guard) = layer().usage_events(["hazards"]).sink(memory.clone()).build().unwrap();
    let budget = budget
        .with_filter(Targets::new().with_default(LevelFilter::INFO).with_target("noise", LevelFilter::OFF));
    let fmt = tracing_subscriber::fmt::layer().with_writer(std::io::sink).with_filter(LevelFilter::INFO);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget).with(fmt), || {
        let _root = info_span!("pipeline").entered();
        let draft = info_span!("draft");
        info_span!(target: "noise", parent: &draft, "task").in_scope(|| chat(3));
    });
    let run = only(&guard, &memory);
    assert_eq!(run.budget_summary.total.input_tokens, 3);
    assert!(run.budget_summary.per_agent.get("draft").is_some_and(|row| row.calls == 1));
}

#[test]
fn a_root_that_anothers_filter_hides_is_a_root_for_us() {
    let memory = Memory::new();
    let (budget, guard) = layer().usage_events(["hazards"]).sink(memory.clone()).build().unwrap();
    let others = tracing_subscriber::fmt::layer()
        .with_writer(std::io::sink)
        .with_filter(filter_fn(|metadata| metadata.name() != "pipeline"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(others).with(budget), || {
        info_span!("pipeline").in_scope(|| info_span!("draft").in_scope(|| chat(3)));
    });
    let run = only(&guard, &memory);
    assert_eq!((run.pipeline.as_str(), tokens_of(&run, "draft")), ("pipeline", Some(3)));
}

#[test]
fn under_a_root_that_is_hidden_from_us_each_child_is_a_root() {
    let memory = Memory::new();
    let (budget, guard) = layer().usage_events(["hazards"]).sink(memory.clone()).build().unwrap();
    let budget = budget.with_filter(filter_fn(|metadata| metadata.name() != "server"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        let _server = info_span!("server").entered();
        info_span!("request").in_scope(|| chat(1));
        info_span!("request").in_scope(|| chat(2));
    });
    assert_eq!(delivered(&guard, &memory).len(), 2);
}
