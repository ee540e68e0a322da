//! A rig agent with a tool, prompted twice, and what it used, stage by stage, to the token.
//!
//! No line here mentions tokens to the layer: rig's own spans carry them, and the layer attributes them to stages.
//!
//! ```text
//! cargo run -p rig_agent
//! ```

use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use loopback_llm::{Server, Tokens};
use rig::agent::Agent;
use rig::prelude::*;
use rig::providers::openai::OpenAIConfig;
use tracing::instrument;
use tracing_budget::sink::Memory;
use tracing_subscriber::prelude::*;

mod tool;

#[tokio::main]
async fn main() -> Result<()> {
    let summaries = Memory::new();
    let (budget, guard) = tracing_budget::layer().project("examples").sink(summaries.clone()).build()?;
    tracing_subscriber::registry().with(budget).init();

    // With a real provider these two lines are `OpenAI::from_env()?`; this one is on loopback and keeps a tally.
    let server = Server::start()?;
    let client = OpenAIConfig::new("no key needed").with_base_url(server.base_url()).client();

    let model = client.chat("gpt-4o-mini");
    let agent = AgentBuilder::new(model).name("apprentice").default_max_turns(4).tool(tool::Double).build();
    pipeline(&agent).await?;

    guard.flush()?;
    let summary = summaries.take().pop().context("the pipeline left no summary")?;
    println!("{summary}");

    // The point of it all: the budget's figures equal those of the model's answers.
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

/// The root span: one run, one summary.
#[instrument(skip_all)]
async fn pipeline(agent: &Agent) -> Result<()> {
    let plan = discovery(agent).await?;
    review(agent, &plan).await
}

/// A stage. The agent runs inside its span, so the agent's calls are this stage's.
#[instrument(skip_all)]
async fn discovery(agent: &Agent) -> Result<String> {
    Ok(agent.prompt("What is twice 21?").run().await?.output().to_owned())
}

/// Another, with a stream. rig records a streamed call's usage twice; it is counted once.
#[instrument(skip_all)]
async fn review(agent: &Agent, plan: &str) -> Result<()> {
    let mut stream = agent.prompt(format!("Is this right? {plan}")).stream();
    while let Some(item) = stream.next().await {
        item?;
    }
    Ok(())
}
