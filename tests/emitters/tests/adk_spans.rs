//! adk 2.3, by its own span constructors.
//!
//! The crate that calls models needs a TLS stack that takes minutes of C to build. It opens `llm_generate_span` before a
//! request and calls `record_llm_usage` for every piece of the reply that has usage, with the span entered; both are
//! called here the way it calls them. The spans around are replayed by hand from its runner and its agent.

use adk_telemetry::{LlmUsage, llm_generate_span, record_llm_usage};
use emitters::observe;
use loopback_llm::{FINAL_TURN, TOOL_TURN, Tokens};
use tracing::field::Empty;
use tracing::info_span;

fn usage(tokens: Tokens) -> LlmUsage {
    let count = |tokens| i32::try_from(tokens).expect("it is small");
    LlmUsage {
        input_tokens: count(tokens.input),
        output_tokens: count(tokens.output),
        total_tokens: count(tokens.input + tokens.output),
        cache_read_tokens: Some(count(tokens.cached)),
        ..LlmUsage::default()
    }
}

fn generate(pieces: &[Tokens]) {
    let span = llm_generate_span("openai", "gpt-4o-mini", pieces.len() > 1);
    for piece in pieces {
        let _entered = span.enter();
        record_llm_usage(&usage(*piece));
    }
}

/// Two turns with a tool between them. The tool's span has its name in a field, and an empty one of its own.
fn agent_run() {
    let agent = info_span!(target: "adk_runner::runner", "agent.execute", "agent.name" = %"apprentice");
    agent.in_scope(|| {
        let call_llm = || {
            info_span!(
                target: "adk_agent::llm_agent",
                "call_llm",
                "gen_ai.conversation.id" = %"s-1",
                "gcp.vertex.agent.llm_response" = Empty,
            )
        };
        call_llm().in_scope(|| generate(&[TOOL_TURN]));
        info_span!(
            target: "adk_agent::llm_agent",
            "",
            otel.name = %"execute_tool double",
            tool.name = %"double",
            "gen_ai.conversation.id" = %"s-1",
        )
        .in_scope(|| ());
        call_llm().in_scope(|| generate(&[FINAL_TURN]));
    });
}

/// A3 and A10.
#[test]
fn a_call_without_an_operation_name_is_counted_once_whatever_its_total_is() {
    let ((), observed) = observe(async || {
        info_span!("pipeline").in_scope(|| info_span!("discovery").in_scope(agent_run));
    });
    observed.assert_used(2, TOOL_TURN + FINAL_TURN);
    observed.assert_figures(&observed.stage("discovery").figures, 2, TOOL_TURN + FINAL_TURN);
    let models: Vec<_> = observed.run().budget_summary.per_model.iter().map(|(name, _)| name).collect();
    assert_eq!(models, ["openai/gpt-4o-mini"]);
}

/// A4.
#[test]
fn of_usage_recorded_piece_by_piece_the_last_counts() {
    let first = Tokens { output: 3, ..FINAL_TURN };
    let ((), observed) = observe(async || generate(&[first, FINAL_TURN]));
    observed.assert_used(1, FINAL_TURN);
}

#[test]
fn an_agent_without_a_span_around_it_is_a_run() {
    let ((), observed) = observe(async || agent_run());
    observed.assert_used(2, TOOL_TURN + FINAL_TURN);
    assert_eq!(observed.run().pipeline, "agent.execute");
}
