//! A call has the cost of the price list at its time, to the last digit, or a reason for its unknown cost.
#![cfg(feature = "prices")]
#![allow(clippy::unwrap_used)]

use std::time::SystemTime;

use proptest::prelude::*;
use tracing_budget::{
    Kind, PriceBook, Usage, Usd,
    price::{PriceBookBuilder, PricedModel, Rates, UnknownModel, Unpriced},
};

fn at(time: &str) -> SystemTime {
    let time: jiff::Timestamp = time.parse().unwrap();
    time.into()
}

fn now() -> SystemTime {
    at("2026-04-19T09:12:03Z")
}

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn published(provider: Option<&str>, model: &str) -> PricedModel {
    PriceBook::new().model(provider, Some(model))
}

fn cost(model: &PricedModel, usage: Usage, at: SystemTime) -> Usd {
    model.price(&usage, at).map(|price| price.cost).unwrap()
}

fn with(own: impl FnOnce(PriceBookBuilder) -> PriceBookBuilder) -> PriceBook {
    own(PriceBook::builder()).build().unwrap()
}

fn thousand() -> Usage {
    Usage::new().input(1_000).output(1_000)
}

#[test]
fn output_alone_is_priced() {
    let model = published(Some("anthropic"), "claude-sonnet-4-5");
    let price = model.price(&Usage::new().output(3_987), now()).unwrap();
    assert_eq!(price.cost, usd("0.059805"));
    assert_eq!(price.source.to_string(), "genai-prices@0.2.1");
}

#[test]
fn a_price_is_that_of_its_day() {
    let model = published(Some("openai"), "o3");
    let million = Usage::new().input(1_000_000).output(1_000_000);
    assert_eq!(cost(&model, million.clone(), at("2025-06-09T23:59:59.999Z")), usd("50"));
    assert_eq!(cost(&model, million, at("2025-06-10T00:00:00Z")), usd("10"));
}

#[test]
fn a_price_is_that_of_its_hour_and_the_memo_knows() {
    let model = published(Some("deepseek"), "deepseek-chat");
    // Before the correction of its window, which ended in September.
    let million = Usage::new().input(1_000_000).output(1_000_000);
    for _ in 0..2 {
        for (time, expected) in [
            ("2025-04-19T00:29:59.999999999Z", "0.685"),
            ("2025-04-19T00:30:00Z", "1.37"),
            ("2025-04-19T16:29:59.999999999Z", "1.37"),
            ("2025-04-19T16:30:00Z", "0.685"),
        ] {
            assert_eq!(cost(&model, million.clone(), at(time)), usd(expected), "{time}");
        }
    }
}

#[test]
fn a_long_context_costs_more() {
    let model = published(Some("anthropic"), "claude-sonnet-4-5");
    assert_eq!(cost(&model, Usage::new().input(300_000).output(2_000), now()), usd("1.845"));
}

#[test]
fn cached_tokens_cost_their_own_rate() {
    let model = published(Some("anthropic"), "claude-sonnet-4-5");
    let usage = Usage::new()
        .input(100_000)
        .output(0)
        .cache_read(50_000)
        .cache_write(30_000)
        .with(Kind::CacheWrite1h, 10_000);
    // 20,000 at 3, 50,000 at 0.30, 20,000 at 3.75 and 10,000 at 6 USD a million.
    assert_eq!(cost(&model, usage, now()), usd("0.21"));
}

#[test]
fn writes_of_a_lifetime_alone_are_all_the_writes() {
    let model = published(Some("anthropic"), "claude-sonnet-4-5");
    let hour = |usage: Usage| usage.with(Kind::CacheWrite1h, 10_000);
    let usage = Usage::new().input(100_000).output(0);
    let expected = cost(&model, hour(usage.clone().cache_write(10_000)), now());
    // 90,000 at 3 and 10,000 at 6 USD a million.
    assert_eq!((cost(&model, hour(usage.clone()), now()), expected), (usd("0.33"), usd("0.33")));
    let own = with(|own| own.price("m", Rates::per_million().input("1").cache_write_1h("2")));
    assert_eq!(cost(&own.model(None, Some("m")), hour(usage.clone()), now()), usd("0.11"));
    // As few writes as the total has are a contradiction.
    let fewer = model.price(&hour(usage.cache_write(3)), now());
    assert!(matches!(fewer, Err(Unpriced::InvalidUsage { .. })), "{fewer:?}");
}

#[test]
fn one_model_has_many_names() {
    for (provider, model, label) in [
        (Some("openai"), "gpt-5", "openai/gpt-5"),
        (None, "gpt-5", "openai/gpt-5"),
        (None, "openai/gpt-5", "openai/gpt-5"),
        (Some("openai"), "openai/gpt-5", "openai/gpt-5"),
        (Some("OpenAI"), " GPT-5 ", "openai/gpt-5"),
        (None, "gpt-5-2025-08-07", "openai/gpt-5-2025-08-07"),
        (Some("openai"), "gpt-5-20250807", "openai/gpt-5-20250807"),
        (Some("azure.ai.openai"), "gpt-5", "azure/gpt-5"),
        (Some("azure.ai.inference"), "azure/gpt-5", "azure/gpt-5"),
        (Some("acme-gateway"), "openai/gpt-5", "acme-gateway/openai/gpt-5"),
        (Some("openrouter"), "openai/gpt-5", "openrouter/openai/gpt-5"),
    ] {
        let priced = published(provider, model);
        assert_eq!(priced.label(), label);
        assert_eq!(cost(&priced, thousand(), now()), usd("0.01125"), "{provider:?} {model}");
    }
}

#[test]
fn the_names_of_the_conventions_are_known() {
    for (provider, model, label) in [
        ("gcp.gen_ai", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("gcp.gemini", "models/gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("gcp.vertex_ai", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("gemini", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        (
            "aws.bedrock",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "aws/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("x_ai", "grok-4", "x-ai/grok-4"),
        ("mistral_ai", "mistral-large-latest", "mistral/mistral-large-latest"),
        ("moonshot_ai", "kimi-k2-0905-preview", "moonshotai/kimi-k2-0905-preview"),
        ("cohere", "command-r", "cohere/command-r"),
        ("groq", "llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile"),
        ("perplexity", "sonar", "perplexity/sonar"),
    ] {
        let priced = published(Some(provider), model);
        assert_eq!(priced.label(), label);
        let price = priced.price(&thousand(), now());
        assert!(price.as_ref().is_ok_and(|price| price.cost > Usd::ZERO), "{provider} {model}: {price:?}");
    }
}

#[test]
fn nothing_is_priced_by_guess() {
    for (provider, model, label) in [
        (Some("openai"), "claude-sonnet-4-5", "openai/claude-sonnet-4-5"),
        (Some("my-openai-proxy"), "gpt-oss-120b", "my-openai-proxy/gpt-oss-120b"),
        (Some("vllm"), "openai/gpt-5", "vllm/openai/gpt-5"),
        (Some("ollama"), "deepseek-r1", "ollama/deepseek-r1"),
        (None, "ollama/deepseek-r1", "ollama/deepseek-r1"),
        (None, "acme/claude-sonnet-4-5", "acme/claude-sonnet-4-5"),
        (Some("ibm.watsonx.ai"), "granite-3", "ibm.watsonx.ai/granite-3"),
        (None, "granite-of-our-own", "granite-of-our-own"),
    ] {
        let priced = published(provider, model);
        assert_eq!(priced.label(), label);
        let reason = priced.price(&thousand(), now()).unwrap_err();
        let is_unknown = matches!(
            reason,
            Unpriced::UnknownModel { .. } | Unpriced::NotListed { .. } | Unpriced::SelfHosted { .. }
        );
        assert!(is_unknown, "{provider:?} {model}: {reason}");
    }
    let nameless = PriceBook::new().model(Some("openai"), None);
    assert_eq!((nameless.label(), nameless.price(&thousand(), now())), ("unknown", Err(Unpriced::NoModel)));
}

#[test]
fn an_unknown_model_names_its_nearest() {
    let reason = published(Some("anthropic"), "claude-sonet-4-5").price(&thousand(), now()).unwrap_err();
    assert_eq!(
        reason.to_string(),
        "anthropic does not list claude-sonet-4-5; did you mean claude-sonnet-4-5?"
    );
    let book = with(|own| own.price("acme-chat-large", Rates::per_million().input("1").output("1")));
    let reason = book.model(Some("acme"), Some("acme-chat-lrage")).price(&thousand(), now()).unwrap_err();
    assert!(reason.to_string().ends_with("did you mean acme-chat-large?"), "{reason}");
    let reason = published(Some("acme"), "zzzzzzzzzzzzzzzzzz").price(&thousand(), now()).unwrap_err();
    assert!(matches!(reason, Unpriced::UnknownModel { nearest: None, .. }), "{reason}");
}

#[test]
fn free_unpriced_and_billed_otherwise_are_three_things() {
    let free = with(|own| own.price("tiny", Rates::per_million().input("0").output("0")));
    let price = free.model(Some("ollama"), Some("tiny")).price(&thousand(), now()).unwrap();
    assert_eq!((price.cost, price.source.to_string().as_str()), (Usd::ZERO, "override"));

    let gemma = || published(Some("google"), "gemma-3");
    assert_eq!(cost(&gemma(), thousand(), now()), Usd::ZERO);
    for provider in [None, Some("acme-gateway")] {
        let reason =
            published(provider, "openai/omni-moderation-latest").price(&thousand(), now()).unwrap_err();
        assert!(matches!(reason, Unpriced::FreeElsewhere { .. }), "{reason}");
        assert!(published(provider, "google/gemma-3").price(&thousand(), now()).is_err());
    }
    let reason = published(Some("openai"), "whisper-1").price(&thousand(), now()).unwrap_err();
    assert!(matches!(reason, Unpriced::NotByTokens { .. }), "{reason}");
}

#[test]
fn usage_that_reports_too_little_or_too_much_has_no_cost() {
    let model = published(Some("anthropic"), "claude-sonnet-4-5");
    let reason = |usage: Usage| model.price(&usage, now()).unwrap_err();
    assert_eq!(reason(Usage::new()), Unpriced::NoUsage);
    assert_eq!(reason(Usage::new().with(Kind::Requests, 1)), Unpriced::NoUsage);
    assert_eq!(reason(Usage::new().with(Kind::Tokens, 500)), Unpriced::Unsplit);
    assert_eq!(reason(thousand().with(Kind::Tokens, 500)), Unpriced::Unsplit);
    for usage in [
        Usage::new().input(10).cache_read(11),
        Usage::new().cache_read(11),
        Usage::new().input(10).output(1).reasoning(2),
        Usage::new().input(10).cache_write(3).with(Kind::CacheWrite1h, 4),
    ] {
        assert!(matches!(reason(usage.clone()), Unpriced::InvalidUsage { .. }), "{usage:?}");
    }
    assert!(matches!(reason(Usage::new().input(2_000_000_000_000_u64)), Unpriced::TooLarge { .. }));
}

#[test]
fn large_calls_are_exact_too() {
    let model = published(Some("anthropic"), "claude-sonnet-4-5");
    // In the tier above 200,000 tokens: 6 in, 0.60 cached, 22.50 out.
    let usage =
        Usage::new().input(987_654_321_987_u64).cache_read(123_456_789_123_u64).output(456_789_123_457_u64);
    let pico = (987_654_321_987_i128 - 123_456_789_123) * 6_000_000
        + 123_456_789_123 * 600_000
        + 456_789_123_457 * 22_500_000;
    assert_eq!(cost(&model, usage, now()), Usd::from_pico(pico));
    // A rate of a twelfth of a dollar is no whole number of pico-dollars.
    let model = published(Some("openrouter"), "google/gemini-2.5-flash-image");
    let usage = Usage::new().input(100_000_000_000_u64).cache_write(100_000_000_000_u64);
    assert!(matches!(model.price(&usage, now()), Err(Unpriced::TooLarge { .. })));
}

#[test]
fn a_fee_is_charged_for_every_request() {
    let json = r#"[{"id": "acme", "name": "Acme", "api_pattern": "acme", "models": [
        {"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": 2, "output_mtok": 4, "requests_kcount": 5}}]}]"#;
    let model = with(|own| own.prices_json(json)).model(Some("acme"), Some("m"));
    assert_eq!(cost(&model, thousand(), now()), usd("0.011"));
    assert_eq!(cost(&model, thousand().with(Kind::Requests, 3), now()), usd("0.021"));
    let large = Usage::new().input(1_000_000_000).output(0);
    assert_eq!(cost(&model, large.with(Kind::Requests, 2), now()), usd("2000.01"));
}

#[test]
fn a_million_tiny_calls_add_up() {
    let book = with(|own| own.price("tiny", Rates::per_million().input("0.075")));
    let model = book.model(Some("ollama"), Some("tiny"));
    let call = Usage::new().input(1);
    let total: Usd = (0..1_000_000).map(|_| cost(&model, call.clone(), now())).sum();
    assert_eq!(total, usd("0.075"));
}

#[test]
fn the_most_specific_price_is_taken() {
    let rate = |rate: &str| Rates::per_million().input(rate);
    let entries = [
        ("acme", "m-1"),
        ("", "m-1-2026-01-01"),
        ("", "m-1"),
        ("acme", "/m-./"),
        ("", "/m-(1|2)/"),
        ("", "/m-.*/"),
        ("", "/m.*/"),
        ("", "/m-\\d/"),
    ];
    let first_match = |provider: &str, model: &str, skipped: usize| {
        let mut own = PriceBook::builder();
        for (index, (provider, name)) in entries.iter().enumerate().skip(skipped).rev() {
            let rates = rate(&(index + 1).to_string());
            own = if provider.is_empty() {
                own.price(*name, rates)
            } else {
                own.price_for(*provider, *name, rates)
            };
        }
        let model = own.build().unwrap().model(Some(provider), Some(model));
        cost(&model, Usage::new().input(1_000_000), now()).to_string()
    };
    assert_eq!(first_match("acme", "M-1-2026-01-01", 0), "1");
    assert_eq!(first_match("other", "m-1-2026-01-01", 0), "2");
    assert_eq!(first_match("other", "m-1", 0), "3");
    assert_eq!(first_match("acme", "m-1", 3), "4");
    assert_eq!(first_match("acme", "m-1", 4), "5");
    assert_eq!(first_match("acme", "m-3", 4), "8", "equally long patterns: the one given first");
    assert_eq!(first_match("acme", "m-33", 4), "6", "a pattern matches whole names only");
    assert_eq!(first_match("acme", "mm", 4), "7");
}

#[test]
fn ones_own_price_goes_before_the_published_one_while_it_holds() {
    let rates = Rates::per_million().input("1").output("1").from("2026-05-01").until("2026-06-01");
    let book = with(|own| own.price_for("azure.ai.openai", "gpt-5", rates));
    let sources = ["2026-04-30T23:59:59Z", "2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z"].map(|time| {
        let price = book.model(Some("azure"), Some("gpt-5-2025-08-07")).price(&thousand(), at(time)).unwrap();
        (price.source.to_string(), price.cost.to_string())
    });
    let published = ("genai-prices@0.2.1".to_owned(), "0.01125".to_owned());
    assert_eq!(sources, [published.clone(), ("override".to_owned(), "0.002".to_owned()), published]);
}

#[test]
fn a_policy_settles_the_unknown() {
    let policy = |policy| {
        with(|own| own.unknown_model(policy)).model(Some("acme"), Some("x")).price(&thousand(), now())
    };
    assert_eq!(policy(UnknownModel::Zero).unwrap().cost, Usd::ZERO);
    let rates = Rates::per_million().input("1").output("2");
    assert_eq!(policy(UnknownModel::Rate(rates)).unwrap().cost, usd("0.003"));
    assert!(policy(UnknownModel::Unpriced).is_err());
}

#[test]
fn a_rate_that_is_missing_is_not_zero() {
    let book = with(|own| own.price("x", Rates::per_million().input("1")));
    let reason = book.model(None, Some("x")).price(&thousand(), now()).unwrap_err();
    assert_eq!(reason, Unpriced::NoRate { model: "x".into(), kind: Kind::Output });
}

#[cfg(feature = "price-files")]
#[test]
fn the_documented_file_is_read() {
    let page = include_str!("../docs/prices.md");
    let toml = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let book = with(|own| own.prices_toml(toml));
    let price = |provider, model, time| {
        let price = book.model(provider, Some(model)).price(&thousand(), at(time));
        price.map(|price| price.cost.to_string()).unwrap()
    };
    assert_eq!(price(Some("ollama"), "qwen3-32b", "2026-04-19T00:00:00Z"), "0.0005");
    assert_eq!(price(None, "ft:acme-1", "2026-06-30T23:59:59Z"), "0.01");
    assert_eq!(price(None, "ft:acme-1", "2026-07-01T00:00:00Z"), "0.0075");
    assert_eq!(price(None, "acme-rerank", "2026-07-01T00:00:00Z"), "0.002");
    assert_eq!(price(None, "tiny-local", "2026-07-01T00:00:00Z"), "0");
}

#[cfg(feature = "price-files")]
#[test]
fn what_is_wrong_in_a_file_is_named_by_line_and_key() {
    let first = "[[price]]\nmodel = \"a\"\ninput = 1\n\n[[price]]\n";
    for (rest, expected) in [
        ("model = \"b\"\ninputs = 1", "<toml>:7: inputs: is not a key of a price"),
        ("model = \"b\"\ninput = true", "<toml>:7: input: expected an amount in USD, found a boolean"),
        (
            "model = \"b\"\noutput = \"dear\"",
            "<toml>:7: output: output rate: \"dear\" is not an amount in USD",
        ),
        ("model = \"b\"\noutput = -0.5", "<toml>:7: output: output rate is -0.5, expected zero or more"),
        ("model = \"b\"\ninput = 1e-3", "<toml>:7: input: input rate: \"1e-3\" is not an amount in USD"),
        ("pattern = '(b'\ninput = 1", "<toml>:6: pattern: \"(b\" is not a regular expression"),
        ("pattern = 'b)|(c'\ninput = 1", "<toml>:6: pattern: \"b)|(c\" is not a regular expression"),
        ("model = 7\ninput = 1", "<toml>:6: model: expected text, found an integer"),
        ("model = \"b\"\ninput = 1\nfrom = \"soon\"", "<toml>:8: from: from is \"soon\", expected a date"),
        ("input = 1", "<toml>:5: price: expected a model or a pattern"),
        ("model = \"b\"", "<toml>:5: price: it has no rate"),
        ("model = \"b\"\ninput = = 1", "<toml>:7: not TOML"),
        (
            "model = \"b\"\ninput = 1\n[other]\nx = 1",
            "<toml>:8: other: expected only [[price]], [[alias]] and [[factor]] tables",
        ),
    ] {
        let error = PriceBook::builder().prices_toml(format!("{first}{rest}")).build().unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[cfg(feature = "price-files")]
#[test]
fn files_are_named_in_errors() {
    let folder = std::env::temp_dir().join(format!("prices-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("own.toml");
    std::fs::write(&path, "[[price]]\nmodel = \"a\"\nprice = 1\n").unwrap();
    let error = PriceBook::builder().prices_file(&path).build().unwrap_err();
    assert_eq!(error.to_string(), format!("{}:3: price: is not a key of a price", path.display()));
    std::fs::write(&path, "[[price]]\nmodel = \"a\"\ninput = 0.1\n").unwrap();
    let book = with(|own| own.prices_file(&path));
    assert_eq!(cost(&book.model(None, Some("a")), Usage::new().input(3), now()), usd("0.0000003"));
    let gone = PriceBook::builder().prices_file(folder.join("none.toml")).build().unwrap_err();
    assert!(gone.to_string().contains("none.toml"), "{gone}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn newer_published_prices_replace_the_bundled_ones() {
    let json = r#"[{"id": "acme", "name": "Acme", "api_pattern": "acme", "models": [
        {"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": 2, "output_mtok": 4}}]}]"#;
    let book = with(|own| own.prices_json(json));
    let price = book.model(Some("acme"), Some("m")).price(&thousand(), now()).unwrap();
    assert_eq!(price.cost, usd("0.006"));
    assert!(price.source.to_string().starts_with("prices.json#"), "{}", price.source);
    assert!(book.model(Some("openai"), Some("gpt-5")).price(&thousand(), now()).is_err());
    let error = PriceBook::builder().prices_json("[{}]").build().unwrap_err();
    assert!(error.to_string().starts_with("the price data prices.json is not usable"), "{error}");
}

#[test]
fn responses_report_their_usage() {
    let body =
        br#"{"model": "claude-sonnet-4-5", "usage": {"input_tokens": 10, "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 30, "output_tokens": 40}}"#;
    let found = Usage::from_response("anthropic", None, body).unwrap();
    let expected = Usage::new().input(60).cache_read(20).cache_write(30).output(40);
    assert_eq!((found.usage, found.model.as_deref()), (expected, Some("claude-sonnet-4-5")));

    let body = br#"{"model": "gpt-5", "usage": {"prompt_tokens": 100, "completion_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 40}, "completion_tokens_details": {"reasoning_tokens": 5}}}"#;
    let found = Usage::from_response("azure.ai.openai", None, body).unwrap();
    assert_eq!(found.usage, Usage::new().input(100).cache_read(40).output(10).reasoning(5));
    assert_eq!(found.provider, "azure");
    assert_eq!(Usage::from_response("openai", Some("chat"), body).unwrap().usage, found.usage);
}

/// The release of genai-prices that is compiled here, and the data that it bundles.
fn release() -> (String, Vec<serde_json::Value>) {
    let metadata = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--all-features", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "genai-prices").unwrap();
    let manifest = std::path::Path::new(package["manifest_path"].as_str().unwrap());
    let data = std::fs::read(manifest.with_file_name("data").join("prices.json")).unwrap();
    (package["version"].as_str().unwrap().to_owned(), serde_json::from_slice(&data).unwrap())
}

/// The data without what no price depends on: a quarter of the bytes are for people.
fn without_remarks(mut providers: Vec<serde_json::Value>) -> String {
    let strip = |value: &mut serde_json::Value| {
        let fields = value.as_object_mut().unwrap();
        for field in ["pricing_urls", "price_comments", "description"] {
            fields.remove(field);
        }
    };
    for provider in &mut providers {
        strip(provider);
        provider["models"].as_array_mut().unwrap().iter_mut().for_each(strip);
    }
    // One provider a line, so that a new release is a diff that can be read.
    let lines: Vec<String> = providers.iter().map(ToString::to_string).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// `BLESS=1` takes over the data of a new release; the name in `src/price/reason.rs` is changed by hand.
#[test]
fn the_source_names_the_release_that_the_bundled_prices_are_from() {
    let (version, data) = release();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/genai-prices.json");
    let data = without_remarks(data);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &data).unwrap();
    }
    // As values: the order of keys depends on the features of serde_json that are built together.
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let is_same = parsed(&std::fs::read_to_string(path).unwrap()) == parsed(&data);
    assert!(is_same, "data/genai-prices.json is not that of genai-prices {version}; BLESS=1 takes it over");
    let price = published(Some("openai"), "gpt-5").price(&thousand(), now()).unwrap();
    assert_eq!(price.source.to_string(), format!("genai-prices@{version}"));
}

/// An exact requirement would keep an application from a newer release of the calculator.
#[test]
fn every_compatible_release_of_the_calculator_is_accepted() {
    let manifest = include_str!("../Cargo.toml");
    let requirement = manifest.lines().find(|line| line.starts_with("genai-prices = ")).unwrap();
    assert!(requirement.contains("version = \"0.2.1\""), "{requirement}");
}

/// Prices that change at midnight of a day, and in the middle of a minute.
const HALF_MINUTES: &str = r#"[{"id": "acme", "name": "Acme", "api_pattern": "acme", "models": [
    {"id": "daily", "match": {"equals": "daily"}, "prices": [
        {"prices": {"input_mtok": 10, "output_mtok": 40, "cache_read_mtok": 0.5}},
        {"constraint": {"start_date": "2025-06-10"}, "prices": {"input_mtok": 2, "output_mtok": 8}}]},
    {"id": "hourly", "match": {"equals": "hourly"}, "prices": [
        {"prices": {"input_mtok": 0.135, "output_mtok": 0.55}},
        {"constraint": {"start_time": "00:00:30Z", "end_time": "23:59:45Z"}, "prices": {"input_mtok": 0.27, "output_mtok": 1.1}}]}
]}]"#;

#[test]
fn a_price_that_changes_within_a_minute_is_not_remembered_across() {
    let model = with(|own| own.prices_json(HALF_MINUTES)).model(Some("acme"), Some("hourly"));
    let million = Usage::new().input(1_000_000);
    for (time, expected) in [
        ("2025-06-10T00:00:29Z", "0.135"),
        ("2025-06-10T00:00:30Z", "0.27"),
        ("2025-06-10T00:00:00Z", "0.135"),
    ] {
        assert_eq!(cost(&model, million.clone(), at(time)), usd(expected), "{time}");
    }
}

/// Few usages, so that the same one comes again within a minute.
fn usages() -> impl Strategy<Value = Usage> {
    prop::sample::select(vec![
        Usage::new().input(1_000).output(500),
        Usage::new().input(1_000).output(500).cache_read(400).reasoning(100),
        Usage::new().input(0).output(1),
        Usage::new().input(1).cache_read(2),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_memo_never_changes_a_result(
        calls in prop::collection::vec((0..4_usize, usages(), 0..12_u64, 0..2_u32), 1..60),
    ) {
        let book = with(|own| {
            let before = Rates::per_million().input("1").output("2").until("2025-06-10T00:00Z");
            let after = Rates::per_million().input("3").output("4").reasoning("9").from("2025-06-10T00:01Z");
            own.price("own", before).price("own", after).prices_json(HALF_MINUTES)
        });
        let names = [("acme", "daily"), ("acme", "hourly"), ("elsewhere", "own"), ("acme", "none")];
        let model = |name: usize| book.model(Some(names[name].0), Some(names[name].1));
        let kept: Vec<PricedModel> = (0..names.len()).map(model).collect();
        // Around midnight, twice each so that the second may be remembered.
        let start = at("2025-06-09T23:59:00Z");
        for (name, usage, quarter, nano) in calls {
            let time = start + std::time::Duration::new(quarter * 15, nano * 999_999_999);
            let fresh = model(name).price(&usage, time);
            prop_assert_eq!(&kept[name].price(&usage, time), &fresh);
            prop_assert_eq!(&kept[name].price(&usage, time), &fresh);
        }
    }

    #[test]
    fn every_cost_is_the_sum_of_whole_pico_dollars(
        scale in 0..7_u32, input in 0..100_000_u64, cached in 0..100_u64, output in 0..100_000_u64,
    ) {
        static BOOK: std::sync::LazyLock<PriceBook> = std::sync::LazyLock::new(PriceBook::new);
        let (input, output) = (input * 10_u64.pow(scale) + 7, output * 10_u64.pow(scale) + 3);
        let cached = input / 100 * cached;
        let usage = Usage::new().input(input).output(output).cache_read(cached);
        let pico = (input - cached) * 1_250_000 + cached * 125_000;
        let pico = i128::from(pico) + i128::from(output) * 10_000_000;
        prop_assert_eq!(cost(&BOOK.model(Some("openai"), Some("gpt-5")), usage, now()), Usd::from_pico(pico));
    }
}

/// A10. As on a span of a library that reports the lifetime, and not the total.
#[test]
fn a_span_with_writes_of_a_lifetime_alone_is_priced() {
    let captured = tracing_budget::testing::capture(|| {
        let _root = tracing::info_span!("pipeline").entered();
        let usage = Usage::new().input(100_000).output(0).with(Kind::CacheWrite1h, 10_000);
        tracing_budget::call("claude-sonnet-4-5").provider("anthropic").start().finish(usage);
    });
    let summary = &captured.run().budget_summary;
    let total = &summary.total;
    assert_eq!((total.cost_usd, total.cache_write_tokens), (Some(usd("0.33")), 10_000));
    assert_eq!(captured.run().warnings, [""; 0]);
}

/// A stage's own usage adds up (A4), and each recording has the rates of its own size. `gemini-2.5-pro` has others above 200,000.
#[cfg(feature = "prices")]
#[test]
fn usage_that_a_stage_records_ten_times_is_ten_small_calls() {
    use tracing::field::Empty;
    let cost = |times: u64, input: u64, has_cached: bool| {
        let captured = tracing_budget::testing::capture(|| {
            let _pipeline = tracing::info_span!("pipeline").entered();
            let stage = tracing::info_span!(
                "draft",
                stage = "draft",
                provider = "google",
                model = "gemini-2.5-pro",
                input_tokens = Empty,
                cache_read_tokens = Empty,
                output_tokens = Empty,
            );
            for _ in 0..times {
                stage.record("input_tokens", input);
                if has_cached {
                    stage.record("cache_read_tokens", input / 2);
                }
                stage.record("output_tokens", 100);
            }
        });
        let total = &captured.run().budget_summary.total;
        assert_eq!((total.input_tokens, total.output_tokens), (times * input, times * 100));
        total.cost_usd.unwrap().to_string()
    };
    // Ten times 30,000 at $1.25 and 100 at $10 a million; and once 300,000 at $2.50 and 100 at $15.
    assert_eq!(cost(10, 30_000, false), "0.385");
    assert_eq!(cost(1, 300_000, false), "0.7515");
    // Half of it from the cache, at $0.125 and at $0.25.
    assert_eq!(cost(10, 30_000, true), "0.21625");
    assert_eq!(cost(1, 300_000, true), "0.414");
    // More than are remembered: one large call.
    assert_eq!(cost(1_002, 1_000, false), "4.008");
}
