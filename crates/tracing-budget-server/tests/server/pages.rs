//! The dashboard's pages, as their HTML is sent.

use tracing_budget::summary::{CallRecord, StageRow, Timestamp};
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
    nested.budget_summary.per_agent.entry("visualization").figures = nested.budget_summary.total.clone();
    nested.budget_summary.settle();
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

/// The call that cost $0.40 is at the top, and what is not shown is counted.
#[tokio::test]
async fn a_run_lists_its_most_expensive_calls() {
    let server = TestServer::empty(ServeOptions::new());
    let mut dear = run("dear", "calls", 0);
    let calls = (0..25).map(|number| {
        let mut call = CallRecord::new(dear.started_at, "chat");
        call.model_requested = Some(format!("model-{number}"));
        call.cost_usd = format!("0.{:02}", 40 - number).parse().ok();
        if number == 3 {
            (call.status, call.error) = (Status::Failed, Some("429 <slow down>".to_owned()));
        }
        call
    });
    dear.budget_summary.calls = Some(calls.rev().collect());
    dear.budget_summary.calls_left_out = 7;
    with_calls(&mut dear, 32);
    server.store.put(&dear).expect("stored");
    let page = page(&server, "/runs/dear").await;
    let table = page.split_once("id=\"calls\"").expect("a table").1;
    let table = table.split_once("</section>").expect("its end").0;
    let place = |text: &str| table.find(text).unwrap_or_else(|| panic!("no {text} in {table}"));
    assert!(place(">model-0<") < place(">model-3<") && place(">model-3<") < place(">model-19<"));
    assert!(!table.contains(">model-20<"), "{table}");
    for text in [
        "$0.40",
        "429 &lt;slow down&gt;",
        "Not shown: 5 calls.",
        "Not kept: 7 calls",
        "runs show dear --calls=25<",
    ] {
        place(text);
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

/// The run with this number of calls in every row.
fn with_calls(run: &mut RunSummary, calls: u64) {
    let budget = &mut run.budget_summary;
    budget.total.llm_calls = calls;
    let discovery = budget.per_agent.entry("discovery");
    discovery.figures.llm_calls = calls;
    discovery.per_model.values_mut().for_each(|row| row.figures.llm_calls = calls);
    budget.per_model.values_mut().for_each(|row| row.figures.llm_calls = calls);
    budget.by_operation.values_mut().for_each(|row| row.figures.llm_calls = calls);
}
