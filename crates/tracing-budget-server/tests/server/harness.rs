//! A server over a history with sample runs, and a client.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tracing_budget::{
    RunSummary, Status, Verdict,
    summary::{GateVerdict, ModelRow, StageRow, Timestamp},
};
use tracing_budget_history::{Heartbeat, Put, Sqlite, Store};
use tracing_budget_server::{Running, ServeOptions, Server};

/// A server on a free port of the loopback interface, with its own history and a client.
pub(crate) struct TestServer {
    /// The history that the server reads.
    pub(crate) store: Arc<Sqlite>,
    /// The server's URL: `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// The client.
    pub(crate) client: Client,
    server: Option<Running>,
    _directory: TempDir,
}

impl TestServer {
    /// A server without runs.
    pub(crate) fn empty(options: ServeOptions) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Arc::new(Sqlite::open(directory.path().join("runs.db")).expect("a history"));
        let options = options.address(([127, 0, 0, 1], 0));
        let server = Server::bind(&options, Arc::clone(&store) as Arc<dyn Store>).expect("a server").start();
        let url = format!("http://{}", server.address());
        Self { store, url, client: Client::new(), server: Some(server), _directory: directory }
    }

    /// A server with the runs of [`seed`].
    pub(crate) fn seeded() -> Self {
        Self::with_runs(ServeOptions::new())
    }

    /// A server with the runs of [`seed`] and these options.
    pub(crate) fn with_runs(options: ServeOptions) -> Self {
        let server = Self::empty(options);
        let runs = seed();
        let puts: Vec<Put<'_>> = runs.iter().map(Put::new).collect();
        server.store.put_all(&puts).expect("runs are stored");
        server
    }

    /// A GET request, not sent yet.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    /// A delivery, not sent yet.
    pub(crate) fn post(&self, path: &str, run: &RunSummary) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.url));
        request.header("content-type", "application/json").body(run.to_json())
    }

    /// Sends a GET request and reads the JSON of the answer, which must be 200.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["content-type"], "application/json", "{path}");
        read(response).await
    }

    /// Stores a run in flight with a heartbeat.
    pub(crate) fn beat(&self, run: &RunSummary) {
        let beat = Heartbeat { at: SystemTime::now().into(), every: Duration::from_secs(60) };
        self.store.put_all(&[Put::new(run).part("test").heartbeat(beat)]).expect("the run is stored");
    }

    /// Stores a run that the server has not seen before.
    pub(crate) fn store_elsewhere(&self, run: &RunSummary) {
        self.store.put(run).expect("the run is stored");
    }

    /// Stores the end of a run that was in flight.
    pub(crate) fn end(&self, run: &RunSummary) {
        self.store.put_all(&[Put::new(run).part("test")]).expect("the run is stored");
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn stop(&mut self) {
        let server = self.server.take().expect("the server runs");
        let stopped = tokio::task::spawn_blocking(move || server.stop());
        stopped.await.expect("no panic").expect("serving did not fail");
    }
}

/// The JSON of an answer.
pub(crate) async fn read(response: Response) -> Value {
    let body = response.bytes().await.expect("a body");
    serde_json::from_slice(&body)
        .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(&body)))
}

/// Checks that an answer is a problem of this status and title, and returns its detail.
pub(crate) async fn problem(response: Response, status: u16, title: &str) -> String {
    assert_eq!(response.status().as_u16(), status, "{title}");
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{title}");
    let problem = read(response).await;
    assert_eq!(problem["title"], title);
    assert_eq!(problem["status"], status);
    let kind = problem["type"].as_str().expect("a type");
    assert!(kind.ends_with(&format!("#{}", title.to_lowercase().replace(' ', "-"))), "{kind}");
    problem["detail"].as_str().expect("a detail").to_owned()
}

/// The time this many minutes ago.
pub(crate) fn minutes_ago(minutes: u64) -> Timestamp {
    (SystemTime::now() - Duration::from_secs(60 * minutes)).into()
}

/// A run that has completed, with two stages, a model and a gate.
pub(crate) fn run(run_id: &str, project: &str, minutes: u64) -> RunSummary {
    let mut model = ModelRow::default();
    model.figures.tokens_used = Some(1_200);
    model.figures.input_tokens = 1_000;
    model.figures.output_tokens = 200;
    model.figures.cost_usd = Some("0.006".parse().expect("an amount"));
    model.figures.llm_calls = 2;
    model.duration_seconds = Some(9.0);
    let mut discovery = StageRow::default();
    discovery.figures = model.figures.clone();
    discovery.calls = 1;
    discovery.duration_seconds = 20.0;
    discovery.status = Status::Completed;
    discovery.share_of_cost = Some(1.0);
    discovery.per_model = [("anthropic/claude-sonnet-4-5", model.clone())].into_iter().collect();
    let mut review = StageRow::default();
    review.calls = 1;
    review.duration_seconds = 5.0;
    review.status = Status::Completed;

    let mut run = RunSummary::new(run_id, minutes_ago(minutes));
    run.project = project.into();
    run.pipeline = "nightly".into();
    run.status = Status::Completed;
    run.duration_seconds = 25.0;
    run.completed_at = Timestamp::from_unix_ms(run.started_at.unix_ms() + 25_000);
    run.counts = [("candidates".to_owned(), 12)].into();
    run.tags = [("tier".to_owned(), "2".to_owned())].into();
    let figures = &mut run.budget_summary;
    figures.total = model.figures.clone();
    figures.by_operation.entry("chat").figures = model.figures.clone();
    figures.per_model = [("anthropic/claude-sonnet-4-5", model)].into_iter().collect();
    figures.per_agent = [("discovery", discovery), ("review", review)].into_iter().collect();
    figures.settle();
    let mut gate = GateVerdict::new(1, "lint", Verdict::Pass);
    gate.after_stage = Some("review".into());
    figures.gate_verdicts.push(gate);
    run
}

/// The same run, failed in the stage `review`.
pub(crate) fn failed(run_id: &str, project: &str, minutes: u64) -> RunSummary {
    let mut run = run(run_id, project, minutes);
    run.status = Status::Failed;
    run.failed_stage = Some("review".into());
    run.error_summary = Some("review: the judge timed out after 30 s".into());
    run.budget_summary.per_agent.entry("review").status = Status::Failed;
    run.budget_summary.gate_verdicts[0].verdict = Verdict::Fail;
    run
}

/// Twelve runs of `apprentice`, the newest `run-01`, each fourth failed; two of `indexer`; one of no project.
pub(crate) fn seed() -> Vec<RunSummary> {
    let mut runs: Vec<RunSummary> = (1..=12)
        .map(|number| {
            let run_id = format!("run-{number:02}");
            if number % 4 == 0 {
                failed(&run_id, "apprentice", 60 * number)
            } else {
                run(&run_id, "apprentice", 60 * number)
            }
        })
        .collect();
    runs.extend([run("index-1", "indexer", 90), run("index-2", "indexer", 150), run("lonely", "", 200)]);
    runs
}
