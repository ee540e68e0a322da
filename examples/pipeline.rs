//! The six stages of an LLM pipeline, with everything that happens to one: a retry, two stages at once, a stage inside
//! another, two models, gates of every verdict and one that is never reached, and a stage that fails.
//!
//! `cargo run --example pipeline` needs no network and no key: the «model» only reports its usage, as a library would.

use std::time::Duration;

use tracing::{Instrument, Span, field::Empty, info_span, instrument};
use tracing_budget::sink::{JsonDir, Memory};
use tracing_budget::{Usage, Verdict, gate, record::UsageRecord, record_usage};
use tracing_subscriber::prelude::*;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (files, memory) = (JsonDir::new("target/budget")?, Memory::new());
    let (budget, guard) = tracing_budget::layer()
        .project("apprentice")
        .stages(["discovery", "implementation", "instrumentation", "visualization", "assessment", "review"])
        .expect_gates(["lint", "tests", "coverage", "sign_off"])
        .limit_usd("5.00")
        .sink(files.clone())
        .sink(memory.clone())
        .build()?;
    tracing_subscriber::registry().with(budget).init();

    // The error is in the summary already: the run, its stage and its cause.
    let _ = apprentice_pipeline().await;

    guard.flush()?;
    for run in memory.take() {
        run.check()?;
        println!("{run}");
    }
    if let Some(path) = files.last_path() {
        println!("{}", path.display());
    }
    Ok(())
}

#[instrument(err, fields(tag.tier = "2", count.candidates = 12))]
async fn apprentice_pipeline() -> Result<(), String> {
    discovery().await;
    for attempt in 1.. {
        match implementation(attempt).await {
            Ok(()) => break,
            Err(error) => eprintln!("attempt {attempt} failed ({error}), trying again"),
        }
    }
    tokio::join!(instrumentation(), visualization());
    assessment().await
    // `review` is declared, and is never reached.
}

/// A stage that records its own usage.
#[instrument(fields(model = "claude-sonnet-4-5", input_tokens = Empty, output_tokens = Empty))]
async fn discovery() {
    work(40).await;
    Span::current().record("input_tokens", 12_400).record("output_tokens", 3_987);
}

/// A stage that fails at first, and calls two models.
#[instrument(err)]
async fn implementation(attempt: u32) -> Result<(), String> {
    chat("anthropic", "claude-sonnet-4-5", 21_000, 1_800 * u64::from(attempt)).await;
    if attempt == 1 {
        gate("lint").verdict(Verdict::Fail).blocking(false).reason("E0308: mismatched types").emit();
        return Err("the patch does not compile".into());
    }
    chat("openai", "gpt-5", 8_000, 640).await;
    gate("lint").pass();
    gate("tests").score(1.0).diagnostic("passed", 214).pass();
    Ok(())
}

/// Two stages at once: this one ...
#[instrument]
async fn instrumentation() {
    chat("openai", "gpt-5", 3_000, 900).await;
    gate("coverage").verdict(Verdict::Warn).score(0.78).reason("below 80 %").blocking(false).emit();
}

/// ... and this one, with a stage inside it.
#[instrument]
async fn visualization() {
    chat("anthropic", "claude-sonnet-4-5", 2_200, 700).await;
    async {
        chat("anthropic", "claude-sonnet-4-5", 900, 300).await;
        gate("contrast").verdict(Verdict::Skipped).reason("no colours were used").emit();
    }
    .instrument(info_span!("charts", stage = "charts"))
    .await;
}

/// A stage that fails: a model judges, inside a gate that is a span, and the judge breaks.
#[instrument(err)]
async fn assessment() -> Result<(), String> {
    let judge = info_span!("judge", gate = "judge", verdict = Empty, reason = Empty);
    async {
        // A client that emits nothing itself.
        work(25).await;
        record_usage(
            UsageRecord::new(Usage::new().input(5_100).output(450)).provider("openai").model("gpt-5"),
        );
        Span::current().record("verdict", "error").record("reason", "the judge answered in prose");
    }
    .instrument(judge)
    .await;
    Err("no verdict after 1 attempt".into())
}

/// What an instrumented client does: a span of the OpenTelemetry GenAI conventions, with usage when the reply ends.
async fn chat(provider: &str, model: &str, input: u64, output: u64) {
    let call = tracing_budget::call(model).provider(provider).start();
    work(15 + output / 50).instrument(call.span().clone()).await;
    call.usage(Usage::new().input(input).output(output).cache_read(input / 2));
}

async fn work(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
