//! Every error is a problem document that names the thing, its value, and what was expected.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::{TestServer, problem, run};
use tracing_budget_server::ServeOptions;

#[tokio::test]
async fn a_missing_thing_is_named() {
    let server = TestServer::seeded();
    for (path, title, named) in [
        ("/nothing/here", "No such path", "/nothing/here"),
        ("/projects/aprentice/runs/summary", "No such project", "aprentice"),
        ("/projects/aprentice/stages", "No such project", "aprentice"),
        ("/projects/aprentice/series", "No such project", "aprentice"),
        ("/projects/aprentice/health", "No such project", "aprentice"),
        ("/projects/aprentice", "No such project", "aprentice"),
        ("/projects/apprentice/runs/run-99", "No such run", "run-99"),
        ("/projects/indexer/runs/run-01", "No such run", "indexer"),
        ("/projects/apprentice/compare?a=run-01&b=run-99", "No such run", "run-99"),
    ] {
        let detail = problem(server.get(path).send().await.expect("an answer"), 404, title).await;
        assert!(detail.contains(named), "{path}: {detail}");
    }
}

#[tokio::test]
async fn a_malformed_parameter_is_named_with_what_was_expected() {
    let server = TestServer::seeded();
    let runs = "/projects/apprentice/runs/summary";
    for (query, named) in [
        ("status=broken", "broken"),
        ("since=tomorrow", "tomorrow"),
        ("limit=many", "many"),
        ("limit=0", "a whole number from 1"),
        ("limit=201", "from 1 to 200"),
        ("cursor=xyz", "xyz"),
        ("sort=beauty", "beauty"),
        ("tag=tier", "NAME=VALUE"),
        ("min_cost_usd=much", "much"),
        ("stauts=failed", "did you mean \"status\"?"),
        ("tz=Mars", "Mars"),
        ("since=2026-02-30", "2026-02-30"),
    ] {
        let response = server.get(&format!("{runs}?{query}")).send().await.expect("an answer");
        let detail = problem(response, 400, "Bad request").await;
        assert!(detail.contains(named), "{query}: {detail}");
    }
    for path in [
        "/projects/apprentice/series?measure=success_rate&by=model",
        "/projects/apprentice/series?measure=beauty",
        "/projects/apprentice/series?mesure=cost",
        "/projects/apprentice/runs/run-",
        "/projects/apprentice/compare?a=run-01",
        "/projects/apprentice/health?recent=1001",
        "/projects/%FF/stages",
    ] {
        problem(server.get(path).send().await.expect("an answer"), 400, "Bad request").await;
    }
}

#[tokio::test]
async fn a_wrong_method_gets_the_allowed_ones() {
    let server = TestServer::seeded();
    let response = server.client.delete(format!("{}/projects", server.url)).send().await.expect("an answer");
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    let detail = problem(response, 405, "Wrong method").await;
    assert!(detail.contains("DELETE"), "{detail}");
}

#[tokio::test]
async fn a_body_must_be_json_and_a_run_and_not_too_large() {
    let server = TestServer::empty(ServeOptions::new().max_body_bytes(4_096));
    let post = |body: &str| {
        let request = server.client.post(format!("{}/runs", server.url));
        request.header("content-type", "application/json").body(body.to_owned()).send()
    };
    let detail = problem(post("{").await.expect("an answer"), 422, "Not a run").await;
    assert!(detail.contains("line 1"), "{detail}");
    let detail = problem(post(r#"{"schema_version": 1}"#).await.expect("an answer"), 422, "Not a run").await;
    assert!(detail.contains("run_id"), "{detail}");
    problem(post(&" ".repeat(5_000)).await.expect("an answer"), 413, "Body too large").await;
    let plain = server.client.post(format!("{}/runs", server.url)).body("{}");
    let detail = problem(plain.send().await.expect("an answer"), 415, "Not JSON").await;
    assert!(detail.contains("application/json"), "{detail}");
}

#[tokio::test]
async fn a_run_that_would_spoil_sums_is_refused_by_its_field() {
    let server = TestServer::empty(ServeOptions::new());
    let mut absurd = run("a", "p", 1);
    absurd.budget_summary.total.tokens_used = Some(u64::MAX);
    let answer = server.post("/runs", &absurd).send().await.expect("an answer");
    let detail = problem(answer, 422, "Not a run").await;
    assert!(detail.contains("budget_summary.tokens_used is 18446744073709551615"), "{detail}");
    let mut unbalanced = run("a", "p", 1);
    unbalanced.budget_summary.total.input_tokens += 1;
    let answer = server.post("/runs", &unbalanced).send().await.expect("an answer");
    let detail = problem(answer, 422, "Not a run").await;
    assert!(detail.contains("input_tokens of per_agent sum to"), "{detail}");
}

/// Without a length in the header, the size is known only after reading.
#[test]
fn a_chunked_body_is_not_read_beyond_the_limit() {
    let server = TestServer::empty(ServeOptions::new().max_body_bytes(4_096));
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).expect("a connection");
    let head = "POST /runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("written");
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    // The server may close the connection while the test still writes.
    let _ = stream.write_all(chunk.repeat(3).as_bytes());
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn browsers_get_the_same_as_a_page() {
    let server = TestServer::seeded();
    let response =
        server.get("/nothing").header("accept", "text/html,*/*;q=0.8").send().await.expect("an answer");
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    let page = response.text().await.expect("a page");
    assert!(page.contains("No such path") && page.contains("/nothing"), "{page}");
}

/// The body never arrives, so the answer cannot be ready before the timeout, however slow or fast the machine is.
#[test]
fn an_answer_that_takes_too_long_is_cancelled() {
    let server = TestServer::empty(ServeOptions::new().timeout(std::time::Duration::from_millis(20)));
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).expect("a connection");
    let head = "POST /runs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after: 1"), "{answer}");
    assert!(answer.contains("\"title\":\"Too slow\""), "{answer}");
}
