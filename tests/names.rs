//! The names of models: aliases of one's own, one row for one model, hints, factors on prices, and two names of one call.
#![cfg(feature = "prices")]
#![allow(clippy::unwrap_used)]

mod budgeted;

use std::collections::BTreeSet;
use std::time::SystemTime;

use serde_json::Value;
use tracing::info_span;
use tracing_budget::price::{PriceBookBuilder, PriceFactor, PricedModel, Rates, Unpriced};
use tracing_budget::{PriceBook, RunSummary, Usage, Usd, call};

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

fn with(add: impl FnOnce(PriceBookBuilder) -> PriceBookBuilder) -> PriceBook {
    add(PriceBook::builder()).build().unwrap()
}

/// The row of a model, and the cost of a million in and out.
fn row(book: &PriceBook, provider: Option<&str>, model: &str) -> (String, Result<String, Unpriced>) {
    let model = book.model(provider, Some(model));
    (model.label().to_owned(), model.price(&million(), now()).map(|price| price.cost.to_string()))
}

fn ok(label: &str, cost: &str) -> (String, Result<String, Unpriced>) {
    (label.to_owned(), Ok(cost.to_owned()))
}

const PROFILE: &str = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/x9";

#[test]
fn an_alias_has_the_row_and_the_dated_price_of_its_base_model() {
    let book = with(|book| {
        book.model_alias("my-deployment", "azure", "gpt-5")
            .model_alias_for("aws", PROFILE, "aws", "eu.anthropic.claude-sonnet-4-6")
            .model_alias("smart", "deepseek", "deepseek-chat")
    });
    for (provider, name) in [
        (Some("azure"), "my-deployment"),
        (Some("azure.ai.openai"), "My-Deployment"),
        (Some("openai"), "my-deployment"),
        (Some("azure"), "azure/my-deployment"),
        (None, "my-deployment"),
    ] {
        assert_eq!(row(&book, provider, name), ok("azure/gpt-5", "11.25"), "{provider:?} {name}");
    }
    let profile = row(&book, Some("aws.bedrock"), PROFILE);
    assert_eq!(profile, row(&book, Some("aws"), "eu.anthropic.claude-sonnet-4-6"));
    assert_eq!(profile.1.as_deref(), Ok("19.8"));
    // At its own provider alone.
    assert!(row(&book, Some("google"), PROFILE).1.is_err());
    // The price of each day is that of the list.
    let usage = Usage::new().input(1_000_000).output(0);
    let price = |provider, name, time: &str| {
        book.model(provider, Some(name)).price(&usage, at(time)).map(|price| price.cost)
    };
    let days = ["2025-03-01T12:00:00Z", "2025-12-01T12:00:00Z", "2026-11-30T12:00:00Z"];
    let [one, other] = [(None, "smart"), (Some("deepseek"), "deepseek-chat")]
        .map(|(provider, name)| days.map(|day| price(provider, name, day).unwrap()));
    assert_eq!(one, other);
    assert_ne!(one[0], one[2], "the example has one price on all days");
}

#[test]
fn an_alias_for_one_provider_precedes_one_for_any() {
    let book = with(|book| {
        book.model_alias("fast", "openai", "gpt-5-nano")
            .model_alias("fast", "openai", "gpt-5")
            .model_alias_for("azure", "fast", "azure", "gpt-5-mini")
    });
    assert_eq!(row(&book, Some("azure"), "fast").0, "azure/gpt-5-mini");
    assert_eq!(row(&book, Some("acme"), "fast").0, "openai/gpt-5-nano");
    // The name of a listed model may be one of a deployment too.
    let crossed = with(|book| {
        book.model_alias_for("azure", "gpt-4o", "azure", "gpt-5")
            .model_alias_for("azure", "gpt-5", "azure", "gpt-4o")
    });
    assert_eq!(row(&crossed, Some("azure"), "gpt-4o"), ok("azure/gpt-5", "11.25"));
    assert_eq!(row(&crossed, Some("azure"), "gpt-5"), ok("azure/gpt-4o", "12.5"));
    // An alias may name no more than the biller.
    let biller = with(|book| book.model_alias("llama-3.3-70b-versatile", "groq", "llama-3.3-70b-versatile"));
    assert_eq!(row(&biller, None, "llama-3.3-70b-versatile"), ok("groq/llama-3.3-70b-versatile", "1.38"));
}

#[test]
fn a_price_for_the_reported_name_precedes_the_base_models() {
    let rates = |usd: &str| Rates::per_million().input(usd).output("0");
    let book = with(|book| {
        book.model_alias("my-deployment", "azure", "gpt-5")
            .model_alias("other", "azure", "gpt-5")
            .price_for("azure", "gpt-5", rates("2"))
            .price("/my-.*/", rates("1").until("2026-12-01"))
    });
    assert_eq!(row(&book, Some("azure"), "my-deployment"), ok("azure/gpt-5", "1"));
    assert_eq!(row(&book, Some("azure"), "other"), ok("azure/gpt-5", "2"));
    // When it no longer holds, the base model's does.
    let later =
        book.model(Some("azure"), Some("my-deployment")).price(&million(), at("2026-12-01T00:00:00Z"));
    assert_eq!(later.unwrap().cost.to_string(), "2");
    let own = with(|book| {
        book.model_alias("fast", "my-cluster", "qwen3").price_for("my-cluster", "qwen3", rates("3"))
    });
    assert_eq!(row(&own, Some("vllm"), "fast"), ok("my-cluster/qwen3", "3"));
}

#[test]
fn an_alias_of_what_has_no_price_is_unpriced_with_both_names() {
    for (provider, model, reason) in [
        (
            "azure",
            "gpt-55",
            "fast is an alias of azure/gpt-55: azure does not list gpt-55; did you mean gpt-5?",
        ),
        ("ollama", "qwen3", "fast is an alias of ollama/qwen3: qwen3 is self-hosted"),
        // No alias of an alias, and so no circle.
        ("azure", "slow", "fast is an alias of azure/slow: azure does not list slow"),
    ] {
        let book =
            with(|book| book.model_alias("fast", provider, model).model_alias("slow", "azure", "fast"));
        let why = row(&book, Some("openai"), "fast").1.unwrap_err();
        assert!(matches!(why, Unpriced::Alias { .. }) && why.to_string().starts_with(reason), "{why}");
    }
    for (book, reason) in [
        (
            PriceBook::builder().model_alias_for("azure.ai.openai", "GPT-5", "azure", "gpt-5"),
            "the alias \"GPT-5\" is not usable: azure/gpt-5 is an alias of itself",
        ),
        (PriceBook::builder().model_alias(" ", "azure", "gpt-5"), "expected the reported name of a model"),
        (PriceBook::builder().model_alias("a", "", "gpt-5"), "expected the provider of the base model"),
        (PriceBook::builder().model_alias("a", "azure", ""), "expected the name of the base model"),
    ] {
        let error = book.build().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn an_alias_that_was_requested_decides_what_a_release_of_its_model_costs() {
    let book = with(|book| {
        book.model_alias("my-deployment", "azure", "gpt-5").model_alias(
            "claude",
            "aws",
            "eu.anthropic.claude-sonnet-4-6",
        )
    });
    let call = |provider, requested, answered| {
        let model = book.model_of_call(Some(provider), Some(requested), Some(answered));
        (model.label().to_owned(), model.price(&million(), now()).map(|price| price.cost.to_string()))
    };
    assert_eq!(call("openai", "my-deployment", "gpt-5-2025-08-07"), ok("azure/gpt-5-2025-08-07", "11.25"));
    assert_eq!(call("openai", "my-deployment", "my-deployment"), ok("azure/gpt-5", "11.25"));
    // The reply has lost the region, which has a premium.
    assert_eq!(call("anthropic", "claude", "claude-sonnet-4-6").1.as_deref(), Ok("19.8"));
    // An alias that is out of date: what answered is priced.
    assert_eq!(call("azure", "my-deployment", "gpt-4o"), ok("azure/gpt-4o", "12.5"));
}

#[cfg(feature = "price-files")]
#[test]
fn a_file_has_aliases_and_factors() {
    let toml = r#"
[[alias]]
model = "my-deployment"
provider = "azure"
base_model = "gpt-5"

[[alias]]
model = "smart"
base_provider = "anthropic"
base_model = "claude-sonnet-4-5"
reason = "the gateway's own name"
checked = 2026-11-01

[[factor]]
provider = "azure"
factor = 0.8
from = 2026-07-01

[[factor]]
provider = "azure"
model = "gpt-4o"
factor = "1.1"
until = 2026-12-01
source = "contract 17"
"#;
    let book = with(|book| book.prices_toml(toml));
    assert_eq!(row(&book, Some("azure"), "my-deployment"), ok("azure/gpt-5", "9"));
    assert_eq!(row(&book, Some("acme"), "smart"), ok("anthropic/claude-sonnet-4-5", "28.5"));
    assert_eq!(row(&book, Some("azure"), "gpt-4o"), ok("azure/gpt-4o", "13.75"));
    assert!(row(&book, Some("acme"), "my-deployment").1.is_err());
    for (toml, message) in [
        ("[[alias]]\nmodle = \"a\"", "<toml>:2: modle: is not a key of an alias; did you mean model?"),
        ("[[alias]]\nmodel = \"a\"\nbase = \"b\"", "<toml>:3: base: is not a key of an alias"),
        (
            "[[alias]]\nmodel = \"a\"\nbase_model = \"b\"",
            "<toml>:1: alias: expected a base_provider or a provider",
        ),
        ("[[alias]]\nmodel = \"a\"\nprovider = \"b\"", "<toml>:1: alias: expected a base_model"),
        (
            "[[alias]]\nprovider = \"b\"\nbase_model = \"b\"",
            "<toml>:1: alias: expected a model, which is the reported name",
        ),
        (
            "[[alias]]\nmodel = \"a\"\nprovider = \"b\"\nbase_model = \"A\"",
            "<toml>:1: alias: b/A is an alias of itself",
        ),
        ("[[alias]]\nmodel = 3", "<toml>:2: model: expected text, found an integer"),
        (
            "[[factor]]\nprovider = \"azure\"\nfactr = 2",
            "<toml>:3: factr: is not a key of a factor; did you mean factor?",
        ),
        (
            "[[factor]]\nprovider = \"azure\"\nfactor = 0",
            "<toml>:1: factor: factor is \"0\", expected a decimal above 0",
        ),
        ("[[factor]]\nfactor = 2", "<toml>:1: factor: expected a provider"),
        (
            "[[factor]]\nprovider = \"azure\"\nfactor = true",
            "<toml>:3: factor: expected a factor, found a boolean",
        ),
        (
            "[[price]]\nmodel = \"a\"\ninptu = 2",
            "<toml>:3: inptu: is not a key of a price; did you mean input?",
        ),
        ("[[aliases]]\n", "<toml>:1: aliases: expected only [[price]], [[alias]] and [[factor]] tables"),
    ] {
        let error = PriceBook::builder().prices_toml(toml).build().unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn a_factor_multiplies_what_is_published_or_corrected_and_nothing_else() {
    let book = with(|book| {
        book.price_factor("azure.ai.openai", PriceFactor::new("0.8"))
            .price_factor("deepseek", PriceFactor::new("0.5"))
            .price_factor("ollama", PriceFactor::new("3"))
            .price_for("azure", "gpt-4o", Rates::per_million().input("1").output("1"))
            .price_for("ollama", "qwen3", Rates::per_million().input("1").output("1"))
            .unknown_model(tracing_budget::price::UnknownModel::Rate(
                Rates::per_million().input("1").output("1"),
            ))
    });
    let priced = |provider, model| {
        let price = book.model(Some(provider), Some(model)).price(&million(), now()).unwrap();
        (price.cost.to_string(), price.source.to_string())
    };
    let plain =
        PriceBook::new().model(Some("deepseek"), Some("deepseek-chat")).price(&million(), now()).unwrap();
    let half = Usd::from_pico(plain.cost.pico() / 2).to_string();
    assert_eq!(priced("azure", "gpt-5"), ("9".into(), "genai-prices@0.2.1 × factor".into()));
    assert_eq!(priced("deepseek", "deepseek-chat"), (half, format!("{} × factor", plain.source)));
    assert!(plain.source.to_string().starts_with("corrections@"), "{}", plain.source);
    assert_eq!(priced("openai", "gpt-5"), ("11.25".into(), "genai-prices@0.2.1".into()));
    for (provider, model) in [("azure", "gpt-4o"), ("ollama", "qwen3"), ("azure", "no-such")] {
        assert_eq!(priced(provider, model), ("2".into(), "override".into()), "{model}");
    }
    // The one who bills has the discount, and not the maker.
    let book = with(|book| {
        book.price_factor("openai", PriceFactor::new("0.5")).price_factor("acme", PriceFactor::new("1.05"))
    });
    assert_eq!(row(&book, Some("openrouter"), "openai/gpt-5").1.as_deref(), Ok("11.25"));
    assert_eq!(row(&book, Some("acme"), "openai/gpt-5").1.as_deref(), Ok("11.8125"));
    assert_eq!(row(&book, None, "gpt-5").1.as_deref(), Ok("5.625"));
    // Of every tier.
    let flex = book.model(Some("openai"), Some("gpt-5")).with_tier("flex").price(&million(), now());
    assert_eq!(flex.unwrap().cost.to_string(), "2.8125");
}

#[test]
fn the_most_specific_factor_that_holds_is_the_one() {
    let book = with(|book| {
        book.price_factor("openai", PriceFactor::new("0.9"))
            .price_factor_for("openai", "gpt-5", PriceFactor::new("0.8").until("2026-06-01"))
            .price_factor_for(
                "openai",
                "GPT-5-2025-08-07",
                PriceFactor::new("0.5").from("2026-01-01").until("2026-02-01"),
            )
    });
    let cost = |model: &str, time: &str| {
        let price = book.model(Some("openai"), Some(model)).price(&Usage::new().input(1_000_000), at(time));
        price.unwrap().cost.to_string()
    };
    assert_eq!(cost("gpt-5", "2026-01-15T00:00:00Z"), "1");
    assert_eq!(cost("gpt-5-2025-08-07", "2026-01-15T00:00:00Z"), "0.625");
    assert_eq!(cost("gpt-5-2025-08-07", "2026-02-01T00:00:00Z"), "1");
    assert_eq!(cost("gpt-5", "2026-05-31T23:59:59Z"), "1");
    assert_eq!(cost("gpt-5", "2026-06-01T00:00:00Z"), "1.125");
    assert_eq!(cost("gpt-5-mini", "2026-01-15T00:00:00Z"), "0.225");
}

/// The summary of a run with these prices.
fn run(book: PriceBook, pipeline: impl FnOnce()) -> RunSummary {
    budgeted::run_with(tracing_budget::layer().prices(book), || {
        let _root = info_span!("pipeline").entered();
        pipeline();
    })
}

#[test]
fn a_summary_shows_that_a_factor_was_applied() {
    let book = with(|book| {
        book.model_alias("fast", "azure", "gpt-5").price_factor("azure", PriceFactor::new("0.8"))
    });
    let run = run(book, || {
        call("fast").provider("azure").start().finish(million());
        let reported = call("gpt-5").provider("azure").start();
        reported.cost("3");
        reported.finish(million());
    });
    let row = &run.budget_summary.per_model["azure/gpt-5"];
    assert_eq!(row.figures.cost_usd.unwrap().to_string(), "12");
    assert_eq!(row.price_sources, ["reported", "genai-prices@0.2.1 × factor"]);
    let calls = run.budget_summary.calls.unwrap();
    let call = calls.iter().find(|call| call.model_requested.as_deref() == Some("fast")).unwrap();
    assert_eq!(call.model.as_deref(), Some("azure/gpt-5"));
    assert_eq!(call.price_source.as_deref(), Some("genai-prices@0.2.1 × factor"));
}

#[test]
fn an_unusable_factor_is_named() {
    for (book, message) in [
        (
            PriceBook::builder().price_factor("azure", PriceFactor::new("80%")),
            "the factor for \"azure\" is not usable: factor is \"80%\", expected a decimal above 0 and at most 1000",
        ),
        (PriceBook::builder().price_factor(" ", PriceFactor::new("2")), "expected a provider"),
        (
            PriceBook::builder().price_factor_for("azure", "", PriceFactor::new("2")),
            "expected a model's name",
        ),
    ] {
        let error = book.build().unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

/// Every provider and name that the list spells out, with its models' ids.
fn listed() -> Vec<(String, String)> {
    fn spelled_out(rule: &Value, names: &mut Vec<String>) {
        for (key, value) in rule.as_object().into_iter().flatten() {
            match value {
                Value::Array(rules) => rules.iter().for_each(|rule| spelled_out(rule, names)),
                Value::String(text) if key != "regex" => {
                    names.push(text.trim_end_matches(['-', '@']).to_owned())
                }
                _ => {}
            }
        }
    }
    let data: Vec<Value> = serde_json::from_slice(include_bytes!("../data/genai-prices.json")).unwrap();
    let mut listed = Vec::new();
    for provider in &data {
        for model in provider["models"].as_array().unwrap() {
            let mut names = vec![model["id"].as_str().unwrap().to_owned()];
            spelled_out(&model["match"], &mut names);
            let id = provider["id"].as_str().unwrap();
            listed.extend(names.into_iter().map(|name| (id.to_owned(), name)));
        }
    }
    listed.sort();
    listed.dedup();
    listed
}

#[test]
fn one_model_has_one_row_whatever_its_spelling() {
    let book = PriceBook::new();
    for (provider, names, label) in [
        ("openai", &["gpt-5", "GPT-5", "openai/gpt-5", "OpenAI/GPT-5", " gpt-5 "][..], "openai/gpt-5"),
        ("azure", &["gpt-5", "azure/gpt-5", "openai/gpt-5", "azure_ai/GPT-5"], "azure/gpt-5"),
        (
            "gcp.gemini",
            &[
                "gemini-2.5-pro",
                "models/gemini-2.5-pro",
                "publishers/google/models/gemini-2.5-pro",
                "gemini/gemini-2.5-pro",
            ],
            "google/gemini-2.5-pro",
        ),
        (
            "vertex_ai",
            &[
                "claude-opus-4-1@20250805",
                "claude-opus-4-1-20250805",
                "publishers/anthropic/models/claude-opus-4-1@20250805",
            ],
            "google/claude-opus-4-1-20250805",
        ),
        (
            "anthropic",
            &["claude-opus-4-6", "claude-opus-4-6[1m]", "claude-opus-4-6@default"],
            "anthropic/claude-opus-4-6",
        ),
        (
            "aws.bedrock",
            &[
                "eu.amazon.nova-lite-v1:0",
                "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0",
                "converse/eu.amazon.nova-lite-v1:0",
                "bedrock/EU.amazon.nova-lite-v1:0",
            ],
            "aws/eu.amazon.nova-lite-v1:0",
        ),
        (
            "openrouter",
            &["openai/gpt-5", "OpenAI/GPT-5", "openrouter/openai/gpt-5"],
            "openrouter/openai/gpt-5",
        ),
        ("acme", &["Qwen/Qwen3-32B", "qwen/qwen3-32b", "acme/Qwen/Qwen3-32B"], "acme/qwen/qwen3-32b"),
    ] {
        for name in names {
            assert_eq!(book.model(Some(provider), Some(name)).label(), label, "{name}");
        }
    }
    for name in ["gemini-2.5-pro", "models/gemini-2.5-pro", "google/gemini-2.5-pro", "Gemini-2.5-Pro"] {
        assert_eq!(book.model(None, Some(name)).label(), "google/gemini-2.5-pro", "{name}");
    }
}

#[test]
fn what_may_have_another_price_has_a_row_of_its_own() {
    let book = PriceBook::new();
    for (provider, name) in [
        ("openai", "gpt-5-2025-08-07"),
        ("openai", "gpt-5:batch"),
        ("openai", "ft:gpt-4o-2024-08-06:acme:support:9x"),
        ("anthropic", "claude-3-5-haiku-latest"),
        ("aws", "amazon.nova-lite-v1:0"),
        ("aws", "eu.amazon.nova-lite-v1:0"),
        ("aws", "global.anthropic.claude-sonnet-4-6"),
        ("aws", "eu.cohere.embed-v4:0"),
        ("aws", "ap-south-1/meta.llama3-8b-instruct-v1:0"),
        ("openrouter", "openai/gpt-oss-120b:free"),
        ("openrouter", "openai/gpt-5:online"),
        ("azure", "gpt-4o-mini-2024-07-18.ft-9x-support"),
    ] {
        assert_eq!(book.model(Some(provider), Some(name)).label(), format!("{provider}/{name}"));
    }
}

/// The price that a row's name leads to is that of each call in it.
#[test]
fn every_listed_name_has_the_price_of_its_row() {
    let (book, mut rows) = (PriceBook::new(), std::collections::HashMap::new());
    let listed = listed();
    assert!(listed.len() > 3_000, "{}", listed.len());
    let usages =
        [million(), Usage::new().input(300_000).cache_read(100_000).output(1_000), Usage::new().input(10)];
    for (provider, name) in listed {
        let model = book.model(Some(&provider), Some(&name));
        let cost = |model: &PricedModel| {
            usages.each_ref().map(|usage| model.price(usage, now()).ok().map(|price| price.cost))
        };
        let (row_provider, row_name) = model.label().split_once('/').unwrap();
        let again = book.model(Some(row_provider), Some(row_name));
        assert_eq!(again.label(), model.label(), "{provider} {name}");
        assert_eq!(cost(&again), cost(&model), "{provider} {name}: {}", model.label());
        let first = rows.entry(model.label().to_owned()).or_insert_with(|| cost(&model));
        assert_eq!(*first, cost(&model), "{provider} {name}: {}", model.label());
    }
}

#[test]
fn a_price_for_a_model_is_for_all_its_spellings() {
    let rates = Rates::per_million().input("1").output("1");
    let book = with(|book| {
        book.price_for("google", "gemini-2.5-pro", rates.clone()).price("claude-opus-4-6", rates.clone())
    });
    for (provider, name) in [
        ("google", "models/gemini-2.5-pro"),
        ("google", "Gemini-2.5-Pro"),
        ("anthropic", "claude-opus-4-6[1m]"),
        ("anthropic", "anthropic/claude-opus-4-6"),
    ] {
        assert_eq!(row(&book, Some(provider), name).1.as_deref(), Ok("2"), "{name}");
    }
}

/// Every so manieth name is tried: each of them, where `CI` is set.
fn stride() -> usize {
    if std::env::var_os("CI").is_some() { 1 } else { 11 }
}

#[test]
fn no_hint_is_its_own_input() {
    let own = Rates::per_million().input("1").output("1");
    let book = with(|book| book.price_for("ollama", "gpt-oss-120b", own.clone()));
    let (mut hints, mut places) = (0, 0);
    let names: BTreeSet<String> = listed().into_iter().map(|(_, name)| name).collect();
    for name in names.into_iter().step_by(stride()) {
        for provider in [None, Some("acme"), Some("groq")] {
            let Err(reason) = book.model(provider, Some(&name)).price(&million(), now()) else { continue };
            let suggested = match &reason {
                Unpriced::UnknownModel { nearest, known_at, .. }
                | Unpriced::NotListed { nearest, known_at, .. } => {
                    places += usize::from(known_at.is_some());
                    nearest.clone()
                }
                Unpriced::Resembles { known, .. } => Some(known.clone()),
                _ => None,
            };
            if let Some(suggested) = suggested {
                let is_itself = name.eq_ignore_ascii_case(&suggested);
                assert!(!is_itself, "{provider:?} {name}: {reason}");
                hints += 1;
            }
        }
    }
    assert!(hints > 0 && places * stride() > 3_000, "{hints} hints, {places} with other providers");
}

#[test]
fn a_hint_names_who_lists_the_name() {
    let own = Rates::per_million().input("1").output("1");
    let book = with(|book| book.price_for("acme", "qwen3", own.clone()));
    for (provider, name, expected) in [
        (
            None,
            "command",
            "no price is known for model \"command\"; known at cohere and openrouter ($1 a million tokens of input): name the provider",
        ),
        (
            Some("acme"),
            "pixtral-12b",
            "no price is known for model \"pixtral-12b\" at provider \"acme\"; known at mistral ($0.15) and openrouter ($0.1), a million \
             tokens of input: name the provider",
        ),
        (Some("groq"), "openai/gpt-4o", "groq does not list openai/gpt-4o; known at "),
        (
            Some("nebius"),
            "qwen3",
            "no price is known for model \"qwen3\" at provider \"nebius\"; known at acme, where you gave it a price: name the provider",
        ),
    ] {
        let reason = row(&book, provider, name).1.unwrap_err().to_string();
        assert!(reason.starts_with(expected), "{reason}");
    }
}

#[test]
fn closed_weights_are_priced_where_all_lists_agree_at_that_time() {
    let data = |azure: &str| {
        let model = |usd: &str| {
            format!(
                r#"[{{"id": "gpt-9", "match": {{"equals": "gpt-9"}}, "prices": [
                    {{"prices": {{"input_mtok": 1, "output_mtok": 2}}}},
                    {{"constraint": {{"start_date": "2026-06-01"}}, "prices": {{"input_mtok": {usd}, "output_mtok": 2}}}}]}}]"#
            )
        };
        let provider = |id: &str, begin: &str, models: &str| {
            format!(
                r#"{{"id": "{id}", "name": "{id}", "api_pattern": "{id}", "model_match": {{"starts_with": "{begin}"}}, "models": {models}}}"#
            )
        };
        format!(
            "[{}, {}]",
            provider("openai", "gpt-", &model("3")),
            provider("azure", "azure-", &model(azure))
        )
    };
    for (azure, later) in [("3", Some("5")), ("4", None)] {
        let book = with(|book| book.prices_json(data(azure)));
        let model = book.model(Some("acme"), Some("gpt-9"));
        let cost = |time| model.price(&million(), at(time)).map(|price| price.cost.to_string());
        assert_eq!(cost("2026-05-31T00:00:00Z").as_deref(), Ok("3"));
        assert_eq!(cost("2026-06-01T00:00:00Z").ok().as_deref(), later, "{azure}");
        assert_eq!(model.label(), "acme/gpt-9");
        if later.is_none() {
            let reason = cost("2026-06-01T00:00:00Z").unwrap_err().to_string();
            assert!(reason.contains("known at openai ($3) and azure ($4), a million tokens"), "{reason}");
        }
    }
    // Never open weights, a server's tag, or a suffix that chooses another way to serve a model.
    let book = PriceBook::new();
    for (provider, name) in [
        (Some("acme"), "gpt-oss-120b"),
        (None, "qwen/qwen3-coder"),
        (Some("acme"), "gpt-5:70b"),
        (Some("acme"), "gpt-5:online"),
        (Some("vllm"), "gpt-5"),
        (Some("groq"), "gpt-5"),
    ] {
        assert!(row(&book, provider, name).1.is_err(), "{provider:?} {name}");
    }
}

/// The warnings of a run with calls of which request and reply name these models.
fn two_names(book: PriceBook, calls: &[(&str, &str, &str)]) -> Vec<String> {
    let run = run(book, || {
        for (provider, requested, answered) in calls {
            let span = info_span!(
                "chat",
                gen_ai.operation.name = "chat",
                gen_ai.provider.name = *provider,
                gen_ai.request.model = *requested,
                gen_ai.response.model = *answered,
                gen_ai.usage.input_tokens = 1_000,
                gen_ai.usage.output_tokens = 100,
            );
            drop(span);
        }
    });
    run.warnings.clone()
}

#[test]
fn a_reply_by_another_model_than_the_requested_one_is_a_warning_once() {
    let calls = [("openai", "gpt-5", "gpt-4o-2024-08-06"); 3];
    assert_eq!(
        two_names(PriceBook::new(), &calls),
        [
            "gpt-5 was requested and gpt-4o-2024-08-06 answered: the call is counted and priced as openai/gpt-4o-2024-08-06"
        ]
    );
    // In each run, and for each pair.
    let pairs = [calls[0], ("openai", "gpt-5-mini", "gpt-4o-2024-08-06")];
    let book = PriceBook::new();
    for _ in 0..2 {
        assert_eq!(two_names(book.clone(), &pairs).len(), 2);
    }
    let unpriced = two_names(PriceBook::new(), &[("openai", "gpt-5", "gpt-5-of-ours")]);
    assert_eq!(unpriced.len(), 1, "{unpriced:?}");
    let expected = "gpt-5 was requested and gpt-5-of-ours answered: the call is counted as openai/gpt-5-of-ours and has no price: openai";
    assert!(unpriced[0].starts_with(expected), "{unpriced:?}");
    // An alias that is out of date.
    let book = with(|book| book.model_alias("my-deployment", "azure", "gpt-4o"));
    assert_eq!(
        two_names(book, &[("azure", "my-deployment", "gpt-5-2025-08-07")]),
        [
            "my-deployment was requested and gpt-5-2025-08-07 answered: the call is counted and priced as azure/gpt-5-2025-08-07"
        ]
    );
    // A model that the user priced by itself.
    let rates = Rates::per_million().input("1").output("1");
    let book = with(|book| book.price("small", rates.clone()).price("large", rates.clone()));
    assert_eq!(two_names(book, &[("acme", "small", "large")]).len(), 1);
}

#[test]
fn two_names_of_one_model_are_no_warning() {
    for (provider, requested, answered) in [
        ("openai", "gpt-5", "gpt-5-2025-08-07"),
        ("openai", "GPT-5", "gpt-5"),
        ("openai", "gpt-4", "gpt-4-0613"),
        ("openai", "openai/gpt-5", "gpt-5-2025-08-07"),
        ("openai", "gpt-5:batch", "gpt-5"),
        ("openrouter", "openai/gpt-oss-120b:free", "openai/gpt-oss-120b"),
        ("openrouter", "anthropic/claude-opus-4.1", "claude-opus-4-1-20250805"),
        ("openrouter", "openrouter/auto", "openai/gpt-5"),
        ("anthropic", "claude-3-5-haiku-latest", "claude-3-5-haiku-20241022"),
        ("anthropic", "claude-opus-4-6[1m]", "claude-opus-4-6"),
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-6", "claude-sonnet-4-6"),
        ("aws.bedrock", PROFILE, "claude-opus-4-6"),
        ("gcp.gemini", "models/gemini-2.0-flash", "gemini-2.0-flash-001"),
        ("mistral_ai", "mistral-large-latest", "mistral-large-2512"),
        // A listed alias of one entry.
        ("x_ai", "grok-latest", "grok-4.5"),
        // A deployment or a gateway's own name is for another model by design.
        ("azure", "my-deployment", "gpt-5-2025-08-07"),
        ("litellm", "smart", "openai/gpt-5"),
        ("ollama", "llama3", "llama3:latest"),
    ] {
        let warnings = two_names(PriceBook::new(), &[(provider, requested, answered)]);
        let about = warnings.iter().find(|warning| warning.contains("was requested"));
        assert_eq!(about, None, "{provider} {requested} {answered}");
    }
    let book = with(|book| {
        book.model_alias("my-deployment", "azure", "gpt-5").model_alias("other", "azure", "gpt-5")
    });
    let calls = [
        ("azure", "my-deployment", "gpt-5-2025-08-07"),
        ("azure", "my-deployment", "my-deployment"),
        ("azure", "my-deployment", "other"),
    ];
    assert_eq!(two_names(book, &calls), [""; 0]);
    // One price of the user's for both.
    let rates = Rates::per_million().input("1").output("1");
    assert_eq!(two_names(with(|book| book.price("/.*/", rates.clone())), &[("acme", "a", "b")]), [""; 0]);
}
