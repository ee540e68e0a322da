//! Who may ask: the token, the host, the origin, and what browsers are told.

use reqwest::Client;
use reqwest::redirect::Policy;
use tracing_budget_server::{ServeError, ServeOptions, Server};
use tracing_budget_server_tests::{House, problem, run};

const TOKEN: &str = "a-token-for-these-tests";

fn guarded() -> House {
    House::with_runs(ServeOptions::new().token(TOKEN))
}

#[tokio::test]
async fn without_the_token_nothing_is_told_but_healthz() {
    let house = guarded();
    for path in [
        "/",
        "/projects",
        "/openapi.json",
        "/live",
        "/metrics",
        "/nothing",
        "/projects/apprentice/runs/run-01",
    ] {
        let response = house.get(path).send().await.expect("an answer");
        assert_eq!(response.headers()["www-authenticate"], "Bearer", "{path}");
        problem(response, 401, "Token needed").await;
        let wrong = house.get(path).bearer_auth("a-token-for-those-tests").send().await.expect("an answer");
        problem(wrong, 401, "Token needed").await;
    }
    let posted = house.post("/runs", &run("new", "apprentice", 1)).send().await.expect("an answer");
    problem(posted, 401, "Token needed").await;
    assert_eq!(house.get("/healthz").send().await.expect("an answer").status(), 200);
    assert_eq!(house.get("/projects").bearer_auth(TOKEN).send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_login_link_gives_a_cookie_that_opens_and_is_not_the_token() {
    let house = guarded();
    let client = Client::builder().redirect(Policy::none()).build().expect("a client");
    let wrong = client.get(format!("{}/?token=nonsense", house.url)).send().await.expect("an answer");
    assert!(wrong.headers().get("set-cookie").is_none());
    problem(wrong, 401, "Token needed").await;

    let response = client.get(format!("{}/?token={TOKEN}", house.url)).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let cookie = response.headers()["set-cookie"].to_str().expect("a text").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(TOKEN), "{cookie}");
    let pair = cookie.split(';').next().expect("a pair");
    let inside =
        house.get("/projects").header("cookie", format!("other=1; {pair}")).send().await.expect("an answer");
    assert_eq!(inside.status(), 200);
    let forged = house.get("/projects").header("cookie", format!("{pair}0")).send().await.expect("an answer");
    problem(forged, 401, "Token needed").await;
}

#[test]
fn beyond_loopback_there_is_no_server_without_a_token() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = tracing_budget_history::Sqlite::open(directory.path().join("runs.db")).expect("a history");
    let error =
        Server::bind(&ServeOptions::new().address(([0, 0, 0, 0], 0)), std::sync::Arc::new(store)).err();
    assert!(matches!(error, Some(ServeError::TokenRequired { .. })), "{error:?}");
}

#[tokio::test]
async fn a_name_that_is_not_this_machine_is_not_answered() {
    let house = House::seeded();
    let foreign =
        house.get("/projects").header("host", "rebound.example:7417").send().await.expect("an answer");
    let detail = problem(foreign, 421, "Foreign host").await;
    assert!(detail.contains("rebound.example"), "{detail}");
    for host in ["localhost:9000", "127.0.0.1", "[::1]:7417"] {
        let known = house.get("/projects").header("host", host).send().await.expect("an answer");
        assert_eq!(known.status(), 200, "{host}");
    }
    let house = House::with_runs(ServeOptions::new().allow_host("runs.example"));
    let known = house.get("/projects").header("host", "Runs.Example").send().await.expect("an answer");
    assert_eq!(known.status(), 200);
}

#[tokio::test]
async fn pages_of_other_sites_neither_write_nor_read() {
    let house = House::with_runs(ServeOptions::new().allow_origin("https://board.example"));
    let new = run("new", "apprentice", 1);
    let foreign =
        house.post("/runs", &new).header("origin", "https://evil.example").send().await.expect("an answer");
    assert!(foreign.headers().get("access-control-allow-origin").is_none());
    problem(foreign, 403, "Foreign origin").await;
    // What a form can send without being asked.
    let form = house
        .client
        .post(format!("{}/runs", house.url))
        .header("content-type", "text/plain")
        .body(new.to_json());
    problem(form.send().await.expect("an answer"), 415, "Not JSON").await;
    let own = house.post("/runs", &new).header("origin", &house.url).send().await.expect("an answer");
    assert_eq!(own.status(), 201);

    let known =
        house.get("/projects").header("origin", "https://board.example").send().await.expect("an answer");
    assert_eq!(known.headers()["access-control-allow-origin"], "https://board.example");
    let unasked = House::seeded();
    let read =
        unasked.get("/projects").header("origin", "https://board.example").send().await.expect("an answer");
    assert!(read.headers().get("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let house = House::seeded();
    for path in ["/projects", "/nothing", "/projects/apprentice/runs/summary?limit=x", "/live?run=run-01"] {
        let response = house.get(path).send().await.expect("an answer");
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
