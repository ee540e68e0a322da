//! rig-core 0.36 with Anthropic: it records the input without the tokens from the cache, and OpenAI's with them.
//!
//! On a call of an agent it records neither provider nor model, but the id of the response. A stream has the model, and a
//! completion outside of any span has all three (A10).

use emitters::{Observed, observe};
use futures_util::StreamExt as _;
use loopback_llm::{CACHE_READ, FINAL_TURN, Server};
use rig_0_36::agent::Agent;
use rig_0_36::client::CompletionClient as _;
use rig_0_36::completion::{CompletionModel as _, Prompt as _};
use rig_0_36::providers::{anthropic, openai};
use rig_0_36::streaming::StreamingPrompt as _;
use tracing::{Instrument as _, info_span};
use tracing_budget::summary::Figures;

const MODEL: &str = "claude-sonnet-4-5";

fn claude(server: &Server) -> anthropic::Client {
    let client = anthropic::Client::builder().api_key("unused").base_url(server.origin()).build();
    client.expect("nothing is dialled yet")
}

fn claude_agent(server: &Server) -> Agent<anthropic::completion::CompletionModel> {
    claude(server).agent(MODEL).name("apprentice").max_tokens(1_000).build()
}

async fn ask_claude(server: &Server) {
    claude_agent(server).prompt("What is twice 21?").await.expect("the server answers");
}

async fn stream_claude(server: &Server) {
    let mut stream = claude_agent(server).stream_prompt("What is twice 21?").await;
    while let Some(item) = stream.next().await {
        item.expect("the server answers");
    }
}

async fn ask_openai(server: &Server) {
    let client = openai::CompletionsClient::builder().api_key("unused").base_url(server.base_url()).build();
    let agent = client.expect("nothing is dialled yet").agent("gpt-4o-mini").build();
    agent.prompt("What is twice 21?").await.expect("the server answers");
}

/// Asserts so many calls with the server's answer to Anthropic, and that no part was taken for apart by its size alone.
fn assert_claude(observed: &Observed, figures: &Figures, calls: u64) {
    let used =
        (figures.input_tokens, figures.cache_read_tokens, figures.cache_write_tokens, figures.output_tokens);
    let write = FINAL_TURN.cached - CACHE_READ;
    let expected = (calls * FINAL_TURN.input, calls * CACHE_READ, calls * write, calls * FINAL_TURN.output);
    assert_eq!((figures.llm_calls, used), (calls, expected), "{observed:?}");
    for run in &observed.runs {
        run.check().unwrap_or_else(|error| panic!("{error}\n{observed:?}"));
        assert!(!run.warnings.iter().any(|warning| warning.contains("apart")), "{observed:?}");
    }
}

#[test]
fn an_agents_call_to_anthropic_has_the_cache_in_its_input_and_one_to_openai_beside_it_as_well() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || {
        let work = async {
            ask_claude(&server).instrument(info_span!("claude")).await;
            ask_openai(&server).instrument(info_span!("gpt")).await;
        };
        work.instrument(info_span!("pipeline")).await;
    });
    assert_claude(&observed, &observed.stage("claude").figures, 1);
    observed.assert_figures(&observed.stage("gpt").figures, 1, FINAL_TURN);
    assert_eq!(server.answered().tokens, FINAL_TURN + FINAL_TURN);
}

#[test]
fn a_streaming_agents_call_to_anthropic_has_the_cache_in_its_input() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || {
        let stage = async { stream_claude(&server).instrument(info_span!("claude")).await };
        stage.instrument(info_span!("pipeline")).await;
    });
    assert_claude(&observed, &observed.stage("claude").figures, 1);
    let models: Vec<_> = observed.run().budget_summary.per_model.iter().map(|(name, _)| name).collect();
    assert_eq!(models, ["anthropic/claude-sonnet-4-5"], "{observed:?}");
}

#[test]
fn an_agent_outside_of_any_span_counts_once() {
    for stream in [false, true] {
        let server = Server::start().expect("a port");
        let ((), observed) =
            observe(async || if stream { stream_claude(&server).await } else { ask_claude(&server).await });
        assert_claude(&observed, &observed.run().budget_summary.total, 1);
    }
}

#[test]
fn a_completion_outside_of_any_span_has_the_cache_in_its_input() {
    for stream in [false, true] {
        let server = Server::start().expect("a port");
        let ((), observed) = observe(async || {
            let model = claude(&server).completion_model(MODEL);
            let request = model.completion_request("What is twice 21?").max_tokens(1_000).build();
            if stream {
                let mut stream = model.stream(request).await.expect("the server answers");
                while let Some(item) = stream.next().await {
                    item.expect("the server answers");
                }
            } else {
                model.completion(request).await.expect("the server answers");
            }
        });
        assert_claude(&observed, &observed.run().budget_summary.total, 1);
    }
}
