//! Limits of a run and its stages are exact to the last pico-dollar.

mod budgeted;

use budgeted::{run_with, runs_with, stage, usd};
use tracing::{info, info_span};
use tracing_budget::{
    BuildError, PriceBook, Usage, current, layer,
    limit::{Amount, BudgetExceeded, LimitScope, Remaining, UnpricedCalls},
    price::Rates,
    record::UsageRecord,
    record_usage,
};

fn spend(cost: &str) {
    record_usage(UsageRecord::new(Usage::new().input(10)).model("m").cost(usd(cost)));
}

fn check() -> Result<(), BudgetExceeded> {
    current().expect("a run is around").check()
}

fn remaining() -> Remaining {
    current().expect("a run is around").remaining()
}

fn exhausted(scope: LimitScope, used: &str, limit: &str) -> Result<(), BudgetExceeded> {
    let (used, limit) = (Amount::Usd(usd(used)), Amount::Usd(usd(limit)));
    Err(BudgetExceeded::Exhausted { scope, used, limit })
}

#[test]
fn ten_times_ten_cents_use_up_a_dollar() {
    let run = run_with(layer().usage_events([module_path!()]).limit_usd("1.00"), || {
        let _pipeline = info_span!("pipeline").entered();
        for call in 0..10 {
            assert_eq!(check(), Ok(()), "before call {call}");
            spend("0.10");
        }
        assert_eq!(remaining().usd, Some(usd("0")));
        assert_eq!(check(), exhausted(LimitScope::Run, "1.00", "1.00"));
        spend("0.10");
        assert_eq!(check(), exhausted(LimitScope::Run, "1.10", "1.00"), "what goes on is counted on");
    });
    let budget = &run.budget_summary;
    assert_eq!((budget.total.cost_usd, budget.usd_remaining), (Some(usd("1.10")), Some(usd("-0.10"))));
    assert!(budget.exhausted);
}

#[test]
fn there_is_room_to_the_last_pico_dollar() {
    run_with(layer().usage_events([module_path!()]).limit_usd("1.00"), || {
        let _pipeline = info_span!("pipeline").entered();
        spend("0.999999999999");
        assert_eq!(check(), Ok(()));
        assert_eq!(remaining().usd, Some(usd("0.000000000001")));
        spend("0.000000000001");
        assert_eq!(check(), exhausted(LimitScope::Run, "1", "1"));
    });
}

#[test]
fn tokens_have_limits_too() {
    let run = run_with(layer().usage_events([module_path!()]).limit_tokens(100), || {
        let _pipeline = info_span!("pipeline").entered();
        info!(input_tokens = 60, output_tokens = 39);
        assert_eq!((check(), remaining().tokens), (Ok(()), Some(1)));
        info!(input_tokens = 3);
        let (used, limit) = (Amount::Tokens(102), Amount::Tokens(100));
        assert_eq!(check(), Err(BudgetExceeded::Exhausted { scope: LimitScope::Run, used, limit }));
        assert_eq!(
            check().expect_err("it is used up").to_string(),
            "the run used 102 tokens of its 100-token limit"
        );
        assert_eq!((remaining().tokens, remaining().usd), (Some(-2), None));
    });
    assert_eq!(run.budget_summary.tokens_remaining, Some(-2));
}

#[test]
fn a_stage_has_its_own_limit_for_everything_inside_it() {
    let builder =
        layer().usage_events([module_path!()]).limit_usd("10").stage_limit_usd("implementation", "2.00");
    let run = run_with(builder, || {
        let _pipeline = info_span!("pipeline").entered();
        info_span!("discovery").in_scope(|| spend("5"));
        info_span!("implementation").in_scope(|| {
            assert_eq!(check(), Ok(()), "what another stage spent is not this one's");
            assert_eq!(remaining().usd, Some(usd("2")));
            spend("1.50");
            info_span!("attempt", stage = "attempt").in_scope(|| {
                spend("0.50");
                assert_eq!(
                    check(),
                    exhausted(LimitScope::Stage("implementation"), "2", "2"),
                    "the limit of a stage around holds here"
                );
            });
        });
        info_span!("review").in_scope(|| {
            assert_eq!((check(), remaining().usd), (Ok(()), Some(usd("3"))), "the next stage goes on");
        });
        info_span!("implementation").in_scope(|| {
            assert!(check().is_err(), "a second attempt has no second limit");
            spend("3");
            assert_eq!(
                check(),
                exhausted(LimitScope::Run, "10", "10"),
                "of two limits the wider one is reported"
            );
        });
    });
    let limits = stage(&run, "implementation").limits.expect("it has a limit");
    assert_eq!((limits.usd, limits.tokens), (Some(usd("2")), None));
    assert_eq!((limits.usd_remaining, limits.exhausted), (Some(usd("-3")), true), "with what is inside it");
    assert_eq!(stage(&run, "implementation").figures.cost_usd, Some(usd("4.50")), "the row is its own");
    assert_eq!(stage(&run, "attempt").limits, None);
    assert!(run.to_string().contains("limit     implementation, $2.00: passed by $3.00"), "{run}");
}

#[test]
fn limited_stages_inside_each_other_both_count() {
    let builder =
        layer().usage_events([module_path!()]).stage_limit_usd("outer", "1").stage_limit_usd("inner", "0.30");
    let run = run_with(builder, || {
        let _pipeline = info_span!("pipeline").entered();
        let _outer = info_span!("outer").entered();
        info_span!("plain").in_scope(|| spend("0.10"));
        info_span!("inner", stage = "inner").in_scope(|| {
            spend("0.20");
            assert_eq!(remaining().usd, Some(usd("0.10")), "of two limits the one that leaves least");
            spend("0.10");
            assert_eq!(check(), exhausted(LimitScope::Stage("inner"), "0.30", "0.30"));
        });
        assert_eq!((check(), remaining().usd), (Ok(()), Some(usd("0.60"))));
    });
    let left = |name| stage(&run, name).limits.and_then(|limits| limits.usd_remaining);
    assert_eq!((left("outer"), left("inner")), (Some(usd("0.60")), Some(usd("0"))));
}

#[test]
fn a_stage_with_a_late_name_counts_under_its_name() {
    run_with(
        layer().usage_events([module_path!()]).stage_limit_usd("early", "1").stage_limit_usd("late", "2"),
        || {
            let _pipeline = info_span!("pipeline").entered();
            let named = info_span!("work", stage = "early").entered();
            spend("0.25");
            assert_eq!(remaining().usd, Some(usd("0.75")));
            named.record("stage", "late");
            spend("0.50");
            assert_eq!(remaining().usd, Some(usd("1.50")));
        },
    );
}

#[test]
fn a_limit_of_a_stage_that_never_ran_is_in_the_summary() {
    let run = run_with(layer().usage_events([module_path!()]).stage_limit_usd("implementaton", "2"), || {
        let _pipeline = info_span!("pipeline").entered();
        info_span!("implementation").in_scope(|| spend("1"));
    });
    let row = stage(&run, "implementaton");
    assert_eq!((row.calls, row.status.as_str()), (0, "not_run"));
    assert_eq!(row.limits.and_then(|limits| limits.usd_remaining), Some(usd("2")));
}

#[test]
fn an_unpriced_call_closes_the_limit_unless_configured_otherwise() {
    let spend_unpriced =
        || record_usage(UsageRecord::new(Usage::new().input(1_000_000)).model("no such model"));
    let run = run_with(layer().usage_events([module_path!()]).limit_usd("5"), || {
        let _pipeline = info_span!("pipeline").entered();
        spend("1");
        spend_unpriced();
        let error = check().expect_err("the cost is unknown");
        assert!(
            matches!(error, BudgetExceeded::Unverifiable { scope: LimitScope::Run, calls: 1, .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("$1.00 is known to be used, and 1 call has no price"), "{error}");
        assert_eq!(remaining().usd, None);
        assert!(current().expect("a run").reserve(usd("0.01")).is_err());
    });
    assert_eq!(run.budget_summary.usd_remaining, Some(usd("4")), "the summary has the known cost");

    run_with(
        layer().usage_events([module_path!()]).limit_usd("5").unpriced_calls(UnpricedCalls::Ignore),
        || {
            let _pipeline = info_span!("pipeline").entered();
            spend_unpriced();
            assert_eq!((check(), remaining().usd), (Ok(()), Some(usd("5"))));
        },
    );

    let rate = Rates::per_million().input("2");
    let at_rate = layer().usage_events([module_path!()]).limit_usd("5").stage_limit_usd("draft", "4");
    let run = run_with(at_rate.unpriced_calls(UnpricedCalls::AtRate(rate)), || {
        let _pipeline = info_span!("pipeline").entered();
        info_span!("draft").in_scope(|| {
            spend_unpriced();
            spend("0.50");
            assert_eq!((check(), remaining().usd), (Ok(()), Some(usd("1.50"))));
            spend_unpriced();
            assert_eq!(check(), exhausted(LimitScope::Stage("draft"), "4.50", "4"));
        });
        assert_eq!(remaining().usd, Some(usd("0.50")));
    });
    assert_eq!(run.budget_summary.total.cost_usd, Some(usd("0.50")), "what is assumed is in no summary");
    let left = stage(&run, "draft").limits.and_then(|limits| limits.usd_remaining);
    assert_eq!(left, Some(usd("3.50")), "not even as what is left");
}

#[test]
fn a_cost_that_comes_with_a_second_record_makes_the_limit_verifiable_again() {
    let chat = |response: &str, cost: Option<f64>| {
        drop(info_span!(
            "chat no such model",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "no such model",
            gen_ai.response.id = response,
            gen_ai.usage.input_tokens = 100,
            gen_ai.usage.cost = cost,
        ));
    };
    run_with(layer().limit_usd("5"), || {
        let _pipeline = info_span!("pipeline").entered();
        chat("one", None);
        assert_eq!(remaining().usd, None);
        chat("one", Some(2.0));
        assert_eq!((check(), remaining().usd), (Ok(()), Some(usd("3"))));
        chat("two", None);
        assert!(check().is_err(), "the next one has no price");
    });
}

#[test]
fn an_unpriced_call_elsewhere_leaves_the_limit_of_a_stage_alone() {
    run_with(layer().usage_events([module_path!()]).stage_limit_usd("draft", "1"), || {
        let _pipeline = info_span!("pipeline").entered();
        info_span!("other").in_scope(|| info!(model = "no such model", input_tokens = 1));
        info_span!("draft").in_scope(|| assert_eq!(check(), Ok(())));
    });
    run_with(layer().usage_events([module_path!()]).limit_tokens(100), || {
        let _pipeline = info_span!("pipeline").entered();
        info!(model = "no such model", input_tokens = 1);
        assert_eq!(check(), Ok(()), "tokens are known without a price");
    });
}

#[test]
fn neither_a_free_call_nor_one_without_usage_is_unpriced() {
    let book = PriceBook::builder().price("free", Rates::per_million().input("0").output("0"));
    run_with(
        layer().usage_events([module_path!()]).limit_usd("1").prices(book.build().expect("a book")),
        || {
            let _pipeline = info_span!("pipeline").entered();
            info!(model = "free", input_tokens = 5);
            drop(tracing_budget::call("free").start());
            assert_eq!((check(), remaining().usd), (Ok(()), Some(usd("1"))));
        },
    );
}

#[test]
fn a_limit_of_zero_refuses_every_check() {
    runs_with(layer().usage_events([module_path!()]).limit_usd(0), || {
        let _pipeline = info_span!("pipeline").entered();
        assert_eq!(check(), exhausted(LimitScope::Run, "0", "0"), "before anything has happened");
    });
}

#[test]
fn without_limits_no_check_is_refused_and_outside_of_a_run_there_is_none() {
    runs_with(layer().usage_events([module_path!()]), || {
        assert!(current().is_none());
        let _pipeline = info_span!("pipeline").entered();
        spend("1000000");
        assert_eq!((check(), remaining()), (Ok(()), Remaining::default()));
        let permit = current().expect("a run").reserve(usd("1000000")).expect("nothing is limited");
        assert_eq!(permit.amount(), None);
    });
}

#[test]
fn after_its_end_a_run_refuses_checks_and_reservations() {
    let mut kept = None;
    runs_with(layer().usage_events([module_path!()]).limit_usd(1), || {
        let _pipeline = info_span!("pipeline").entered();
        spend("0.10");
        kept = current();
    });
    let kept = kept.expect("a run");
    assert_eq!(kept.check(), Err(BudgetExceeded::RunEnded));
    assert_eq!(kept.reserve(usd("0.01")).err(), Some(BudgetExceeded::RunEnded));
    assert_eq!(kept.remaining(), Remaining::default());
}

#[test]
fn an_invalid_limit_is_an_error_that_names_it() {
    let fault = |builder: tracing_budget::Builder| match builder.build::<tracing_subscriber::Registry>() {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it was built"),
    };
    assert_eq!(
        fault(layer().usage_events([module_path!()]).stage_limit_usd("draft", "two")),
        "stage_limit_usd of \"draft\": \"two\" is not an amount in USD: expected a decimal number such as 5.00"
    );
    assert_eq!(
        fault(layer().usage_events([module_path!()]).stage_limit_usd("draft", "-1")),
        "stage_limit_usd of \"draft\": it is below zero"
    );
    assert_eq!(
        fault(layer().usage_events([module_path!()]).stage_limit_tokens("", 1)),
        "stage \"\" is empty"
    );
    let rates = UnpricedCalls::AtRate(Rates::per_million());
    assert!(
        fault(layer().usage_events([module_path!()]).unpriced_calls(rates))
            .starts_with("unpriced_calls: the rates cannot be used: ")
    );
    let many = (0..33).fold(layer().usage_events([module_path!()]), |layer, number| {
        layer.stage_limit_tokens(format!("stage {number}"), 1)
    });
    assert!(matches!(
        many.build::<tracing_subscriber::Registry>(),
        Err(BuildError::TooManyStageLimits { stage }) if stage == "stage 32"
    ));
}
