//! Calls that close before the price book is read, in the first tenth of a second: they wait for it, and no thread of the program
//! does.
//!
//! One test alone: the first layer of a process is the one that finds no prices.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use tracing::field::Empty;
use tracing::{Span, info_span};
use tracing_budget::record::UsageRecord;
use tracing_budget::sink::Memory;
use tracing_budget::{RunSummary, Usage, call, gate, layer, record_usage};
use tracing_subscriber::prelude::*;

/// A pipeline with all that needs a price: calls, a wrapper, an answer that two spans report, an agent that a client opens as a
/// root, usage by hand, gates, a retry.
fn pipeline() {
    let _root = info_span!("pipeline").entered();
    info_span!("draft").in_scope(|| {
        call("gpt-5").provider("openai").start().usage(Usage::new().input(1_000).output(100));
        let agent = info_span!(parent: None, "invoke_agent", gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = "writer", gen_ai.usage.input_tokens = 3_000, gen_ai.usage.output_tokens = 300);
        agent.in_scope(|| chat("one", 1_000));
        agent.in_scope(|| chat("two", 2_000));
    });
    gate("length").pass();
    info_span!("check").in_scope(|| {
        // A wrapper and the wire report one answer.
        chat("three", 500);
        chat("three", 500);
        let judge = info_span!("judge", gate = "judge", verdict = Empty);
        judge.in_scope(|| chat("four", 700));
        judge.record("verdict", "fail");
    });
    record_usage(UsageRecord::new(Usage::new().input(10).output(1)).model("claude-sonnet-4-5"));
    let retried = call("gpt-5").provider("openai").start();
    retried.usage(Usage::new().input(200).output(2));
}

fn chat(id: &str, tokens: u64) -> Span {
    let chat = info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-5",
        gen_ai.response.id = id,
        gen_ai.usage.input_tokens = tokens,
        gen_ai.usage.output_tokens = tokens / 10
    );
    chat.in_scope(|| ());
    chat
}

/// Runs the pipeline twice under a layer, and returns what it delivered and how long the pipelines took. `is_early` is whether they
/// begin before prices are known.
fn runs_of(is_early: bool) -> (Vec<RunSummary>, Duration) {
    let memory = Memory::new();
    let (budget, guard) = layer().sink(memory.clone()).build().unwrap();
    if !is_early {
        // A snapshot waits for them.
        assert!(guard.handle().snapshot().is_empty());
    }
    let start = Instant::now();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
        pipeline();
        pipeline();
    });
    let took = start.elapsed();
    guard.flush().unwrap();
    if cfg!(feature = "prices") {
        assert!(guard.handle().audit().is_clean(), "{}", guard.handle().audit());
    }
    (memory.take(), took)
}

/// A summary without times and ids.
fn figures(run: &RunSummary) -> Value {
    fn strip(value: Value) -> Value {
        let is_time = |name: &str| {
            // The last two are rates by time.
            ["seconds", "started_at", "ended_at", "run_id", "at", "tokens_per_minute", "usd_per_minute"]
                .iter()
                .any(|time| name.ends_with(time))
        };
        match value {
            Value::Object(fields) => fields
                .into_iter()
                .filter(|(name, _)| !is_time(name))
                .map(|(name, value)| (name, strip(value)))
                .collect::<BTreeMap<_, _>>()
                .into_iter()
                .collect(),
            Value::Array(values) => values.into_iter().map(strip).collect(),
            other => other,
        }
    }
    run.check().unwrap();
    strip(serde_json::to_value(run).unwrap())
}

#[test]
fn what_closes_before_the_prices_are_read_is_settled_as_what_closes_later() {
    let (early, took) = runs_of(true);
    println!("two pipelines before the prices are read: {took:?}");
    let (later, _) = runs_of(false);
    assert_eq!((early.len(), later.len()), (2, 2));
    for (early, later) in early.iter().zip(&later) {
        assert_eq!(figures(early), figures(later), "{early}\n{later}");
    }
    assert_eq!(early[0].budget_summary.total.cost_usd.is_some(), cfg!(feature = "prices"), "{}", early[0]);
}
