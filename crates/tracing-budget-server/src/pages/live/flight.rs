//! Runs in flight, lost, and landed.

use maud::{Markup, html};

use crate::charts::timeline::Scale;
use crate::pages::run::{named, short};
use crate::pages::{figures, link, signs, why};
use tracing_budget::present::numbers::{Money, count, duration};
use tracing_budget::summary::{RunSummary, Status};
use tracing_budget_history::RunRow;

/// A run in flight, stage by stage.
pub(super) fn card(row: &RunRow, run: &RunSummary) -> Markup {
    let of_row = figures::of_row(row);
    let digits = figures::digits([&of_row].into_iter());
    let scale = Scale::of(run);
    let heading = format!("run-{}", run.run_id);
    html! {
        section.card.flying aria-labelledby=(heading) data-run=(run.run_id) {
            header {
                h2 id=(heading) { a href=(link::run(&run.run_id)) { (named(&run.pipeline)) } }
                (signs::run_status(row.status, row.stale))
                p { "run " code { "…" (short(&run.run_id)) } @if !row.project.is_empty() { " · " (row.project) } " · started " (figures::time(row.started_at)) }
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
                                @for (name, stage) in run.budget_summary.per_agent.iter() {
                                    tr class=[(stage.status == Status::Failed).then_some("failed")] {
                                        th scope="row" { (name) }
                                        td.lane { (scale.bar(stage)) }
                                        td.n { (stage.figures.cost_cell(digits)) }
                                        td { (signs::status(stage.status)) }
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

/// Runs that say that they run, and are not heard of.
pub(super) fn stale(runs: &[RunRow]) -> Markup {
    html! {
        @if !runs.is_empty() {
            section.card aria-labelledby="stale" {
                header { h2 #stale { "Stale" } p { "They say that they run, and nobody has heard of them for longer than they promised." } }
                div.body { (table("Stale runs", runs)) }
            }
        }
    }
}

pub(super) fn ended(runs: &[RunRow]) -> Markup {
    html! {
        @if !runs.is_empty() {
            section.card aria-labelledby="ended" {
                header { h2 #ended { "Just ended" } }
                div.body { (table("Runs that have just ended", runs)) }
            }
        }
    }
}

fn table(caption: &str, runs: &[RunRow]) -> Markup {
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
                        @let of_row = figures::of_row(run);
                        tr class=[(run.status == Status::Failed).then_some("failed")] {
                            th scope="row" {
                                a href=(link::run(&run.run_id)) { (named(&run.pipeline)) }
                                " " span.soft.small.nowrap { code { "…" (short(&run.run_id)) } }
                            }
                            td { (signs::run_status(run.status, run.stale)) }
                            td { @if let Some(at) = run.completed_at { (figures::time(at)) } @else { "—" } }
                            td.n { (duration(run.duration_seconds)) }
                            td.n { (of_row.cost_cell(digits)) }
                            td.why-cell { (why::link(run)) }
                        }
                    }
                }
            }
        }
    }
}
