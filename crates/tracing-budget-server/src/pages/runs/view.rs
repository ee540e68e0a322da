//! The page as a whole.

use axum::extract::{RawQuery, State};
use maud::{Markup, html};

use super::{filters, list, trend};
use crate::app::App;
use crate::pages::empty;
use crate::pages::layout::{Page, Tab};
use crate::pages::query::Query;
use crate::problem::Problem;
use tracing_budget_history::stats::ProjectRow;
use tracing_budget_history::{Page as Part, RunPage, Sort, StoreError};

/// Runs on one page.
const SIZE: usize = 50;

/// Answers `/`.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
) -> Result<Markup, Problem> {
    let query = Query::read(raw.as_deref());
    let (filter, sort) = (query.filter()?, query.sort()?);
    let part = match query.after() {
        Some(cursor) => Part::after(SIZE, cursor),
        None => Part::first(SIZE),
    };
    let answer = app.ask(move |store| {
        let runs = store.list(&filter, sort, &part)?;
        Ok::<_, StoreError>((runs, store.projects()?))
    });
    let (runs, projects) = answer.await?;
    Ok(draw(&query, sort, &runs, &projects))
}

fn draw(query: &Query, sort: Sort, page: &RunPage, projects: &[ProjectRow]) -> Markup {
    let nothing = projects.is_empty() && page.runs.is_empty();
    Page {
        title: "Runs",
        tab: Tab::Runs,
        project: query.get("project"),
        live: false,
        body: html! {
            div.top { h1 { "Runs" } }
            @if nothing {
                (empty::no_runs())
            } @else {
                (filters::form(query, projects))
                @if page.runs.is_empty() {
                    (empty::no_match("/"))
                } @else {
                    (trend::strips(&page.runs))
                    (list::table(query, sort, page))
                }
            }
        },
    }
    .render()
}
