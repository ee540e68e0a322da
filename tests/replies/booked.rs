//! What a reply reports reaches the run: its cost, its names, and a warning for what is not priced.

use serde_json::{Value, json};
use tracing::info_span;
use tracing_budget::record::UsageRecord;
use tracing_budget::reply::ResponseStream;
use tracing_budget::{RunSummary, Usage, call, record_usage};

use crate::budgeted::{run, usd};

/// The same reply, recorded by a call and by an event, each in a run of its own.
fn booked(provider: &str, body: &Value) -> [RunSummary; 2] {
    let found = Usage::from_value(provider, body);
    let (by_call, by_event) = (found.clone(), found);
    [
        run(|| {
            info_span!("pipeline").in_scope(|| call("requested").provider(provider).start().finish(by_call))
        }),
        run(|| info_span!("pipeline").in_scope(|| record_usage(by_event))),
    ]
}

/// The record of a run's only call.
fn the_call(run: &RunSummary) -> Value {
    let [call] = run.budget_summary.calls.as_deref().unwrap_or_default() else { panic!("one call") };
    serde_json::to_value(call).unwrap()
}

#[test]
fn the_record_of_a_call_has_what_its_reply_reports() {
    let body = json!({
        "id": "gen-1763456789-aB3dE6", "object": "chat.completion", "model": "openai/gpt-5", "service_tier": "flex",
        "choices": [{"finish_reason": "length"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "cost": 0.0042},
    });
    for run in booked("openrouter", &body) {
        let call = the_call(&run);
        for (key, expected) in [
            ("provider", "openrouter"),
            ("model", "openrouter/openai/gpt-5"),
            ("response_id", "gen-1763456789-aB3dE6"),
            ("tier", "flex"),
            ("finish_reason", "length"),
            ("price_source", "reported"),
        ] {
            assert_eq!(call[key], expected, "{key}: {call}");
        }
        // The list price of gpt-5 would be $0.00225.
        assert_eq!(run.cost_usd(), Some(usd("0.0042")));
        assert_eq!(run.warnings, Vec::<String>::new());
    }
}

#[test]
fn a_reply_is_priced_by_what_it_contains() {
    for (provider, body, cost) in [
        // 200 at $1.25, 800 at $0.125 and 10 at $10 a million: cached tokens of a stream's last event are not lost.
        (
            "openai",
            json!({"type": "response.completed", "response": {"object": "response", "model": "gpt-5", "usage": {
                "input_tokens": 1000, "input_tokens_details": {"cached_tokens": 800}, "output_tokens": 10,
                "total_tokens": 1010}}}),
            "0.00045",
        ),
        // 180,100 at $5 and 3,550 at $25 a million: the compaction is billed, and is not in the sums at the top.
        (
            "anthropic",
            json!({"type": "message", "model": "claude-opus-5", "usage": {"input_tokens": 100, "output_tokens": 50,
                "iterations": [{"type": "compaction", "input_tokens": 180_000, "output_tokens": 3_500},
                    {"type": "message", "input_tokens": 100, "output_tokens": 50}]}}),
            "0.98925",
        ),
        // Embeddings have no output, so a total is their input: a million at $0.02.
        (
            "openai",
            json!({"object": "list", "model": "text-embedding-3-small", "usage": {"total_tokens": 1_000_000}}),
            "0.02",
        ),
        // The costs that these providers report, not those of their lists.
        (
            "openrouter",
            json!({"model": "openai/gpt-5", "usage": {"prompt_tokens": 9171, "completion_tokens": 113, "cost": 0.0003,
                "is_byok": true, "cost_details": {"upstream_inference_cost": 0.0357}}}),
            "0.036",
        ),
        (
            "perplexity",
            json!({"object": "chat.completion", "model": "sonar-pro", "usage": {"prompt_tokens": 130,
                "completion_tokens": 20, "cost": {"total_cost": 0.006}}}),
            "0.006",
        ),
    ] {
        for run in booked(provider, &body) {
            assert_eq!(run.cost_usd(), Some(usd(cost)), "{body}");
            let total = &run.budget_summary.total;
            assert_eq!((total.partial_calls, total.unpriced_calls), (0, 0), "{body}");
            assert_eq!(run.warnings, Vec::<String>::new(), "{body}");
        }
    }
}

/// Shapes that another provider brought up: the counts that a shape of the provider's own would lose.
#[test]
fn a_shape_is_read_at_a_provider_that_did_not_bring_it_up() {
    let anthropic = json!({"type": "message", "model": "claude-sonnet-4-5", "usage": {"input_tokens": 60,
        "cache_creation_input_tokens": 6, "cache_read_input_tokens": 64, "output_tokens": 20}});
    let responses = json!({"object": "response", "model": "MiniMax-M2", "usage": {"input_tokens": 130,
        "input_tokens_details": {"cached_tokens": 64}, "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 7}, "total_tokens": 150}});
    for (provider, body) in
        [("azure", &anthropic), ("openrouter", &anthropic), ("aws", &anthropic), ("minimax", &responses)]
    {
        for run in booked(provider, body) {
            let total = &run.budget_summary.total;
            assert_eq!(
                (total.input_tokens, total.output_tokens, total.cache_read_tokens),
                (130, 20, 64),
                "{provider}"
            );
        }
    }
}

/// Images, audio, searches, seconds and pages cost what the list has for them, also where the tokens are the smaller part.
#[test]
fn every_unit_of_a_reply_is_priced() {
    for (provider, usage, rest, cost, units) in [
        // 9,548 at $3 and 528 at $15 a million, and two searches at $10 a thousand.
        (
            "anthropic",
            json!({"input_tokens": 9_548, "output_tokens": 528, "server_tool_use": {"web_search_requests": 2}}),
            json!({"type": "message", "model": "claude-sonnet-4-5"}),
            "0.056564",
            json!({"web_searches": 2}),
        ),
        // 10 at $0.30, and an image of 1,290 tokens at $30 a million.
        (
            "google",
            json!({"promptTokenCount": 10, "candidatesTokenCount": 1290,
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}]}),
            json!({"modelVersion": "gemini-2.5-flash-image"}),
            "0.038703",
            json!({"output_image_tokens": 1290}),
        ),
        // 1,000 of speech at $1, 200 of text at $0.30, and 50 at $2.50 a million.
        (
            "google",
            json!({"promptTokenCount": 1200, "candidatesTokenCount": 50, "promptTokensDetails": [
                {"modality": "AUDIO", "tokenCount": 1000}, {"modality": "TEXT", "tokenCount": 200}]}),
            json!({"modelVersion": "gemini-2.5-flash"}),
            "0.001185",
            json!({"audio_input_tokens": 1000}),
        ),
        // An image that is charged as text: 300 at $0.30, and 20 at $2.50 a million.
        (
            "google",
            json!({"promptTokenCount": 300, "candidatesTokenCount": 20,
                "promptTokensDetails": [{"modality": "IMAGE", "tokenCount": 258}]}),
            json!({"modelVersion": "gemini-2.5-flash"}),
            "0.00014",
            json!({"input_image_tokens": 258}),
        ),
        // Nine seconds at $0.006 a minute.
        (
            "openai",
            json!({"type": "duration", "seconds": 9}),
            json!({"text": "hi", "model": "whisper-1"}),
            "0.0009",
            json!({"input_audio_seconds": 9}),
        ),
    ] {
        let mut body = rest;
        let place = if body.get("modelVersion").is_some() { "usageMetadata" } else { "usage" };
        body[place] = usage;
        for run in booked(provider, &body) {
            assert_eq!(run.cost_usd(), Some(usd(cost)), "{body}");
            assert_eq!(run.warnings, Vec::<String>::new(), "{body}");
            let total = serde_json::to_value(&run.budget_summary.total).unwrap();
            assert_eq!((&total["units"], &total["partial_calls"]), (&units, &json!(0)), "{body}");
            run.check().unwrap();
        }
    }
}

/// A unit without a price leaves the rest of the call priced, and the call partly known (A11).
#[test]
fn a_unit_without_a_price_makes_the_call_partly_known() {
    let searched = json!({"type": "message", "model": "claude-sonnet-4-5", "usage": {"input_tokens": 1_000,
        "output_tokens": 100, "cache_deletion_tokens": 7, "server_tool_use": {"code_execution_requests": 2}}});
    for run in booked("anthropic", &searched) {
        let total = &run.budget_summary.total;
        assert_eq!((run.cost_usd(), total.partial_calls, total.unpriced_calls), (Some(usd("0.0045")), 1, 0));
        let expected = [
            "usage.cache_deletion_tokens of a reply is 7, and was not read",
            "anthropic/claude-sonnet-4-5: the cost lacks code executions, for which no price is known",
        ];
        assert!(
            expected.iter().all(|warning| run.warnings.iter().any(|own| own == warning)),
            "{:?}",
            run.warnings
        );
    }
    // A reported cost has all of them.
    let mut paid = searched.clone();
    paid["usage"]["cost"] = json!(0.056_564);
    for run in booked("openrouter", &paid) {
        assert_eq!((run.cost_usd(), run.budget_summary.total.partial_calls), (Some(usd("0.056564")), 0));
        assert_eq!(run.warnings, ["usage.cache_deletion_tokens of a reply is 7, and was not read"]);
    }
    // Nothing of it has a price.
    let spoken = json!({"model": "gpt-5", "usage": {"type": "duration", "seconds": 9}});
    for run in booked("openai", &spoken) {
        assert_eq!((run.cost_usd(), run.budget_summary.total.unpriced_calls), (None, 1));
    }
}

#[test]
fn a_stream_ends_its_call() {
    let run = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        let call = call("claude-sonnet-4-5").provider("anthropic").start();
        let mut stream = ResponseStream::new("anthropic");
        stream.push(
            &json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude-sonnet-4-5-20250929",
            "usage": {"input_tokens": 60, "cache_read_input_tokens": 64, "output_tokens": 1}}}),
        );
        call.usage(&stream);
        stream.push(&json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 20}}));
        call.finish(stream);
    });
    let total = &run.budget_summary.total;
    assert_eq!((total.llm_calls, total.input_tokens, total.output_tokens), (1, 124, 20));
    assert_eq!(total.cache_read_tokens, 64);
}

/// A program may record the usage of each piece: what it warns of is one warning.
#[test]
fn a_warning_that_comes_again_is_one_warning() {
    let body = json!({"object": "chat.completion", "model": "gpt-5", "usage": {"prompt_tokens": 130,
        "completion_tokens": 20, "total_tokens": 500}});
    let run = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        let found = Usage::from_value("openai", &body).unwrap();
        let call = call("gpt-5").provider("openai").start();
        call.usage(&found).usage(&found);
        record_usage(&found);
    });
    assert_eq!(run.warnings.len(), 1, "{:?}", run.warnings);
}

/// A record's own words win over the reply's.
#[test]
fn a_cost_of_a_header_is_added_to_the_record() {
    let body =
        json!({"id": "c", "model": "gpt-5", "usage": {"prompt_tokens": 1000, "completion_tokens": 100}});
    let run = run(|| {
        let _pipeline = info_span!("pipeline").entered();
        let found = Usage::from_value("litellm", &body).unwrap();
        // LiteLLM's header `x-litellm-response-cost`.
        record_usage(
            UsageRecord::from(&found)
                .cost("0.00123")
                .service_tier("priority")
                .response_id("d")
                .finish_reason("stop"),
        );
    });
    assert_eq!(run.cost_usd(), Some(usd("0.00123")));
    let call = the_call(&run);
    assert_eq!(
        (&call["response_id"], &call["tier"], &call["finish_reason"]),
        (&json!("d"), &json!("priority"), &json!("stop"))
    );
}

/// Ollama draws the ids of its chats from 999, so two calls may have the same.
#[test]
fn replies_with_ids_that_are_not_distinct_are_calls_of_their_own() {
    for (id, calls) in [("chatcmpl-123", 2), ("chatcmpl-BXzYQ2mVh1", 1)] {
        let body =
            json!({"id": id, "model": "llama3.2", "usage": {"prompt_tokens": 26, "completion_tokens": 298}});
        let run = run(|| {
            let _pipeline = info_span!("pipeline").entered();
            record_usage(Usage::from_value("ollama", &body));
            record_usage(Usage::from_value("ollama", &body));
        });
        assert_eq!(run.budget_summary.total.llm_calls, calls, "{id}");
    }
}
