//! Every operation answers with the figures of the history.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tracing_budget_history::Store;
use tracing_budget_server::ServeOptions;

use crate::harness::{TestServer, read, run};

fn ids(page: &Value) -> Vec<&str> {
    page["runs"].as_array().expect("runs").iter().map(|run| run["run_id"].as_str().expect("an id")).collect()
}

/// Clients remove `.` and `..` from paths, and `-` is the project without a name.
#[tokio::test]
async fn a_project_may_have_any_name() {
    let server = TestServer::empty(ServeOptions::new());
    for (number, project) in ["", "-", ".", "..", "~.", "a/b", "~"].into_iter().enumerate() {
        let run = run(&format!("run-{number}"), project, 1);
        let delivered = read(server.post("/runs", &run).send().await.expect("an answer")).await;
        let path = delivered["location"].as_str().expect("a path").to_owned();
        assert_eq!(server.json(&path).await["project"], project, "{path}");
        let list = path.replace(&format!("/run-{number}"), "/summary");
        assert_eq!(server.json(&list).await["runs"][0]["run_id"], run.run_id.as_str(), "{list}");
        let page = server.get(&format!("/runs/run-{number}")).send().await.expect("an answer");
        let page = page.text().await.expect("a page");
        assert!(page.contains(&format!("href=\"{path}\"")), "{path}");
    }
    let mut run = run("..", "apprentice", 1);
    run.pipeline = "dots".into();
    server.store.put(&run).expect("stored");
    assert_eq!(server.get("/runs/~..").send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn projects_have_their_pipelines() {
    let server = TestServer::seeded();
    let projects = server.json("/projects").await;
    let names: Vec<&Value> =
        projects["projects"].as_array().expect("projects").iter().map(|row| &row["project"]).collect();
    assert_eq!(names, ["", "apprentice", "indexer"]);
    assert_eq!(projects["projects"][1]["pipelines"], json!(["nightly"]));
    assert_eq!(projects["projects"][1]["runs"], 12);
}

#[tokio::test]
async fn a_list_has_the_outcome_of_each_run() {
    let server = TestServer::seeded();
    let page = server.json("/projects/apprentice/runs/summary?limit=4").await;
    assert_eq!(ids(&page), ["run-01", "run-02", "run-03", "run-04"]);
    let (good, bad) = (&page["runs"][0], &page["runs"][3]);
    assert_eq!(good["status"], "completed");
    assert_eq!(good["duration_seconds"], 25.0);
    assert_eq!(good["counts"], json!({"candidates": 12}));
    assert_eq!(good["usage"]["tokens_used"], 1_200);
    assert_eq!(good["usage"]["cost_usd"], 0.006);
    assert_eq!(good["metrics_by_stage"]["discovery"]["tokens_used"], 1_200);
    assert_eq!(good["metrics_by_stage"]["review"]["cost_usd"], 0.0);
    assert_eq!(good["error_summary"], Value::Null);
    for time in ["created_at", "started_at", "completed_at"] {
        assert!(good[time].is_string(), "{time}");
    }
    assert_eq!(bad["status"], "failed");
    assert_eq!(bad["failed_stage"], "review");
    assert_eq!(bad["error_summary"], "review: the judge timed out after 30 s");
    assert_eq!(bad["gates"], json!({"passed": 0, "failed": 1, "total": 1}));
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let server = TestServer::seeded();
    let (mut seen, mut path) = (Vec::new(), "/projects/apprentice/runs/summary?limit=5".to_owned());
    loop {
        let page = server.json(&path).await;
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/projects/apprentice/runs/summary?limit=5&cursor={next}");
    }
    assert_eq!(seen.len(), 12);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 12);
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let server = TestServer::seeded();
    for (query, expected) in [
        ("status=failed", 3),
        ("status=failed&status=completed", 12),
        ("status=running", 0),
        ("since=150m", 2),
        ("until=150m", 10),
        ("stage=discovery", 12),
        ("stage=deployment", 0),
        ("model=claude-sonnet-4-5", 12),
        ("gate=lint&verdict=fail", 3),
        ("tag=tier=2", 12),
        ("tag=tier=2&tag=tier2=x", 0),
        ("min_cost_usd=0.006", 12),
        ("min_cost_usd=0.0061", 0),
        ("pipeline=nightly", 12),
        ("pipeline=weekly", 0),
    ] {
        let page = server.json(&format!("/projects/apprentice/runs/summary?{query}")).await;
        assert_eq!(ids(&page).len(), expected, "{query}");
    }
}

#[tokio::test]
async fn a_run_is_the_document_that_was_stored() {
    let server = TestServer::seeded();
    let stored = crate::harness::seed();
    let run = server.json("/projects/apprentice/runs/run-04").await;
    let expected: Value = serde_json::from_str(&stored[3].to_json()).expect("JSON");
    assert_eq!(run["budget_summary"], expected["budget_summary"]);
    assert_eq!(run["error_summary"], expected["error_summary"]);
    assert_eq!(server.json("/projects/-/runs/lonely").await["run_id"], "lonely");
}

#[tokio::test]
async fn two_runs_are_compared() {
    let server = TestServer::seeded();
    let comparison = server.json("/projects/apprentice/compare?a=run-01&b=run-04").await;
    assert_eq!(comparison["a"]["run_id"], "run-01");
    assert_eq!(comparison["b"]["failed_stage"], "review");
    assert_eq!(comparison["total"]["cost_usd"]["change"], 0.0);
    assert_eq!(comparison["gates"][0]["changed"], true);
}

#[tokio::test]
async fn figures_are_over_the_runs_of_the_window() {
    let server = TestServer::seeded();
    let stages = server.json("/projects/apprentice/stages").await;
    assert_eq!(stages["rows"][0]["stage"], "discovery");
    assert_eq!(stages["rows"][0]["runs"], 12);
    assert!(stages["since"].is_string(), "the default is 30 days");
    let few = server.json("/projects/apprentice/stages?since=150m").await;
    assert_eq!(few["rows"][0]["runs"], 2);
    let models = server.json("/projects/apprentice/models?since=ever").await;
    assert_eq!((&models["since"], &models["tz"]), (&Value::Null, &Value::from("UTC")));
    assert_eq!(models["rows"][0]["cost_usd"], 0.072);
    let gates = server.json("/projects/apprentice/gates").await;
    assert_eq!(gates["rows"][0]["failed"], 3);
    let overview = server.json("/projects/apprentice").await;
    assert_eq!(overview["by_status"]["failed"], 3);
    assert_eq!(overview["last_failed"]["run_id"], "run-04");
    let series = server.json("/projects/apprentice/series?measure=cost&by=stage&bucket=hour").await;
    assert_eq!(series["lines"][0]["name"], "discovery");
    assert_eq!(series["lines"][0]["total"], 0.072);
    let health = server.json("/projects/apprentice/health").await;
    assert_eq!(health["pipelines"][0]["recent_runs"], 12);
}

/// A day includes all of itself in the zone of the request, on both ends; the answer names the zone.
#[tokio::test]
async fn a_day_is_whole_in_the_zone_of_the_request() {
    let server = TestServer::empty(ServeOptions::new());
    for (run_id, started) in [("late", "2026-11-19T22:30:00Z"), ("later", "2026-11-19T23:30:00Z")] {
        let mut run = run(run_id, "days", 0);
        run.started_at = started.parse().expect("a time");
        server.store.put(&run).expect("stored");
    }
    for (query, expected) in [
        ("since=2026-11-19&until=2026-11-19", vec!["later", "late"]),
        ("until=2026-11-18", vec![]),
        ("since=2026-11-20", vec![]),
        ("since=2026-11-19&until=2026-11-19&tz=Europe/Berlin", vec!["late"]),
        ("since=2026-11-20&until=2026-11-20&tz=Europe%2FBerlin", vec!["later"]),
        ("since=2026-11-19T23:00:00Z&until=2026-11-19", vec!["later"]),
    ] {
        let page = server.json(&format!("/projects/days/runs/summary?{query}")).await;
        assert_eq!(ids(&page), expected, "{query}");
    }
    let path = "/projects/days/stages?since=2026-11-20&until=2026-11-20&tz=Europe/Berlin";
    let stages = server.json(path).await;
    assert_eq!(stages["tz"], "Europe/Berlin");
    assert_eq!(stages["since"], "2026-11-19T23:00:00.000Z");
    assert_eq!(stages["until"], "2026-11-20T23:00:00.000Z");
    assert_eq!(stages["rows"][0]["runs"], 1);
}

#[tokio::test]
async fn the_beginning_or_end_of_an_id_names_a_run() {
    let server = TestServer::seeded();
    for part in ["run-04", "n-04", "…-04"] {
        assert_eq!(server.json(&format!("/projects/apprentice/runs/{part}")).await["run_id"], "run-04");
    }
    let comparison = server.json("/projects/apprentice/compare?a=-01&b=-04").await;
    assert_eq!(comparison["b"]["run_id"], "run-04");
}

#[tokio::test]
async fn metrics_are_openmetrics() {
    let server = TestServer::seeded();
    server.json("/projects").await;
    let response = server.get("/metrics").send().await.expect("an answer");
    assert_eq!(
        response.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let text = response.text().await.expect("a text");
    for line in [
        r#"tracing_budget_http_requests_total{method="GET",route="/projects",status="200"} 1"#,
        r#"tracing_budget_http_request_duration_seconds_count{route="/projects"} 1"#,
        r#"tracing_budget_project_runs{project="apprentice",status="failed"} 3"#,
        r#"tracing_budget_project_cost_usd{project="apprentice"} 0.072"#,
        r#"tracing_budget_project_tokens{project="indexer"} 2400.0"#,
        "tracing_budget_live_listeners 0",
        "# EOF",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn healthz_answers_ok() {
    let server = TestServer::seeded();
    assert_eq!(server.json("/healthz").await, json!({"status": "ok"}));
}

#[tokio::test]
async fn the_document_has_every_operation() {
    let server = TestServer::seeded();
    let document = read(server.get("/openapi.json").send().await.expect("an answer")).await;
    let paths: Vec<&String> = document["paths"].as_object().expect("paths").keys().collect();
    assert_eq!(
        paths,
        [
            "/healthz",
            "/live",
            "/metrics",
            "/projects",
            "/projects/{project_id}",
            "/projects/{project_id}/compare",
            "/projects/{project_id}/gates",
            "/projects/{project_id}/health",
            "/projects/{project_id}/models",
            "/projects/{project_id}/runs/summary",
            "/projects/{project_id}/runs/{run_id}",
            "/projects/{project_id}/series",
            "/projects/{project_id}/stages",
            "/runs",
        ]
    );
    assert_eq!(document["openapi"], "3.1.0");
    let text = document.to_string();
    for (at, start) in text.match_indices("\"$ref\":\"#") {
        let path = text[at + start.len()..].split('"').next().expect("a path");
        assert!(document.pointer(path).is_some(), "#{path} does not exist");
    }
}
