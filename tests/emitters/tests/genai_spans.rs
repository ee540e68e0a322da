//! genai 0.7 with its feature `otel`: spans that are never entered, counts as i64.

use emitters::{Observed, observe};
use futures_util::StreamExt as _;
use genai::adapter::AdapterKind;
use genai::chat::{ChatOptions, ChatRequest};
use genai::otel::events::EvalResult;
use genai::resolver::{AuthData, Endpoint, ServiceTargetResolver};
use genai::{Client, ModelIden, ServiceTarget};
use loopback_llm::{FINAL_TURN, Server};
use tracing::{Instrument as _, info_span};
use tracing_budget::Verdict;

fn client(server: &Server) -> Client {
    let base_url = format!("{}/", server.base_url());
    let resolver = ServiceTargetResolver::from_resolver_fn(move |_: ServiceTarget| {
        Ok(ServiceTarget {
            endpoint: Endpoint::from_owned(base_url.clone()),
            auth: AuthData::from_single("unused"),
            model: ModelIden::new(AdapterKind::OpenAI, "gpt-4o-mini"),
        })
    });
    Client::builder().with_service_target_resolver(resolver).build().expect("nothing is dialled yet")
}

async fn in_a_stage(work: impl Future<Output = ()>) {
    let stage = async { work.instrument(info_span!("discovery")).await };
    stage.instrument(info_span!("pipeline")).await;
}

async fn ask(server: &Server) {
    let request = ChatRequest::from_user("What is twice 21?");
    client(server).exec_chat("gpt-4o-mini", request, None).await.expect("the server answers");
}

async fn drain(server: &Server, options: ChatOptions) {
    let request = ChatRequest::from_user("What is twice 21?");
    let reply = client(server).exec_chat_stream("gpt-4o-mini", request, Some(&options)).await;
    let mut stream = reply.expect("the server answers").stream;
    while let Some(event) = stream.next().await {
        event.expect("the server answers");
    }
}

fn assert_one_call_in_discovery(observed: &Observed) {
    observed.assert_used(1, FINAL_TURN);
    observed.assert_figures(&observed.stage("discovery").figures, 1, FINAL_TURN);
}

#[test]
fn a_call_with_a_span_that_is_never_entered_counts_for_its_stage() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || in_a_stage(ask(&server)).await);
    assert_one_call_in_discovery(&observed);
}

#[test]
fn a_call_without_a_span_around_it_is_a_run() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || ask(&server).await);
    observed.assert_used(1, FINAL_TURN);
}

#[test]
fn a_stream_that_captures_usage_is_counted() {
    let server = Server::start().expect("a port");
    let options = ChatOptions::default().with_capture_usage(true);
    let ((), observed) = observe(async || in_a_stage(drain(&server, options)).await);
    assert_one_call_in_discovery(&observed);
}

#[test]
fn a_stream_that_does_not_capture_usage_is_a_call_of_unknown_usage() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || in_a_stage(drain(&server, ChatOptions::default())).await);
    observed.assert_unknown(1);
}

#[test]
fn an_evaluation_is_a_gate() {
    let server = Server::start().expect("a port");
    let ((), observed) = observe(async || {
        let work = async {
            ask(&server).await;
            EvalResult::new("relevance")
                .with_score_value(0.75)
                .with_score_label("pass")
                .with_explanation("It answers the question.")
                .emit();
        };
        in_a_stage(work).await;
    });
    assert_one_call_in_discovery(&observed);
    let [gate] = observed.run().budget_summary.gate_verdicts.as_slice() else {
        panic!("expected one verdict: {observed:?}")
    };
    assert_eq!(gate.gate_name, "relevance");
    assert_eq!(gate.verdict, Verdict::Pass);
    assert_eq!(gate.score, Some(0.75));
    assert_eq!(gate.reason.as_deref(), Some("It answers the question."));
    assert_eq!(gate.after_stage.as_deref(), Some("discovery"));
}
