//! Sums of money are exact, to the last digit, in any order.

mod budgeted;

use budgeted::{run, run_with, stage, usd};
use tracing::field::Empty;
use tracing::{info, info_span};
use tracing_budget::{
    PriceBook,
    price::{Rates, UnknownModel},
};

#[test]
#[cfg_attr(not(feature = "prices"), ignore = "needs the published prices")]
fn what_a_known_call_costs_is_known_exactly() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let stage =
            info_span!("discovery", model = "claude-sonnet-4-5", input_tokens = Empty, output_tokens = Empty);
        stage.record("input_tokens", 0).record("output_tokens", 3_987);
    });
    assert_eq!(run.budget_summary.total.cost_usd, Some(usd("0.059805")));
    assert!(run.to_json().contains("\"cost_usd\": 0.059805"), "{}", run.to_json());
    assert!(run.budget_summary.per_model.get("anthropic/claude-sonnet-4-5").is_some());
}

#[test]
fn ten_calls_of_ten_cents_exhaust_a_limit_of_a_dollar() {
    let spend = |calls: usize| {
        run_with(tracing_budget::layer().usage_events([module_path!()]).limit_usd("1.00"), move || {
            let _root = info_span!("pipeline").entered();
            let _stage = info_span!("discovery").entered();
            for _ in 0..calls {
                info!(model = "anything", cost_usd = 0.1);
            }
        })
    };
    let nine = spend(9).budget_summary;
    assert_eq!(
        (nine.total.cost_usd, nine.usd_remaining, nine.exhausted),
        (Some(usd("0.9")), Some(usd("0.1")), false)
    );
    let ten = spend(10).budget_summary;
    assert_eq!(
        (ten.total.cost_usd, ten.usd_remaining, ten.exhausted),
        (Some(usd("1")), Some(usd("0")), true)
    );
}

#[test]
fn a_million_calls_of_the_smallest_price_add_up() {
    let rates = Rates::per_million().input("0.075").output("0");
    let book = PriceBook::builder().price("tiny", rates).build().expect("a book");
    let run = run_with(tracing_budget::layer().usage_events([module_path!()]).prices(book), || {
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("discovery", model = "tiny").entered();
        for _ in 0..1_000_000 {
            info!(input_tokens = 1);
        }
    });
    assert_eq!(run.budget_summary.total.llm_calls, 1_000_000);
    assert_eq!(run.budget_summary.total.cost_usd, Some(usd("0.075")));
}

#[test]
#[cfg_attr(not(feature = "prices"), ignore = "needs the published prices")]
fn an_unknown_model_is_unpriced_and_warned_about_once() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("discovery").entered();
        for _ in 0..3 {
            info!(provider = "anthropic", model = "claude-sonet-4-5", input_tokens = 100, output_tokens = 10);
        }
        info!(provider = "openai", model = "gpt-5", input_tokens = 1_000_000, output_tokens = 0);
    });
    let total = &run.budget_summary.total;
    assert_eq!((total.unpriced_calls, total.cost_usd), (3, Some(usd("1.25"))));
    let row = &run.budget_summary.per_model["anthropic/claude-sonet-4-5"];
    assert_eq!((row.figures.cost_usd, row.figures.tokens_used), (None, Some(330)));
    let warnings: Vec<_> =
        run.warnings.iter().filter(|warning| warning.contains("claude-sonet-4-5")).collect();
    assert_eq!(warnings.len(), 1, "{:?}", run.warnings);
    assert!(warnings[0].contains("claude-sonnet-4-5"), "the nearest known model is named: {warnings:?}");
}

#[test]
fn unknown_models_are_free_by_an_explicit_policy() {
    let book = PriceBook::builder().unknown_model(UnknownModel::Zero).build().expect("a book");
    let run = run_with(tracing_budget::layer().usage_events([module_path!()]).prices(book), || {
        let _root = info_span!("pipeline").entered();
        info!(model = "mine", input_tokens = 100);
    });
    let total = &run.budget_summary.total;
    assert_eq!((total.unpriced_calls, total.cost_usd), (0, Some(usd("0"))));
}

#[test]
fn a_cost_that_is_no_calls_is_no_call() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("discovery").entered();
        info!(operation = "web_search", cost_usd = 0.02);
    });
    let row = &stage(&run, "discovery").figures;
    assert_eq!((row.llm_calls, row.cost_usd, row.tokens_used), (0, Some(usd("0.02")), Some(0)));
    assert_eq!(run.budget_summary.by_operation["web_search"].calls, 1);
}

#[test]
fn free_unpriced_and_no_call_are_three_states() {
    let book = PriceBook::builder().price("free", Rates::per_million().input("0").output("0")).build();
    let run = run_with(
        tracing_budget::layer().usage_events([module_path!()]).prices(book.expect("a book")),
        || {
            let _root = info_span!("pipeline").entered();
            info_span!("free").in_scope(|| info!(model = "free", input_tokens = 10));
            info_span!("unpriced").in_scope(|| info!(model = "unknown-model", input_tokens = 10));
            info_span!("none").in_scope(|| {});
        },
    );
    let cost = |name| {
        let figures = &stage(&run, name).figures;
        (figures.cost_usd, figures.unpriced_calls, figures.llm_calls)
    };
    assert_eq!(cost("free"), (Some(usd("0")), 0, 1));
    assert_eq!(cost("unpriced"), (None, 1, 1));
    assert_eq!(cost("none"), (Some(usd("0")), 0, 0));
}

#[cfg(feature = "prices")]
#[test]
fn a_providers_raw_response_is_booked_with_the_model_that_it_names() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let _stage = info_span!("discovery").entered();
        let body = br#"{"model": "claude-sonnet-4-5", "usage": {"input_tokens": 0, "output_tokens": 3987}}"#;
        let found = tracing_budget::Usage::from_response("anthropic", None, body).expect("a response");
        tracing_budget::record_usage(&found);
        tracing_budget::call("claude-sonnet-4-5").provider("anthropic").start().usage(&found);
    });
    let row = &run.budget_summary.per_model["anthropic/claude-sonnet-4-5"];
    assert_eq!((row.figures.llm_calls, row.figures.cost_usd), (2, Some(usd("0.11961"))));
}
