//! Calls that a program reports by hand: nothing of what is given is dropped, and what a client lacks fails nothing.

#![cfg(feature = "prices")]

mod budgeted;

use budgeted::{run, run_with, stage, usd};
use serde::Serialize;
use serde_json::json;
use tracing::info_span;
use tracing_budget::record::UsageRecord;
use tracing_budget::{Kind, RunSummary, Status, Usage, call, layer, record_usage};

fn in_run(work: impl FnOnce()) -> RunSummary {
    run(|| info_span!("pipeline").in_scope(work))
}

fn models(run: &RunSummary) -> Vec<&str> {
    run.budget_summary.per_model.iter().map(|(name, _)| name).collect()
}

#[test]
fn a_call_keeps_provider_and_operation_of_its_usage() {
    let body = json!({"model": "openai/gpt-oss-120b", "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 0}});
    let run = in_run(|| call("openai/gpt-oss-120b").start().finish(Usage::from_value("groq", &body)));
    assert_eq!(models(&run), ["groq/openai/gpt-oss-120b"]);
    assert_eq!(run.cost_usd(), Some(usd("0.15")), "groq's price");
    // Also where the call named another.
    let run = in_run(|| {
        let call = call("gpt-oss-120b").provider("openai").start();
        call.usage(UsageRecord::new(Usage::new().input(10)).provider("groq").operation("embeddings"));
    });
    assert_eq!(models(&run), ["groq/gpt-oss-120b"]);
    assert_eq!(
        run.budget_summary.by_operation.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>(),
        ["embeddings"]
    );
}

#[derive(Serialize)]
struct Reply {
    model: &'static str,
    usage: Option<Tokens>,
}

#[derive(Serialize)]
struct Tokens {
    prompt_tokens: u32,
    completion_tokens: u32,
    prompt_tokens_details: Option<Details>,
}

#[derive(Serialize)]
struct Details {
    cached_tokens: Option<u32>,
}

#[test]
fn a_typed_reply_reports_itself_with_its_cached_tokens() {
    let details = Some(Details { cached_tokens: Some(600) });
    let usage = Some(Tokens { prompt_tokens: 1_000, completion_tokens: 100, prompt_tokens_details: details });
    let reply = Reply { model: "gpt-5", usage };
    let run = in_run(|| {
        call("gpt-5").provider("openai").start().finish(Usage::from_serialize("openai", &reply));
        record_usage(Usage::from_serialize("openai", &reply));
    });
    let total = &run.budget_summary.total;
    assert_eq!((total.llm_calls, total.input_tokens, total.cache_read_tokens), (2, 2_000, 1_200));
    // 400 at $1.25, 600 at $0.125 and 100 at $10 a million, twice.
    assert_eq!(run.cost_usd(), Some(usd("0.00315")));
}

#[test]
fn a_reply_without_usage_is_a_call_without_usage_and_no_error() {
    let reply = Reply { model: "gpt-5", usage: None };
    let found = Usage::from_serialize("openai", &reply).expect("no error");
    assert_eq!((found.usage, found.model.as_deref()), (Usage::new(), Some("gpt-5")));
    assert!(Usage::from_response("openai", None, b"{}").expect("no error").usage.is_empty());
    assert!(
        Usage::from_value("anthropic", &json!({"type": "error", "error": {"type": "overloaded"}})).is_ok()
    );
    let run = in_run(|| {
        call("gpt-5").provider("openai").start().finish(Usage::from_serialize("openai", &reply));
        record_usage(Usage::from_serialize("openai", &reply));
    });
    let total = &run.budget_summary.total;
    assert_eq!((run.status, total.llm_calls, total.calls_without_usage), (Status::Completed, 2, 2));
    assert_eq!(run.warnings, Vec::<String>::new());
}

#[test]
fn a_usage_that_cannot_be_read_is_unknown_with_a_warning() {
    let body = json!({"usage": {"prompt_tokens": 1.5, "completion_tokens": 1}});
    let run = in_run(|| {
        call("gpt-5").provider("openai").start().finish(Usage::from_value("openai", &body));
        record_usage(Usage::from_value("unheard-of", &json!({"usage": {"words": 7}})));
    });
    assert_eq!(run.budget_summary.total.calls_without_usage, 2);
    assert_eq!(
        run.warnings,
        [
            "usage of a reply was taken as not reported: prompt_tokens is 1.5, expected a whole number up to 1000000000000",
            "usage of a reply was taken as not reported: the response of unheard-of holds no usage that can be read: its counts are not those of any known shape: words",
        ]
    );
    assert_eq!(run.status, Status::Completed);
}

#[test]
fn counts_are_taken_as_clients_have_them() {
    let (some, none): (Option<u32>, Option<i64>) = (Some(7), None);
    let usage = Usage::new().input(1_000_i32).output(some).cache_read(none).with(Kind::AudioInput, 9_u64);
    assert_eq!(usage, Usage::new().input(1_000_u64).output(7_usize).with(Kind::AudioInput, 9));
    assert_eq!(usage.get(Kind::CacheRead), None);
}

#[test]
fn input_that_is_counted_apart_is_added_to_its_cached_tokens_in_any_order() {
    let expected = Usage::new().input(1_050).cache_read(900).cache_write(50).output(10);
    for usage in [
        Usage::new().uncached_input(100).cache_read(900).cache_write(50).output(10),
        Usage::new().cache_read(900).output(10).uncached_input(100).cache_write(Some(50_u32)),
        Usage::new().cache_write(50).cache_read(1).uncached_input(100).cache_read(900).output(10),
        Usage::new().uncached_input(7).input(1_050).cache_read(900).cache_write(50).output(10),
    ] {
        assert_eq!(usage, expected);
    }
    let none = Usage::new().uncached_input(None::<u32>).cache_read(5);
    assert_eq!((none.get(Kind::Input), none.get(Kind::CacheRead)), (None, Some(5)));
}

#[test]
fn attempts_of_one_call_each_count() {
    let builder = layer().stages(["draft"]);
    let run = run_with(builder, || {
        let _pipeline = info_span!("pipeline").entered();
        let _draft = info_span!("draft").entered();
        let call = call("gpt-5").provider("openai").start();
        let first = call.attempt();
        first.error("timeout", "after 30 s");
        first.finish(Usage::new().input(1_000).output(0));
        call.attempt().finish(Usage::new().input(1_000).output(100));
        let embedding =
            tracing_budget::call("text-embedding-3-small").provider("openai").operation("embeddings").start();
        embedding.attempt().finish(Usage::new().input(50));
        embedding.attempt().finish(Usage::new().input(50));
    });
    let figures = &stage(&run, "draft").figures;
    // As many calls as requests (A5).
    assert_eq!((figures.llm_calls, figures.input_tokens, figures.output_tokens), (4, 2_100, 100));
    assert_eq!(models(&run), ["openai/gpt-5", "openai/text-embedding-3-small"]);
    assert_eq!(run.status, Status::Completed, "the call was answered");
}

#[test]
fn a_usage_that_is_recorded_again_replaces_the_first_without_attempts() {
    let run = in_run(|| {
        let call = call("gpt-5").provider("openai").start();
        call.usage(Usage::new().input(1_000).output(1)).usage(Usage::new().input(1_000).output(100));
    });
    assert_eq!(budgeted::tokens(&run), (1_000, 100));
}

#[tokio::test]
async fn a_future_runs_inside_its_call() {
    let captured = tracing_budget::testing::capture_async(async {
        let pipeline = info_span!("pipeline");
        let call = pipeline.in_scope(|| call("gpt-5").provider("openai").start());
        let inside = call.instrument(async {
            tokio::task::yield_now().await;
            record_usage(Usage::new().input(10).output(5));
            tracing::Span::current().id()
        });
        assert_eq!(inside.await, call.span().id());
    });
    let captured = captured.await;
    let total = &captured.run().budget_summary.total;
    assert_eq!((total.llm_calls, total.tokens_used), (1, Some(15)));
}
