//! The page as a whole.

use axum::extract::{RawQuery, State};
use maud::{Markup, html};

use super::{choose, tables};
use crate::app::App;
use crate::pages::layout::{Page, Tab};
use crate::pages::query::Query;
use crate::pages::run::{named, short};
use crate::pages::{empty, figures, link, signs};
use crate::problem::{Kind, Problem};
use tracing_budget::summary::RunSummary;
use tracing_budget_history::compare::{Comparison, compare};
use tracing_budget_history::{Filter, Page as Part, RunRow, Sort, Store};

/// Runs that are offered to choose from.
const OFFERED: usize = 100;

/// What is asked for: two runs, or one or none and the rest to choose.
struct Found {
    comparison: Option<Comparison>,
    offered: Vec<RunRow>,
    project: Option<String>,
}

/// Answers `/compare`.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
) -> Result<Markup, Problem> {
    let query = Query::read(raw.as_deref());
    let asked = query.clone();
    let found = app.ask(move |store| look_up(store, &asked)).await?;
    Ok(draw(&query, &found))
}

fn look_up(store: &dyn Store, query: &Query) -> Result<Found, Problem> {
    let run = |name| query.get(name).map(|id| wanted(store, id)).transpose();
    let (a, b) = (run("a")?, run("b")?);
    let one = b.as_ref().or(a.as_ref());
    let project = one.map(|run| run.project.clone()).or_else(|| query.get("project").map(str::to_owned));
    let mut filter = Filter::new();
    filter.scope.project.clone_from(&project);
    // Who has one run wants another of the same pipeline.
    filter.scope.pipeline = one.map(|run| run.pipeline.clone());
    Ok(Found {
        comparison: a.as_ref().zip(b.as_ref()).map(|(a, b)| compare(a, b)),
        offered: store.list(&filter, Sort::default(), &Part::first(OFFERED))?.runs,
        project,
    })
}

fn wanted(store: &dyn Store, run_id: &str) -> Result<RunSummary, Problem> {
    store.get(run_id)?.ok_or_else(|| {
        Problem::new(Kind::NoSuchRun, format!("there is no run {run_id:?} in the history to compare"))
    })
}

fn draw(query: &Query, found: &Found) -> Markup {
    let title = match &found.comparison {
        Some(both) => format!("{} … {}", short(&both.a.run_id), short(&both.b.run_id)),
        None => "Compare".to_owned(),
    };
    Page {
        title: &title,
        tab: Tab::Compare,
        project: found.project.as_deref().filter(|project| !project.is_empty()),
        live: false,
        body: html! {
            div.top { h1 { "Compare" } }
            @if found.offered.is_empty() && found.comparison.is_none() {
                (empty::no_runs())
            } @else {
                (choose::form(query, &found.offered))
                @if let Some(both) = &found.comparison {
                    (heads(both))
                    (tables::all(both))
                } @else {
                    p.lead { "Choose two runs: what the second has more or less than the first is shown by stage, model and gate." }
                }
            }
        },
    }
    .render()
}

fn heads(both: &Comparison) -> Markup {
    html! {
        div.versus {
            @for (word, run) in [("Before", &both.a), ("After", &both.b)] {
                section.card aria-label=(word) {
                    div.body.head {
                        p.soft.small { (word) }
                        h2 { a href=(link::run(&run.run_id)) { (named(&run.pipeline)) } " " (signs::status(run.status)) }
                        p.facts { span { code { (run.run_id) } } span { "started " (figures::time(run.started_at)) } }
                        @if let Some(stage) = &run.failed_stage { p { "failed in stage " strong { (stage) } } }
                    }
                }
            }
        }
        @if both.a.pipeline != both.b.pipeline {
            p.lead { "These are runs of two pipelines; stages of one name may do different things." }
        }
        nav.actions aria-label="More about these runs" {
            a href=(link::compare(&both.b.run_id, &both.a.run_id)) { "The other way round" }
        }
    }
}
