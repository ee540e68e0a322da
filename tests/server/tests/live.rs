//! Who listens hears of runs in flight, of all processes, to their end; and all listeners cost one look.

use std::time::{Duration, Instant};

use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::task::JoinSet;
use tracing_budget::{RunSummary, Status};
use tracing_budget_server::ServeOptions;
use tracing_budget_server_tests::{House, failed, problem, run};

fn quick() -> ServeOptions {
    ServeOptions::new().look_every(Duration::from_millis(20)).heartbeat(Duration::from_millis(50))
}

/// A run in flight: nothing done yet.
fn begun(run_id: &str) -> RunSummary {
    let mut run = RunSummary::new(run_id, tracing_budget_server_tests::minutes_ago(0));
    run.project = "apprentice".into();
    run.pipeline = "nightly".into();
    run
}

/// The same run at another moment.
fn at_start_of(flying: &RunSummary, mut run: RunSummary) -> RunSummary {
    run.started_at = flying.started_at;
    run
}

struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn open(house: &House, path: &str) -> Self {
        Self::of(house.get(path)).await
    }

    async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// What stands between two blank lines; none at the end of the stream.
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

    /// The next event: its name and its data; none at the end of the stream.
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
    let house = House::empty(quick());
    let flying = begun("flying");
    house.beat(&flying);
    let mut stream = Stream::open(&house, "/live?run=flying").await;
    let (event, snapshot) = stream.next().await.expect("a snapshot");
    assert_eq!(event, "snapshot");
    assert_eq!(snapshot["runs"]["flying"]["status"], "running");

    let mut working = at_start_of(&flying, run("flying", "apprentice", 0));
    working.status = Status::Running;
    working.completed_at = None;
    working.budget_summary.per_agent.entry("review").status = Status::Running;
    house.beat(&working);
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

    house.end(&at_start_of(&flying, failed("flying", "apprentice", 0)));
    let rest = stream.rest().await;
    let names: Vec<&str> = rest.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["stage_closed", "run_ended"], "and then the stream ends");
    assert_eq!(rest[1].1["status"], "failed");
    assert_eq!(rest[1].1["error_summary"], "review: the judge timed out after 30 s");
}

#[tokio::test]
async fn runs_that_begin_or_come_and_go_are_told() {
    let house = House::with_runs(quick());
    let mut stream = Stream::open(&house, "/live?project=apprentice").await;
    let (_, snapshot) = stream.next().await.expect("a snapshot");
    assert_eq!(snapshot["runs"], serde_json::json!({}));
    house.beat(&begun("flying"));
    let (event, data) = stream.next().await.expect("more");
    assert_eq!((event.as_str(), &data["run_id"]), ("run_started", &Value::from("flying")));
    house.store_elsewhere(&run("other", "indexer", 0));
    house.store_elsewhere(&run("short", "apprentice", 0));
    let mut names = Vec::new();
    while names.last().is_none_or(|name| name != "run_ended") {
        let (event, data) = stream.next().await.expect("more");
        assert_eq!(data["run_id"], "short", "other projects are not told of");
        names.push(event);
    }
    assert_eq!(names[0], "run_started");
}

#[tokio::test]
async fn whoever_comes_late_is_told_how_it_ended() {
    let house = House::with_runs(quick());
    let events = Stream::open(&house, "/live?run=run-04").await.rest().await;
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["snapshot", "run_ended"]);
    assert_eq!(events[1].1["failed_stage"], "review");
}

#[tokio::test]
async fn a_quiet_stream_says_that_it_is_there() {
    let house = House::empty(quick());
    let mut stream = Stream::open(&house, "/live").await;
    stream.next().await.expect("a snapshot");
    let comment = stream.block().await.expect("a comment");
    assert!(comment.starts_with(':'), "{comment}");
}

#[tokio::test]
async fn a_server_that_stops_ends_its_streams() {
    let mut house = House::empty(quick());
    let mut stream = Stream::open(&house, "/live").await;
    stream.next().await.expect("a snapshot");
    house.stop().await;
    stream.rest().await;
}

#[tokio::test]
async fn two_hundred_listeners_cost_no_more_looks_than_one() {
    let every = Duration::from_millis(100);
    let house = House::empty(ServeOptions::new().look_every(every).max_listeners(200));
    let flying = begun("flying");
    house.beat(&flying);
    let mut opening = JoinSet::new();
    for _ in 0..200 {
        opening.spawn(Stream::of(house.get("/live")));
    }
    let mut streams = opening.join_all().await;
    let refused = house.get("/live").send().await.expect("an answer");
    problem(refused, 503, "Busy").await;

    let begun = Instant::now();
    let before = figure(&house, "tracing_budget_live_looks_total ").await;
    assert_eq!(figure(&house, "tracing_budget_live_listeners ").await, 200);
    house.end(&at_start_of(&flying, run("flying", "apprentice", 0)));
    for stream in &mut streams {
        while stream.next().await.expect("more").0 != "run_ended" {}
    }
    let looks = figure(&house, "tracing_budget_live_looks_total ").await - before;
    let most = begun.elapsed().as_millis() / every.as_millis() + 2;
    assert!(u128::from(looks) <= most, "{looks} looks, where one listener would cost {most}");
}

async fn figure(house: &House, name: &str) -> u64 {
    let metrics = house.get("/metrics").send().await.expect("an answer").text().await.expect("a text");
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)).expect("a metric");
    line.trim().parse().expect("a number")
}
