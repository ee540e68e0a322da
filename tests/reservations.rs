//! Reservations before spending keep concurrent calls below a limit.

mod budgeted;

use std::sync::Barrier;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};

use budgeted::{run_with, runs_with, stage, usd};
use tracing::{Instrument, Span, info_span};
use tracing_budget::{
    Current, Permit, Usage, call, current, layer,
    limit::{Amount, BudgetExceeded, LimitScope},
    record::UsageRecord,
};

fn here() -> Current {
    current().expect("a run is around")
}

fn reserve(amount: &str) -> Result<Permit, BudgetExceeded> {
    here().reserve(usd(amount))
}

/// A call with a closed span.
fn call_that_costs(cost: &str) {
    call("m").start().usage(UsageRecord::new(Usage::new().input(1)).cost(usd(cost)));
}

#[test]
fn ten_permits_of_ten_cents_fill_a_dollar_and_the_eleventh_is_refused() {
    run_with(layer().limit_usd("1.00"), || {
        let _pipeline = info_span!("pipeline").entered();
        let mut permits: Vec<Permit> = (0..10).map(|_| reserve("0.10").expect("there is room")).collect();
        let error = reserve("0.000000000001").expect_err("all of it is reserved");
        assert_eq!(
            error.to_string(),
            "the run has no room for $0.000000000001: less is left of its limit of $1.00, after $0.00 used and other \
             reservations"
        );
        assert_eq!(here().check(), Ok(()), "what is reserved is not used");
        assert_eq!(here().remaining().usd, Some(usd("0")));
        permits.pop();
        assert_eq!(here().remaining().usd, Some(usd("0.10")), "a dropped permit gives its room back");
        assert_eq!(permits[0].amount(), Some(Amount::Usd(usd("0.10"))));
    });
}

#[test]
fn a_permit_settles_to_what_the_call_really_cost() {
    let run = run_with(layer().limit_usd("1.00"), || {
        let _pipeline = info_span!("pipeline").entered();
        let permit = reserve("0.50").expect("there is room");
        call_that_costs("0.20");
        drop(permit);
        assert_eq!(here().remaining().usd, Some(usd("0.80")), "once, and not twice");
        let too_small = reserve("0.10").expect("there is room");
        call_that_costs("0.30");
        drop(too_small);
        assert_eq!(here().remaining().usd, Some(usd("0.50")));
    });
    assert_eq!(run.budget_summary.usd_remaining, Some(usd("0.50")), "live and in the summary alike");
}

#[test]
fn a_permit_books_a_cost_that_no_span_records() {
    let run = run_with(layer().limit_usd("1.00"), || {
        let _pipeline = info_span!("pipeline").entered();
        let permit = info_span!("research").in_scope(|| reserve("0.01").expect("there is room"));
        permit.settle_as("web_search", usd("0.005"));
        assert_eq!(here().remaining().usd, Some(usd("0.995")));
        reserve("0.01").expect("there is room").settle_as("web_search", usd("-1"));
        assert_eq!(here().remaining().usd, Some(usd("0.995")), "a cost never adds room");
    });
    let row = &run.budget_summary.by_operation["web_search"];
    assert_eq!((row.calls, row.figures.llm_calls, row.figures.cost_usd), (2, 0, Some(usd("0.005"))));
    assert_eq!(stage(&run, "research").figures.cost_usd, Some(usd("0.005")), "where it was reserved");
    assert_eq!(run.budget_summary.total.cost_usd, Some(usd("0.005")));
}

#[test]
fn a_reservation_takes_room_in_every_enclosing_limit_or_in_none() {
    run_with(layer().limit_usd("1.00").stage_limit_usd("draft", "0.30"), || {
        let _pipeline = info_span!("pipeline").entered();
        let draft = info_span!("draft");
        let held = draft.in_scope(|| reserve("0.20").expect("there is room"));
        let error = draft.in_scope(|| reserve("0.20")).expect_err("the stage has ten cents left");
        assert_eq!(error.scope(), Some(LimitScope::Stage("draft")));
        assert_eq!(error.limit(), Some(Amount::Usd(usd("0.30"))));
        assert_eq!(here().remaining().usd, Some(usd("0.80")), "what was refused holds no room in the run");
        drop(held);
        assert_eq!(here().remaining().usd, Some(usd("1")));
        assert_eq!(draft.in_scope(|| here().remaining().usd), Some(usd("0.30")));
    });
}

#[test]
fn tokens_can_be_reserved() {
    run_with(layer().limit_tokens(1_000).limit_usd(1), || {
        let _pipeline = info_span!("pipeline").entered();
        let permit = here().reserve_tokens(800).expect("there is room");
        let error = here().reserve_tokens(300).expect_err("200 are left");
        assert!(error.to_string().starts_with("the run has no room for 300 tokens: "), "{error}");
        assert_eq!((here().remaining().tokens, here().remaining().usd), (Some(200), Some(usd("1"))));
        drop(permit);
        call_that_costs("1");
        assert!(here().reserve_tokens(1).is_err(), "an exhausted USD limit refuses tokens as well");
    });
}

#[test]
fn a_negative_reservation_adds_no_room() {
    run_with(layer().limit_usd(1), || {
        let _pipeline = info_span!("pipeline").entered();
        let _permit = reserve("-5").expect("it is nothing");
        assert!(reserve("1.01").is_err());
    });
}

#[test]
fn ten_thousand_reservations_on_each_of_two_threads_never_pass_the_limit() {
    const CALLS: usize = 10_000;
    // Half of what both threads request together.
    const ROOM: u64 = 10_000;
    run_with(layer().limit_usd("1.00"), || {
        let _pipeline = info_span!("pipeline").entered();
        let (here, start, granted) = (here(), Barrier::new(2), AtomicU64::new(0));
        let share = usd("0.0001");
        let kept: Vec<Permit> = std::thread::scope(|threads| {
            let reserve_all = || {
                start.wait();
                let permits: Vec<_> = (0..CALLS).filter_map(|_| here.reserve(share).ok()).collect();
                granted.fetch_add(permits.len() as u64, SeqCst);
                permits
            };
            let [one, two] = [threads.spawn(reserve_all), threads.spawn(reserve_all)];
            [one, two].into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(granted.load(SeqCst), ROOM, "not one more, and not one less");
        assert_eq!(here.remaining().usd, Some(usd("0")));
        drop(kept);
        assert_eq!(here.remaining().usd, Some(usd("1")));
    });
}

#[test]
fn permits_of_two_threads_stay_within_the_limit_at_any_moment() {
    const CALLS: usize = 10_000;
    let run = run_with(layer().limit_usd("0.05"), || {
        let root = info_span!("pipeline");
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let (start, held, most, spent) =
            (Barrier::new(2), AtomicI64::new(0), AtomicI64::new(0), AtomicI64::new(0));
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    tracing::dispatcher::with_default(&dispatch, || {
                        let _in_run = root.enter();
                        let here = here();
                        start.wait();
                        for number in 0..CALLS {
                            let Ok(permit) = here.reserve(usd("0.0000200")) else { continue };
                            // Each amount is taken off this count before its permit is released.
                            let now = held.fetch_add(20, SeqCst) + 20;
                            most.fetch_max(now, SeqCst);
                            if number % 2 == 0 {
                                call_that_costs("0.0000050");
                                spent.fetch_add(5, SeqCst);
                                held.fetch_sub(15, SeqCst);
                            } else {
                                held.fetch_sub(20, SeqCst);
                            }
                            drop(permit);
                        }
                    });
                });
            }
        });
        let (most, spent) = (most.load(SeqCst), spent.load(SeqCst));
        assert!(most <= 50_000, "{most} millionths were held or spent at once");
        assert!((49_960..=50_000).contains(&spent), "room was left unused: {spent}");
    });
    let spent = run.budget_summary.total.cost_usd.expect("it is known");
    assert!(spent <= usd("0.05"), "{spent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_permit_is_held_across_await_and_threads() {
    let (budget, guard) = layer().limit_usd("1.00").build().expect("a layer");
    let subscriber = tracing_subscriber::layer::SubscriberExt::with(tracing_subscriber::registry(), budget);
    let _default = tracing::subscriber::set_default(subscriber);
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let pipeline = info_span!("pipeline");
    let work = async {
        let permit = reserve("0.60").expect("there is room");
        tokio::task::yield_now().await;
        assert!(reserve("0.60").is_err(), "it is still held after the await");
        let span = Span::current();
        let on = dispatch.clone();
        let elsewhere = tokio::task::spawn_blocking(move || {
            tracing::dispatcher::with_default(&on, || {
                assert!(current().is_none(), "a blocking thread is outside of every span");
                span.in_scope(|| (here().check(), reserve("0.60").is_err(), here().remaining().usd))
            })
        });
        assert_eq!(elsewhere.await.expect("no panic"), (Ok(()), true, Some(usd("0.40"))));
        let kept = here();
        let moved = tokio::spawn(async move {
            tokio::task::yield_now().await;
            let left = kept.remaining().usd;
            drop(permit);
            (left, kept.remaining().usd)
        });
        assert_eq!(moved.await.expect("no panic"), (Some(usd("0.40")), Some(usd("1"))));
        drop(reserve("1").expect("all of it is free again"));
    };
    work.instrument(pipeline).await;
    guard.flush().expect("delivered");
}

#[test]
fn a_reservation_starts_its_run() {
    let runs = runs_with(layer().limit_usd(1), || {
        let _pipeline = info_span!("pipeline").entered();
        assert_eq!(here().run_id(), None, "nothing has happened");
        let _permit = reserve("0.40").expect("there is room");
        assert!(here().run_id().is_some());
        assert_eq!(here().remaining().usd, Some(usd("0.60")));
    });
    assert_eq!(runs.len(), 1);
}
