//! 200 concurrent readers and four writers: no request fails, and no run is lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::{TestServer, failed, run};
use tokio::task::JoinSet;
use tracing_budget_history::{Sqlite, Store};
use tracing_budget_server::ServeOptions;

const READERS: usize = 200;
const REQUESTS: usize = 5;
const WRITERS: usize = 4;
const WRITTEN: usize = 50;

/// The requests of a dashboard and of scripts.
const PATHS: [&str; 7] = [
    "/projects",
    "/projects/apprentice/runs/summary?limit=20",
    "/projects/apprentice/runs/run-04",
    "/projects/apprentice/stages",
    "/projects/apprentice/series?by=stage",
    "/projects/apprentice/health",
    "/live?run=index-2",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_readers_and_four_writers() {
    let server = Arc::new(TestServer::with_runs(ServeOptions::new()));
    let written = Arc::new(AtomicUsize::new(0));
    let mut crowd = JoinSet::new();
    // Two write through the API, and two as other processes do, each with its own connection.
    for writer in 0..WRITERS {
        let (server, written) = (Arc::clone(&server), Arc::clone(&written));
        crowd.spawn(async move {
            let beside = Sqlite::open(server.store.path()).expect("the same history");
            let beside = Arc::new(beside);
            for number in 0..WRITTEN {
                let run_id = format!("writer-{writer}-{number}");
                let run = if number % 5 == 0 {
                    failed(&run_id, "apprentice", 1)
                } else {
                    run(&run_id, "apprentice", 1)
                };
                if writer % 2 == 0 {
                    let response = server.post("/runs", &run).send().await.expect("an answer");
                    assert_eq!(response.status(), 201, "{run_id}");
                } else {
                    let beside = Arc::clone(&beside);
                    tokio::task::spawn_blocking(move || beside.put(&run))
                        .await
                        .expect("no panic")
                        .expect("stored");
                }
                written.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for reader in 0..READERS {
        let server = Arc::clone(&server);
        crowd.spawn(async move {
            for number in 0..REQUESTS {
                let path = PATHS[(reader + number) % PATHS.len()];
                let response = server.get(path).send().await.expect("an answer");
                assert_eq!(response.status(), 200, "{path}");
                assert!(!response.bytes().await.expect("a body").is_empty(), "{path}");
            }
        });
    }
    // Panics if one of the tasks panicked.
    crowd.join_all().await;
    assert_eq!(written.load(Ordering::Relaxed), WRITERS * WRITTEN);

    let (mut found, mut path) = (BTreeSet::new(), "/projects/apprentice/runs/summary?limit=200".to_owned());
    loop {
        let page = server.json(&path).await;
        found.extend(
            page["runs"]
                .as_array()
                .expect("runs")
                .iter()
                .map(|run| run["run_id"].as_str().expect("an id").to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/projects/apprentice/runs/summary?limit=200&cursor={next}");
    }
    assert_eq!(found.len(), 12 + WRITERS * WRITTEN);
}
