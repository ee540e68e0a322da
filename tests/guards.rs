//! A guard without context fails closed: no limit lets money through because its run is missing.

mod budgeted;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use budgeted::{run_with, runs_with, usd};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::with_default;
use tracing::{Dispatch, Instrument, debug_span, dispatcher, info_span};
use tracing_budget::limit::{Amount, BudgetExceeded, OutsideOfRun, Remaining, UnpricedCalls};
use tracing_budget::sink::Memory;
use tracing_budget::{
    BudgetGuard, Builder, RunSummary, Usage, call, check, current, layer, record::UsageRecord, remaining,
    reserve, reserve_tokens,
};
use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry;

/// What each call costs, and what is reserved for it.
const COST: &str = "0.0225";

/// A guarded call, as the README has it, with a cost of its own.
fn ask() -> Result<(), BudgetExceeded> {
    let call = reserve(COST)?.call("gpt-5").provider("openai").start();
    call.finish(UsageRecord::new(Usage::new().input(3_000).output(987)).cost(usd(COST)));
    Ok(())
}

// The README's function, word for word.
fn answer(question: &str) -> Result<String, BudgetExceeded> {
    let call = reserve("0.05")?.call("gpt-5-mini").provider("openai").start();
    let reply = format!("{question} 42"); // call the model here
    call.finish(Usage::new().input(3_000).output(987));
    Ok(reply)
}

fn refused(reason: OutsideOfRun) -> BudgetExceeded {
    BudgetExceeded::OutsideOfRun(reason)
}

fn limited() -> (Dispatch, BudgetGuard, Memory) {
    with_limits(layer().limit_usd("0.10"))
}

fn with_limits(builder: Builder) -> (Dispatch, BudgetGuard, Memory) {
    let memory = Memory::new();
    let (budget, guard) = builder.sink(memory.clone()).build().expect("a layer");
    (registry().with(budget).into(), guard, memory)
}

fn only_run(guard: &BudgetGuard, memory: &Memory) -> RunSummary {
    guard.flush().expect("delivered");
    let mut runs = memory.take();
    assert_eq!(runs.len(), 1, "{runs:#?}");
    runs.remove(0)
}

/// Calls in twenty tasks on four threads; returns how many calls went through, and every refusal.
fn twenty_tasks<F>(spawn: impl FnOnce(Vec<Asking>) -> F) -> (usize, Vec<BudgetExceeded>)
where
    F: Future<Output = Vec<Result<(), BudgetExceeded>>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().expect("a runtime");
    let tasks = (0..20).map(|_| Box::pin(async { ask() }) as Asking).collect();
    let answers = runtime.block_on(spawn(tasks));
    assert_eq!(answers.len(), 20);
    let through = answers.iter().filter(|answer| answer.is_ok()).count();
    (through, answers.into_iter().filter_map(Result::err).collect())
}

type Asking = std::pin::Pin<Box<dyn Future<Output = Result<(), BudgetExceeded>> + Send>>;

async fn all(
    tasks: Vec<tokio::task::JoinHandle<Result<(), BudgetExceeded>>>,
) -> Vec<Result<(), BudgetExceeded>> {
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("no panic"));
    }
    answers
}

#[test]
fn the_pattern_of_the_pages_lets_nothing_through() {
    let (_, pattern) = include_str!("guards.rs").split_once("word for word.\n").expect("it is above");
    let (pattern, _) = pattern.split_once("\n\n").expect("a blank line");
    assert!(
        include_str!("../README.md").contains(pattern) && include_str!("../docs/limits.md").contains(pattern)
    );
    let (dispatch, _guard, _memory) =
        with_limits(layer().limit_usd("0.05").unpriced_calls(UnpricedCalls::Ignore));
    dispatcher::with_default(&dispatch, || {
        assert_eq!(answer("Outside?"), Err(refused(OutsideOfRun::NoSpan)));
        let _pipeline = info_span!("pipeline").entered();
        assert_eq!(answer("Inside?").as_deref(), Ok("Inside? 42"));
        let _held = reserve("0.02").expect("there is room");
        assert!(matches!(answer("Again?"), Err(BudgetExceeded::NoRoom { .. })));
    });
}

#[test]
fn twenty_tasks_without_their_span_spend_nothing() {
    let (dispatch, guard, memory) = limited();
    let (through, refusals) = dispatcher::with_default(&dispatch, || {
        twenty_tasks(|tasks| {
            // Every thread has the subscriber, as after `init`.
            let on = |task| tracing::instrument::WithSubscriber::with_subscriber(task, dispatch.clone());
            let pipeline =
                async move { all(tasks.into_iter().map(|task| tokio::spawn(on(task))).collect()).await };
            pipeline.instrument(info_span!("pipeline"))
        })
    });
    assert_eq!(through, 0);
    assert!(refusals.iter().all(|why| *why == refused(OutsideOfRun::NoSpan)), "{refusals:?}");
    assert_eq!(
        refusals[0].to_string(),
        "outside of any run no limit can be enforced: no span is entered here; give a spawned task its span by \
         `.in_current_span()`"
    );
    guard.flush().expect("delivered");
    assert!(memory.take().is_empty());
}

#[test]
fn twenty_tasks_on_threads_without_the_subscriber_spend_nothing() {
    let (dispatch, _guard, _memory) = limited();
    let (through, refusals) = dispatcher::with_default(&dispatch, || {
        twenty_tasks(|tasks| {
            let pipeline = async move { all(tasks.into_iter().map(tokio::spawn).collect()).await };
            pipeline.instrument(info_span!("pipeline"))
        })
    });
    assert_eq!(through, 0);
    assert!(refusals.iter().all(|why| *why == refused(OutsideOfRun::NoSubscriber)), "{refusals:?}");
}

#[test]
fn of_twenty_tasks_with_their_span_at_most_four_go_through() {
    let (dispatch, guard, memory) = limited();
    let (through, refusals) = dispatcher::with_default(&dispatch, || {
        twenty_tasks(|tasks| {
            let on = |task| tracing::instrument::WithSubscriber::with_subscriber(task, dispatch.clone());
            let pipeline = async move {
                let tasks = tasks.into_iter().map(|task| tokio::spawn(on(task.in_current_span())));
                all(tasks.collect()).await
            };
            pipeline.instrument(info_span!("pipeline"))
        })
    });
    // A call counts twice for the moment between its booking and the end of its permit, so one may be refused too early.
    assert!((1..=4).contains(&through), "{through}");
    assert!(refusals.iter().all(|why| matches!(why, BudgetExceeded::NoRoom { .. })), "{refusals:?}");
    let spent = only_run(&guard, &memory).cost_usd().expect("it is known");
    assert!(spent <= usd("0.09"), "{spent}");
}

#[test]
fn a_permit_leads_its_call_into_the_run_from_a_task_without_a_span() {
    let (dispatch, guard, memory) = limited();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let pipeline = async {
        let mut through = 0;
        while let Ok(permit) = reserve(COST) {
            through += 1;
            let spend = async move {
                let call = permit.call("gpt-5").provider("openai").start();
                call.finish(UsageRecord::new(Usage::new().input(3_000).output(987)).cost(usd(COST)));
            };
            let on = tracing::instrument::WithSubscriber::with_subscriber(spend, dispatch.clone());
            tokio::spawn(on).await.expect("no panic");
        }
        through
    };
    let stage = async { pipeline.instrument(info_span!("draft")).await };
    let work = stage.instrument(dispatcher::with_default(&dispatch, || info_span!("pipeline")));
    let _default = dispatcher::set_default(&dispatch);
    assert_eq!(runtime.block_on(work), 4);
    let run = only_run(&guard, &memory);
    assert_eq!((run.cost_usd(), run.stages()["draft"].figures.llm_calls), (Some(usd("0.09")), 4));
}

#[test]
fn a_permit_holds_room_while_a_future_of_a_client_works() {
    let (dispatch, guard, memory) = limited();
    let _default = dispatcher::set_default(&dispatch);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    info_span!("pipeline").in_scope(|| {
        let held = reserve("0.06").expect("there is room").hold(async {
            assert_eq!(remaining().map(|left| left.usd), Ok(Some(usd("0.04"))));
            assert!(reserve("0.06").is_err(), "it is held");
            let chat = info_span!("chat", gen_ai.operation.name = "chat", gen_ai.usage.cost = 0.05);
            tokio::task::yield_now().await;
            drop(chat);
        });
        let task = runtime.spawn(held);
        runtime.block_on(task).expect("no panic");
        assert_eq!(remaining().map(|left| left.usd), Ok(Some(usd("0.05"))));
    });
    assert_eq!(only_run(&guard, &memory).cost_usd(), Some(usd("0.05")));
}

#[test]
fn the_room_of_a_call_is_held_until_its_span_has_closed() {
    let run = run_with(layer().limit_usd("0.10"), || {
        let _pipeline = info_span!("pipeline").entered();
        let call = reserve("0.06").expect("there is room").call("gpt-5").start();
        let (copy, inside) = (call.span().clone(), call.in_scope(|| info_span!("request", stage = "wire")));
        call.finish(UsageRecord::new(Usage::new().input(1).output(1)).cost(usd("0.05")));
        assert!(reserve("0.05").is_err(), "a clone of its span is open");
        drop(copy);
        assert!(reserve("0.05").is_err(), "a span inside is open");
        drop(inside);
        assert_eq!(
            remaining().map(|left| left.usd),
            Ok(Some(usd("0.05"))),
            "booked once, and nothing is held"
        );
    });
    assert_eq!(run.cost_usd(), Some(usd("0.05")));
}

#[test]
fn a_call_that_fails_gives_its_room_back() {
    run_with(layer().limit_usd("0.10"), || {
        let _pipeline = info_span!("pipeline").entered();
        reserve("0.06").expect("there is room").call("gpt-5").start().error("timeout", "after 30 s");
        assert_eq!(remaining().map(|left| left.usd), Ok(Some(usd("0.10"))));
    });
}

#[test]
fn a_global_filter_that_hides_the_run_refuses_with_a_reason() {
    let (budget, _guard) = layer().limit_usd("0.10").build().expect("a layer");
    with_default(registry().with(EnvFilter::new("warn")).with(budget), || {
        let _pipeline = info_span!("pipeline").entered();
        let why = ask().expect_err("no run is seen");
        assert_eq!(why, refused(OutsideOfRun::Filtered));
        assert_eq!(
            why.to_string(),
            "outside of any run no limit can be enforced: no span is entered here, and a filter on the whole subscriber \
             hides spans of level INFO, those of runs among them; give the filter to the layer that it is meant for"
        );
        assert_eq!(check(), Err(why));
    });
    // This one hides the program's spans, and lets others through: for the layer there is no span at all.
    let (budget, _guard) = layer().limit_usd("0.10").build().expect("a layer");
    with_default(registry().with(EnvFilter::new("info,guards=off")).with(budget), || {
        let _pipeline = info_span!("pipeline").entered();
        assert_eq!(ask(), Err(refused(OutsideOfRun::NoSpan)));
    });
}

#[test]
fn a_filter_on_the_layer_that_hides_the_run_refuses_with_a_reason() {
    let hidden = Err(refused(OutsideOfRun::Hidden { span: "pipeline" }));
    let targets = || Targets::new().with_default(LevelFilter::INFO).with_target("app", LevelFilter::OFF);
    let beside = || tracing_subscriber::fmt::layer().with_writer(std::io::sink);
    let (budget, _guard) = layer().limit_usd("0.10").build().expect("a layer");
    with_default(registry().with(budget.with_filter(targets())).with(beside()), || {
        let _pipeline = info_span!(target: "app", "pipeline").entered();
        assert_eq!(ask(), hidden);
        // The stage would be a run, and have the limit for itself.
        let _stage = info_span!("draft").entered();
        assert!(current().is_some());
        assert_eq!((ask(), check()), (hidden.clone(), hidden));
        assert_eq!(remaining(), Err(OutsideOfRun::Hidden { span: "pipeline" }));
    });
    // Where the program names what a run is, the spans around it may be hidden.
    let (budget, _guard) = layer().limit_usd("0.10").roots(["draft"]).build().expect("a layer");
    with_default(registry().with(budget.with_filter(targets())).with(beside()), || {
        let _pipeline = info_span!(target: "app", "pipeline").entered();
        info_span!("draft").in_scope(|| assert_eq!(ask(), Ok(())));
    });
}

#[test]
fn finer_spans_around_a_run_refuse_nothing() {
    let (budget, _guard) = layer().limit_usd("0.10").build().expect("a layer");
    let beside = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
    with_default(registry().with(budget).with(beside), || {
        let _request = debug_span!("request").entered();
        assert_eq!(ask(), Err(refused(OutsideOfRun::NoSpan)));
        info_span!("pipeline").in_scope(|| assert_eq!(ask(), Ok(())));
    });
}

#[test]
fn a_span_that_is_no_root_is_outside() {
    let (dispatch, _guard, _memory) = with_limits(layer().limit_usd("0.10").roots(["pipeline"]));
    dispatcher::with_default(&dispatch, || {
        let _span = info_span!("other").entered();
        assert_eq!(ask(), Err(refused(OutsideOfRun::NoRoot)));
        info_span!("pipeline").in_scope(|| assert_eq!(ask(), Ok(())));
    });
}

#[test]
fn with_the_layer_switched_off_on_purpose_everything_goes_through() {
    let (dispatch, _guard, _memory) = with_limits(layer().limit_usd("0.10").enabled(false));
    let (through, refusals) = dispatcher::with_default(&dispatch, || {
        twenty_tasks(|tasks| {
            let on = |task| tracing::instrument::WithSubscriber::with_subscriber(task, dispatch.clone());
            async move { all(tasks.into_iter().map(|task| tokio::spawn(on(task))).collect()).await }
        })
    });
    assert_eq!((through, refusals), (20, Vec::new()));
    dispatcher::with_default(&dispatch, || {
        assert_eq!((check(), remaining()), (Ok(()), Ok(Remaining::default())));
        reserve_tokens(1).expect("nothing is limited").settle_as("search", "0.01");
    });
}

#[test]
fn without_limits_everything_goes_through_and_what_is_outside_is_counted() {
    let (dispatch, guard, _memory) = with_limits(layer());
    dispatcher::with_default(&dispatch, || {
        let permit = reserve("1000000").expect("nothing is limited");
        assert_eq!(permit.amount(), None);
        permit.settle_as("search", "0.01");
        assert_eq!(check(), Ok(()));
    });
    assert_eq!(guard.handle().stats().outside, 1);
}

#[test]
fn a_subscriber_without_a_budget_layer_is_a_choice() {
    let (_dispatch, _guard, _memory) = limited();
    with_default(registry(), || assert_eq!((ask(), check()), (Ok(()), Ok(()))));
}

#[test]
fn a_layer_that_was_dropped_refuses_nothing_any_more() {
    let (dispatch, guard, _memory) = limited();
    let handle = guard.handle();
    drop((dispatch, guard));
    // Another test's layer may be there, which refuses threads without a subscriber: so with one.
    with_default(registry(), || assert_eq!(ask(), Ok(())));
    assert!(handle.snapshot().is_empty());
}

#[test]
fn a_call_that_a_filter_hides_keeps_its_room() {
    let (budget, guard) = layer().limit_usd("0.10").build().expect("a layer");
    with_default(registry().with(EnvFilter::new("info,tracing_budget=off")).with(budget), || {
        let _pipeline = info_span!("pipeline").entered();
        let through = (0..20).filter(|_| ask().is_ok()).count();
        assert_eq!(through, 4, "no cost is booked, and the limit holds");
        assert_eq!(remaining().map(|left| left.usd), Ok(Some(usd("0.01"))));
    });
    guard.flush().expect("delivered");
}

#[test]
fn a_call_in_another_run_than_its_permit_keeps_the_room() {
    let runs = runs_with(layer().limit_usd("0.10"), || {
        let _pipeline = info_span!("pipeline").entered();
        let here = current().expect("a run");
        // A place can be used from anywhere, and names no span that the call could open in.
        let other = info_span!(parent: None, "other");
        let permit = other.in_scope(|| here.reserve(COST).expect("there is room"));
        other.in_scope(|| drop(permit.call("gpt-5").start()));
        assert_eq!(here.remaining().usd, Some(usd("0.0775")));
        drop(other);
        call("gpt-5").start().finish(UsageRecord::new(Usage::new().input(1)).cost(0));
    });
    assert_eq!(runs.len(), 2);
}

#[test]
fn guards_work_on_every_thread_that_is_in_a_span_of_the_run() {
    let (dispatch, _guard, _memory) = limited();
    let pipeline = dispatcher::with_default(&dispatch, || info_span!("pipeline"));
    let through = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                dispatcher::with_default(&dispatch, || {
                    pipeline.in_scope(|| {
                        while ask().is_ok() {
                            through.fetch_add(1, SeqCst);
                        }
                    });
                });
            });
        }
    });
    let at_once = through.load(SeqCst);
    assert!((1..=4).contains(&at_once), "{at_once}");
    let later = dispatcher::with_default(&dispatch, || {
        pipeline.in_scope(|| (0..20).filter(|_| ask().is_ok()).count())
    });
    assert_eq!(at_once + later, 4);
    let tokens =
        dispatcher::with_default(&dispatch, || pipeline.in_scope(|| reserve_tokens(5).map(|it| it.amount())));
    assert_eq!(tokens, Ok(Some(Amount::Tokens(5))));
}
