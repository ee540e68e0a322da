//! Clients that emit no spans, async-openai and plain reqwest, reported by hand: two lines a call, cached tokens included.
//!
//! ```text
//! cargo run -p by_hand
//! ```

use anyhow::{Context as _, Result, ensure};
use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::types::chat::{ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequestArgs};
use loopback_llm::{Server, Tokens};
use serde_json::json;
use tracing::instrument;
use tracing_budget::sink::Memory;
use tracing_budget::{Usage, call, reserve};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<()> {
    let summaries = Memory::new();
    let (budget, guard) =
        tracing_budget::layer().project("examples").limit_usd("0.01").sink(summaries.clone()).build()?;
    tracing_subscriber::registry().with(budget).init();

    let server = Server::start()?;
    pipeline(server.base_url()).await?;

    guard.flush()?;
    let summary = summaries.take().pop().context("the pipeline left no summary")?;
    println!("{summary}");

    // The budget's figures equal those of the model's answers.
    let (answered, figures) = (server.answered(), &summary.budget_summary.total);
    let budgeted = Tokens {
        input: figures.input_tokens,
        cached: figures.cache_read_tokens,
        output: figures.output_tokens,
    };
    ensure!(
        (figures.llm_calls, budgeted) == (answered.calls, answered.tokens),
        "the budget has {} calls and {budgeted:?}, the server answered {} calls and {:?}",
        figures.llm_calls,
        answered.calls,
        answered.tokens,
    );
    println!("The budget and the server agree: {} calls, {budgeted:?}.", answered.calls);
    Ok(())
}

#[instrument(skip_all)]
async fn pipeline(base_url: &str) -> Result<()> {
    typed(base_url).await?;
    raw(base_url).await
}

/// A typed reply of async-openai.
#[instrument(skip_all)]
async fn typed(base_url: &str) -> Result<()> {
    let client =
        Client::with_config(OpenAIConfig::new().with_api_key("no key needed").with_api_base(base_url));
    let question = ChatCompletionRequestUserMessageArgs::default().content("What is twice 21?").build()?;
    let request =
        CreateChatCompletionRequestArgs::default().model("gpt-5-mini").messages([question.into()]).build()?;

    let call = reserve("0.001")?.call("gpt-5-mini").provider("openai").start(); // the first line
    let reply = call.instrument(client.chat().create(request)).await?;
    call.finish(Usage::from_serialize("openai", &reply)); // the second line
    Ok(())
}

/// The body of a reply, by reqwest.
#[instrument(skip_all)]
async fn raw(base_url: &str) -> Result<()> {
    let question = json!({"role": "user", "content": "What is twice 21?"});
    let request = reqwest::Client::new()
        .post(format!("{base_url}/chat/completions"))
        .json(&json!({"model": "gpt-5-mini", "messages": [question]}));

    let call = call("gpt-5-mini").provider("openai").start(); // the first line
    let body = call.instrument(async { request.send().await?.bytes().await }).await?;
    call.finish(Usage::from_response("openai", None, &body)); // the second line
    Ok(())
}
