//! `docs/api.md` is generated from the OpenAPI document and from real answers. `UPDATE_SNAPSHOTS=1` writes it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::harness::{TestServer, failed};
use serde_json::Value;
use tracing_budget::summary::Timestamp;
use tracing_budget_history::Store;
use tracing_budget_server::ServeOptions;

const OPENING: &str = "# The HTTP API\n\n\
For an author of a client: which requests does the server answer, with what, and how does it report errors?\n\n\
Generated from the OpenAPI document, which a server answers at `/openapi.json`.\n\n\
`tracing-budget serve` listens on http://127.0.0.1:7417. Unknown is `null`, never 0. Amounts are USD, times RFC 3339 in UTC.\n\
Outside the loopback interface, or with a token, every request except `/healthz` needs `Authorization: Bearer TOKEN`.\n\n\
Every error is a problem document (RFC 9457, `application/problem+json`):\n\n";

#[tokio::test]
async fn the_page_is_current() {
    let server = TestServer::empty(ServeOptions::new());
    let document = ordered(server.json("/openapi.json").await);
    let mut page = OPENING.to_owned();
    let wrong = server.get("/projects/aprentice/runs/summary").send().await.expect("an answer");
    fenced(&mut page, "json", &pretty(&crate::harness::read(wrong).await));
    operations(&mut page, &document);
    examples(&mut page, &server).await;

    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&kept, &page).expect("written");
    }
    let there = fs::read_to_string(&kept).unwrap_or_default().replace("\r\n", "\n");
    assert!(there == page, "docs/api.md is not current: run this test with UPDATE_SNAPSHOTS=1");
}

fn operations(page: &mut String, document: &Value) {
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let summary = operation["summary"].as_str().expect("a summary");
            let _ = writeln!(page, "## {} {path}\n\n{summary}\n", method.to_uppercase());
            if let Some(more) = operation["description"].as_str() {
                let _ = writeln!(page, "{more}\n");
            }
            parameters(page, operation);
            let answers: Vec<String> = operation["responses"]
                .as_object()
                .expect("responses")
                .keys()
                .map(|status| format!("`{status}`"))
                .collect();
            let _ = writeln!(page, "Answers: {}.\n", answers.join(", "));
        }
    }
}

fn parameters(page: &mut String, operation: &Value) {
    let Some(parameters) = operation["parameters"].as_array() else { return };
    let _ = writeln!(page, "| parameter | in | meaning |\n|---|---|---|");
    for parameter in parameters {
        let text =
            |key: &str| parameter[key].as_str().expect("a text").replace('\n', " ").replace('|', "\\|");
        let words = parameter["schema"]["enum"].as_array().map(|words| {
            let words: Vec<String> =
                words.iter().map(|word| format!("`{}`", word.as_str().expect("a word"))).collect();
            format!(" One of {}.", words.join(", "))
        });
        let _ = writeln!(
            page,
            "| `{}` | {} | {}{} |",
            text("name"),
            text("in"),
            text("description"),
            words.unwrap_or_default()
        );
    }
    page.push('\n');
}

async fn examples(page: &mut String, server: &TestServer) {
    let mut run = failed("0193c0de-7a11-7000-8000-0000000000a1", "apprentice", 0);
    run.started_at = "2026-04-19T09:12:03.120Z".parse().expect("a time");
    run.completed_at = Timestamp::from_unix_ms(run.started_at.unix_ms() + 25_000);
    server.store.put(&run).expect("the run is stored");
    page.push_str("# Examples\n\nA run delivered to `POST /runs`, a second time:\n\n");
    let response = server.post("/runs", &run).send().await.expect("an answer");
    fenced(page, "json", &pretty(&crate::harness::read(response).await));
    page.push_str("`GET /projects/apprentice/runs/summary`:\n\n");
    let mut answer = server.json("/projects/apprentice/runs/summary").await;
    // The only value that changes from run to run of this test.
    answer["runs"][0]["created_at"] = "2026-04-19T09:12:28.340Z".into();
    fenced(page, "json", &pretty(&answer));
    page.push_str("`GET /live?run=0193c0de-7a11-7000-8000-0000000000a1`, after the run has ended:\n\n");
    let stream =
        server.get("/live?run=0193c0de-7a11-7000-8000-0000000000a1").send().await.expect("an answer");
    fenced(page, "text", stream.text().await.expect("a text").trim_end());
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(&ordered(value.clone())).expect("JSON")
}

/// Sorts the keys. Otherwise the page would depend on whether another crate in the build enables serde_json's
/// `preserve_order`.
fn ordered(mut value: Value) -> Value {
    value.sort_all_objects();
    value
}

fn fenced(page: &mut String, language: &str, text: &str) {
    let _ = writeln!(page, "```{language}\n{text}\n```\n");
}
