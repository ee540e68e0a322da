//! The extractors of genai-prices are the second opinion: a body of each shape that they know is read here as there.

use std::collections::BTreeMap;

use genai_prices::{Calculator, ExtractRequest};
use serde_json::{Map, Value, json};
use tracing_budget::{Kind, Usage};

use crate::cases::units;

const DATA: &[u8] = include_bytes!("../../data/genai-prices.json");

const KINDS: [(Kind, &str); 8] = [
    (Kind::Input, "input_tokens"),
    (Kind::Output, "output_tokens"),
    (Kind::CacheRead, "cache_read_tokens"),
    (Kind::CacheWrite, "cache_write_tokens"),
    (Kind::CacheWrite1h, "cache_write_1h_tokens"),
    (Kind::Reasoning, "output_reasoning_tokens"),
    (Kind::AudioInput, "input_audio_tokens"),
    (Kind::AudioOutput, "output_audio_tokens"),
];

/// Units of upstream that are not brought back, as no price differs from that of what they are a part of: text is what other
/// modalities leave, and what is kept for five minutes is what is not kept for an hour.
fn is_left_out(unit: &str) -> bool {
    unit.contains("_text_tokens")
        || unit.contains("tool_tokens")
        || unit.contains("text_read")
        || unit.ends_with("_5m_tokens")
}

/// Puts a count at a path of upstream's notation.
fn put(at: &mut Value, path: &[Value], count: u64) {
    let Some((first, rest)) = path.split_first() else {
        *at = json!(count);
        return;
    };
    match first {
        Value::String(key) => {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            put(at.as_object_mut().unwrap().entry(key.clone()).or_insert(Value::Null), rest, count);
        }
        step => {
            let (field, expected) = (step["field"].as_str().unwrap(), &step["match"]["equals"]);
            if !at.is_array() {
                *at = json!([]);
            }
            let list = at.as_array_mut().unwrap();
            let known = list.iter().position(|element| element[field] == *expected);
            let known = known.unwrap_or_else(|| {
                list.push(json!({ field: expected }));
                list.len() - 1
            });
            put(&mut list[known], rest, count);
        }
    }
}

fn path(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// A body with a count for each mapping of an extractor. Wholes are larger than all of their parts, as in a true reply.
fn body(extractor: &Value) -> Value {
    let mut body = Value::Object(Map::new());
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mappings = extractor["mappings"].as_array().unwrap();
    for mapping in mappings {
        let at: Vec<Value> = path(&extractor["root"]).into_iter().chain(path(&mapping["path"])).collect();
        let is_part =
            mappings.iter().any(|other| other["path"] == mapping["path"] && other["dest"] != mapping["dest"])
                || !matches!(mapping["dest"].as_str(), Some("input_tokens" | "output_tokens"));
        let next = counts.len() as u64 + 1;
        let count =
            *counts.entry(json!(at).to_string()).or_insert(if is_part { 10 + next } else { 10_000 * next });
        put(&mut body, &at, count);
    }
    // The lifetimes of cache writes make up all of them.
    for (whole, parts) in [
        (
            "/usage/cache_creation_input_tokens",
            [
                "/usage/cache_creation/ephemeral_5m_input_tokens",
                "/usage/cache_creation/ephemeral_1h_input_tokens",
            ],
        ),
        (
            "/usage/cacheWriteInputTokens",
            ["/usage/cacheDetails/0/inputTokens", "/usage/cacheDetails/1/inputTokens"],
        ),
    ] {
        if let [Some(first), Some(second)] = parts.map(|part| body.pointer(part).and_then(Value::as_u64)) {
            *body.pointer_mut(whole).unwrap() = json!(first + second);
        }
    }
    body
}

#[test]
fn every_extractor_of_genai_prices_reads_what_is_read_here() {
    let calculator = Calculator::from_json(DATA).unwrap();
    let providers: Vec<Value> = serde_json::from_slice(DATA).unwrap();
    let (mut compared, mut differences) = (0, Vec::new());
    for provider in &providers {
        let id = provider["id"].as_str().unwrap();
        for extractor in provider["extractors"].as_array().into_iter().flatten() {
            let flavor = extractor["api_flavor"].as_str().unwrap();
            let body = body(extractor);
            let request = ExtractRequest::from_value(&body).with_provider_id(id).with_api_flavor(flavor);
            let theirs = calculator.extract_provider_usage(&request).unwrap().usage;
            // Only these cannot be recognised by what they contain.
            let named = matches!(flavor, "live" | "tokens" | "ocr_annotated").then_some(flavor);
            let ours = Usage::from_response(id, named, body.to_string().as_bytes()).unwrap();
            compared += 1;
            let mut found: BTreeMap<&str, f64> = units(&ours.usage);
            for (kind, key) in KINDS {
                if ours.usage.count(kind) > 0 {
                    found.insert(key, ours.usage.count(kind) as f64);
                }
            }
            let expected: BTreeMap<&str, f64> = theirs
                .iter()
                .map(|(key, count)| (key.as_str(), count))
                .filter(|(key, _)| !is_left_out(key))
                .collect();
            if found != expected || !ours.warnings.is_empty() {
                differences.push(format!(
                    "{id} {flavor}: {found:?}, there {expected:?}, {:?}, of {body}",
                    ours.warnings
                ));
            }
        }
    }
    assert!(compared > 90, "{compared} extractors");
    assert!(differences.is_empty(), "{} of {compared}:\n{}", differences.len(), differences.join("\n"));
}
