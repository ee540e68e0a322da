//! A limit over all runs of a layer holds, whatever run a call is in.

mod budgeted;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread;

use budgeted::{runs_with, usd};
use tracing::{dispatcher, info_span};
use tracing_budget::limit::{Alert, Amount, BudgetExceeded, LimitScope, Remaining};
use tracing_budget::{
    BuildError, Usage, call, check, layer, operation, record::UsageRecord, record_usage, remaining, reserve,
};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Registry, registry};

fn ask(cost: &str) -> Result<(), BudgetExceeded> {
    let call = reserve(cost)?.call("gpt-5").start();
    call.finish(UsageRecord::new(Usage::new().input(10).output(5)).cost(usd(cost)));
    Ok(())
}

fn request<T>(work: impl FnOnce() -> T) -> T {
    info_span!("request").in_scope(work)
}

#[test]
fn runs_one_after_the_other_share_it() {
    let runs = runs_with(layer().total_limit_usd("0.10"), || {
        let through = (0..20).filter(|_| request(|| ask("0.0225")).is_ok()).count();
        assert_eq!(through, 4);
        let why = request(|| ask("0.0225")).expect_err("one cent is left");
        assert_eq!((why.scope(), why.limit()), (Some(LimitScope::Total), Some(Amount::Usd(usd("0.10")))));
        assert_eq!(
            why.to_string(),
            "the total of all runs has no room for $0.0225: less is left of its limit of $0.10, after $0.09 used and other \
             reservations"
        );
        assert_eq!(request(remaining).map(|left| left.usd), Ok(Some(usd("0.01"))));
    });
    // Those that were refused reserved nothing, and booked nothing.
    let spent: Vec<_> =
        runs.iter().filter_map(|run| run.cost_usd()).filter(|cost| *cost > usd("0")).collect();
    assert_eq!(spent, [usd("0.0225"); 4]);
}

#[test]
fn tasks_with_roots_of_their_own_share_it() {
    let (budget, guard) = layer().limit_usd("0.05").total_limit_usd("0.10").build().expect("a layer");
    let dispatch = registry().with(budget).into();
    let through = AtomicUsize::new(0);
    thread::scope(|threads| {
        for _ in 0..20 {
            threads.spawn(|| {
                dispatcher::with_default(&dispatch, || {
                    if request(|| ask("0.0225")).is_ok() {
                        through.fetch_add(1, SeqCst);
                    }
                });
            });
        }
    });
    let at_once = through.load(SeqCst);
    // A call counts twice for the moment between its booking and the end of its permit, so one may be refused too early.
    assert!((1..=4).contains(&at_once), "{at_once}");
    let later =
        dispatcher::with_default(&dispatch, || (0..20).filter(|_| request(|| ask("0.0225")).is_ok()).count());
    assert_eq!(at_once + later, 4);
    assert_eq!(guard.handle().total_remaining().usd, Some(usd("0.01")));
}

#[test]
fn a_reservation_takes_room_in_both_or_in_none() {
    runs_with(layer().limit_usd("0.05").total_limit_usd("0.08"), || {
        let first = info_span!("request");
        let held = first.in_scope(|| reserve("0.04").expect("there is room"));
        request(|| {
            let why = reserve("0.05").expect_err("four cents are left of the total");
            assert_eq!(why.scope(), Some(LimitScope::Total));
            assert_eq!(remaining().map(|left| left.usd), Ok(Some(usd("0.04"))), "the total leaves less");
            let _all = reserve("0.04").expect("there is room");
            first.in_scope(|| assert!(reserve("0.01").is_err(), "the run has room, and the total has none"));
        });
        first.in_scope(|| {
            let why = reserve("0.02").expect_err("one cent is left of the run");
            assert_eq!(why.scope(), Some(LimitScope::Run));
            drop(held);
            assert_eq!(
                remaining().map(|left| left.usd),
                Ok(Some(usd("0.05"))),
                "nothing was kept in the total"
            );
        });
    });
}

#[test]
fn a_permit_that_outlives_its_run_gives_back_its_room_once() {
    let (budget, guard) = layer().total_limit_tokens(100).build().expect("a layer");
    let handle = guard.handle();
    tracing::subscriber::with_default(registry().with(budget), || {
        let run = tracing_budget::run("nightly");
        let permit = run.in_scope(|| tracing_budget::reserve_tokens(60).expect("there is room"));
        drop(run);
        assert_eq!(handle.total_remaining().tokens, Some(40));
        drop(permit);
        assert_eq!(handle.total_remaining().tokens, Some(100));
    });
}

#[test]
fn what_comes_after_the_end_of_its_run_counts() {
    let (budget, guard) = layer().total_limit_usd("0.10").build().expect("a layer");
    tracing::subscriber::with_default(registry().with(budget), || {
        let run = tracing_budget::run("nightly");
        let late = run.in_scope(|| {
            operation("search").cost_usd("0.03").record();
            call("gpt-5").start()
        });
        drop(run);
        late.finish(UsageRecord::new(Usage::new().input(1).output(1)).cost("0.05"));
    });
    let handle = guard.handle();
    assert_eq!((handle.stats().late, handle.total_remaining().usd), (1, Some(usd("0.02"))));
}

#[test]
fn an_unpriced_call_makes_it_unverifiable_for_every_run() {
    runs_with(layer().total_limit_usd("0.10"), || {
        request(|| record_usage(UsageRecord::new(Usage::new().input(10).output(5)).model("made-up")));
        let why = request(check).expect_err("it cannot be verified");
        assert!(
            matches!(why, BudgetExceeded::Unverifiable { scope: LimitScope::Total, calls: 1, .. }),
            "{why}"
        );
        assert_eq!(request(remaining), Ok(Remaining::default()));
    });
}

#[test]
fn alerts_fire_once_over_all_runs() {
    let (send, fired) = channel();
    let builder = layer().total_limit_usd("0.10").on_alert(move |alert: &Alert| {
        let _ = send.send(alert.clone());
    });
    let runs = runs_with(builder, || {
        for _ in 0..4 {
            let _ = request(|| ask("0.03"));
            request(|| operation("search").cost_usd("0.01").record());
        }
    });
    let alerts: Vec<Alert> = fired.try_iter().collect();
    let seen: Vec<_> = alerts.iter().map(|alert| (alert.scope, alert.percent)).collect();
    // The booking that passes 95 % passes 100 % as well.
    assert_eq!(seen, [50, 80, 100].map(|percent| (LimitScope::Total, percent)));
    assert_eq!(alerts[0].run_id, runs[2].run_id, "that of the run that made it due");
    let json = serde_json::to_value(&alerts[0]).expect("JSON");
    assert_eq!((&json["scope"], &json["stage"]), (&"total".into(), &serde_json::Value::Null));
    assert!(alerts[2].to_string().starts_with("request: the total of all runs spent $0.1"));
}

#[test]
fn an_invalid_total_is_an_error_that_names_it() {
    let fault = |builder: tracing_budget::Builder| {
        builder.build::<Registry>().map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(
        fault(layer().total_limit_usd("two")),
        Err("total_limit_usd: \"two\" is not an amount in USD: expected a decimal number such as 5.00"
            .to_owned())
    );
    assert_eq!(fault(layer().total_limit_usd(-1)), Err("total_limit_usd: it is below zero".to_owned()));
    assert!(matches!(layer().total_limit_usd("").build::<Registry>(), Err(BuildError::TotalLimit(_))));
}
