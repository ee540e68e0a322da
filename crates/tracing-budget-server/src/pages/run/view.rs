//! The page as a whole.

use axum::extract::{Path, State};
use maud::{Markup, html};

use super::{failure, gates, head, money, stages};
use crate::app::App;
use crate::pages::layout::{Page, Tab};
use crate::pages::link;
use crate::problem::{Kind, Problem};
use tracing_budget::summary::{RunSummary, Status};
use tracing_budget_history::{Filter, Page as Part, RunRow, Sort, Store, StoreError};

/// What the history knows of a run beyond its document.
#[derive(Default)]
pub(super) struct Around {
    /// It says that it runs, and has not been heard of for longer than it promised.
    pub(super) stale: bool,
    /// The run of the same pipeline before it.
    pub(super) previous: Option<RunRow>,
}

impl Around {
    pub(super) fn is_live(&self, run: &RunSummary) -> bool {
        run.status == Status::Running && !self.stale
    }
}

/// Answers `/runs/{run_id}`.
pub(in crate::pages) async fn show(
    State(app): State<App>,
    Path(run_id): Path<String>,
) -> Result<Markup, Problem> {
    let wanted = run_id.clone();
    let found = app.ask(move |store| look_up(store, &wanted)).await?;
    let (run, around) = found.ok_or_else(|| {
        Problem::new(
            Kind::NoSuchRun,
            format!("there is no run {run_id:?} in the history; it may have been pruned"),
        )
    })?;
    Ok(page(&run, &around))
}

fn look_up(store: &dyn Store, run_id: &str) -> Result<Option<(RunSummary, Around)>, StoreError> {
    let Some(run) = store.get(run_id)? else { return Ok(None) };
    let stale = store.row(run_id)?.is_some_and(|row| row.stale);
    let before = Filter::new().project(&run.project).pipeline(&run.pipeline).until(run.started_at);
    let previous = store.list(&before, Sort::default(), &Part::first(1))?.runs.pop();
    Ok(Some((run, Around { stale, previous })))
}

fn page(run: &RunSummary, around: &Around) -> Markup {
    let live = around.is_live(run);
    let title = format!("{}{} {}", sign(run, around), named(&run.pipeline), short(&run.run_id));
    Page {
        title: &title,
        tab: Tab::Runs,
        project: Some(run.project.as_str()).filter(|project| !project.is_empty()),
        live,
        body: html! {
            // Outside of what is replaced, so that a reader of the screen hears the words and not the whole page again.
            p.hush role="status" data-say { (said(run)) }
            div data-live=(if live { "on" } else { "over" }) {
                (head::head(run, around))
                (failure::why(run, around))
                (head::tiles(run, around))
                (stages::timeline(run))
                (money::by_stage(run))
                (money::by_model(run))
                (gates::gates(run))
                (money::by_operation(run))
                (notes(run))
                (more(run, around))
            }
        },
    }
    .render()
}

/// What a reader of the screen is told as a run goes on; seldom something new, as it interrupts.
fn said(run: &RunSummary) -> String {
    let current = run.budget_summary.per_agent.iter().find(|(_, row)| row.status == Status::Running);
    match current {
        Some((stage, _)) if run.status == Status::Running => {
            format!("{} is running: {stage}", named(&run.pipeline))
        }
        _ => format!("{}: {}", named(&run.pipeline), run.status),
    }
}

/// What a tab among many shows of the run.
fn sign(run: &RunSummary, around: &Around) -> &'static str {
    match run.status {
        Status::Failed => "✗ ",
        Status::Completed => "✓ ",
        Status::Running if !around.stale => "● ",
        _ => "! ",
    }
}

fn notes(run: &RunSummary) -> Markup {
    html! {
        @if !run.warnings.is_empty() {
            section.card aria-labelledby="warnings" {
                header { h2 #warnings { "Warnings" } p { "What to know about the figures above." } }
                div.body { ul.notes { @for warning in &run.warnings { li { (warning) } } } }
            }
        }
    }
}

fn more(run: &RunSummary, around: &Around) -> Markup {
    html! {
        nav.actions aria-label="More about this run" {
            @if let Some(previous) = &around.previous {
                a href=(link::compare(&previous.run_id, &run.run_id)) { "Compare with the previous run" }
            }
            a href=(link::to("/compare", &[("b", Some(&run.run_id))])) { "Compare with another run" }
            a href=(link::document(&run.project, &run.run_id)) { "Raw JSON" }
        }
    }
}

pub(in crate::pages) fn named(pipeline: &str) -> &str {
    if pipeline.trim().is_empty() { "(unnamed)" } else { pipeline }
}

/// The end of an id: a UUIDv7 begins with its time, so runs of one day begin alike.
pub(in crate::pages) fn short(run_id: &str) -> &str {
    match run_id.char_indices().rev().nth(7) {
        Some((at, _)) => &run_id[at..],
        None => run_id,
    }
}
