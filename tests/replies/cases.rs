//! The table of replies: `replies.jsonl` has a reply in each line, with what it contains, worked out by hand.
//!
//! `want` has the counts by this crate's kinds, or by the units of genai-prices, and the names that the reply has. What is not in
//! it must be absent or 0. `whole` is a reply with one side only that lacks nothing; `no_usage` is one that reports none;
//! `merged_with` follows that case in one stream; `warning` lists what the warnings name. `source` is where the shape is
//! documented.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use tracing_budget::reply::{ResponseStream, ResponseUsage};
use tracing_budget::{Kind, Usage};

/// One line of the table.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) provider: String,
    pub(crate) body: Value,
    want: Map<String, Value>,
}

pub(crate) fn cases() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(read);
    &CASES
}

fn read() -> Vec<Case> {
    let lines = include_str!("replies.jsonl").lines();
    let cases = lines.map(|line| {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let text = |key: &str| line[key].as_str().expect("a text").to_owned();
        let want = line["want"].as_object().expect("an object").clone();
        Case { name: text("case"), provider: text("provider"), body: line["body"].clone(), want }
    });
    cases.collect()
}

const KINDS: [(&str, Kind); 9] = [
    ("input", Kind::Input),
    ("output", Kind::Output),
    ("cache_read", Kind::CacheRead),
    ("cache_write", Kind::CacheWrite),
    ("cache_write_1h", Kind::CacheWrite1h),
    ("reasoning", Kind::Reasoning),
    ("audio_input", Kind::AudioInput),
    ("audio_output", Kind::AudioOutput),
    ("tokens", Kind::Tokens),
];

/// Names of the table for units.
const UNITS: [(&str, &str); 2] =
    [("image_input", "input_image_tokens"), ("image_output", "output_image_tokens")];

/// The counts of units that few calls have, by their keys. Times are in seconds.
pub(crate) fn units(usage: &Usage) -> BTreeMap<&'static str, f64> {
    let is_common = |kind: &Kind| KINDS.iter().any(|(_, common)| common == kind);
    let amount = |kind: Kind, count: u64| match kind {
        Kind::AudioMicros | Kind::AudioInputMicros | Kind::AudioOutputMicros => count as f64 / 1e6,
        _ => count as f64,
    };
    let others = usage.iter().filter(|(kind, _)| !is_common(kind));
    others.map(|(kind, count)| (kind.key(), amount(kind, count))).collect()
}

/// What was read, in the words of the table. Zeros are left out.
fn shown(found: &ResponseUsage) -> BTreeMap<String, Value> {
    let mut shown = BTreeMap::new();
    for (name, kind) in KINDS {
        if found.usage.count(kind) > 0 {
            shown.insert(name.to_owned(), json!(found.usage.count(kind)));
        }
    }
    for (unit, count) in units(&found.usage) {
        let name = UNITS.iter().find(|(_, key)| *key == unit).map_or(unit, |(name, _)| *name);
        let is_whole = count.fract() == 0.0;
        shown.insert(name.to_owned(), if is_whole { json!(count as u64) } else { json!(count) });
    }
    for (name, text) in [
        ("model", found.model.clone()),
        ("response_id", found.response_id.clone()),
        ("service_tier", found.service_tier.clone()),
        ("finish_reason", found.finish_reason.clone()),
        ("cost_usd", found.cost.map(|cost| cost.to_string())),
    ] {
        if let Some(text) = text {
            shown.insert(name.to_owned(), json!(text));
        }
    }
    // Only one side is reported, and the other is known to be 0.
    if found.usage.get(Kind::Input).is_some_and(|input| input > 0) && found.usage.get(Kind::Output) == Some(0)
    {
        shown.insert("whole".to_owned(), json!(true));
    }
    if found.usage.is_empty() {
        shown.insert("no_usage".to_owned(), json!(true));
    }
    shown
}

fn check(name: &str, how: &str, want: &Map<String, Value>, found: &ResponseUsage) {
    let mut expected: BTreeMap<String, Value> = want.clone().into_iter().collect();
    // Times are counted in microseconds.
    for (_, seconds) in expected.iter_mut().filter(|(name, _)| name.ends_with("seconds")) {
        let micros = (seconds.as_f64().unwrap() * 1e6).round();
        *seconds = if micros % 1e6 == 0.0 { json!(micros as u64 / 1_000_000) } else { json!(micros / 1e6) };
    }
    let warned = expected.remove("warning").unwrap_or(json!([]));
    let warned: Vec<&str> = warned.as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
    assert_eq!(shown(found), expected, "{name}, {how}");
    assert_eq!(found.warnings.len(), warned.len(), "{name}, {how}: {:?}", found.warnings);
    for (warning, part) in found.warnings.iter().zip(warned) {
        assert!(warning.contains(part), "{name}, {how}: {warning}");
    }
}

#[test]
fn every_reply_of_the_table_is_read_whole_and_as_the_last_piece_of_a_stream() {
    let cases = cases();
    assert!(cases.len() > 120, "{} cases", cases.len());
    for case in cases {
        let Case { name, provider, body, want } = case;
        let mut want = want.clone();
        let earlier = want.remove("merged_with").map(|earlier| {
            let earlier = cases.iter().find(|case| earlier == case.name).expect("a case of this name");
            let mut merged = earlier.want.clone();
            merged.append(&mut want);
            want = merged;
            &earlier.body
        });
        // A server's pieces before it have no counts.
        let empty =
            [json!({"choices": [{"delta": {"content": "4"}}], "usage": null}), json!({"type": "ping"})];
        let pieces: Vec<&Value> = earlier.into_iter().chain(&empty).chain([body]).collect();
        let mut stream = ResponseStream::new(provider);
        let mut events = String::new();
        for piece in pieces {
            stream.push(piece);
            events += &format!("event: piece\ndata: {piece}\n\n");
        }
        check(name, "in pieces", &want, &stream.usage().unwrap_or_else(|error| panic!("{name}: {error}")));
        events += "data: [DONE]\n\n";
        let found = Usage::from_response(provider, None, events.as_bytes()).expect("a stream as text");
        check(name, "a stream as text", &want, &found);
        if earlier.is_none() {
            let found = Usage::from_value(provider, body).unwrap_or_else(|error| panic!("{name}: {error}"));
            check(name, "whole", &want, &found);
            let body = serde_json::to_vec(body).unwrap();
            assert_eq!(Usage::from_response(provider, None, &body).unwrap(), found, "{name}");
            // A body alone has all that a stream of it has.
            assert_eq!(Usage::from_response(provider, None, &[b"[", &*body, b"]"].concat()).unwrap(), found);
        }
    }
}

/// Who serves a shape makes no difference, except where the provider is the only evidence.
#[test]
fn every_reply_of_the_table_is_read_the_same_at_a_provider_that_nothing_knows() {
    for case in cases() {
        if case.name.contains("without a total")
            || case.name == "Voyage, without an object"
            || case.name == "Perplexity, deep research"
        {
            continue;
        }
        let named = Usage::from_value(&case.provider, &case.body).unwrap();
        let mut unknown = Usage::from_value("unheard-of", &case.body).unwrap();
        assert_eq!(unknown.provider, "unheard-of");
        unknown.provider.clone_from(&named.provider);
        assert_eq!(unknown, named, "{}", case.name);
    }
}

#[test]
fn a_named_shape_or_endpoint_is_the_only_one_that_is_tried() {
    let chat = br#"{"usage": {"prompt_tokens": 130, "completion_tokens": 20}}"#;
    let responses = br#"{"usage": {"input_tokens": 130, "output_tokens": 20}}"#;
    let cohere = br#"{"usage": {"billed_units": {"input_tokens": 1, "output_tokens": 2}, "tokens": {"input_tokens": 130, "output_tokens": 20}}}"#;
    for (flavor, body) in [
        ("chat", &chat[..]),
        ("default", chat),
        ("https://api.openai.com/v1/chat/completions?a=b", chat),
        ("/v1/messages", responses),
        ("anthropic", responses),
        ("responses", responses),
        ("/openai/deployments/gpt-5/responses/", responses),
        ("tokens", cohere),
    ] {
        let found = Usage::from_response("unheard-of", Some(flavor), body).unwrap();
        assert_eq!(found.usage.tokens_used(), Some(150), "{flavor}");
    }
    for (flavor, body, part) in [
        ("chat", &responses[..], "not those of the shape chat: input_tokens, output_tokens"),
        ("messages", chat, "not those of the shape messages"),
        ("song", chat, "no response shape is called \"song\", expected one of chat, responses, messages"),
        ("at", chat, "no response shape is called"),
    ] {
        let error = Usage::from_response("openai", Some(flavor), body).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_reply_that_cannot_be_read_is_an_error_with_its_reason() {
    for (body, part) in [
        ("{", "the response is not JSON"),
        (
            r#"{"usage": {"words": 7}}"#,
            "acme holds no usage that can be read: its counts are not those of any known shape: words",
        ),
        (
            r#"{"usage": {"prompt_tokens": 1.5, "completion_tokens": 1}}"#,
            "prompt_tokens is 1.5, expected a whole number",
        ),
        (r#"{"usage": {"prompt_tokens": "7.5", "completion_tokens": 1}}"#, "prompt_tokens is 7.5"),
        (r#"{"usage": {"prompt_tokens": -1, "completion_tokens": 1}}"#, "prompt_tokens is -1"),
        (
            r#"{"usage": {"prompt_tokens": 1, "completion_tokens": 1e13}}"#,
            "completion_tokens is 10000000000000, expected",
        ),
        (
            r#"{"usageMetadata": {"promptTokenCount": 1e12, "toolUsePromptTokenCount": 1e12}}"#,
            "the sum of input is 2000000000000",
        ),
    ] {
        let error = Usage::from_response("acme", None, body.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    // No usage is no error.
    for body in [
        "{}",
        "[]",
        "null",
        r#"{"usage": null}"#,
        r#"{"usage": {}}"#,
        r#"{"usage": {"prompt_tokens": null}}"#,
    ] {
        let found = Usage::from_response("acme", None, body.as_bytes()).unwrap();
        assert!(found.usage.is_empty() && found.shape.is_none(), "{body}");
    }
}

#[test]
fn headers_have_a_cost_or_counts() {
    let body = json!({"model": "m", "usage": {"prompt_tokens": 7, "completion_tokens": 1}});
    for (value, cost, warnings) in [("0.00123", Some("0.00123"), 0), ("0.0", None, 1), ("none", None, 0)] {
        let mut stream = ResponseStream::new("litellm");
        stream.push_header("X-LiteLLM-Response-Cost", value).push(&body);
        let found = stream.usage().unwrap();
        assert_eq!(found.cost.map(|cost| cost.to_string()).as_deref(), cost, "{value}");
        assert_eq!(found.warnings.len(), warnings, "{value}");
    }
    let mut stream = ResponseStream::new("aws");
    for (name, count) in [("Input", "60"), ("Output", "20"), ("Cache-Read-Input", "64"), ("Latency", "1")] {
        stream.push_header(&format!("X-Amzn-Bedrock-{name}-Token-Count"), count);
    }
    stream.push(&json!({"outputs": [{"text": "hi"}]}));
    assert_eq!(stream.usage().unwrap().usage, Usage::new().input(124).cache_read(64).output(20));
}

/// A4.
#[test]
fn a_zero_at_the_end_of_a_stream_replaces_nothing() {
    let mut stream = ResponseStream::new("vllm");
    let usage = |input: Value, output: u64, cached: u64| {
        json!({"usage": {"prompt_tokens": input, "completion_tokens": output,
            "prompt_tokens_details": {"cached_tokens": cached}}})
    };
    stream.push(&usage(json!(130), 1, 64)).push(&usage(Value::Null, 20, 0)).push(&usage(json!(0), 0, 0));
    assert_eq!(stream.usage().unwrap().usage, Usage::new().input(130).output(20).cache_read(64));
}

/// A stream with two replies is a mistake of the caller, which must not lose the first silently.
#[test]
fn two_replies_in_one_stream_are_a_warning() {
    let reply = |id: &str| json!({"id": id, "usage": {"prompt_tokens": 7, "completion_tokens": 1}});
    let mut stream = ResponseStream::new("openai");
    stream.push(&reply("a")).push(&reply("a"));
    assert!(stream.usage().unwrap().warnings.is_empty());
    stream.push(&reply("b"));
    let found = stream.usage().unwrap();
    assert_eq!(found.warnings, ["a stream has the usage of two replies, a and b: only the later is read"]);
    assert_eq!(found.usage.tokens_used(), Some(8));
}
