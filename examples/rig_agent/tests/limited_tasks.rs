//! An agent in three spawned tasks, under a limit.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use loopback_llm::{FINAL_TURN, Server, Tokens};
use rig::agent::Agent;
use rig::prelude::*;
use rig::providers::openai::OpenAIConfig;
use tracing::{Instrument as _, info_span};
use tracing_budget::limit::{BudgetExceeded, OutsideOfRun};
use tracing_budget::reserve;
use tracing_budget::sink::Memory;
use tracing_subscriber::prelude::*;

/// More than a prompt costs: 66 tokens of input, 64 cached ones and 20 of output of gpt-4o-mini are $0.0000267.
const AT_MOST: &str = "0.00004";

async fn prompt(agent: Arc<Agent>) -> Result<()> {
    agent.prompt("What is twice 21?").run().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn three_tasks_share_the_limit_of_their_run() -> Result<()> {
    let summaries = Memory::new();
    // Room for two prompts at once.
    let builder = tracing_budget::layer().limit_usd("0.0001").sink(summaries.clone());
    let (budget, guard) = builder.build()?;
    tracing_subscriber::registry().with(budget).init();

    let server = Server::start()?;
    let client = OpenAIConfig::new("no key needed").with_base_url(server.base_url()).client();
    let agent = Arc::new(AgentBuilder::new(client.chat("gpt-4o-mini")).name("apprentice").build());

    let pipeline = async {
        // Without its span a task is outside of the run.
        let outside = tokio::spawn(async { reserve(AT_MOST).err() }).await?;
        assert_eq!(outside, Some(BudgetExceeded::OutsideOfRun(OutsideOfRun::NoSpan)));

        // A permit carries the run into its task.
        let permits: Vec<_> = (0..3).map(|_| reserve(AT_MOST)).collect();
        assert!(matches!(permits[2], Err(BudgetExceeded::NoRoom { .. })));
        let tasks =
            permits.into_iter().flatten().map(|permit| tokio::spawn(permit.hold(prompt(Arc::clone(&agent)))));
        for task in tasks.collect::<Vec<_>>() {
            task.await??;
        }
        // Two prompts are booked, and what they did not need is free again.
        reserve(AT_MOST)?.hold(prompt(Arc::clone(&agent))).await?;
        assert!(reserve(AT_MOST).is_err());
        anyhow::Ok(())
    };
    pipeline.instrument(info_span!("pipeline")).await?;

    guard.flush()?;
    let run = summaries.take().pop().context("a run")?;
    let total = &run.budget_summary.total;
    let answered = server.answered();
    assert_eq!((total.llm_calls, answered.calls), (3, 3));
    let budgeted =
        Tokens { input: total.input_tokens, cached: total.cache_read_tokens, output: total.output_tokens };
    assert_eq!(budgeted, FINAL_TURN + FINAL_TURN + FINAL_TURN);
    assert_eq!(run.cost_usd(), "0.0000801".parse().ok());
    Ok(())
}
