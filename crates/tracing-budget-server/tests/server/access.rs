//! Token, host, origin, and security headers.

use crate::harness::{TestServer, problem, run};
use reqwest::Client;
use reqwest::redirect::Policy;
use tracing_budget_server::{ServeError, ServeOptions, Server};

const TOKEN: &str = "a-token-for-these-tests";

fn guarded() -> TestServer {
    TestServer::with_runs(ServeOptions::new().token(TOKEN))
}

#[tokio::test]
async fn without_the_token_only_healthz_is_answered() {
    let server = guarded();
    for path in [
        "/",
        "/projects",
        "/openapi.json",
        "/live",
        "/metrics",
        "/nothing",
        "/projects/apprentice/runs/run-01",
    ] {
        let response = server.get(path).send().await.expect("an answer");
        assert_eq!(response.headers()["www-authenticate"], "Bearer", "{path}");
        problem(response, 401, "Token needed").await;
        let wrong = server.get(path).bearer_auth("a-token-for-those-tests").send().await.expect("an answer");
        problem(wrong, 401, "Token needed").await;
    }
    let posted = server.post("/runs", &run("new", "apprentice", 1)).send().await.expect("an answer");
    problem(posted, 401, "Token needed").await;
    assert_eq!(server.get("/healthz").send().await.expect("an answer").status(), 200);
    assert_eq!(server.get("/projects").bearer_auth(TOKEN).send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_login_link_sets_a_session_cookie_that_is_not_the_token() {
    let server = guarded();
    let client = Client::builder().redirect(Policy::none()).build().expect("a client");
    let wrong = client.get(format!("{}/?token=nonsense", server.url)).send().await.expect("an answer");
    assert!(wrong.headers().get("set-cookie").is_none());
    problem(wrong, 401, "Token needed").await;

    let response = client.get(format!("{}/?token={TOKEN}", server.url)).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let cookie = response.headers()["set-cookie"].to_str().expect("a text").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(TOKEN), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair");
    let inside =
        server.get("/projects").header("cookie", format!("other=1; {pair}")).send().await.expect("an answer");
    assert_eq!(inside.status(), 200);
    let forged =
        server.get("/projects").header("cookie", format!("{pair}0")).send().await.expect("an answer");
    problem(forged, 401, "Token needed").await;
}

#[test]
fn an_address_outside_loopback_needs_a_token() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = tracing_budget_history::Sqlite::open(directory.path().join("runs.db")).expect("a history");
    let error =
        Server::bind(&ServeOptions::new().address(([0, 0, 0, 0], 0)), std::sync::Arc::new(store)).err();
    assert!(matches!(error, Some(ServeError::TokenRequired { .. })), "{error:?}");
}

#[tokio::test]
async fn a_foreign_host_is_refused() {
    let server = TestServer::seeded();
    let foreign =
        server.get("/projects").header("host", "rebound.example:7417").send().await.expect("an answer");
    let detail = problem(foreign, 421, "Foreign host").await;
    assert!(detail.contains("rebound.example"), "{detail}");
    for host in ["localhost:9000", "127.0.0.1", "[::1]:7417"] {
        let known = server.get("/projects").header("host", host).send().await.expect("an answer");
        assert_eq!(known.status(), 200, "{host}");
    }
    let server = TestServer::with_runs(ServeOptions::new().allow_host("runs.example"));
    let known = server.get("/projects").header("host", "Runs.Example").send().await.expect("an answer");
    assert_eq!(known.status(), 200);
}

#[tokio::test]
async fn pages_of_other_sites_can_neither_write_nor_read() {
    let server = TestServer::with_runs(ServeOptions::new().allow_origin("https://board.example"));
    let new = run("new", "apprentice", 1);
    let foreign =
        server.post("/runs", &new).header("origin", "https://evil.example").send().await.expect("an answer");
    assert!(foreign.headers().get("access-control-allow-origin").is_none());
    problem(foreign, 403, "Foreign origin").await;
    // A form sends this without a preflight request.
    let form = server
        .client
        .post(format!("{}/runs", server.url))
        .header("content-type", "text/plain")
        .body(new.to_json());
    problem(form.send().await.expect("an answer"), 415, "Not JSON").await;
    let own = server.post("/runs", &new).header("origin", &server.url).send().await.expect("an answer");
    assert_eq!(own.status(), 201);

    let known =
        server.get("/projects").header("origin", "https://board.example").send().await.expect("an answer");
    assert_eq!(known.headers()["access-control-allow-origin"], "https://board.example");
    let closed = TestServer::seeded();
    let read =
        closed.get("/projects").header("origin", "https://board.example").send().await.expect("an answer");
    assert!(read.headers().get("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn every_answer_has_security_headers() {
    let server = TestServer::seeded();
    for path in ["/projects", "/nothing", "/projects/apprentice/runs/summary?limit=x", "/live?run=run-01"] {
        let response = server.get(path).send().await.expect("an answer");
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().expect("a text");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert!(headers.contains_key("cache-control"), "{path}");
    }
}
