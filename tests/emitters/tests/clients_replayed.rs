//! Clients that are too heavy to build here, replayed by hand: gemini-rust 2.1, liter-llm 2.4, agentkit-loop 0.11, and the patterns of
//! wrappers that report one call several times.
//!
//! Names, targets, fields and their types are those of their sources.

use emitters::{Observed, observe};
use loopback_llm::{FINAL_TURN, TOOL_TURN, Tokens};
use tracing::field::Empty;
use tracing::{Span, info, info_span};

/// The part of the output that was reasoning.
const THOUGHTS: u64 = 4;

/// Runs the work in a stage of a pipeline.
fn in_stage(work: impl FnOnce()) -> Observed {
    let run = || info_span!("pipeline").in_scope(|| info_span!("discovery").in_scope(work));
    observe(async || run()).1
}

fn models(observed: &Observed) -> Vec<&str> {
    observed.run().budget_summary.per_model.iter().map(|(name, _)| name).collect()
}

/// gemini-rust's `Client::generate_content_raw`: it never records the model, and counts thoughts beside the candidates.
fn generate_content_raw(tokens: Tokens) {
    let span = info_span!(
        target: "gemini_rust::client",
        "generate_content_raw",
        model = Empty,
        messages.parts.count = 1,
        tools.present = false,
        system.instruction.present = false,
        cached.content.present = false,
        usage.prompt_tokens = Empty,
        usage.candidates_tokens = Empty,
        usage.thoughts_tokens = Empty,
        usage.cached_content_tokens = Empty,
        usage.total_tokens = Empty,
    );
    let count = |count: u64| i32::try_from(count).expect("a small count");
    span.in_scope(|| {
        info_span!(target: "gemini_rust::client", "post_json", request.type = "post", request.url = %"unused")
            .in_scope(|| info_span!(target: "gemini_rust::client", "perform_request").in_scope(|| ()));
        Span::current()
            .record("usage.prompt_tokens", count(tokens.input))
            .record("usage.candidates_tokens", count(tokens.output - THOUGHTS))
            .record("usage.thoughts_tokens", count(THOUGHTS))
            .record("usage.cached_content_tokens", count(tokens.cached))
            .record("usage.total_tokens", count(tokens.input + tokens.output));
    });
}

/// A3 and A10.
#[test]
fn gemini_rusts_thoughts_are_output() {
    let observed = in_stage(|| generate_content_raw(FINAL_TURN));
    observed.assert_used(1, FINAL_TURN);
    observed.assert_figures(&observed.stage("discovery").figures, 1, FINAL_TURN);
    let total = &observed.run().budget_summary.total;
    assert_eq!(total.reasoning_tokens, THOUGHTS, "{observed:?}");
    assert!(!observed.run().warnings.iter().any(|warning| warning.contains("total")), "{observed:?}");
}

/// A3: a call without a model has that of the stage around it.
#[test]
fn gemini_rusts_call_has_the_model_of_its_stage() {
    let run = || {
        let stage = info_span!("discovery", stage = "discovery", model = "gemini-2.5-flash");
        info_span!("pipeline").in_scope(|| stage.in_scope(|| generate_content_raw(FINAL_TURN)));
    };
    let ((), observed) = observe(async || run());
    observed.assert_used(1, FINAL_TURN);
    assert!(models(&observed)[0].ends_with("gemini-2.5-flash"), "{observed:?}");
}

/// A3: its streams record nothing.
#[test]
fn gemini_rusts_stream_is_a_call_without_usage() {
    let observed = in_stage(|| {
        info_span!(
            target: "gemini_rust::client",
            "generate_content_stream",
            model = Empty,
            messages.parts.count = 1,
            tools.present = false,
            system.instruction.present = false,
            cached.content.present = false,
        )
        .in_scope(|| ());
    });
    observed.assert_unknown(1);
}

/// liter-llm's `TracingService`, with its cost tracking.
fn liter_llm() -> Span {
    info_span!(
        target: "liter_llm::tower::tracing",
        "gen_ai",
        gen_ai.operation.name = "chat",
        gen_ai.request.model = %"openai/gpt-4o-mini",
        gen_ai.system = "openai",
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.response.id = Empty,
        gen_ai.response.model = Empty,
        gen_ai.usage.cost = Empty,
        gen_ai.response.finish_reasons = Empty,
        error.type = Empty,
    )
}

/// The library does not report cached tokens.
const UNCACHED: Tokens = Tokens { cached: 0, ..FINAL_TURN };

/// A cost that the library reports is not priced again, and the line that its `LoggingUsageSink` logs is no second call (A7).
#[test]
fn liter_llms_call_counts_once_with_its_cost() {
    let observed = in_stage(|| {
        liter_llm().in_scope(|| {
            Span::current().record("gen_ai.usage.cost", 0.000_031_5);
            Span::current()
                .record("gen_ai.response.id", "chatcmpl-1")
                .record("gen_ai.response.model", "openai/gpt-4o-mini")
                .record("gen_ai.response.finish_reasons", "stop")
                .record("gen_ai.usage.input_tokens", UNCACHED.input)
                .record("gen_ai.usage.output_tokens", UNCACHED.output);
        });
        info!(
            target: "gen_ai.usage",
            request_id = %"1",
            model = %"openai/gpt-4o-mini",
            provider = %"openai",
            prompt_tokens = UNCACHED.input,
            completion_tokens = UNCACHED.output,
            cost_usd = %"0.0000315",
            latency_ms = 12_u64,
            "usage_event"
        );
    });
    observed.assert_used(1, UNCACHED);
    assert_eq!(observed.run().cost_usd(), "0.0000315".parse().ok(), "{observed:?}");
}

/// A11: a stream has a cost and no tokens.
#[test]
fn liter_llms_stream_has_a_cost_and_unknown_tokens() {
    let observed = in_stage(|| {
        let span = liter_llm();
        span.in_scope(|| ());
        span.record("gen_ai.usage.cost", 0.000_031_5);
    });
    let total = &observed.run().budget_summary.total;
    assert_eq!((total.llm_calls, total.tokens_used, total.partial_calls), (1, None, 1), "{observed:?}");
    assert_eq!(observed.run().cost_usd(), "0.0000315".parse().ok(), "{observed:?}");
}

/// agentkit's turn of an agent: `agent.turn` names no agent, and the model is known late.
#[test]
fn agentkits_turn_counts_its_calls() {
    let observed = in_stage(|| {
        let turn = info_span!(
            target: "agentkit_loop",
            "agent.turn",
            otel.name = "invoke_agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.conversation.id = %"session",
            gen_ai.provider.name = Empty,
            session.id = %"session",
            turn.id = %"turn",
            finish_reason = Empty,
        );
        turn.in_scope(|| {
            for tokens in [TOOL_TURN, FINAL_TURN] {
                let chat = info_span!(
                    target: "agentkit_loop",
                    "chat",
                    "otel.name" = Empty,
                    "otel.kind" = "client",
                    "otel.status_code" = Empty,
                    "error.type" = Empty,
                    "gen_ai.operation.name" = "chat",
                    "gen_ai.provider.name" = Empty,
                    "gen_ai.request.model" = Empty,
                    "gen_ai.response.model" = Empty,
                    "gen_ai.response.id" = Empty,
                    "gen_ai.usage.input_tokens" = Empty,
                    "gen_ai.usage.output_tokens" = Empty,
                    "gen_ai.usage.cost" = Empty,
                );
                chat.record("gen_ai.provider.name", "openai");
                Span::current().record("gen_ai.provider.name", "openai");
                chat.record("gen_ai.request.model", "gpt-4o-mini");
                chat.in_scope(|| ());
                let count = |count: u64| i64::try_from(count).expect("a small count");
                chat.record("gen_ai.usage.input_tokens", count(tokens.input));
                chat.record("gen_ai.usage.output_tokens", count(tokens.output));
            }
        });
    });
    let both = TOOL_TURN + FINAL_TURN;
    observed.assert_used(2, Tokens { cached: 0, ..both });
    assert_eq!(models(&observed), ["openai/gpt-4o-mini"]);
}

/// The call's span of a provider's wrapper, with an id.
fn wrapped(id: &str) -> Span {
    let span = info_span!(
        target: "wrapper::client",
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-4o-mini",
        gen_ai.response.id = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
    );
    span.record("gen_ai.response.id", id);
    span
}

fn record(span: &Span) {
    span.record("gen_ai.usage.input_tokens", UNCACHED.input);
    span.record("gen_ai.usage.output_tokens", UNCACHED.output);
}

fn log_usage() {
    info!(
        target: "wrapper::client",
        model = "gpt-4o-mini",
        input_tokens = UNCACHED.input,
        output_tokens = UNCACHED.output,
        "completion finished"
    );
}

/// A7: inside the call's span, or after it.
#[test]
fn a_log_line_with_the_calls_usage_adds_nothing() {
    for is_inside in [true, false] {
        let observed = in_stage(|| {
            let span = wrapped("chatcmpl-1");
            record(&span);
            if is_inside {
                span.in_scope(log_usage);
                drop(span);
            } else {
                drop(span);
                log_usage();
            }
        });
        observed.assert_used(1, UNCACHED);
        assert!(observed.run().warnings.is_empty(), "{observed:?}");
    }
}

/// A7: with content capture, the conventions' event reports the call a third time. Its name comes as a field.
#[test]
fn the_conventions_event_adds_nothing_to_its_call() {
    let observed = in_stage(|| {
        let span = wrapped("chatcmpl-1");
        record(&span);
        span.in_scope(|| {
            log_usage();
            info!(
                target: "wrapper::client",
                {
                event.name = "gen_ai.client.inference.operation.details",
                gen_ai.operation.name = "chat",
                gen_ai.request.model = "gpt-4o-mini",
                gen_ai.response.id = "chatcmpl-1",
                gen_ai.usage.input_tokens = UNCACHED.input,
                gen_ai.usage.output_tokens = UNCACHED.output
                },
                "details"
            );
        });
    });
    observed.assert_used(1, UNCACHED);
    assert!(observed.run().warnings.is_empty(), "{observed:?}");
}

/// A7: what the span lacks comes from the event.
#[test]
fn the_conventions_event_completes_its_call() {
    let observed = in_stage(|| {
        wrapped("chatcmpl-1").in_scope(|| {
            info!(
                name: "gen_ai.client.inference.operation.details",
                target: "wrapper::client",
                {
                gen_ai.response.id = "chatcmpl-1",
                gen_ai.usage.input_tokens = UNCACHED.input,
                gen_ai.usage.output_tokens = UNCACHED.output
                },
                "details"
            );
        });
    });
    observed.assert_used(1, UNCACHED);
}

/// A3: some clients declare no token field on a completion, or on a stream.
#[test]
fn a_call_that_declares_no_tokens_is_a_call_without_usage() {
    let observed = in_stage(|| {
        info_span!(
            target: "client::completions",
            "completion",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = "gpt-4o-mini",
        )
        .in_scope(|| ());
    });
    observed.assert_unknown(1);
    assert_eq!(models(&observed), ["openai/gpt-4o-mini"]);
}

/// A7: log lines of an agent program's observer, of which the last is a sum.
#[test]
fn the_lines_of_a_log_observer_add_nothing() {
    let observed = in_stage(|| {
        let span = wrapped("chatcmpl-1");
        record(&span);
        drop(span);
        info!(target: "observer::log", model = "gpt-4o-mini", input_tokens = UNCACHED.input, output_tokens = UNCACHED.output, "llm.response");
        info!(target: "observer::log", tokens = UNCACHED.input + UNCACHED.output, "metric.tokens_used");
        info!(target: "observer::log", tokens_used = UNCACHED.input + UNCACHED.output, cost_usd = 0.25, "agent.end");
    });
    observed.assert_used(1, UNCACHED);
}
