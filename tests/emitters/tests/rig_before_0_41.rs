//! rig-core 0.36, for the many that have not moved: inside an enabled span it opens none for a model call.

use emitters::observe;
use loopback_llm::{FINAL_TURN, Server, TOOL_TURN};
use rig_0_36::agent::Agent;
use rig_0_36::client::CompletionClient as _;
use rig_0_36::completion::{Completion as _, Prompt as _, ToolDefinition};
use rig_0_36::providers::openai;
use rig_0_36::tool::Tool;
use serde::Deserialize;
use serde_json::json;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

struct Double;

#[derive(Deserialize)]
struct Number {
    n: i64,
}

impl Tool for Double {
    const NAME: &'static str = "double";
    type Error = std::convert::Infallible;
    type Args = Number;
    type Output = i64;

    async fn definition(&self, _: String) -> ToolDefinition {
        ToolDefinition {
            name: Self::NAME.into(),
            description: "Doubles a number.".into(),
            parameters: json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}),
        }
    }

    async fn call(&self, Number { n }: Number) -> Result<i64, Self::Error> {
        Ok(2 * n)
    }
}

fn agent(server: &Server) -> Agent<openai::CompletionModel> {
    let client = openai::CompletionsClient::builder().api_key("unused").base_url(server.base_url()).build();
    let client = client.expect("nothing is dialled yet");
    client.agent("gpt-4o-mini").name("apprentice").default_max_turns(4).tool(Double).build()
}

async fn ask(server: &Server) {
    agent(server).prompt("What is twice 21?").await.expect("the server answers");
}

/// A stage with the fields that rig-core records onto whatever span is current.
fn stage_for_rig(name: &'static str) -> Span {
    info_span!(
        "stage",
        stage = name,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
    )
}

/// A6.
#[test]
fn an_aggregate_on_the_callers_stage_is_not_counted_on_top_of_the_calls() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || {
        let stage = async { ask(&server).instrument(stage_for_rig("discovery")).await };
        stage.instrument(info_span!("pipeline")).await;
    });
    observed.assert_used(2, TOOL_TURN + FINAL_TURN);
    observed.assert_figures(&observed.stage("discovery").figures, 2, TOOL_TURN + FINAL_TURN);
    assert_eq!(server.answered().tokens, TOOL_TURN + FINAL_TURN);
}

/// A bare completion has no span of its own: the second records over the first, so on a stage records add up.
#[test]
fn completions_recorded_one_after_another_on_the_callers_stage_add_up() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || {
        let work = async {
            for _ in 0..2 {
                let history = Vec::<rig_0_36::message::Message>::new();
                let request = agent(&server).completion("What is twice 21?", history).await;
                request.expect("a request").send().await.expect("the server answers");
            }
        };
        let stage = async { work.instrument(stage_for_rig("discovery")).await };
        stage.instrument(info_span!("pipeline")).await;
    });
    let figures = &observed.stage("discovery").figures;
    let used = (figures.input_tokens, figures.cache_read_tokens, figures.output_tokens);
    let answered = server.answered().tokens;
    assert_eq!(used, (answered.input, answered.cached, answered.output), "{observed:?}");
    assert_eq!(answered, TOOL_TURN + TOOL_TURN);
}

/// `invoke_agent` and its calls are then roots that know nothing of each other, and all report usage.
#[test]
fn an_aggregate_beside_its_calls_is_not_counted_on_top_of_them() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || ask(&server).await);
    observed.assert_used(2, TOOL_TURN + FINAL_TURN);
}
