//! The page as a whole.

use axum::extract::{RawQuery, State};
use maud::{Markup, html};

use super::flight;
use crate::app::App;
use crate::pages::layout::{Page, Tab};
use crate::pages::query::Query;
use crate::pages::run::named;
use crate::pages::{empty, link};
use crate::problem::Problem;
use tracing_budget::present::numbers::counted;
use tracing_budget::summary::{RunSummary, Status};
use tracing_budget_history::{Filter, Page as Part, RunRow, Sort, Store, StoreError};

/// Runs in flight that are shown stage by stage; the page names those beyond.
const SHOWN: usize = 8;
/// Rows that are looked at for those in flight, and for those that have just ended.
const LOOKED_AT: usize = 100;
const ENDED: usize = 10;

/// What is going on.
struct Now {
    flying: Vec<(RunRow, Option<RunSummary>)>,
    stale: Vec<RunRow>,
    ended: Vec<RunRow>,
}

/// Answers `/now`.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
) -> Result<Markup, Problem> {
    let query = Query::read(raw.as_deref());
    let project = query.get("project").map(str::to_owned);
    let now = app.ask(move |store| look_up(store, project)).await?;
    Ok(draw(&query, &now))
}

fn look_up(store: &dyn Store, project: Option<String>) -> Result<Now, StoreError> {
    let mut all = Filter::new();
    all.scope.project = project;
    let running =
        store.list(&all.clone().status(Status::Running), Sort::default(), &Part::first(LOOKED_AT))?.runs;
    let (stale, flying): (Vec<RunRow>, Vec<RunRow>) = running.into_iter().partition(|run| run.stale);
    let mut ended = store.list(&all, Sort::default(), &Part::first(LOOKED_AT))?.runs;
    ended.retain(|run| run.status != Status::Running);
    ended.sort_by_key(|run| std::cmp::Reverse(run.completed_at));
    ended.truncate(ENDED);
    let with_stages = |(n, row): (usize, RunRow)| {
        let run = if n < SHOWN { store.get(&row.run_id)? } else { None };
        Ok((row, run))
    };
    let flying = flying.into_iter().enumerate().map(with_stages).collect::<Result<_, StoreError>>()?;
    Ok(Now { flying, stale, ended })
}

fn draw(query: &Query, now: &Now) -> Markup {
    let count = now.flying.len() as u64;
    let title = if count > 0 { format!("({count}) Live") } else { "Live".to_owned() };
    let nothing = now.flying.is_empty() && now.stale.is_empty() && now.ended.is_empty();
    Page {
        title: &title,
        tab: Tab::Live,
        project: query.get("project"),
        live: true,
        body: html! {
            div.top { h1 { "Live" } }
            p.hush role="status" data-say { (said(now)) }
            div data-live="on" {
                @if nothing {
                    (empty::no_runs())
                } @else {
                    p.soft { (counted(count, "run")) " in flight" }
                    @if now.flying.is_empty() { (idle()) }
                    @for (row, run) in &now.flying {
                        @if let Some(run) = run { (flight::card(row, run)) }
                    }
                    @if now.flying.len() > SHOWN {
                        p.lead { a href=(link::to("/", &[("project", query.get("project")), ("status", Some("running"))])) { "All " (counted(count, "run")) " in flight" } }
                    }
                    (flight::stale(&now.stale))
                    (flight::ended(&now.ended))
                }
            }
        },
    }
    .render()
}

fn idle() -> Markup {
    html! {
        section.card {
            div.empty {
                h2 { "Nothing is running" }
                p { "This page follows by itself: a run appears here as soon as a pipeline begins one." }
            }
        }
    }
}

/// For readers of the screen: what begins and ends, and not every figure that moves.
fn said(now: &Now) -> String {
    let flying = counted(now.flying.len() as u64, "run");
    match now.ended.first() {
        Some(run) => {
            format!("{flying} in flight. The last that ended: {}, {}.", named(&run.pipeline), run.status)
        }
        None => format!("{flying} in flight."),
    }
}
