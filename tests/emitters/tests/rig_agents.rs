//! rig 0.44, agents and streams.

use emitters::observe;
use futures_util::StreamExt as _;
use loopback_llm::{FINAL_TURN, Server, Streams, TOOL_TURN};
use rig::prelude::*;
use rig::providers::openai::OpenAIConfig;
use rig::tool::ToolExecutionError;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{Instrument as _, info_span};

/// The one tool that the agents have.
struct Double;

#[derive(Deserialize)]
struct Number {
    n: i64,
}

impl Tool for Double {
    const NAME: &'static str = "double";
    type Args = Number;
    type Output = i64;
    type Error = ToolExecutionError;

    fn description(&self) -> String {
        "Doubles a number.".into()
    }

    fn parameters(&self) -> Value {
        json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
    }

    async fn call(&self, _: &mut ToolContext, Number { n }: Number) -> Result<i64, Self::Error> {
        Ok(2 * n)
    }
}

fn builder(base_url: &str) -> AgentBuilder {
    let client = OpenAIConfig::new("unused").with_base_url(base_url).client();
    AgentBuilder::new(client.chat("gpt-4o-mini")).name("apprentice").default_max_turns(4)
}

fn agent(server: &Server) -> Agent {
    builder(server.base_url()).tool(Double).build()
}

async fn ask(agent: &Agent) {
    agent.prompt("What is twice 21?").run().await.expect("the server answers");
}

async fn drain(agent: &Agent) {
    let mut stream = agent.prompt("What is twice 21?").stream();
    while let Some(item) = stream.next().await {
        item.expect("the server answers");
    }
}

/// A6; A1: the run has the agent's name, and A2: its calls are in the agent's row.
#[test]
fn an_agents_aggregate_is_not_counted_on_top_of_its_calls() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || ask(&agent(&server)).await);
    observed.assert_used(2, TOOL_TURN + FINAL_TURN);
    assert_eq!(observed.run().pipeline, "apprentice", "the agent's name");
    assert_eq!(server.answered().tokens, TOOL_TURN + FINAL_TURN);
}

/// A4.
#[test]
fn streaming_that_records_usage_twice_counts_once() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || drain(&agent(&server)).await);
    observed.assert_used(2, TOOL_TURN + FINAL_TURN);
    assert_eq!(server.answered().tokens, TOOL_TURN + FINAL_TURN);
}

/// The API that a client uses by default.
#[test]
fn the_responses_api_counts_like_chat_completions() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || {
        let client = OpenAIConfig::new("unused").with_base_url(server.base_url()).client();
        let agent =
            AgentBuilder::new(client.completion("gpt-4o-mini")).tool(Double).default_max_turns(4).build();
        let work = async {
            ask(&agent).await;
            drain(&agent).await;
        };
        work.instrument(info_span!("pipeline")).await;
    });
    observed.assert_used(4, TOOL_TURN + FINAL_TURN + TOOL_TURN + FINAL_TURN);
    assert_eq!(server.answered().calls, 4);
}

#[test]
fn an_agent_in_a_stage_counts_for_that_stage() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || {
        let work = async {
            ask(&agent(&server)).instrument(info_span!("discovery")).await;
            drain(&agent(&server)).instrument(info_span!("review")).await;
        };
        work.instrument(info_span!("pipeline")).await;
    });
    observed.assert_used(4, TOOL_TURN + FINAL_TURN + TOOL_TURN + FINAL_TURN);
    observed.assert_figures(&observed.stage("discovery").figures, 2, TOOL_TURN + FINAL_TURN);
    observed.assert_figures(&observed.stage("review").figures, 2, TOOL_TURN + FINAL_TURN);
    let models: Vec<_> = observed.run().budget_summary.per_model.iter().map(|(name, _)| name).collect();
    assert_eq!(models, ["openai/gpt-4o-mini"]);
}

/// A9: rig opens `invoke_agent` as an explicit root if nothing was current when the run was built. It is a stage inside the stage (A2).
#[test]
fn an_agent_instrumented_with_a_stage_is_a_stage_inside_it() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || {
        let pipeline = info_span!("pipeline");
        let stage = info_span!(parent: &pipeline, "discovery");
        let run = agent(&server).prompt("What is twice 21?").run();
        run.instrument(stage).await.expect("the server answers");
    });
    observed.assert_used(2, TOOL_TURN + FINAL_TURN);
    assert_eq!(observed.run().pipeline, "pipeline");
    observed.assert_figures(&observed.stage("apprentice").figures, 2, TOOL_TURN + FINAL_TURN);
    assert_eq!(observed.stage("apprentice").parent.as_deref(), Some("discovery"));
}

#[test]
fn an_agent_on_a_task_of_its_own_is_counted_and_is_nobodys_stage() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || {
        let agent = agent(&server);
        let stage = async {
            let task = tokio::spawn(async move { ask(&agent).await });
            task.await.expect("the task ends");
        };
        let pipeline = async { stage.instrument(info_span!("discovery", stage = "discovery")).await };
        pipeline.instrument(info_span!("pipeline")).await;
    });
    observed.assert_used(2, TOOL_TURN + FINAL_TURN);
    let calls = |name: &str| {
        let run = observed.runs.iter().find(|run| run.pipeline == name);
        run.map(|run| run.budget_summary.total.llm_calls)
    };
    assert_eq!((calls("apprentice"), calls("pipeline")), (Some(2), Some(0)), "{observed:?}");
}

/// The outer agent's aggregate holds its own turns only, so it is smaller than what is below it.
#[test]
fn an_agent_as_a_tool_of_an_agent_is_counted_at_both_levels() {
    let server = Server::start().expect("a port");
    let tokens = TOOL_TURN + FINAL_TURN + FINAL_TURN;
    assert_eq!(tokens.input, 360);
    let ((), observed) = observe(async || ask(&delegating(&server)).await);
    observed.assert_used(3, tokens);
    assert_eq!(server.answered().tokens, tokens);

    let ((), observed) = observe(async || {
        let stage = async { ask(&delegating(&server)).instrument(info_span!("discovery")).await };
        stage.instrument(info_span!("pipeline")).await;
    });
    observed.assert_used(3, tokens);
    observed.assert_figures(&observed.stage("discovery").figures, 3, tokens);
}

fn delegating(server: &Server) -> Agent {
    let inner = builder(server.base_url()).name("calculator").build().into_tool().expect("it has a name");
    builder(server.base_url()).dynamic_tool(inner).build()
}

/// A3.
#[test]
fn a_stream_dropped_early_is_a_call_of_unknown_usage() {
    let server = Server::start_with(Streams::Stalled).expect("a port");
    let ((), observed) = observe(async || {
        let work = async {
            let mut stream = builder(server.base_url()).build().prompt("Hello?").stream();
            stream.next().await.expect("a first item").expect("the server answers");
        };
        work.instrument(info_span!("pipeline")).await;
    });
    observed.assert_unknown(1);
    assert_eq!(server.answered().calls, 0);
}

/// A3.
#[test]
fn a_refused_connection_is_a_call_of_unknown_usage() {
    let base_url = loopback_llm::refusing_base_url().expect("a port");
    let ((), observed) = observe(async || {
        let work = async {
            let answer = builder(&base_url).build().prompt("Hello?").run().await;
            answer.expect_err("no server listens there");
        };
        work.instrument(info_span!("pipeline")).await;
    });
    observed.assert_unknown(1);
}
