//! `docs/api.md` says what the OpenAPI document says, with answers that the server has given.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tracing_budget::summary::Timestamp;
use tracing_budget_history::Store;
use tracing_budget_server::ServeOptions;
use tracing_budget_server_tests::{House, failed};

const OPENING: &str = "# The HTTP API\n\n\
For an author of a client: which requests does the server answer, with what, and how does it report errors?\n\n\
Made from the OpenAPI document, which a server has at `/openapi.json`; a test of this repository keeps it current.\n\n\
`tracing-budget serve` listens on http://127.0.0.1:7417. What is unknown is `null`, never 0; amounts are USD, times RFC 3339 in UTC.\n\
Beyond the loopback interface, and wherever a token was set, each request but `/healthz` brings `Authorization: Bearer TOKEN`.\n\n\
Every error is problem details (RFC 9457, `application/problem+json`):\n\n";

#[tokio::test]
async fn the_page_is_current() {
    let house = House::empty(ServeOptions::new());
    let document = ordered(house.json("/openapi.json").await);
    let mut page = OPENING.to_owned();
    let wrong = house.get("/projects/aprentice/runs/summary").send().await.expect("an answer");
    fenced(&mut page, "json", &pretty(&tracing_budget_server_tests::read(wrong).await));
    questions(&mut page, &document);
    examples(&mut page, &house).await;

    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&kept, &page).expect("written");
    }
    let there = fs::read_to_string(&kept).unwrap_or_default().replace("\r\n", "\n");
    assert!(there == page, "docs/api.md is not current: run this test with UPDATE_SNAPSHOTS=1");
}

fn questions(page: &mut String, document: &Value) {
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
    let _ = writeln!(page, "| parameter | in | what |\n|---|---|---|");
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

async fn examples(page: &mut String, house: &House) {
    let mut run = failed("0193c0de-7a11-7000-8000-0000000000a1", "apprentice", 0);
    run.started_at = "2026-04-19T09:12:03.120Z".parse().expect("a time");
    run.completed_at = Timestamp::from_unix_ms(run.started_at.unix_ms() + 25_000);
    house.store.put(&run).expect("the run is stored");
    page.push_str("# Examples\n\nA run delivered to `POST /runs`, a second time:\n\n");
    let response = house.post("/runs", &run).send().await.expect("an answer");
    fenced(page, "json", &pretty(&tracing_budget_server_tests::read(response).await));
    page.push_str("`GET /projects/apprentice/runs/summary`:\n\n");
    let mut answer = house.json("/projects/apprentice/runs/summary").await;
    // The only figure of the moment at which this is made.
    answer["runs"][0]["created_at"] = "2026-04-19T09:12:28.340Z".into();
    fenced(page, "json", &pretty(&answer));
    page.push_str("`GET /live?run=0193c0de-7a11-7000-8000-0000000000a1`, after the run has ended:\n\n");
    let stream = house.get("/live?run=0193c0de-7a11-7000-8000-0000000000a1").send().await.expect("an answer");
    fenced(page, "text", stream.text().await.expect("a text").trim_end());
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(&ordered(value.clone())).expect("JSON")
}

/// With its keys in order. Without this, the page would hang on whether something that is built along asks serde_json
/// to keep keys as they come.
fn ordered(mut value: Value) -> Value {
    value.sort_all_objects();
    value
}

fn fenced(page: &mut String, language: &str, text: &str) {
    let _ = writeln!(page, "```{language}\n{text}\n```\n");
}
