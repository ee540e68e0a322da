//! Every error is problem details that name the thing, the value and what was expected.

use std::io::{Read, Write};
use std::net::TcpStream;

use tracing_budget_server::ServeOptions;
use tracing_budget_server_tests::{House, problem, run};

#[tokio::test]
async fn what_is_not_there_is_said_to_be_not_there() {
    let house = House::seeded();
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
        let detail = problem(house.get(path).send().await.expect("an answer"), 404, title).await;
        assert!(detail.contains(named), "{path}: {detail}");
    }
}

#[tokio::test]
async fn a_question_that_cannot_be_read_is_told_what_was_expected() {
    let house = House::seeded();
    let runs = "/projects/apprentice/runs/summary";
    for (query, named) in [
        ("status=broken", "broken"),
        ("since=tomorrow", "tomorrow"),
        ("limit=many", "many"),
        ("limit=0", "from 1 to 200"),
        ("limit=201", "from 1 to 200"),
        ("cursor=xyz", "xyz"),
        ("sort=beauty", "beauty"),
        ("tag=tier", "name=value"),
        ("min_cost_usd=much", "much"),
        ("stauts=failed", "stauts"),
    ] {
        let response = house.get(&format!("{runs}?{query}")).send().await.expect("an answer");
        let detail = problem(response, 400, "Bad request").await;
        assert!(detail.contains(named), "{query}: {detail}");
    }
    for path in [
        "/projects/apprentice/series?measure=success_rate&by=model",
        "/projects/apprentice/compare?a=run-01",
        "/projects/apprentice/health?recent=1001",
        "/projects/%FF/stages",
    ] {
        problem(house.get(path).send().await.expect("an answer"), 400, "Bad request").await;
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let house = House::seeded();
    let response = house.client.delete(format!("{}/projects", house.url)).send().await.expect("an answer");
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    let detail = problem(response, 405, "Wrong method").await;
    assert!(detail.contains("DELETE"), "{detail}");
}

#[tokio::test]
async fn a_body_must_be_json_and_a_run_and_not_too_large() {
    let house = House::empty(ServeOptions::new().max_body_bytes(4_096));
    let post = |body: &str| {
        let request = house.client.post(format!("{}/runs", house.url));
        request.header("content-type", "application/json").body(body.to_owned()).send()
    };
    let detail = problem(post("{").await.expect("an answer"), 422, "Not a run").await;
    assert!(detail.contains("line 1"), "{detail}");
    let detail = problem(post(r#"{"schema_version": 1}"#).await.expect("an answer"), 422, "Not a run").await;
    assert!(detail.contains("run_id"), "{detail}");
    problem(post(&" ".repeat(5_000)).await.expect("an answer"), 413, "Body too large").await;
    let plain = house.client.post(format!("{}/runs", house.url)).body(run("a", "p", 1).to_json());
    let detail = problem(plain.send().await.expect("an answer"), 415, "Not JSON").await;
    assert!(detail.contains("application/json"), "{detail}");
}

/// Without a length in the header, only reading tells how much there is.
#[test]
fn a_body_in_chunks_is_not_read_beyond_the_limit() {
    let house = House::empty(ServeOptions::new().max_body_bytes(4_096));
    let mut stream = TcpStream::connect(house.url.trim_start_matches("http://")).expect("a connection");
    let head = "POST /runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("written");
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    // The server may hang up while we still write.
    let _ = stream.write_all(chunk.repeat(3).as_bytes());
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn people_get_the_same_as_a_page() {
    let house = House::seeded();
    let response =
        house.get("/nothing").header("accept", "text/html,*/*;q=0.8").send().await.expect("an answer");
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    let page = response.text().await.expect("a page");
    assert!(page.contains("No such path") && page.contains("/nothing"), "{page}");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let house = House::with_runs(ServeOptions::new().timeout(std::time::Duration::ZERO));
    let response = house.get("/projects").send().await.expect("an answer");
    assert_eq!(response.headers()["retry-after"], "1");
    problem(response, 503, "Too slow").await;
}
