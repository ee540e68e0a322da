//! The program of the README, word for word. `tests/readme.rs` runs it and compares both.

use rig::agent::Agent;
use rig::prelude::*;
use rig::providers::openai::OpenAI;
use tracing::instrument;
use tracing_budget::gate;
use tracing_subscriber::prelude::*;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result {
    let (budget, guard) = tracing_budget::layer()
        .limit_usd("5.00")
        .json_dir("target/budget") // one file per run
        .on_run(|run| println!("{run}"))
        .build()?;
    tracing_subscriber::registry().with(budget).init();

    let model = OpenAI::from_env()?.chat("gpt-5-mini"); // reads OPENAI_API_KEY
    let agent = AgentBuilder::new(model).name("apprentice").build();
    pipeline(&agent).await?;

    guard.flush()?; // also done when the guard is dropped
    Ok(())
}

#[instrument(skip_all)] // the root span: one run
async fn pipeline(agent: &Agent) -> Result {
    let plan = discovery(agent).await?;
    review(agent, &plan).await
}

#[instrument(skip_all)] // a direct child of the root: a stage
async fn discovery(agent: &Agent) -> Result<String> {
    Ok(agent.prompt("How do I double a number in Rust?").run().await?.output().to_owned())
}

#[instrument(skip_all)] // a stage with two calls at once, and a gate
async fn review(agent: &Agent, plan: &str) -> Result {
    let correct = agent.prompt(format!("Is this correct? {plan}")).run();
    let short = agent.prompt(format!("Is this short? {plan}")).run();
    tokio::try_join!(correct, short)?;
    gate("reviewed").pass();
    Ok(())
}
