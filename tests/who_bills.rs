//! A call is priced from the list of its biller, under a name that the list has, or it is not priced.
#![cfg(feature = "prices")]
#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;
use std::time::SystemTime;

use genai_prices::{Calculator, PriceRequest, UsageKey};
use serde_json::Value;
use tracing_budget::{
    PriceBook, Usage, Usd,
    price::{Source, Unpriced},
};

static DATA: &[u8] = include_bytes!("../data/genai-prices.json");
static BOOK: LazyLock<PriceBook> = LazyLock::new(PriceBook::new);
static LIBRARY: LazyLock<Calculator> = LazyLock::new(|| Calculator::from_json(DATA).unwrap());

fn now() -> SystemTime {
    let time: jiff::Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
    time.into()
}

/// Whether the list's answer is corrected; `src/price/corrections_file.rs` tests those.
fn is_corrected(provider: &str, model: &str) -> bool {
    let price = BOOK.model(Some(provider), Some(model)).price(&input(), now());
    price.is_ok_and(|price| price.source == Source::Corrections)
}

fn price(provider: Option<&str>, model: &str, usage: Usage) -> Result<Usd, Unpriced> {
    BOOK.model(provider, Some(model)).price(&usage, now()).map(|price| price.cost)
}

/// A million in and out.
fn million() -> Usage {
    Usage::new().input(1_000_000).output(1_000_000)
}

fn input() -> Usage {
    Usage::new().input(1_000_000)
}

/// The list price of a name at a provider, in the library's own words.
fn library(provider: &str, model: &str) -> Option<Usd> {
    let usage = [(UsageKey::INPUT_TOKENS, 1e6)].into();
    let request = PriceRequest::new(model, &usage).with_provider_id(provider).with_timestamp(now());
    Usd::from_f64(LIBRARY.calculate(&request).ok()?.total_price)
}

/// The names that a rule of the list spells out, without a separator at the end.
fn spelled_out(rule: &Value, names: &mut Vec<String>) {
    for (key, value) in rule.as_object().into_iter().flatten() {
        match value {
            Value::Array(rules) => rules.iter().for_each(|rule| spelled_out(rule, names)),
            Value::String(text) if key != "regex" => names.push(text.trim_end_matches(['-', '@']).to_owned()),
            _ => {}
        }
    }
}

/// Every provider, model and name that the list spells out.
fn listed() -> Vec<(String, String, String)> {
    let data: Vec<Value> = serde_json::from_slice(DATA).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut listed = Vec::new();
    for provider in &data {
        for model in provider["models"].as_array().unwrap() {
            let mut names = vec![text(&model["id"])];
            spelled_out(&model["match"], &mut names);
            names.dedup();
            listed.extend(names.into_iter().map(|name| (text(&provider["id"]), text(&model["id"]), name)));
        }
    }
    listed
}

#[test]
fn every_name_that_a_list_spells_out_has_its_price() {
    let (mut same, mut without_price, mut otherwise, mut corrected, mut lost) = (0, 0, 0, 0, Vec::new());
    for (provider, model, name) in listed() {
        let Some(expected) = library(&provider, &name) else { continue };
        if is_corrected(&provider, &name) {
            corrected += 1;
            continue;
        }
        match price(Some(&provider), &name, input()) {
            Ok(cost) if cost == expected => same += 1,
            Err(Unpriced::NoListedPrice { .. }) if expected == Usd::ZERO => without_price += 1,
            Err(Unpriced::NotByTokens { .. }) if expected == Usd::ZERO => otherwise += 1,
            other => lost.push(format!("{provider}: {name} of {model}: {expected} -> {other:?}")),
        }
    }
    assert!(
        lost.is_empty(),
        "{same} as before, {without_price} without a price, {otherwise} not by tokens, {} lost:\n{}",
        lost.len(),
        lost.join("\n")
    );
    assert!(same > 2_500, "{same}, {without_price}, {otherwise}");
    assert!(corrected < 20, "{corrected}");
}

/// Without the library's help: names that applications send, with the list price of a million tokens of input.
#[test]
fn names_that_applications_send_have_their_price() {
    for (provider, name, expected) in [
        // Dates, stages of release and Google's numbers.
        ("openai", "gpt-5-2025-08-07", "1.25"),
        ("openai", "gpt-5-20250807", "1.25"),
        ("openai", "gpt-4o-mini-realtime-preview-2024-12-17", "0.6"),
        ("anthropic", "claude-3-5-haiku-latest", "0.8"),
        ("anthropic", "claude-haiku-4-5-20251001", "1"),
        ("anthropic", "claude-opus-4-1-20250805", "15"),
        ("gcp.gemini", "gemini-2.0-flash-001", "0.1"),
        ("gcp.gemini", "gemini-1.5-pro-latest", "2.5"),
        ("gcp.gemini", "gemini-3.1-pro-preview-customtools", "4"),
        ("mistral_ai", "magistral-medium-2506", "2"),
        // Claude Code's flag, and Vertex AI's versions.
        ("anthropic", "claude-opus-4-6[1m]", "5"),
        ("vertex_ai", "claude-opus-4-1@20250805", "15"),
        ("vertex_ai", "claude-3-5-sonnet-v2@20241022", "3"),
        ("vertex_ai", "claude-haiku-5-5@default", "0.5"),
        ("anthropic", "claude-haiku-5-5-latest", "0.5"),
        // Resource names.
        ("gcp.gemini", "models/gemini-2.0-flash", "0.1"),
        ("gcp.vertex_ai", "publishers/google/models/gemini-2.0-flash-001", "0.1"),
        (
            "gcp.vertex_ai",
            "projects/p/locations/us-east5/publishers/anthropic/models/claude-opus-4-1@20250805",
            "15",
        ),
        // Bedrock: base models, inference profiles, ARNs, LiteLLM's routes.
        ("aws.bedrock", "anthropic.claude-3-haiku-20240307-v1:0:200k", "0.25"),
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-6", "3.3"),
        ("aws.bedrock", "eu.anthropic.claude-sonnet-4-6-v1:0", "3.3"),
        ("aws.bedrock", "apac.anthropic.claude-sonnet-4-6", "3.3"),
        ("aws.bedrock", "global.anthropic.claude-sonnet-4-6", "3"),
        ("aws.bedrock", "us.amazon.nova-lite-v1:0", "0.06"),
        (
            "aws.bedrock",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-6",
            "3.3",
        ),
        (
            "aws.bedrock",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-sonnet-4-6",
            "3",
        ),
        ("aws.bedrock", "arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0", "0.06"),
        ("bedrock_converse", "converse/us.amazon.nova-lite-v1:0", "0.06"),
        // Fine-tuned models have prices of their own.
        ("openai", "ft:gpt-4o-2024-08-06:acme:support:9x", "3.75"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::9x", "0.3"),
        ("openai", "ft:gpt-3.5-turbo-0125:acme::9x", "3"),
        // The vendor in the name.
        ("azure", "openai/gpt-5", "1.25"),
        ("azure.ai.openai", "gpt-5", "1.25"),
        ("openrouter", "anthropic/claude-haiku-4.5", "1"),
        ("litellm", "groq/llama-3.3-70b-versatile", "0.59"),
        ("litellm_proxy", "openai/gpt-5", "1.25"),
        ("acme-gateway", "openai/gpt-5", "1.25"),
        // Closed weights, at one price wherever they are listed.
        ("acme-gateway", "gpt-5", "1.25"),
        ("perplexity", "openai/gpt-5", "1.25"),
        // Listed with their suffix.
        ("openrouter", "openai/gpt-5:batch", "0.625"),
        ("openrouter", "openai/gpt-oss-120b:free", "0"),
        ("gcp.gemini", "gemma-3-27b-it", "0"),
        ("openai", "omni-moderation-2024-09-26", "0"),
    ] {
        let found = price(Some(provider), name, input());
        assert_eq!(found.as_ref().map(ToString::to_string).as_deref(), Ok(expected), "{provider}: {name}");
    }
    for (name, expected) in [
        ("gpt-5", "1.25"),
        ("openai/gpt-5", "1.25"),
        ("claude-opus-4-1-20250805", "15"),
        ("models/gemini-2.0-flash", "0.1"),
        ("groq/llama-3.3-70b-versatile", "0.59"),
        ("bedrock/us.amazon.nova-lite-v1:0", "0.06"),
        ("us.amazon.nova-lite-v1:0", "0.06"),
        ("vertex_ai/claude-opus-4-1@20250805", "15"),
        ("openrouter/openai/gpt-5", "1.25"),
        ("mistral-large-latest", "0.5"),
        ("moonshot/kimi-k2.5", "0.6"),
    ] {
        let found = price(None, name, input());
        assert_eq!(found.as_ref().map(ToString::to_string).as_deref(), Ok(expected), "{name}");
    }
}

#[test]
fn a_server_of_ones_own_bills_nothing_that_is_known() {
    for provider in [
        "hosted_vllm",
        "vllm",
        "ollama",
        "ollama_chat",
        "xinference",
        "llama-swap",
        "Docker Model Runner",
        "nvidia_nim",
        "LM Studio",
        "lm_studio",
        "llama.cpp",
        "sglang",
        "localai",
    ] {
        for name in ["openai/gpt-oss-120b", "gpt-5", "deepseek-chat", "openai/gpt-5"] {
            let reason = price(Some(provider), name, million()).unwrap_err();
            assert!(matches!(reason, Unpriced::SelfHosted { .. }), "{provider}: {name}: {reason}");
        }
    }
    for name in [
        "deepseek-r1:70b",
        "llama3:latest",
        "ollama/gpt-oss",
        "hosted_vllm/openai/gpt-5",
        "qwen2.5:7b-instruct-q4_K_M",
    ] {
        let reason = price(None, name, million()).unwrap_err();
        assert!(matches!(reason, Unpriced::SelfHosted { .. }), "{name}: {reason}");
        let given = tracing_budget::price::Rates::per_million().input("1").output("1");
        let book = PriceBook::builder().price(name, given).build().unwrap();
        assert_eq!(book.model(None, Some(name)).price(&million(), now()).unwrap().cost.to_string(), "2");
    }
}

#[test]
fn a_provider_that_does_not_list_a_model_has_no_price_for_it() {
    for (provider, name) in [
        ("groq", "mistralai/mistral-nemo"),
        ("groq", "openai/gpt-5"),
        ("openai", "claude-sonnet-4-5"),
        ("openai", "anthropic/claude-sonnet-4-5"),
        ("anthropic", "gpt-5"),
        // Others serve the weights, so that their maker's price is not the reseller's.
        ("azure", "deepseek-r1"),
        ("azure", "kimi-k2.5"),
        ("openrouter", "mistralai/mistral-large-9"),
        ("together_ai", "openai/whisper-large-v9"),
    ] {
        let reason = price(Some(provider), name, million()).unwrap_err();
        assert!(matches!(reason, Unpriced::NotListed { .. }), "{provider}: {name}: {reason}");
    }
    for (provider, name) in [
        ("nebius", "openai/gpt-oss-120b"),
        ("acme", "deepseek/deepseek-chat"),
        ("acme", "gpt-oss-120b"),
        ("acme", "gpt-5.1-chat-of-ours"),
    ] {
        let reason = price(Some(provider), name, million()).unwrap_err();
        assert!(matches!(reason, Unpriced::UnknownModel { .. }), "{provider}: {name}: {reason}");
    }
    for name in [
        "mistralai/mistral-nemo",
        "openai/gpt-oss-120b",
        "gpt-oss-20b",
        "deepseek-r1",
        "mixtral-8x7b",
        "google/gemma-3-27b-it",
    ] {
        let reason = price(None, name, million()).unwrap_err();
        assert!(matches!(reason, Unpriced::OpenWeights { .. }), "{name}: {reason}");
    }
}

#[test]
fn a_name_that_goes_on_is_another_model() {
    for (provider, name, known) in [
        ("google", "gemini-3.8-flash-cyber", "gemini-3.8-flash"),
        ("google", "gemini-1.5-flash-8b", "gemini-1.5-flash"),
        ("google", "gemini-3.5-flash-8b", "gemini-3.5-flash"),
        ("google", "gemma-3-99b", "gemma-3"),
        ("anthropic", "claude-opus-4-15", "claude-opus-4-1"),
        ("anthropic", "claude-haiku-4-5-fast", "claude-haiku-4-5"),
        ("deepseek", "deepseek-r1:70b", "deepseek-reasoner"),
        ("deepseek", "deepseek-chat-v9", "deepseek-chat"),
        ("azure", "my-o4-mini-proxy", "o4-mini"),
        ("azure", "azure/eu/o4-mini", "o4-mini"),
        ("aws", "ap-south-1/meta.llama3-8b-instruct-v1:0", "meta.llama3-8b-instruct-v1:0"),
    ] {
        let reason = price(Some(provider), name, million()).unwrap_err();
        let resembles = matches!(&reason, Unpriced::Resembles { known: found, .. } if **found == *known);
        assert!(resembles, "{provider}: {name}: {reason:?}");
    }
}

#[test]
fn a_suffix_that_no_list_has_is_another_price() {
    for name in [
        "openai/gpt-5:online",
        "openai/gpt-5:nitro",
        "openai/gpt-5:free",
        "openai/gpt-5:floor",
        "openai/gpt-5:thinking",
    ] {
        let reason = price(Some("openrouter"), name, million()).unwrap_err();
        assert!(matches!(reason, Unpriced::AnotherVariant { .. }), "{name}: {reason}");
    }
    // The tier's price, at a provider that has one.
    assert_eq!(price(Some("openai"), "gpt-5:batch", million()).unwrap().to_string(), "5.625");
    let reason = price(Some("groq"), "llama-3.3-70b-versatile:flex", million()).unwrap_err();
    assert!(matches!(reason, Unpriced::NoTierPrice { .. }), "{reason}");
}

#[test]
fn a_name_that_hides_its_model_has_no_price() {
    for (provider, name) in [
        ("aws", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/x9"),
        ("aws", "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/x9"),
        ("google", "projects/p/locations/l/endpoints/7"),
    ] {
        let reason = price(Some(provider), name, million()).unwrap_err();
        assert!(matches!(reason, Unpriced::HiddenModel { .. }), "{name}: {reason}");
    }
}

#[test]
fn an_absent_price_is_not_a_price_of_nothing() {
    for (provider, name) in [
        ("cerebras", "qwen-3-coder-480b"),
        ("cerebras", "cerebras/qwen-3-coder-480b"),
        ("github-copilot", "gpt-4o"),
        ("mistral", "mistral-nemo:free"),
    ] {
        let reason = price(Some(provider), name, million()).unwrap_err();
        assert!(matches!(reason, Unpriced::NoListedPrice { .. }), "{provider}: {name}: {reason}");
    }
    assert!(price(None, "cerebras/qwen-3-coder-480b", million()).is_err());
    let nothing = Usage::new().input(0).output(0);
    let reason = price(Some("openai"), "whisper-1", nothing.clone()).unwrap_err();
    assert!(matches!(reason, Unpriced::NotByTokens { .. }), "{reason}");
    assert_eq!(price(Some("openai"), "gpt-5", nothing), Ok(Usd::ZERO));
}

#[test]
fn a_total_is_input_where_there_is_no_other_rate() {
    let total = |tokens: u64| Usage::new().with(tracing_budget::Kind::Tokens, tokens);
    for (provider, name, expected) in [
        ("openai", "text-embedding-3-small", "0.02"),
        ("voyageai", "voyage-3.5", "0.06"),
        ("aws", "amazon.titan-embed-text-v2:0", "0.02"),
    ] {
        let found = price(Some(provider), name, total(1_000_000)).map(|cost| cost.to_string());
        assert_eq!(found.as_deref(), Ok(expected), "{name}");
    }
    assert_eq!(price(Some("openai"), "gpt-5", total(1_000)), Err(Unpriced::Unsplit));
    // Output of embeddings is not free: it is not listed.
    let reason = price(Some("openai"), "text-embedding-3-small", million()).unwrap_err();
    assert!(matches!(reason, Unpriced::NoRate { .. }), "{reason}");
    assert_eq!(
        price(Some("openai"), "text-embedding-3-small", input().output(0)).unwrap().to_string(),
        "0.02"
    );
    let own = tracing_budget::price::Rates::per_million().input("0.1");
    let book = PriceBook::builder().price("e", own).build().unwrap();
    assert_eq!(book.model(None, Some("e")).price(&total(1_000_000), now()).unwrap().cost.to_string(), "0.1");
}

/// Names that vendors may come to use, made from names that they use today: a later version, another size, a new word.
fn future_names() -> Vec<(&'static str, String)> {
    let families = [
        ("openai", "gpt-5"),
        ("openai", "gpt-5-nano"),
        ("openai", "gpt-4o-realtime"),
        ("openai", "computer-use"),
        ("anthropic", "claude-opus-4-8"),
        ("anthropic", "claude-3-5-haiku"),
        ("anthropic", "claude-sonnet-5"),
        ("google", "gemini-2.5-pro"),
        ("google", "gemini-3.8-flash"),
        ("google", "gemini-1.5-flash"),
        ("google", "gemma-3n"),
        ("deepseek", "deepseek-chat"),
        ("mistral", "magistral-medium"),
        ("moonshotai", "kimi-k2.6"),
        ("x-ai", "grok-4.7"),
        ("aws", "us.anthropic.claude-opus-4-8"),
    ];
    let futures = ["-ultra", "-cyber", ".9", "-9b"];
    families
        .iter()
        .flat_map(|(provider, name)| futures.map(|rest| (*provider, format!("{name}{rest}"))))
        .collect()
}

#[test]
fn no_future_name_has_todays_price() {
    let names = future_names();
    assert_eq!(names.len(), 64);
    // The list's own patterns take them for today's models, so that the names are a test.
    let taken = names.iter().filter(|(provider, name)| library(provider, name).is_some()).count();
    assert!(taken > 28, "{taken} of 64 are matched by a pattern");
    let priced: Vec<String> = names
        .iter()
        .flat_map(|(provider, name)| [Some(*provider), None].map(|provider| (provider, name)))
        .filter_map(|(provider, name)| {
            Some(format!("{provider:?} {name}: {}", price(provider, name, million()).ok()?))
        })
        .collect();
    assert!(priced.is_empty(), "{} of 64 are priced:\n{}", priced.len(), priced.join("\n"));
}

#[test]
fn a_date_or_a_stage_of_release_is_no_future_name() {
    for (provider, name) in [
        ("anthropic", "claude-opus-4-8-20991231"),
        ("google", "gemini-3.8-flash-preview-09-2026"),
        ("google", "gemini-1.5-flash-009"),
        ("mistral", "magistral-medium-latest"),
        ("aws", "us.anthropic.claude-opus-4-8-20991231-v1:0"),
    ] {
        assert!(price(Some(provider), name, million()).is_ok(), "{provider}: {name}");
    }
}
