//! Runs in flight, stage by stage, stale runs, and runs that have just ended.

use axum::extract::{RawQuery, State};
use maud::{Markup, html};

use super::format::{self, named, short};
use super::layout::{self, Page, Tab};
use super::query::Query;
use super::row_page::ROWS;
use super::run_tables::indent;
use super::runs::failure_link;
use super::zone::PageZone;
use super::{badges, link};
use crate::app::App;
use crate::charts::timeline::Scale;
use crate::problem::Problem;
use tracing_budget::present::numbers::{Money, count, counted, duration};
use tracing_budget::present::stages::{self, StageNode};
use tracing_budget::summary::{Figures, RunSummary, Status};
use tracing_budget_history::{Filter, Page as ListPage, RunRow, Sort, Store, StoreError};

/// Maximum number of runs in flight that are shown stage by stage; a link leads to all.
const MAX_CARDS: usize = 8;
/// Rows read from the store to find the runs in flight, and those that have just ended.
const ROWS_READ: usize = 100;
/// Maximum number of ended runs in the list.
const MAX_ENDED: usize = 10;

/// The data of the page.
struct LiveData {
    in_flight: Vec<(RunRow, Option<RunSummary>)>,
    stale: Vec<RunRow>,
    ended: Vec<RunRow>,
}

/// Answers `/now`.
pub(super) async fn show(
    State(app): State<App>,
    zone: PageZone,
    RawQuery(raw): RawQuery,
) -> Result<Markup, Problem> {
    let query = Query::read(raw.as_deref());
    let project = query.words_among(&["project", "tz"], &[])?.project;
    app.read(move |store| Ok::<_, Problem>(draw(&query, &zone, &load(store, project)?))).await
}

fn load(store: &dyn Store, project: Option<String>) -> Result<LiveData, StoreError> {
    let mut all = Filter::new();
    all.scope.project = project;
    let running =
        store.list(&all.clone().status(Status::Running), Sort::default(), &ListPage::first(ROWS_READ))?.runs;
    let (stale, in_flight): (Vec<RunRow>, Vec<RunRow>) = running.into_iter().partition(|run| run.stale);
    let mut ended = store.list(&all, Sort::default(), &ListPage::first(ROWS_READ))?.runs;
    ended.retain(|run| run.status != Status::Running);
    ended.sort_by_key(|run| std::cmp::Reverse(run.completed_at));
    ended.truncate(MAX_ENDED);
    let with_stages = |(n, row): (usize, RunRow)| {
        let run = if n < MAX_CARDS { store.get(&row.run_id)? } else { None };
        Ok((row, run))
    };
    let in_flight = in_flight.into_iter().enumerate().map(with_stages).collect::<Result<_, StoreError>>()?;
    Ok(LiveData { in_flight, stale, ended })
}

fn draw(query: &Query, zone: &PageZone, data: &LiveData) -> Markup {
    let count = data.in_flight.len() as u64;
    let title = if count > 0 { format!("({count}) Live") } else { "Live".to_owned() };
    let empty = data.in_flight.is_empty() && data.stale.is_empty() && data.ended.is_empty();
    Page {
        title: &title,
        tab: Tab::Live,
        project: query.get("project"),
        live: true,
        zone: Some(zone),
        body: html! {
            div.top { h1 { "Live" } }
            p.hush role="status" data-announce { (announcement(data)) }
            div data-live="on" {
                @if empty {
                    (layout::no_runs())
                } @else {
                    p.soft { (counted(count, "run")) " in flight" }
                    @if data.in_flight.is_empty() { (idle()) }
                    @for (row, run) in &data.in_flight {
                        @if let Some(run) = run { (card(zone, row, run)) }
                    }
                    @if data.in_flight.len() > MAX_CARDS {
                        p.lead { a href=(link::to("/", &[("project", query.get("project")), ("status", Some("running"))])) { "All " (counted(count, "run")) " in flight" } }
                    }
                    (stale(zone, &data.stale))
                    (ended(zone, &data.ended))
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
                p { "This page updates itself: a run appears here when it begins." }
            }
        }
    }
}

/// The announcement for screen readers: starts and ends of runs, and no figures, because each change interrupts.
fn announcement(data: &LiveData) -> String {
    let in_flight = counted(data.in_flight.len() as u64, "run");
    match data.ended.first() {
        Some(run) => {
            format!("{in_flight} in flight. The last that ended: {}, {}.", named(&run.pipeline), run.status)
        }
        None => format!("{in_flight} in flight."),
    }
}

/// A run in flight, stage by stage.
fn card(zone: &PageZone, row: &RunRow, run: &RunSummary) -> Markup {
    let of_row = format::of_row(row);
    let digits = format::digits([&of_row].into_iter());
    let scale = Scale::of(run);
    let nodes = stages::tree(run.stages());
    let heading = format!("run-{}", run.run_id);
    html! {
        section.card.flying aria-labelledby=(heading) data-run=(run.run_id) {
            header {
                h2 id=(heading) { a href=(link::run(&run.run_id)) { (named(&run.pipeline)) } }
                (badges::run_status(row.status, row.stale))
                p { "run " code { (short(&run.run_id)) } @if !row.project.is_empty() { " · " (row.project) } " · started " (zone.time(row.started_at)) }
            }
            div.body {
                dl.strip-of-figures {
                    div { dt { "Cost" } dd { (of_row.cost_cell(digits)) } }
                    div { dt { "Tokens" } dd { (of_row.all_tokens_cell()) } }
                    div { dt { "Calls" } dd { (count(row.llm_calls)) } }
                    div { dt { "Duration" } dd { (duration(row.duration_seconds)) } }
                }
                @if !run.budget_summary.per_agent.is_empty() {
                    div.scroll role="region" aria-label={ "Stages of " (named(&run.pipeline)) } tabindex="0" {
                        table.timeline {
                            caption.hush { "Stages of this run so far" }
                            thead {
                                tr {
                                    th scope="col" { "Stage" }
                                    th.lane scope="col" { span.hush { "Bar" } (scale.axis()) }
                                    th.n scope="col" { "Cost" }
                                    th scope="col" { "Status" }
                                }
                            }
                            tbody {
                                @for StageNode { name, depth, row: stage } in nodes.iter().take(ROWS) {
                                    tr class=[(stage.status == Status::Failed).then_some("failed")] {
                                        th class=(indent(*depth)) scope="row" { (name) }
                                        td.lane { (scale.bar(stage)) }
                                        td.n { (stage.figures.cost_cell(digits)) }
                                        td { (badges::status(stage.status)) }
                                    }
                                }
                                @if nodes.len() > ROWS {
                                    @let others: Figures = sum(&nodes[ROWS..]);
                                    tr {
                                        th scope="row" { (count((nodes.len() - ROWS) as u64)) " others" }
                                        td.lane {}
                                        td.n { (others.cost_cell(digits)) }
                                        td {}
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn sum(nodes: &[StageNode<'_>]) -> Figures {
    nodes.iter().map(|node| &node.row.figures).sum()
}

/// Running runs with an overdue heartbeat.
fn stale(zone: &PageZone, runs: &[RunRow]) -> Markup {
    html! {
        @if !runs.is_empty() {
            section.card aria-labelledby="stale" {
                header { h2 #stale { "Stale" } p { "The heartbeat of these runs is overdue: their processes have died or hang." } }
                div.body { (table(zone, "Stale runs", runs)) }
            }
        }
    }
}

fn ended(zone: &PageZone, runs: &[RunRow]) -> Markup {
    html! {
        @if !runs.is_empty() {
            section.card aria-labelledby="ended" {
                header { h2 #ended { "Just ended" } }
                div.body { (table(zone, "Runs that have just ended", runs)) }
            }
        }
    }
}

fn table(zone: &PageZone, caption: &str, runs: &[RunRow]) -> Markup {
    let digits = Money::for_amounts(runs.iter().filter_map(|run| run.cost_usd));
    html! {
        div.scroll role="region" aria-label=(caption) tabindex="0" {
            table {
                caption.hush { (caption) }
                thead {
                    tr {
                        th scope="col" { "Run" }
                        th scope="col" { "Status" }
                        th scope="col" { "Ended" }
                        th.n scope="col" { "Duration" }
                        th.n scope="col" { "Cost" }
                        th scope="col" { "Error" }
                    }
                }
                tbody {
                    @for run in runs {
                        @let of_row = format::of_row(run);
                        tr class=[(run.status == Status::Failed).then_some("failed")] {
                            th scope="row" {
                                a href=(link::run(&run.run_id)) { (named(&run.pipeline)) }
                                " " span.soft.small.nowrap { code { (short(&run.run_id)) } }
                            }
                            td { (badges::run_status(run.status, run.stale)) }
                            td { @if let Some(at) = run.completed_at { (zone.time(at)) } @else { "—" } }
                            td.n { (duration(run.duration_seconds)) }
                            td.n { (of_row.cost_cell(digits)) }
                            td.why-cell { (failure_link(run)) }
                        }
                    }
                }
            }
        }
    }
}
