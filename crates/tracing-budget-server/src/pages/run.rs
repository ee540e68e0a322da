//! One run: outcome and reason first, then figures, timeline, tables and gates.

use axum::extract::{Path, RawQuery, State};
use maud::{Markup, html};

use super::format::{named, short};
use super::layout::{Page, Tab};
use super::query::Query;
use super::row_page::{Anchors, ROWS, RowPage};
use super::zone::PageZone;
use super::{badges, link, run_calls, run_header, run_tables};
use crate::app::App;
use crate::find_run::find_run;
use crate::problem::Problem;
use crate::segment;
use tracing_budget::present::{numbers, stages, status};
use tracing_budget::summary::{GateVerdict, RunSummary, Status};
use tracing_budget_history::{Filter, Page as ListPage, RunRow, Sort, Store};

/// Data of a run's page beside the run's document.
struct RunContext {
    /// The status is `running`, and the heartbeat is overdue.
    stale: bool,
    /// The previous run of the same pipeline.
    previous: Option<RunRow>,
}

impl RunContext {
    fn is_live(&self, run: &RunSummary) -> bool {
        run.status == Status::Running && !self.stale
    }
}

/// Answers `/runs/{run_id}`.
pub(super) async fn show(
    State(app): State<App>,
    zone: PageZone,
    Path(run_id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Markup, Problem> {
    let rows = RowPage::read(link::run(segment::run(&run_id)), &Query::read(raw.as_deref()))?;
    let answer = app.read(move |store| {
        let (run, context) = load(store, segment::run(&run_id))?;
        Ok::<_, Problem>(page(&run, &zone, &context, &rows))
    });
    answer.await
}

fn load(store: &dyn Store, run_id: &str) -> Result<(RunSummary, RunContext), Problem> {
    let run = find_run(store, run_id)?;
    let stale = store.row(&run.run_id)?.is_some_and(|row| row.stale);
    let before = Filter::new().project(&run.project).pipeline(&run.pipeline).until(run.started_at);
    let previous = store.list(&before, Sort::default(), &ListPage::first(1))?.runs.pop();
    Ok((run, RunContext { stale, previous }))
}

fn page(run: &RunSummary, zone: &PageZone, context: &RunContext, rows: &RowPage) -> Markup {
    let nodes = stages::tree(&run.budget_summary.per_agent);
    let anchors = Anchors::of(run, rows.of(&nodes).shown);
    let live = context.is_live(run);
    let title = format!("{} {} {}", title_sign(run, context), named(&run.pipeline), short(&run.run_id));
    Page {
        title: &title,
        tab: Tab::Runs,
        project: Some(run.project.as_str()).filter(|project| !project.is_empty()),
        live,
        zone: Some(zone),
        body: html! {
            // Outside of the replaced part: a screen reader then announces this text only, not the whole page.
            p.hush role="status" data-announce { (announcement(run)) }
            div data-live=(if live { "on" } else { "over" }) {
                (run_header::head(run, zone, context.stale))
                (reason_section(run, zone, context, &anchors))
                (run_header::tiles(run, context.previous.as_ref()))
                (run_tables::timeline(run, &nodes, &anchors, rows))
                (run_tables::by_stage(run, &nodes, rows))
                (run_tables::by_model(run, rows))
                (run_calls::dearest(run, zone, &anchors))
                (run_tables::gates(run, zone, &anchors, rows))
                (run_tables::by_agent(run, rows))
                (run_tables::by_operation(run, rows))
                (notes(run))
                (more(run, context))
            }
        },
    }
    .render()
}

/// The announcement for screen readers. It names the running stage and no figures: each change interrupts the reader.
fn announcement(run: &RunSummary) -> String {
    let current = run.budget_summary.per_agent.iter().find(|(_, row)| row.status == Status::Running);
    match current {
        Some((stage, _)) if run.status == Status::Running => {
            format!("{} is running: {stage}", named(&run.pipeline))
        }
        _ => format!("{}: {}", named(&run.pipeline), run.status),
    }
}

/// The status as the first character of the tab's title.
fn title_sign(run: &RunSummary, context: &RunContext) -> char {
    if context.stale { status::STALE_GLYPH } else { status::glyph(run.status) }
}

fn notes(run: &RunSummary) -> Markup {
    html! {
        @if !run.warnings.is_empty() {
            section.card aria-labelledby="warnings" {
                header { h2 #warnings { "Warnings" } p { "Notes on the figures above." } }
                div.body { ul.notes { @for warning in run.warnings.iter().take(ROWS) { li { (warning) } }
                    @if run.warnings.len() > ROWS { li { (numbers::count((run.warnings.len() - ROWS) as u64)) " others, in the raw JSON" } } } }
            }
        }
    }
}

fn more(run: &RunSummary, context: &RunContext) -> Markup {
    html! {
        nav.actions aria-label="More about this run" {
            @if let Some(previous) = &context.previous {
                a href=(link::compare(&previous.run_id, &run.run_id)) { "Compare with the previous run" }
            }
            a href=(link::to("/compare", &[("b", Some(&run.run_id))])) { "Compare with another run" }
            a href=(link::document(&run.project, &run.run_id)) { "Raw JSON" }
        }
    }
}

/// The reason of a failure, or the meaning of an unusual end: the first thing to read.
fn reason_section(run: &RunSummary, zone: &PageZone, context: &RunContext, anchors: &Anchors<'_>) -> Markup {
    match run.status {
        Status::Failed => failed(run, zone, anchors),
        Status::Running if context.stale => unusual_end(
            "Stale: the heartbeat of this run is overdue",
            "Its process has died or hangs. The figures below are the last that it stored.",
            run,
            anchors,
        ),
        Status::Interrupted => unusual_end(
            "Interrupted: the process died while this run was in flight",
            "The usage until then was recovered from the journal.",
            run,
            anchors,
        ),
        Status::Incomplete => unusual_end(
            "Incomplete: the run was closed while parts of it were still open",
            "Usage of those parts after that is not in the figures below.",
            run,
            anchors,
        ),
        Status::Cancelled => unusual_end("Cancelled: the run was stopped on purpose", "", run, anchors),
        _ => html! {},
    }
}

fn failed(run: &RunSummary, zone: &PageZone, anchors: &Anchors<'_>) -> Markup {
    let failed_gates: Vec<&GateVerdict> =
        run.budget_summary.gate_verdicts.iter().filter(|gate| run_tables::fails(gate)).collect();
    html! {
        section.why #failure aria-labelledby="failure-title" {
            h2 #failure-title {
                span.badge.bad { (badges::failed()) "failed" }
                @if let Some(stage) = &run.failed_stage {
                    span { "in stage " a href={ "#" (anchors.id(stage)) } { (stage) } }
                }
                @if let Some(after) = time_of_failure(run, zone) { span.small { "after " (after) } }
            }
            (error_quote(run))
            @if run.error_summary.is_none() && failed_gates.is_empty() {
                p { "No reason was recorded. An " code { "error" } " field on the failed span, or "
                    code { "#[instrument(err)]" } ", appears here." }
            }
            @if !failed_gates.is_empty() {
                ul {
                    @for gate in failed_gates.iter().take(ROWS) {
                        li {
                            "gate " a href={ "#gate-" (gate.seq) } { (gate.gate_name) } ": " strong { (gate.verdict) }
                            @if let Some(reason) = &gate.reason { ", " (reason) }
                        }
                    }
                }
            }
            p.small { a href=(other_failures(run)) { "Other failed runs of " (named(&run.pipeline)) } }
        }
    }
}

fn error_quote(run: &RunSummary) -> Markup {
    html! { @if let Some(error) = &run.error_summary { blockquote { (error) } } }
}

fn time_of_failure(run: &RunSummary, zone: &PageZone) -> Option<String> {
    let at = run.failed_at?;
    let seconds = at.unix_ms().saturating_sub(run.started_at.unix_ms()) as f64 / 1e3;
    (seconds >= 0.0).then(|| format!("{}, at {}", numbers::duration(seconds), zone.seconds(at)))
}

fn unusual_end(title: &str, meaning: &str, run: &RunSummary, anchors: &Anchors<'_>) -> Markup {
    html! {
        section.why.odd #failure aria-labelledby="failure-title" {
            h2 #failure-title { (title) }
            @if !meaning.is_empty() { p { (meaning) } }
            @if let Some(stage) = &run.failed_stage {
                p { "Stage " a href={ "#" (anchors.id(stage)) } { (stage) } " had failed." }
            }
            (error_quote(run))
        }
    }
}

/// The list of failed runs of the same pipeline.
fn other_failures(run: &RunSummary) -> String {
    link::to(
        "/",
        &[
            ("project", Some(&run.project)),
            ("pipeline", Some(&run.pipeline)),
            ("status", Some(Status::Failed.as_str())),
        ],
    )
}
