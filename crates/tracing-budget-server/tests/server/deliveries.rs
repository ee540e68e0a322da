//! A run that is delivered several times is stored once.

use crate::harness::{TestServer, read, run};
use serde_json::Value;
use tracing_budget::{RunSummary, Status};
use tracing_budget_history::Store;
use tracing_budget_server::ServeOptions;

async fn deliver(server: &TestServer, path: &str, run: &RunSummary) -> (u16, Value) {
    let response = server.post(path, run).send().await.expect("an answer");
    let status = response.status().as_u16();
    if status == 201 {
        let there = response.headers()["location"].to_str().expect("a text").to_owned();
        assert_eq!(server.json(&there).await["run_id"], run.run_id, "the location is where the run is");
    }
    (status, read(response).await)
}

#[tokio::test]
async fn the_same_run_twice_is_one_run() {
    let server = TestServer::empty(ServeOptions::new());
    let run = run("a/b ä", "über uns", 5);
    let (status, first) = deliver(&server, "/runs", &run).await;
    assert_eq!((status, &first["outcome"]), (201, &Value::from("created")));
    let (status, second) = deliver(&server, "/runs", &run).await;
    assert_eq!((status, &second["outcome"]), (200, &Value::from("unchanged")));
    assert_eq!(first["location"], second["location"]);
    assert_eq!(server.store.get("a/b ä").expect("readable"), Some(run));
}

#[tokio::test]
async fn parts_of_two_processes_are_one_run() {
    let server = TestServer::empty(ServeOptions::new());
    let (one, two) = (run("shared", "apprentice", 5), run("shared", "apprentice", 4));
    assert_eq!(deliver(&server, "/runs?part=one", &one).await.1["outcome"], "created");
    assert_eq!(deliver(&server, "/runs?part=two", &two).await.1["outcome"], "merged");
    assert_eq!(deliver(&server, "/runs?part=two", &two).await.1["outcome"], "unchanged");
    let merged = server.json("/projects/apprentice/runs/shared").await;
    assert_eq!(merged["budget_summary"]["tokens_used"], 2_400);
}

#[tokio::test]
async fn a_run_in_flight_is_live_until_its_heartbeat_is_overdue() {
    let server = TestServer::empty(ServeOptions::new());
    let mut flying = run("flying", "apprentice", 5);
    flying.status = Status::Running;
    flying.completed_at = None;
    deliver(&server, "/runs?again_in_seconds=60", &flying).await;
    let list = "/projects/apprentice/runs/summary";
    assert_eq!(server.json(list).await["runs"][0]["stale"], false);
    let mut ended = run("flying", "apprentice", 5);
    ended.started_at = flying.started_at;
    assert_eq!(deliver(&server, "/runs", &ended).await.1["outcome"], "merged");
    assert_eq!(server.json(list).await["runs"][0]["status"], "completed");
    // A late delivery for a run that has ended.
    assert_eq!(deliver(&server, "/runs?again_in_seconds=60", &flying).await.1["outcome"], "unchanged");
    let mut silent = run("silent", "apprentice", 1);
    silent.status = Status::Running;
    deliver(&server, "/runs", &silent).await;
    assert_eq!(
        server.json(list).await["runs"][0]["stale"],
        true,
        "a running run without a heartbeat is stale"
    );
}
