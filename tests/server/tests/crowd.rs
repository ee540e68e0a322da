//! Two hundred readers at once and four writers: nobody is turned away, and nothing is lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;
use tracing_budget_history::{Sqlite, Store};
use tracing_budget_server::ServeOptions;
use tracing_budget_server_tests::{House, failed, run};

const READERS: usize = 200;
const ASKED: usize = 5;
const WRITERS: usize = 4;
const WRITTEN: usize = 50;

/// What a dashboard and its scripts ask, one after the other.
const QUESTIONS: [&str; 7] = [
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
    let house = Arc::new(House::with_runs(ServeOptions::new()));
    let written = Arc::new(AtomicUsize::new(0));
    let mut crowd = JoinSet::new();
    // Two write through the API, two as other processes do: each with a connection of its own.
    for writer in 0..WRITERS {
        let (house, written) = (Arc::clone(&house), Arc::clone(&written));
        crowd.spawn(async move {
            let beside = Sqlite::open(house.store.path()).expect("the same history");
            let beside = Arc::new(beside);
            for number in 0..WRITTEN {
                let run_id = format!("writer-{writer}-{number}");
                let run = if number % 5 == 0 {
                    failed(&run_id, "apprentice", 1)
                } else {
                    run(&run_id, "apprentice", 1)
                };
                if writer % 2 == 0 {
                    let response = house.post("/runs", &run).send().await.expect("an answer");
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
        let house = Arc::clone(&house);
        crowd.spawn(async move {
            for number in 0..ASKED {
                let path = QUESTIONS[(reader + number) % QUESTIONS.len()];
                let response = house.get(path).send().await.expect("an answer");
                assert_eq!(response.status(), 200, "{path}");
                assert!(!response.bytes().await.expect("a body").is_empty(), "{path}");
            }
        });
    }
    // Panics where one of them has.
    crowd.join_all().await;
    assert_eq!(written.load(Ordering::Relaxed), WRITERS * WRITTEN);

    let (mut found, mut path) = (BTreeSet::new(), "/projects/apprentice/runs/summary?limit=200".to_owned());
    loop {
        let page = house.json(&path).await;
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
