//! The dashboard's pages, as their HTML is sent.

use tracing_budget::summary::{StageRow, Timestamp};
use tracing_budget::{RunSummary, Status};
use tracing_budget_history::Store;
use tracing_budget_server::ServeOptions;

use crate::harness::{TestServer, run};

async fn page(server: &TestServer, path: &str) -> String {
    let response = server.get(path).send().await.expect("an answer");
    assert_eq!(response.status(), 200, "{path}");
    response.text().await.expect("a text")
}

fn late() -> RunSummary {
    let mut run = run("late", "days", 0);
    run.started_at = "2026-11-19T23:30:00Z".parse().expect("a time");
    run
}

#[tokio::test]
async fn times_and_days_are_in_the_zone_of_the_page() {
    let server = TestServer::empty(ServeOptions::new());
    server.store.put(&late()).expect("stored");
    let utc = page(&server, "/").await;
    assert!(utc.contains("2026-11-19 23:30:00") && utc.contains("Times are UTC."), "{utc}");
    assert!(utc.contains("data-zone=\"UTC\""), "the script may replace the default");
    let berlin = page(&server, "/?since=2026-11-20&until=2026-11-20&tz=Europe/Berlin").await;
    assert!(
        berlin.contains("2026-11-20 00:30:00") && berlin.contains("Times are Europe/Berlin."),
        "{berlin}"
    );
    assert!(!berlin.contains("data-zone"), "the script must not replace the zone of the URL");
    let none = page(&server, "/?since=2026-11-20&until=2026-11-20").await;
    assert!(none.contains("No run matches"), "in UTC the run started on the 19th");
    let cookie = server.get("/").header("cookie", "tracing_budget_tz=Europe%2FBerlin");
    let cookie = cookie.send().await.expect("an answer").text().await.expect("a text");
    assert!(cookie.contains("2026-11-20 00:30:00"), "{cookie}");
}

#[tokio::test]
async fn a_page_opens_by_a_part_of_an_id() {
    let server = TestServer::seeded();
    assert!(page(&server, "/runs/n-04").await.contains("run-04"));
    assert!(page(&server, "/compare?a=-01&b=-04").await.contains("run-04"));
}

/// A child follows its parent in every table, although the summary lists rows in the order of their first figures.
#[tokio::test]
async fn a_stage_is_below_its_parent() {
    let server = TestServer::empty(ServeOptions::new());
    let mut nested = run("nested", "tree", 0);
    let stage = |parent: Option<&str>, second: i64| {
        let mut stage = StageRow::default();
        stage.calls = 1;
        stage.status = Status::Completed;
        stage.parent = parent.map(str::to_owned);
        stage.started_at = Timestamp::from_unix_ms(nested.started_at.unix_ms() + 1_000 * second);
        stage
    };
    let stages = [
        ("visualization", stage(None, 1)),
        ("review", stage(None, 5)),
        ("charts", stage(Some("visualization"), 2)),
    ];
    nested.budget_summary.per_agent = stages.into_iter().collect();
    server.store.put(&nested).expect("stored");
    let run_page = page(&server, "/runs/nested").await;
    let timeline = run_page.split_once("aria-labelledby=\"timeline\"").expect("a timeline").1;
    let by_stage = run_page.split_once("id=\"by-stage\"").expect("a table").1;

    let mut flying = nested.clone();
    flying.run_id = "flying".into();
    flying.status = Status::Running;
    flying.completed_at = None;
    server.beat(&flying);
    let live_page = page(&server, "/now").await;
    for (name, table) in [("timeline", timeline), ("by stage", by_stage), ("live", live_page.as_str())] {
        let place = |text: &str| table.find(text).unwrap_or_else(|| panic!("no {text} in {name}: {table}"));
        let rows =
            ["in0\" scope=\"row\">visualization", "in1\" scope=\"row\">charts", "in0\" scope=\"row\">review"];
        let places = rows.map(place);
        assert!(places.is_sorted(), "{name}: {places:?}");
    }
}

#[tokio::test]
async fn an_empty_history_shows_a_whole_program() {
    let page = page(&TestServer::empty(ServeOptions::new()), "/").await;
    for line in include_str!("../../src/assets/first_program.rs").lines() {
        let escaped =
            line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        assert!(page.contains(&escaped), "no {line} in {page}");
    }
}
