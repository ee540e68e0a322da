//! A call that a tier served has that tier's price, or none: never the list price.
#![cfg(feature = "prices")]
#![allow(clippy::unwrap_used)]

use std::time::{Duration, SystemTime};

use genai_prices::{Calculator, PriceRequest, UsageKey};
use serde_json::Value;
use tracing::{field::Empty, info_span};
use tracing_budget::testing::capture;
use tracing_budget::{PriceBook, RunSummary, Usage, Usd, call, price::Rates, price::Unpriced};

static DATA: &[u8] = include_bytes!("../data/genai-prices.json");

fn at(time: &str) -> SystemTime {
    let time: jiff::Timestamp = time.parse().unwrap();
    time.into()
}

fn now() -> SystemTime {
    at("2026-11-30T12:00:00Z")
}

fn million() -> Usage {
    Usage::new().input(1_000_000).output(1_000_000)
}

fn price(provider: &str, model: &str, tier: &str, at: SystemTime) -> Result<String, Unpriced> {
    let model = PriceBook::new().model(Some(provider), Some(model)).with_tier(tier);
    model.price(&million(), at).map(|price| price.cost.to_string())
}

#[test]
fn a_tier_has_its_own_price() {
    for (tier, expected) in [
        ("flex", "5.625"),
        ("batch", "5.625"),
        ("priority", "22.5"),
        ("fast", "22.5"),
        ("default", "11.25"),
        ("standard", "11.25"),
        ("auto", "11.25"),
        ("", "11.25"),
        ("Flex", "5.625"),
        ("BATCH", "5.625"),
    ] {
        assert_eq!(price("openai", "gpt-5", tier, now()).as_deref(), Ok(expected), "{tier}");
    }
}

#[test]
fn a_tier_without_a_price_is_unpriced_for_that_reason() {
    for (provider, model, tier) in [
        ("openai", "gpt-5", "scale"),
        ("anthropic", "claude-opus-4-8", "priority"),
        ("anthropic", "claude-opus-4-8", "fast"),
        ("groq", "llama-3.3-70b-versatile", "flex"),
        ("google", "gemini-2.5-pro", "PROVISIONED_THROUGHPUT"),
        // The price of the reseller's tier is not that of the maker's.
        ("azure", "gpt-5.1", "flex"),
    ] {
        let reason = price(provider, model, tier, now()).unwrap_err();
        assert!(matches!(reason, Unpriced::NoTierPrice { .. }), "{provider} {model} {tier}: {reason}");
    }
    let reason = price("openai", "gpt-5", "scale", now()).unwrap_err();
    assert_eq!(reason.to_string(), "no price is known for the tier \"scale\" of gpt-5");
}

#[test]
fn a_tiers_price_is_that_of_its_day() {
    assert_eq!(price("openai", "gpt-5", "batch", at("2026-10-14T00:00:00Z")).as_deref(), Ok("5.625"));
    let before = price("openai", "gpt-5", "batch", at("2026-10-13T23:59:59Z"));
    assert!(matches!(before, Err(Unpriced::NoTierPrice { .. })), "{before:?}");
}

#[test]
fn ones_own_rates_are_for_their_tier() {
    let rates = |input: &str| Rates::per_million().input(input).output(input);
    let book = PriceBook::builder()
        .price("gpt-5", rates("1"))
        .price("m", rates("2"))
        .price("m", rates("0.5").tier("Batch"))
        .build()
        .unwrap();
    let cost = |model: &str, tier: &str| {
        let model = book.model(Some("openai"), Some(model)).with_tier(tier);
        model.price(&million(), now()).map(|price| (price.cost.to_string(), price.source.to_string()))
    };
    let own = |cost: &str| Ok((cost.to_owned(), "override".to_owned()));
    assert_eq!(cost("gpt-5", "default"), own("2"));
    assert_eq!(cost("m", "auto"), own("4"));
    assert_eq!(cost("m", "batch"), own("1"));
    // What one gives for a model holds for each tier of which one gives nothing else.
    assert_eq!(cost("gpt-5", "flex"), own("2"));
    assert_eq!(cost("m", "flex"), own("4"));
    let batch_alone = PriceBook::builder().price("gpt-5", rates("3").tier("batch")).build().unwrap();
    let cost = |tier: &str| {
        let model = batch_alone.model(Some("openai"), Some("gpt-5")).with_tier(tier);
        model.price(&million(), now()).unwrap().cost.to_string()
    };
    assert_eq!(["batch", "default", "flex"].map(cost), ["6", "11.25", "5.625"]);
}

#[cfg(feature = "price-files")]
#[test]
fn a_file_has_rates_for_a_tier() {
    let toml =
        "[[price]]\nmodel = \"m\"\ninput = 2\n\n[[price]]\nmodel = \"m\"\ntier = \"batch\"\ninput = 1\n";
    let book = PriceBook::builder().prices_toml(toml).build().unwrap();
    let usage = Usage::new().input(1_000_000);
    let cost = |tier: &str| {
        book.model(None, Some("m")).with_tier(tier).price(&usage, now()).unwrap().cost.to_string()
    };
    assert_eq!((cost("default"), cost("batch")), ("2".to_owned(), "1".to_owned()));
}

/// Every tier that the list has, against the library's own answer, on the first day of each and today.
#[test]
fn every_listed_tier_has_the_librarys_price() {
    let (library, book) = (Calculator::from_json(DATA).unwrap(), PriceBook::new());
    let data: Vec<Value> = serde_json::from_slice(DATA).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (mut compared, mut without) = (0, 0);
    for provider in &data {
        for model in provider["models"].as_array().unwrap() {
            let tiers = model["price_variants"].as_array().into_iter().flatten();
            for variant in tiers {
                let (key, value) = variant["when"].as_object().unwrap().iter().next().unwrap();
                if !matches!(key.as_str(), "service_tier" | "processing") || value == "default" {
                    continue;
                }
                let (provider, model, tier) = (text(&provider["id"]), text(&model["id"]), text(value));
                let start = variant["constraint"]["start_date"].as_str().unwrap_or("2026-10-12");
                let start = at(&format!("{start}T00:00:00Z"));
                for time in [start, start + Duration::from_secs(86_400), now().max(start)] {
                    let usage = [
                        (UsageKey::INPUT_TOKENS, 90_000.0),
                        (UsageKey::CACHE_READ_TOKENS, 30_000.0),
                        (UsageKey::OUTPUT_TOKENS, 7_000.0),
                    ];
                    let counts = usage.into();
                    let request = PriceRequest::new(&model, &counts).with_provider_id(&provider);
                    let request = request.with_timestamp(time).with_price_context(key, &tier);
                    // A few ids are no names by which their model is called.
                    let Ok(expected) = library.calculate(&request) else { continue };
                    let expected = Usd::from_f64(expected.total_price).unwrap();
                    let priced = book.model(Some(&provider), Some(&model)).with_tier(&tier);
                    let usage = Usage::new().input(90_000).cache_read(30_000).output(7_000);
                    match priced.price(&usage, time) {
                        Ok(price) => assert_eq!(price.cost, expected, "{provider} {model} {tier}"),
                        // Embeddings have no rate of output, transcriptions none of tokens.
                        Err(Unpriced::NoRate { .. } | Unpriced::NotByTokens { .. }) => without += 1,
                        Err(reason) => panic!("{provider} {model} {tier}: {reason}"),
                    }
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 500 && without < 30, "{compared} compared, {without} without a rate of text");
}

/// The cost of a run, and its warnings.
fn run(pipeline: impl FnOnce()) -> (Option<f64>, Vec<String>) {
    let captured = capture(|| {
        let _root = info_span!("pipeline").entered();
        pipeline();
    });
    let run: &RunSummary = captured.run();
    (run.budget_summary.total.cost_usd.map(Usd::to_f64), run.warnings.clone())
}

#[test]
fn a_call_by_hand_names_its_tier() {
    let called = |tier: &str| run(|| call("gpt-5").provider("openai").tier(tier).start().finish(million())).0;
    assert_eq!(["flex", "batch", "priority", "default"].map(called), [5.625, 5.625, 22.5, 11.25].map(Some));
    let (cost, warnings) = run(|| call("gpt-5").provider("openai").tier("scale").start().finish(million()));
    assert_eq!(
        (cost, warnings),
        (None, vec!["openai/gpt-5: no price is known for the tier \"scale\" of gpt-5".to_owned()])
    );
}

#[test]
fn a_reply_names_the_tier_that_served_its_call() {
    let served = |tier: &str| {
        let body = format!(
            r#"{{"object": "chat.completion", "model": "gpt-5-2025-08-07", "service_tier": "{tier}",
                "usage": {{"prompt_tokens": 1000000, "completion_tokens": 1000000}}}}"#
        );
        let call = || call("gpt-5").provider("openai").tier("priority").start();
        run(|| call().finish(Usage::from_response("openai", None, body.as_bytes()))).0
    };
    assert_eq!(["flex", "default", "priority"].map(served), [5.625, 11.25, 22.5].map(Some));
    assert_eq!(served("scale"), None);
}

#[test]
fn an_attempt_has_the_tier_of_its_call() {
    let (cost, _) = run(|| {
        let call = call("gpt-5").provider("openai").tier("flex").start();
        call.attempt().finish(million());
        call.attempt().finish(million());
    });
    assert_eq!(cost, Some(11.25));
}

#[test]
fn a_span_names_the_tier_by_any_of_its_names_and_the_served_one_decides() {
    let spent = |requested: Option<&str>, served: Option<&str>| {
        run(|| {
            let chat = info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.provider.name = "openai",
                gen_ai.request.model = "gpt-5",
                openai.request.service_tier = requested,
                openai.response.service_tier = Empty,
                gen_ai.usage.input_tokens = 1_000_000,
                gen_ai.usage.output_tokens = 1_000_000,
            );
            if let Some(served) = served {
                chat.record("openai.response.service_tier", served);
            }
        })
        .0
    };
    assert_eq!(spent(None, None), Some(11.25));
    assert_eq!(spent(Some("auto"), None), Some(11.25));
    assert_eq!(spent(Some("priority"), None), Some(22.5));
    assert_eq!(spent(Some("priority"), Some("default")), Some(11.25));
    assert_eq!(spent(None, Some("flex")), Some(5.625));
    let short = run(|| {
        let _stage = info_span!(
            "stage",
            model = "gpt-5",
            provider = "openai",
            service_tier = "flex",
            input_tokens = 1_000_000_u64
        )
        .entered();
    });
    assert_eq!(short.0, Some(0.625));
}

#[test]
fn two_tiers_of_one_model_are_one_row() {
    let captured = capture(|| {
        let _root = info_span!("pipeline").entered();
        for tier in ["flex", "default", "flex"] {
            call("gpt-5").provider("openai").tier(tier).start().finish(million());
        }
        call("gpt-5").provider("openai").start().finish(million());
    });
    let rows = &captured.run().budget_summary.per_model;
    let (_, row) = rows.iter().next().unwrap();
    assert_eq!(
        (rows.len(), row.figures.llm_calls, row.figures.cost_usd.map(Usd::to_f64)),
        (1, 4, Some(33.75))
    );
}

/// A reply that names the model alone, after a request that named a variant or an inference profile.
#[test]
fn the_request_decides_where_the_reply_has_lost_the_price() {
    let spent = |provider: &str, requested: &str, answered: &str| {
        let captured = capture(|| {
            let _root = info_span!("pipeline").entered();
            let _chat = info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.provider.name = provider,
                gen_ai.request.model = requested,
                gen_ai.response.model = answered,
                gen_ai.usage.input_tokens = 1_000_000,
                gen_ai.usage.output_tokens = 0,
            );
        });
        let summary = &captured.run().budget_summary;
        let (label, _) = summary.per_model.iter().next().unwrap();
        (label.to_owned(), summary.total.cost_usd.map(Usd::to_f64))
    };
    let row = |label: &str, cost: f64| (label.to_owned(), Some(cost));
    assert_eq!(
        spent("openrouter", "openai/gpt-oss-120b:free", "openai/gpt-oss-120b"),
        row("openrouter/openai/gpt-oss-120b", 0.0)
    );
    assert_eq!(
        spent("aws.bedrock", "global.anthropic.claude-sonnet-4-6", "claude-sonnet-4-6"),
        row("aws/claude-sonnet-4-6", 3.0)
    );
    assert_eq!(
        spent("aws.bedrock", "us.anthropic.claude-sonnet-4-6", "claude-sonnet-4-6"),
        row("aws/claude-sonnet-4-6", 3.3)
    );
    // Another model answered: it is the one that is billed.
    assert_eq!(spent("openai", "gpt-5", "gpt-5-nano").1, Some(0.05));
}
