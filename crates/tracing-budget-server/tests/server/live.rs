//! Subscribers get the events of runs in flight, of all processes, until their end. All subscribers share the polls.

use std::time::{Duration, Instant};

use crate::harness::{TestServer, failed, problem, run};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::task::JoinSet;
use tracing_budget::{RunSummary, Status};
use tracing_budget_server::ServeOptions;

fn quick() -> ServeOptions {
    ServeOptions::new().poll_every(Duration::from_millis(20)).heartbeat(Duration::from_millis(50))
}

/// A run in flight without any usage.
fn started(run_id: &str) -> RunSummary {
    let mut run = RunSummary::new(run_id, crate::harness::minutes_ago(0));
    run.project = "apprentice".into();
    run.pipeline = "nightly".into();
    run
}

/// Another state of the same run.
fn at_start_of(flying: &RunSummary, mut run: RunSummary) -> RunSummary {
    run.started_at = flying.started_at;
    run
}

struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn open(server: &TestServer, path: &str) -> Self {
        Self::of(server.get(path)).await
    }

    async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The text between two blank lines; `None` at the end of the stream.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let chunk = self.response.chunk().await.expect("no broken stream")?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("a text"));
        }
    }

    /// Name and data of the next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            if let (Some(event), Some(data)) = (field("event:"), field("data:")) {
                return Some((event.to_owned(), serde_json::from_str(data).expect("JSON")));
            }
        }
    }

    async fn rest(&mut self) -> Vec<(String, Value)> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

#[tokio::test]
async fn a_run_is_followed_to_its_end() {
    let server = TestServer::empty(quick());
    let flying = started("flying");
    server.beat(&flying);
    let mut stream = Stream::open(&server, "/live?run=flying").await;
    let (event, snapshot) = stream.next().await.expect("a snapshot");
    assert_eq!(event, "snapshot");
    assert_eq!(snapshot["runs"]["flying"]["status"], "running");

    let mut working = at_start_of(&flying, run("flying", "apprentice", 0));
    working.status = Status::Running;
    working.completed_at = None;
    working.budget_summary.per_agent.entry("review").status = Status::Running;
    server.beat(&working);
    let mut names = Vec::new();
    while names.last().is_none_or(|name| name != "cost_moved") {
        let (event, data) = stream.next().await.expect("more");
        if event == "cost_moved" {
            assert_eq!(data["cost_usd"], 0.006);
            assert_eq!(data["stages"][0]["name"], "discovery");
        }
        names.push(event);
    }
    assert_eq!(names, ["stage_started", "stage_closed", "stage_started", "cost_moved"]);

    server.end(&at_start_of(&flying, failed("flying", "apprentice", 0)));
    let rest = stream.rest().await;
    let names: Vec<&str> = rest.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["stage_closed", "run_ended"], "and then the stream ends");
    assert_eq!(rest[1].1["status"], "failed");
    assert_eq!(rest[1].1["error_summary"], "review: the judge timed out after 30 s");
}

#[tokio::test]
async fn runs_that_start_or_are_short_are_reported() {
    let server = TestServer::with_runs(quick());
    let mut stream = Stream::open(&server, "/live?project=apprentice").await;
    let (_, snapshot) = stream.next().await.expect("a snapshot");
    assert_eq!(snapshot["runs"], serde_json::json!({}));
    server.beat(&started("flying"));
    let (event, data) = stream.next().await.expect("more");
    assert_eq!((event.as_str(), &data["run_id"]), ("run_started", &Value::from("flying")));
    server.store_elsewhere(&run("other", "indexer", 0));
    server.store_elsewhere(&run("short", "apprentice", 0));
    let mut names = Vec::new();
    while names.last().is_none_or(|name| name != "run_ended") {
        let (event, data) = stream.next().await.expect("more");
        assert_eq!(data["run_id"], "short", "other projects are filtered out");
        names.push(event);
    }
    assert_eq!(names[0], "run_started");
}

#[tokio::test]
async fn a_late_subscriber_gets_the_end() {
    let server = TestServer::with_runs(quick());
    let events = Stream::open(&server, "/live?run=run-04").await.rest().await;
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["snapshot", "run_ended"]);
    assert_eq!(events[1].1["failed_stage"], "review");
}

#[tokio::test]
async fn a_quiet_stream_sends_comments() {
    let server = TestServer::empty(quick());
    let mut stream = Stream::open(&server, "/live").await;
    stream.next().await.expect("a snapshot");
    let comment = stream.block().await.expect("a comment");
    assert!(comment.starts_with(':'), "{comment}");
}

#[tokio::test]
async fn a_server_that_stops_ends_its_streams() {
    let mut server = TestServer::empty(quick());
    let mut stream = Stream::open(&server, "/live").await;
    stream.next().await.expect("a snapshot");
    server.stop().await;
    stream.rest().await;
}

#[tokio::test]
async fn two_hundred_listeners_cost_no_more_polls_than_one() {
    let every = Duration::from_millis(100);
    let server = TestServer::empty(ServeOptions::new().poll_every(every).max_listeners(200));
    let flying = started("flying");
    server.beat(&flying);
    let mut opening = JoinSet::new();
    for _ in 0..200 {
        opening.spawn(Stream::of(server.get("/live")));
    }
    let mut streams = opening.join_all().await;
    let refused = server.get("/live").send().await.expect("an answer");
    problem(refused, 503, "Busy").await;

    let started = Instant::now();
    let before = figure(&server, "tracing_budget_live_polls_total ").await;
    assert_eq!(figure(&server, "tracing_budget_live_listeners ").await, 200);
    server.end(&at_start_of(&flying, run("flying", "apprentice", 0)));
    for stream in &mut streams {
        while stream.next().await.expect("more").0 != "run_ended" {}
    }
    let polls = figure(&server, "tracing_budget_live_polls_total ").await - before;
    let most = started.elapsed().as_millis() / every.as_millis() + 2;
    assert!(u128::from(polls) <= most, "{polls} polls, where one listener would cost {most}");
}

async fn figure(server: &TestServer, name: &str) -> u64 {
    let metrics = server.get("/metrics").send().await.expect("an answer").text().await.expect("a text");
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)).expect("a metric");
    line.trim().parse().expect("a number")
}
