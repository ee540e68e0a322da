//! Units beside tokens are booked, priced and summed by the rules for tokens, from every source of usage.
#![cfg(feature = "prices")]
#![allow(clippy::unwrap_used)]

mod budgeted;

use std::time::{Duration, SystemTime};

use budgeted::{run, run_with, stage, usd};
use tracing::field::Empty;
use tracing::{info, info_span};
use tracing_budget::present::calls;
use tracing_budget::price::{Rates, Unpriced};
use tracing_budget::record::UsageRecord;
use tracing_budget::{Kind, PriceBook, RunSummary, Usage, call, layer, record_usage};

const SONNET: &str = "claude-sonnet-4-5";

/// The count of a unit in all rows, each dimension of which has to have the same.
fn count(run: &RunSummary, kind: Kind) -> u64 {
    let budget = &run.budget_summary;
    let total = budget.total.units.count(kind);
    let by_operation: u64 = budget.by_operation.iter().map(|(_, row)| row.figures.units.count(kind)).sum();
    assert_eq!(by_operation, total, "{kind}");
    total
}

/// The same call from every source: a span with fields, an event, and by hand.
#[test]
fn every_source_of_usage_has_every_unit() {
    let usage = || Usage::new().input(9_548).output(528).with(Kind::WebSearches, 2);
    let by_fields = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "anthropic",
            gen_ai.request.model = SONNET,
            gen_ai.usage.input_tokens = 9_548,
            gen_ai.usage.output_tokens = 528,
            web_searches = 2,
        );
    });
    let by_event = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        info!(
            provider = "anthropic",
            model = SONNET,
            input_tokens = 9_548,
            output_tokens = 528,
            web_searches = 2
        );
    });
    let by_call = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        call(SONNET).provider("anthropic").start().finish(usage());
    });
    let by_record = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        record_usage(UsageRecord::new(usage()).provider("anthropic").model(SONNET));
    });
    let on_a_stage = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        info_span!(
            "search",
            stage = "search",
            provider = "anthropic",
            model = SONNET,
            input_tokens = 9_548,
            output_tokens = 528,
            web_searches = 2
        );
    });
    for run in [by_fields, by_event, by_call, by_record, on_a_stage] {
        assert_eq!(run.cost_usd(), Some(usd("0.056564")), "{run}");
        assert_eq!((count(&run, Kind::WebSearches), run.warnings.len()), (2, 0), "{:?}", run.warnings);
        let calls = run.budget_summary.calls.as_deref().unwrap();
        assert_eq!(calls[0].usage.get(Kind::WebSearches), Some(2));
    }
}

/// Times are seconds where they are recorded and in documents, in any type.
#[test]
fn a_time_is_recorded_in_seconds() {
    let run = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        info!(provider = "openai", model = "whisper-1", input_audio_seconds = 60);
        info!(provider = "openai", model = "whisper-1", input_audio_seconds = 1.5);
        info!(provider = "openai", model = "whisper-1", input_audio_seconds = "28.5");
        let usage = Usage::new().with_time(Kind::AudioInputMicros, Duration::from_secs(30));
        call("whisper-1").provider("openai").start().finish(usage);
    });
    // Two minutes at $0.006.
    assert_eq!((run.cost_usd(), count(&run, Kind::AudioInputMicros)), (Some(usd("0.012")), 120_000_000));
    assert_eq!(run.warnings, Vec::<String>::new());
    let json: serde_json::Value = serde_json::from_str(&run.to_json()).unwrap();
    assert_eq!(json["budget_summary"]["units"], serde_json::json!({"input_audio_seconds": 120}));
    let read: RunSummary = serde_json::from_value(json).unwrap();
    assert_eq!(read.budget_summary.total, run.budget_summary.total);
}

/// A5, A4: a wrapper adds nothing to the wire, a retry does; the newest figure of a call counts, but no zeros.
#[test]
fn a_call_inside_a_call_is_one_call_in_every_unit() {
    let span = |searches: u64| {
        info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "anthropic",
            gen_ai.request.model = SONNET,
            gen_ai.usage.input_tokens = 1_000,
            gen_ai.usage.output_tokens = 100,
            web_searches = searches,
        )
    };
    for (wires, searches) in [(&[2][..], 3), (&[3], 3), (&[2, 2], 4)] {
        let run = run(|| {
            let _pipeline = info_span!("pipeline").entered();
            span(3).in_scope(|| wires.iter().for_each(|searches| drop(span(*searches))));
        });
        assert_eq!(count(&run, Kind::WebSearches), searches, "{wires:?}");
    }
    let run = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        let span = span(1);
        span.record("web_searches", 2_u64);
        span.record("web_searches", 0_u64);
    });
    assert_eq!(count(&run, Kind::WebSearches), 2);
}

/// A6: what an agent reports of everything inside is no second count, and what it reports beyond is one.
#[test]
fn what_an_agent_reports_beyond_its_calls_is_new() {
    for (of_agent, searches) in [(2, 2), (5, 5)] {
        let run = run(|| {
            let _pipeline = info_span!("pipeline").entered();
            let agent = info_span!(
                "invoke_agent",
                gen_ai.operation.name = "invoke_agent",
                gen_ai.agent.name = "scout",
                gen_ai.provider.name = "anthropic",
                gen_ai.request.model = SONNET,
                gen_ai.usage.input_tokens = 1_000,
                gen_ai.usage.output_tokens = 100,
                web_searches = of_agent,
            );
            agent.in_scope(|| {
                let usage = Usage::new().input(1_000).output(100).with(Kind::WebSearches, 2);
                call(SONNET).provider("anthropic").start().finish(usage);
            });
        });
        assert_eq!(count(&run, Kind::WebSearches), searches);
        let expected = 4_500_000_000 + i128::from(searches) * 10_000_000_000;
        assert_eq!(run.cost_usd().map(|cost| cost.pico()), Some(expected), "{run}");
    }
}

/// A8: a second record of a response completes the first one.
#[test]
fn one_response_is_one_call_in_every_unit() {
    let record = |searches: Option<u64>| {
        let usage = Usage::new().input(1_000).output(100).with(Kind::WebSearches, searches);
        UsageRecord::new(usage)
            .provider("anthropic")
            .model(SONNET)
            .response_id("msg_01XFDUDYJgAACzvnptvVoYEL")
    };
    let run = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        record_usage(record(None));
        record_usage(record(Some(2)));
        record_usage(record(Some(1)));
    });
    assert_eq!((run.budget_summary.total.llm_calls, count(&run, Kind::WebSearches)), (1, 2));
    assert_eq!(run.cost_usd(), Some(usd("0.0245")));
    let calls = run.budget_summary.calls.as_deref().unwrap();
    assert_eq!((calls.len(), calls[0].usage.get(Kind::WebSearches)), (1, Some(2)));
}

/// A11: the known part is priced, whatever the row, and the row of the stage has the mark of what it lacks.
#[test]
fn a_unit_without_a_price_marks_every_sum() {
    let run = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        let _stage = info_span!("search", stage = "search").entered();
        let usage = Usage::new().input(1_000).output(100).with(Kind::SocialSearches, 2);
        call(SONNET).provider("anthropic").start().finish(usage);
        call(SONNET).provider("anthropic").start().finish(Usage::new().input(1_000).output(100));
    });
    let row = &stage(&run, "search").figures;
    assert_eq!((row.cost_usd, row.partial_calls, row.unpriced_calls), (Some(usd("0.009")), 1, 0));
    assert!(run.to_string().contains("≥"), "{run}");
    let calls = run.budget_summary.calls.as_deref().unwrap();
    assert_eq!(calls.iter().filter(|call| call.partial).count(), 1);
    assert!(calls::table(&run, 10).contains("≥"), "{}", calls::table(&run, 10));
    let lacks = "anthropic/claude-sonnet-4-5: the cost lacks social searches, for which no price is known";
    assert_eq!(run.warnings, [lacks]);
}

/// Units that are part of tokens are never charged beside them without a rate of their own.
#[test]
fn own_rates_have_every_unit() {
    let rates = Rates::per_million()
        .input("1")
        .output("2")
        .cache_write("1.25")
        .unit(Kind::ImageInput, "4")
        .unit(Kind::ImageOutput, "30")
        .unit(Kind::CacheWrite12h, "3")
        .unit(Kind::WebSearches, "0.01")
        .unit(Kind::AudioMicros, "0.0001");
    let book = PriceBook::builder().price("m", rates).build().unwrap();
    let price = |usage: Usage| book.model(None, Some("m")).price(&usage, SystemTime::now());
    let million = || Usage::new().input(1_000_000).output(0);
    for (usage, cost) in [
        (million(), "1"),
        (million().with(Kind::ImageInput, 500_000), "2.5"),
        (million().with(Kind::VideoInput, 500_000), "1"),
        (million().with(Kind::CacheWrite12h, 400_000).cache_write(600_000), "1.85"),
        (million().with(Kind::WebSearches, 3), "1.03"),
        (million().with_time(Kind::AudioMicros, Duration::from_millis(1_500)), "1.00015"),
        (Usage::new().input(0).output(10).with(Kind::ImageOutput, 10), "0.0003"),
    ] {
        let price = price(usage.clone()).unwrap();
        assert_eq!((price.cost.to_string().as_str(), price.lacks), (cost, vec![]), "{usage:?}");
    }
    let lacking = price(million().with(Kind::CodeExecutions, 1)).unwrap();
    assert_eq!((lacking.cost, lacking.lacks), (usd("1"), vec![Kind::CodeExecutions]));
    // By the request alone, everything in it is charged.
    let book = PriceBook::builder().price("m", Rates::per_million().per_request("0.5")).build().unwrap();
    let price =
        book.model(None, Some("m")).price(&million().with(Kind::CodeExecutions, 1), SystemTime::now());
    assert_eq!(price.map(|price| (price.cost, price.lacks)), Ok((usd("0.5"), vec![])));
    // By the second alone, tokens are not known to be free.
    let book =
        PriceBook::builder().price("m", Rates::per_million().unit(Kind::AudioMicros, "1")).build().unwrap();
    let price = book.model(None, Some("m")).price(&million(), SystemTime::now());
    assert!(matches!(price, Err(Unpriced::NotByTokens { .. })), "{price:?}");
    let fault = PriceBook::builder().price("m", Rates::per_million().unit(Kind::AudioCacheRead, "1")).build();
    assert!(fault.unwrap_err().to_string().contains("audio cache read has no rate of its own"));
}

#[cfg(feature = "price-files")]
#[test]
fn a_price_file_has_every_unit() {
    let book = PriceBook::builder().prices_toml(
        "[[price]]\nmodel = \"m\"\ninput = 1\noutput = 2\nweb_searches = 0.01\ninput_image_tokens = 4\naudio_seconds = 0.0001\n",
    );
    let usage =
        Usage::new().input(1_000_000).output(0).with(Kind::WebSearches, 3).with(Kind::ImageInput, 500_000);
    let price = book.build().unwrap().model(None, Some("m")).price(&usage, SystemTime::now()).unwrap();
    assert_eq!(price.cost, usd("2.53"));
    let wrong =
        PriceBook::builder().prices_toml("[[price]]\nmodel = \"m\"\nweb_search = 1\n").build().unwrap_err();
    assert!(wrong.to_string().contains("web_search: is not a key of a price"), "{wrong}");
}

/// A cost too large for doubles is calculated in integers, units included.
#[test]
fn a_large_cost_with_units_is_exact() {
    let model = PriceBook::new().model(Some("anthropic"), Some(SONNET));
    let usage = Usage::new().input(100_000).output(100).with(Kind::WebSearches, 123_456_789);
    let price = model.price(&usage, SystemTime::now()).unwrap();
    assert_eq!(price.cost, usd("1234568.1915"));
}

/// A unit that is recorded later is read by the name that was declared, at the price of one's own.
#[test]
fn a_unit_may_be_recorded_later() {
    let book =
        PriceBook::builder().price("m", Rates::per_million().input("1").unit(Kind::WebSearches, "0.01"));
    let run = run_with(layer().prices(book.build().unwrap()), || {
        let _pipeline = info_span!("pipeline").entered();
        let span = info_span!("call", model = "m", input_tokens = 1_000, web_searches = Empty);
        span.record("web_searches", 2);
    });
    assert_eq!((run.cost_usd(), count(&run, Kind::WebSearches)), (Some(usd("0.021")), 2));
}
