//! langchain-rust 7, replayed by hand: it cannot be built without OpenSSL's headers.
//!
//! Names, targets, fields, their types and their order are those of its `observability` module and agent executor: bare
//! field names without any operation, and the run's total once more on `agent.run`.

use emitters::observe;
use loopback_llm::{FINAL_TURN, TOOL_TURN, Tokens};
use tracing::field::Empty;
use tracing::{Span, info_span};

fn llm_span(stream: bool) -> Span {
    info_span!(
        target: "langchain_rust::observability",
        "llm.generate",
        provider = "openai",
        model = "gpt-4o-mini",
        stream,
        prompt_tokens = Empty,
        completion_tokens = Empty,
        total_tokens = Empty,
        tool_calls = Empty,
        error = Empty,
    )
}

fn generate(tokens: Tokens, tool_calls: usize) {
    let span = llm_span(false);
    span.in_scope(|| ());
    span.record("prompt_tokens", tokens.input);
    span.record("completion_tokens", tokens.output);
    span.record("total_tokens", tokens.input + tokens.output);
    if tool_calls > 0 {
        span.record("tool_calls", tool_calls);
    }
}

/// An agent of two turns with a tool between them.
fn agent_run() {
    let span = info_span!(
        target: "langchain_rust::agent::executor",
        "agent.run",
        max_iterations = 10,
        steps = Empty,
        total_tokens = Empty,
        error = Empty,
    );
    span.in_scope(|| {
        let plan = |step: usize| info_span!(target: "langchain_rust::agent::executor", "agent.plan", step);
        plan(0).in_scope(|| generate(TOOL_TURN, 1));
        info_span!(target: "langchain_rust::agent::executor", "tool.call", tool = %"double", error = Empty)
            .in_scope(|| ());
        plan(1).in_scope(|| generate(FINAL_TURN, 0));
    });
    span.record("steps", 1_usize);
    let run = TOOL_TURN + FINAL_TURN;
    span.record("total_tokens", run.input + run.output);
}

/// The library does not report cached tokens.
const RUN: Tokens = Tokens {
    input: TOOL_TURN.input + FINAL_TURN.input,
    cached: 0,
    output: TOOL_TURN.output + FINAL_TURN.output,
};

/// A3 and A6.
#[test]
fn bare_names_count_and_the_agents_total_adds_nothing() {
    let ((), observed) = observe(async || {
        info_span!("pipeline").in_scope(|| info_span!("discovery").in_scope(agent_run));
    });
    observed.assert_used(2, RUN);
    observed.assert_figures(&observed.stage("discovery").figures, 2, RUN);
    let models: Vec<_> = observed.run().budget_summary.per_model.iter().map(|(name, _)| name).collect();
    assert_eq!(models, ["openai/gpt-4o-mini"]);
}

#[test]
fn an_agent_without_a_span_around_it_is_a_run() {
    let ((), observed) = observe(async || agent_run());
    observed.assert_used(2, RUN);
    assert_eq!(observed.run().pipeline, "agent.run");
}

#[test]
fn an_error_recorded_on_a_call_leaves_its_usage_unknown() {
    let ((), observed) = observe(async || {
        let work = || {
            let span = llm_span(false);
            span.record("error", tracing::field::display("connection refused"));
            span.in_scope(|| tracing::warn!(error = %"connection refused", "llm.generate failed"));
        };
        info_span!("pipeline").in_scope(|| info_span!("discovery").in_scope(work));
    });
    observed.assert_unknown(1);
    assert_eq!(observed.stage("discovery").errors, 1, "{observed:?}");
}
