//! A figure is taken in whatever type it comes, at creation, by record or by event; what is no figure is not guessed.

mod budgeted;

use budgeted::{run, stage, tokens, usd};
use tracing::field::{Empty, debug, display};
use tracing::{Span, info, info_span};
use tracing_budget::RunSummary;

fn recorded(record: impl Fn(&Span)) -> RunSummary {
    run(|| {
        let _root = info_span!("pipeline").entered();
        let call = info_span!(
            "call",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "gpt-5",
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cost = Empty,
        );
        record(&call);
    })
}

#[test]
fn counts_come_as_any_number_or_as_text() {
    let runs = [
        recorded(|span| {
            span.record("gen_ai.usage.input_tokens", 100_u64);
        }),
        recorded(|span| {
            span.record("gen_ai.usage.input_tokens", 100_i64);
        }),
        recorded(|span| {
            span.record("gen_ai.usage.input_tokens", 100_i128);
        }),
        recorded(|span| {
            span.record("gen_ai.usage.input_tokens", 100.0_f64);
        }),
        recorded(|span| {
            span.record("gen_ai.usage.input_tokens", "100");
        }),
        recorded(|span| {
            span.record("gen_ai.usage.input_tokens", display(100));
        }),
        recorded(|span| {
            span.record("gen_ai.usage.input_tokens", debug(Some(100)));
        }),
        recorded(|span| {
            span.record("gen_ai.usage.input_tokens", Some(100_u64));
        }),
    ];
    for run in runs {
        assert_eq!(tokens(&run), (100, 0), "{run}");
    }
}

#[test]
fn figures_given_at_creation_count() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        let _call = info_span!(
            "call",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = %"gpt-5",
            gen_ai.system = ?"openai",
            gen_ai.usage.input_tokens = 100,
            gen_ai.usage.output_tokens = %10
        );
    });
    assert_eq!(tokens(&run), (100, 10));
    assert!(run.budget_summary.per_model.get("openai/gpt-5").is_some(), "{run}");
}

#[test]
fn figures_in_an_event_count() {
    let run = run(|| {
        let _root = info_span!("pipeline").entered();
        info!(model = "gpt-5", input_tokens = 100, output_tokens = %10, "done");
    });
    assert_eq!(tokens(&run), (100, 10));
}

#[test]
fn an_invalid_count_is_ignored_with_a_warning() {
    let runs = [
        (
            "-5",
            recorded(|span| {
                span.record("gen_ai.usage.input_tokens", -5);
            }),
        ),
        (
            "many",
            recorded(|span| {
                span.record("gen_ai.usage.input_tokens", "many");
            }),
        ),
        (
            "true",
            recorded(|span| {
                span.record("gen_ai.usage.input_tokens", true);
            }),
        ),
        (
            "null",
            recorded(|span| {
                span.record("gen_ai.usage.input_tokens", f64::NAN);
            }),
        ),
        (
            "18446744073709551615",
            recorded(|span| {
                span.record("gen_ai.usage.input_tokens", u64::MAX);
            }),
        ),
    ];
    for (value, run) in runs {
        let total = &run.budget_summary.total;
        assert_eq!((total.tokens_used, total.calls_without_usage), (None, 1), "{value}: {run}");
        let is_about_it =
            |warning: &String| warning.contains("gen_ai.usage.input_tokens") && warning.contains(value);
        assert!(run.warnings.iter().any(is_about_it), "{value}: {:?}", run.warnings);
    }
}

#[test]
fn a_bad_figure_loses_nothing_else() {
    let run = recorded(|span| {
        span.record("gen_ai.usage.input_tokens", 100).record("gen_ai.usage.output_tokens", -1);
    });
    assert_eq!(tokens(&run), (100, 0));
    assert_eq!(run.budget_summary.total.tokens_used, Some(100));
}

#[test]
fn a_reported_zero_is_zero_and_nothing_reported_is_unknown() {
    let zero = recorded(|span| {
        span.record("gen_ai.usage.input_tokens", 0).record("gen_ai.usage.output_tokens", 0);
    });
    assert_eq!(zero.budget_summary.total.tokens_used, Some(0));
    assert_eq!(zero.budget_summary.total.calls_without_usage, 0);
    let none = recorded(|span| {
        span.record("gen_ai.usage.input_tokens", debug(None::<u64>));
    });
    assert_eq!(none.budget_summary.total.tokens_used, None);
    assert_eq!(none.warnings, [""; 0], "not reporting is nothing to warn of");
}

#[test]
#[cfg_attr(not(feature = "prices"), ignore = "needs the published prices")]
fn a_cost_comes_in_any_type_and_beats_the_price_book() {
    let runs = [
        recorded(|span| {
            span.record("gen_ai.usage.cost", 2.5);
        }),
        recorded(|span| {
            span.record("gen_ai.usage.cost", "2.50");
        }),
        recorded(|span| {
            span.record("gen_ai.usage.cost", display("$2.5"));
        }),
    ];
    for run in runs {
        assert_eq!(run.budget_summary.total.cost_usd, Some(usd("2.5")));
    }
    let both = recorded(|span| {
        span.record("gen_ai.usage.input_tokens", 1_000_000).record("gen_ai.usage.cost", 0.01);
    });
    assert_eq!(both.budget_summary.total.cost_usd, Some(usd("0.01")));
    assert_eq!(both.budget_summary.per_model["openai/gpt-5"].price_sources, ["reported"]);
    let negative = recorded(|span| {
        span.record("gen_ai.usage.input_tokens", 1_000_000).record("gen_ai.usage.cost", -0.01);
    });
    assert_eq!(negative.budget_summary.total.cost_usd, Some(usd("1.25")), "priced after all");
}

#[test]
fn labels_and_counters_of_the_run_are_kept() {
    let run = run(|| {
        let _root =
            info_span!("pipeline", run_id = "nightly-7", project = "apprentice", tag.tier = 2).entered();
        let _stage =
            info_span!("discovery", count.candidates = 12, value_usd = 100.0, iteration = 8).entered();
        info!(count.candidates = 3_i64, count.failed = -1_i64, iteration = 3);
        info!(cost_usd = 0.035);
    });
    assert_eq!((run.run_id.as_str(), run.project.as_str()), ("nightly-7", "apprentice"));
    assert_eq!(run.tags["tier"], "2");
    assert_eq!((run.counts["candidates"], run.counts["failed"]), (15, -1));
    assert_eq!((run.value_usd, run.iterations), (Some(usd("100")), Some(8)));
    assert_eq!(stage(&run, "discovery").figures.cost_usd, Some(usd("0.035")));
}
