//! A run with 30,000 stages: every answer about it is bounded, and keeps no others waiting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::harness::{TestServer, failed, run};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing_budget::RunSummary;
use tracing_budget::summary::{GateVerdict, StageRow, Status};
use tracing_budget::{Usd, Verdict};
use tracing_budget_history::Store;
use tracing_budget_server::ServeOptions;

const STAGES: usize = 30_000;

/// Above what these answers take in debug builds on busy machines; what was quadratic took minutes.
const LONG: Duration = Duration::from_secs(120);

fn large(run_id: &str, minutes: u64) -> RunSummary {
    let mut large = run(run_id, "apprentice", minutes);
    let figures = &mut large.budget_summary;
    let rows = (0..STAGES).map(|number| {
        let mut row = StageRow::default();
        row.calls = 1;
        row.status = Status::Completed;
        // A stage of a tool has no figures of its own.
        row.figures.cost_usd = Some(Usd::ZERO);
        (format!("stage-{number}"), row)
    });
    let discovery = [("discovery".to_owned(), figures.per_agent["discovery"].clone())];
    figures.per_agent = discovery.into_iter().chain(rows).collect();
    // Each has a link to its stage.
    figures.gate_verdicts = (1..=2_000_u64)
        .map(|seq| {
            let mut gate = GateVerdict::new(seq, format!("gate-{seq}"), Verdict::Pass);
            gate.after_stage = Some(format!("stage-{}", STAGES - 1));
            gate
        })
        .collect();
    large.settle();
    large
}

async fn text(server: &TestServer, path: &str) -> String {
    let answer = timeout(LONG, server.get(path).send()).await.expect("in time").expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    timeout(LONG, answer.text()).await.expect("in time").expect("a body")
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_a_large_run_are_bounded() {
    let server = TestServer::empty(ServeOptions::new().timeout(LONG));
    server.store.put(&large("large-1", 2)).expect("stored");
    server.store.put(&large("large-2", 1)).expect("stored");
    for (path, most) in [
        ("/runs/large-1", 1_000_000),
        ("/runs/large-1?page=300", 1_000_000),
        ("/compare?a=large-1&b=large-2", 1_000_000),
        ("/projects/apprentice/compare?a=large-1&b=large-2", 4_000_000),
        ("/projects/apprentice/runs/summary", 1_000_000),
        ("/projects/apprentice/series?by=stage&since=2025-01-01", 1_000_000),
        ("/projects/apprentice/series?by=stage&bucket=hour&since=2025-12-01", 10_000_000),
        ("/projects/apprentice/stages", 1_000_000),
        ("/projects/apprentice/gates", 1_000_000),
        ("/projects/apprentice/health", 1_000_000),
        ("/trends", 1_000_000),
        ("/", 1_000_000),
    ] {
        let started = Instant::now();
        let length = text(&server, path).await.len();
        println!("{path}: {length} bytes in {:?}", started.elapsed());
        assert!(length < most, "{path}: {length} bytes");
    }
    let first = text(&server, "/runs/large-1").await;
    assert!(
        first.contains("29,801 others") && first.contains("Rows 1 to 200 of 30,001."),
        "{}",
        &first[..2_000]
    );
    assert!(first.contains("page=2#by-stage"));
    let second = text(&server, "/runs/large-1?page=2").await;
    assert!(second.contains("Rows 201 to 400 of 30,001.") && second.contains("page=1#by-stage"));
    let compared = server.json("/projects/apprentice/compare?a=large-1&b=large-2").await;
    assert_eq!(compared["stages_left_out"], json!(STAGES + 1 - 1_000));
    assert_eq!(compared["stages"].as_array().map(Vec::len), Some(1_001));
    let series = server.json("/projects/apprentice/series?by=stage&measure=runs").await;
    assert_eq!(series["lines"].as_array().map(Vec::len), Some(101));
    assert_eq!(
        (&series["lines"][100]["name"], &series["lines_left_out"]),
        (&json!("(other)"), &json!(STAGES + 1 - 100))
    );
    assert_eq!(series["lines"][100]["total"], json!(2 * (STAGES + 1 - 100)));
    let rows = server.json("/projects/apprentice/stages").await["rows"].clone();
    assert_eq!(rows[0]["stage"], "discovery");
    let other = rows.as_array().expect("rows").last().expect("a row").clone();
    assert_eq!((&other["stage"], &other["runs"]), (&json!("(other)"), &json!(2 * (STAGES + 1 - 1_000))));
}

/// The documented limit is 4 MiB; this one has 3.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_below_the_limit_is_stored() {
    let server = TestServer::empty(ServeOptions::new());
    let mut large = run("large", "apprentice", 1);
    large.warnings = (0..30_000).map(|number| format!("{number:0100}")).collect();
    let answer = server.post("/runs", &large).send().await.expect("an answer");
    assert_eq!(answer.status(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_check_answers_while_large_pages_are_drawn() {
    let server = Arc::new(TestServer::empty(ServeOptions::new().timeout(LONG).readers(4)));
    server.store.put(&large("large-1", 2)).expect("stored");
    server.store.put(&failed("small", "apprentice", 2)).expect("stored");
    let mut pages = JoinSet::new();
    for number in 0..6 {
        let server = Arc::clone(&server);
        pages.spawn(async move { text(&server, &format!("/runs/large-1?page={}", number + 1)).await.len() });
    }
    let mut answers = 0;
    while !pages.is_empty() {
        let answer = timeout(LONG, server.get("/openapi.json").send()).await.expect("in time");
        assert_eq!(answer.expect("an answer").status(), 200);
        text(&server, "/healthz").await;
        answers += 1;
        while pages.try_join_next().is_some() {}
    }
    println!("{answers} answers beside the pages");
    assert!(answers >= 2, "{answers}");
}

/// One reader: what a request that was given up still reads would keep all others out.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_timed_out_gives_its_reader_back() {
    let server = TestServer::empty(ServeOptions::new().readers(1).timeout(Duration::from_millis(200)));
    for number in 0..4 {
        server.store.put(&large(&format!("large-{number}"), number)).expect("stored");
    }
    for _ in 0..8 {
        let answer =
            timeout(LONG, server.get("/projects/apprentice/series?by=stage&measure=p95_duration").send());
        let status = answer.await.expect("in time").expect("an answer").status();
        assert!(status == 503 || status == 200, "{status}");
    }
    // Every read above ends within milliseconds of its request.
    let ended = async {
        while server.get("/healthz").send().await.expect("an answer").status() != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(30), ended).await.expect("the reader is free");
}
