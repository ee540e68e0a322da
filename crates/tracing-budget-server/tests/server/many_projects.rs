//! Metrics of a history with thousands of projects: bounded labels, bounded time, and nothing missing from the sums.

use std::time::{Duration, Instant};

use crate::harness::{TestServer, run};
use tracing_budget::RunSummary;
use tracing_budget_history::{Put, Store};
use tracing_budget_server::ServeOptions;

const PROJECTS: usize = 3_000;

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_projects_have_a_hundred_labels_and_one_for_the_rest() {
    let server = TestServer::empty(ServeOptions::new());
    let mut runs: Vec<RunSummary> =
        (0..PROJECTS).map(|n| run(&format!("run-{n}"), &format!("project-{n:04}"), 1)).collect();
    runs.push(run("second", "project-2999", 2));
    // A project may have any name, and the label of the rest is one.
    runs.push(run("named", "(other)", 2));
    let puts: Vec<Put<'_>> = runs.iter().map(Put::new).collect();
    server.store.put_all(&puts).expect("stored");
    let started = Instant::now();
    let text = server.get("/metrics").send().await.expect("an answer").text().await.expect("a text");
    let took = started.elapsed();
    println!("{} bytes in {took:?}", text.len());
    let calls: Vec<&str> =
        text.lines().filter(|line| line.starts_with("tracing_budget_project_llm_calls{")).collect();
    assert_eq!(calls.len(), 101, "{calls:?}");
    let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
    let sum: f64 = calls.iter().filter_map(|line| value(line)).sum();
    assert_eq!(sum, 2.0 * runs.len() as f64);
    let of = |project: &str| {
        let label = format!("{{project=\"{project}\"}}");
        calls.iter().find(|line| line.contains(&label)).and_then(|line| value(line))
    };
    assert_eq!(of("project-2999"), Some(4.0), "the project with the most runs has a label");
    assert_eq!(of("(other)"), Some(2.0 * (PROJECTS + 2 - 101) as f64));
    // Release builds take a tenth of this; one query for each project took seconds there.
    assert!(took < Duration::from_secs(3), "{took:?}");
}
