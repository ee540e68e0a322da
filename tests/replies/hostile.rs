//! Replies that no provider sends: keys in another order, dropped, added and mistyped. Nothing is read that the body lacks, and
//! nothing panics.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};
use tracing_budget::reply::{ResponseStream, ResponseUsage};
use tracing_budget::{Kind, Usage};

use crate::cases::{cases, units};

/// The sum of all numbers of a body, at any depth: with cached tokens beside the input, a figure may be a sum of several.
fn sum(body: &Value) -> f64 {
    match body {
        Value::Number(number) => number.as_f64().unwrap_or(0.0).max(0.0),
        Value::String(text) => {
            text.parse::<f64>().ok().filter(|number| number.is_finite()).unwrap_or(0.0).max(0.0)
        }
        Value::Array(list) => list.iter().map(sum).sum(),
        Value::Object(map) => map.values().map(sum).sum(),
        _ => 0.0,
    }
}

/// The number of items in the lists of a body: calls of tools are counted by their items.
fn items(body: &Value) -> usize {
    match body {
        Value::Array(list) => list.len() + list.iter().map(items).sum::<usize>(),
        Value::Object(map) => map.values().map(items).sum(),
        _ => 0,
    }
}

/// What was read of a body is in it.
fn check(body: &Value, found: &ResponseUsage) -> Result<(), TestCaseError> {
    let usage = &found.usage;
    let most = sum(body) + 0.5;
    let read = usage.count(Kind::Input) as f64 + usage.count(Kind::Output) as f64;
    prop_assert!(read <= most, "{read} tokens of {most} in {body}");
    for (kind, count) in usage.iter().filter(|(kind, _)| !units(usage).contains_key(kind.key())) {
        prop_assert!(count as f64 <= most, "{kind} in {body}");
    }
    for (unit, count) in units(usage) {
        prop_assert!(count > 0.0 && count <= most + items(body) as f64, "{count} {unit} in {body}");
    }
    // Parts are inside of their wholes, where the whole is known.
    for (whole, parts) in [
        (Kind::Input, [Kind::CacheRead, Kind::CacheWrite]),
        (Kind::Output, [Kind::Reasoning, Kind::Reasoning]),
    ] {
        if let Some(whole) =
            usage.get(whole).filter(|_| usage.get(Kind::Input).and(usage.get(Kind::Output)).is_some())
        {
            prop_assert!(parts.iter().all(|part| usage.count(*part) <= whole), "{usage:?} of {body}");
        }
    }
    let text = body.to_string();
    for name in [&found.model, &found.response_id, &found.service_tier].into_iter().flatten() {
        let is_derived = ["batch", "flex", "priority", "fast"].contains(&name.as_str());
        prop_assert!(is_derived || text.contains(&**name), "{name} of {body}");
    }
    Ok(())
}

/// All objects of a body, by their JSON pointers.
fn objects(body: &Value, at: &str, found: &mut Vec<String>) {
    match body {
        Value::Object(map) => {
            found.push(at.to_owned());
            for (key, value) in map {
                objects(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                objects(value, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// A change of one object of a body.
#[derive(Clone, Debug)]
enum Change {
    Drop(Index, Index),
    Add(Index, String, Value),
    Replace(Index, Index, Value),
    /// The objects of other replies beside this one's.
    Graft(Index, Index),
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..10_000_u64).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9.]{0,6}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{"type": "compaction", "input_tokens": 7, "output_tokens": "x"}, 7, null])),
        Just(json!([{"modality": "AUDIO", "tokenCount": 7}])),
        Just(json!({"prompt_tokens": 7, "usage": {"total_tokens": 3}})),
    ]
}

/// Names that mean something at one place or another, so that an added key is not always unknown.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "usage",
            "usageMetadata",
            "response",
            "message",
            "result",
            "data",
            "type",
            "object",
            "iterations",
            "cost",
            "prompt_tokens",
            "completion_tokens",
            "total_tokens",
            "input_tokens",
            "output_tokens",
            "reasoning_tokens",
            "cached_tokens",
            "cache_creation_input_tokens",
            "cache_read_input_tokens",
            "prompt_tokens_details",
            "completion_tokens_details",
            "cache_creation",
            "thoughtsTokenCount",
            "totalTokens",
            "cacheReadInputTokens",
            "citation_tokens",
            "is_byok",
            "cost_in_usd_ticks",
            "predictions",
            "output",
            "choices",
            "candidates",
            "meta",
        ])
        .prop_map(str::to_owned),
        "[a-z_]{1,12}",
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), any::<Index>()).prop_map(|(object, key)| Change::Drop(object, key)),
        (any::<Index>(), key(), value()).prop_map(|(object, key, value)| Change::Add(object, key, value)),
        (any::<Index>(), any::<Index>(), value())
            .prop_map(|(object, key, value)| Change::Replace(object, key, value)),
        (any::<Index>(), any::<Index>()).prop_map(|(object, other)| Change::Graft(object, other)),
    ]
}

fn apply(change: Change, body: &mut Value) {
    let object = match &change {
        Change::Drop(object, _)
        | Change::Add(object, ..)
        | Change::Replace(object, ..)
        | Change::Graft(object, _) => object,
    };
    let mut found = Vec::new();
    objects(body, "", &mut found);
    if found.is_empty() {
        return;
    }
    let Some(Value::Object(map)) = body.pointer_mut(&found[object.index(found.len())]) else { return };
    let key_at = |map: &Map<String, Value>, at: Index| {
        (!map.is_empty()).then(|| map.keys().nth(at.index(map.len())).cloned()).flatten()
    };
    match change {
        Change::Drop(_, key) => {
            if let Some(key) = key_at(map, key) {
                map.remove(&key);
            }
        }
        Change::Add(_, key, value) => drop(map.insert(key, value)),
        Change::Replace(_, key, value) => {
            if let Some(key) = key_at(map, key) {
                map.insert(key, value);
            }
        }
        Change::Graft(_, other) => {
            if let Value::Object(other) = &other.get(cases()).body {
                map.extend(other.clone());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn a_changed_reply_has_nothing_that_its_body_lacks(
        case in any::<Index>(),
        changes in prop::collection::vec(change(), 0..6),
        pieces in 0..3_usize,
    ) {
        let case = case.get(cases());
        let mut body = case.body.clone();
        let mut seen = vec![body.clone()];
        for change in changes {
            apply(change, &mut body);
            seen.push(body.clone());
        }
        if let Ok(found) = Usage::from_value(&case.provider, &body) {
            check(&body, &found)?;
        }
        // As text it is the same, though a parser keeps the order of keys or sorts them.
        let text = serde_json::to_vec(&body).unwrap();
        let again = Usage::from_response(&case.provider, None, &text);
        let parsed = serde_json::from_slice(&text).unwrap();
        prop_assert_eq!(again, Usage::from_value(&case.provider, &parsed));
        // As one of several pieces: nothing beyond what all of them have.
        let mut stream = ResponseStream::new(&case.provider);
        let seen: Vec<Value> = seen.into_iter().rev().take(pieces).collect();
        for piece in &seen {
            stream.push(piece);
        }
        if let Ok(found) = stream.usage() {
            check(&Value::Array(seen), &found)?;
        }
    }

    /// The order in which a body has its keys makes no difference.
    #[test]
    fn the_order_of_keys_makes_no_difference(case in any::<Index>(), seed in any::<u64>()) {
        let case = case.get(cases());
        let shuffled = written(&case.body, seed);
        prop_assert_eq!(
            Usage::from_response(&case.provider, None, shuffled.as_bytes()),
            Usage::from_value(&case.provider, &case.body),
            "{}", shuffled
        );
    }
}

/// A body as text with its keys in an order by the seed.
fn written(body: &Value, seed: u64) -> String {
    match body {
        Value::Object(map) => {
            let mut entries: Vec<(u64, String)> = map
                .iter()
                .map(|(key, value)| {
                    let order = key
                        .bytes()
                        .fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
                    (order, format!("{}: {}", Value::from(key.as_str()), written(value, seed)))
                })
                .collect();
            entries.sort();
            let entries: Vec<String> = entries.into_iter().map(|(_, entry)| entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Array(list) => {
            format!("[{}]", list.iter().map(|value| written(value, seed)).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// A body that is deep is refused or read, and exhausts no stack.
#[test]
fn a_deep_body_exhausts_no_stack() {
    let mut body = json!({"prompt_tokens": 7});
    for key in ["usage", "response", "message", "cost", "iterations"].iter().cycle().take(2_000) {
        // Moved, not `json!({..})`: that would write the body inside anew, by recursion.
        body = Value::Object(Map::from_iter([((*key).to_owned(), body)]));
    }
    let _ = Usage::from_value("openai", &body);
    // `Value` drops a deep body by recursion, so it is taken apart.
    while let Some(inner) = body.as_object_mut().and_then(|map| map.values_mut().next()).map(Value::take) {
        body = inner;
    }
}
