//! The table of runs.

use maud::{Markup, html};

use crate::pages::query::Query;
use crate::pages::run::{named, short};
use crate::pages::{figures, link, signs, why};
use tracing_budget::Usd;
use tracing_budget::present::numbers::{Money, count, counted, duration};
use tracing_budget::summary::Status;
use tracing_budget_history::{Order, RunPage, RunRow, Sort, SortBy};

pub(super) fn table(query: &Query, sort: Sort, page: &RunPage) -> Markup {
    let digits = Money::for_amounts(page.runs.iter().filter_map(|run| run.cost_usd));
    html! {
        section.card aria-labelledby="runs" {
            div.body {
                table.cards role="table" {
                    caption #runs { (caption(sort, page)) }
                    thead role="rowgroup" {
                        tr role="row" {
                            th scope="col" role="columnheader" { "Run" }
                            th scope="col" role="columnheader" { "Status" }
                            (sortable(query, sort, SortBy::Started, "Started", false))
                            (sortable(query, sort, SortBy::Duration, "Duration", true))
                            th.n scope="col" role="columnheader" { "Stages" }
                            th.n scope="col" role="columnheader" { "Calls" }
                            (sortable(query, sort, SortBy::Tokens, "Tokens", true))
                            (sortable(query, sort, SortBy::Cost, "Cost", true))
                            th scope="col" role="columnheader" { "Gates" }
                            th scope="col" role="columnheader" { "Error" }
                        }
                    }
                    tbody role="rowgroup" { @for run in &page.runs { (line(query, run, digits)) } }
                }
                (paging(query, page))
            }
        }
    }
}

fn caption(sort: Sort, page: &RunPage) -> String {
    let order = match (sort.by, sort.order) {
        (SortBy::Started, Order::Desc) => "newest first",
        (SortBy::Started, Order::Asc) => "oldest first",
        (SortBy::Cost, Order::Desc) => "dearest first",
        (SortBy::Cost, Order::Asc) => "cheapest first",
        (SortBy::Duration, Order::Desc) => "longest first",
        (SortBy::Duration, Order::Asc) => "shortest first",
        (SortBy::Tokens, Order::Desc) => "most tokens first",
        (SortBy::Tokens, Order::Asc) => "fewest tokens first",
    };
    let more = if page.next.is_some() { "; there are more" } else { "" };
    format!("{}, {order}{more}", counted(page.runs.len() as u64, "run"))
}

/// A heading that sorts; a second time, the other way round.
fn sortable(query: &Query, sort: Sort, by: SortBy, name: &str, number: bool) -> Markup {
    let sorted = sort.by == by;
    let order = if sorted && sort.order == Order::Desc { Order::Asc } else { Order::Desc };
    let next = Sort { by, order };
    let said = sorted.then_some(if sort.order == Order::Desc { "descending" } else { "ascending" });
    let href = query.with("/", &[("sort", Some(&next.to_string())), ("after", None)]);
    html! {
        th.n[number] scope="col" role="columnheader" aria-sort=[said] {
            a href=(href) {
                (name)
                span aria-hidden="true" { (match (sorted, sort.order) { (false, _) => " ↕", (_, Order::Desc) => " ↓", _ => " ↑" }) }
            }
        }
    }
}

fn line(query: &Query, run: &RunRow, digits: Money) -> Markup {
    let figures = figures::of_row(run);
    let failed = run.status == Status::Failed;
    html! {
        tr role="row" class=[failed.then_some("failed")] {
            th.wide scope="row" role="rowheader" {
                a href=(link::run(&run.run_id)) { (named(&run.pipeline)) }
                " " span.soft.small.nowrap { code { "…" (short(&run.run_id)) } }
                @if query.get("project").is_none() && !run.project.is_empty() { " " span.soft.small { (run.project) } }
            }
            td.wide role="cell" { (signs::run_status(run.status, run.stale)) }
            td.wide role="cell" data-label="Started" { (figures::time(run.started_at)) }
            td.n role="cell" data-label="Duration" { (duration(run.duration_seconds)) }
            td.n role="cell" data-label="Stages" { (count(run.stages)) }
            td.n role="cell" data-label="Calls" { (count(run.llm_calls)) }
            td.n role="cell" data-label="Tokens" { (figures.all_tokens_cell()) }
            td.n role="cell" data-label="Cost" { strong { (figures.cost_cell(digits)) } }
            td role="cell" data-label="Gates" class=[(run.gates_total == 0).then_some("blank")] { (gates(run)) }
            td.wide.why-cell role="cell" class=[(run.error_summary.is_none() && !failed).then_some("blank")] { (why::link(run)) }
        }
    }
}

fn gates(run: &RunRow) -> Markup {
    html! {
        @if run.gates_total == 0 {
            span.soft { "none" }
        } @else {
            span.nowrap { (count(run.gates_passed)) " of " (count(run.gates_total)) }
            @if run.gates_failed > 0 { " " strong.worse.nowrap { (count(run.gates_failed)) " failed" } }
        }
    }
}

fn paging(query: &Query, page: &RunPage) -> Markup {
    html! {
        @if page.next.is_some() || query.get("after").is_some() {
            nav.paging aria-label="Parts of the list" {
                @if query.get("after").is_some() { a href=(query.with("/", &[("after", None)])) { "First page" } }
                @if let Some(next) = &page.next {
                    a href=(query.with("/", &[("after", Some(next.as_str()))])) rel="next" { "Next page" }
                }
            }
        }
    }
}

/// The known cost of these runs together.
pub(super) fn together(runs: &[RunRow]) -> Option<Usd> {
    let known: Vec<Usd> = runs.iter().filter_map(|run| run.cost_usd).collect();
    (!known.is_empty()).then(|| known.into_iter().sum())
}
