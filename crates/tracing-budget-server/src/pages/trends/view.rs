//! The page as a whole.

use axum::extract::{RawQuery, State};
use maud::{Markup, html};

use super::asked::{Answers, Asked, DAYS};
use super::sections;
use crate::app::App;
use crate::pages::layout::{Page, Tab};
use crate::pages::query::Query;
use crate::pages::{empty, fields};
use crate::problem::Problem;
use tracing_budget_history::series::{By, Series};

/// Answers `/trends`.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
) -> Result<Markup, Problem> {
    let query = Query::read(raw.as_deref());
    let asked = Asked::read(&query, app.now())?;
    let answers = {
        let asked = asked.clone();
        app.ask(move |store| Answers::of(store, &asked)).await?
    };
    Ok(draw(&query, &asked, &answers))
}

fn draw(query: &Query, asked: &Asked, answers: &Answers) -> Markup {
    Page {
        title: "Trends",
        tab: Tab::Trends,
        project: query.get("project"),
        live: false,
        body: html! {
            div.top { h1 { "Trends" } }
            @if answers.projects.is_empty() {
                (empty::no_runs())
            } @else {
                (form(query, asked, answers))
                @if none(&answers.runs) {
                    (empty::no_match("/trends"))
                } @else {
                    p.soft.small.lead { "Runs that have ended, on the day (UTC) on which they started." }
                    (sections::tiles(answers))
                    (sections::cost(&answers.cost))
                    div.pair {
                        (sections::success(answers))
                        (sections::durations(answers))
                        (sections::gates(answers))
                        (sections::unpriced(answers))
                    }
                }
            }
        },
    }
    .render()
}

fn none(runs: &Series) -> bool {
    runs.lines.iter().flat_map(|line| &line.values).flatten().all(|runs| runs.to_f64() == 0.0)
}

fn form(query: &Query, asked: &Asked, answers: &Answers) -> Markup {
    html! {
        form.filters method="get" action="/trends" role="search" aria-label="What to look at" {
            div.fields {
                (fields::project(query, &answers.projects))
                (fields::pipeline(query, &answers.projects))
                div {
                    label for="days" { "Time" }
                    select #days name="days" {
                        @for (days, _) in DAYS { option value=(days) selected[days == asked.days] { "last " (days) " days" } }
                    }
                }
                div {
                    label for="by" { "Cost by" }
                    select #by name="by" {
                        @for (by, word) in [(By::Stage, "stage"), (By::Model, "model")] {
                            option value=(word) selected[by == asked.by] { (word) }
                        }
                    }
                }
                div { button type="submit" { "Show" } }
            }
        }
    }
}
