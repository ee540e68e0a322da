//! The list of runs: filtered and sorted by the URL, with a chart of each run's cost and duration above.

use axum::extract::{RawQuery, State};
use maud::{Markup, html};

use super::form::{self, choice, field};
use super::format::{self, money, named, short};
use super::layout::{self, Page, Tab};
use super::query::Query;
use super::zone::PageZone;
use super::{badges, link};
use crate::app::App;
use crate::charts::strip::{self, Bar};
use crate::problem::Problem;
use tracing_budget::Usd;
use tracing_budget::present::numbers::{Money, UNKNOWN, count, counted, duration};
use tracing_budget::summary::Status;
use tracing_budget_history::grammar::STATUSES;
use tracing_budget_history::stats::ProjectRow;
use tracing_budget_history::{Order, RunPage, RunRow, Sort, SortBy, StoreError};

/// Runs per page.
const PAGE_SIZE: usize = 50;

/// Answers `/`.
pub(super) async fn show(
    State(app): State<App>,
    zone: PageZone,
    RawQuery(raw): RawQuery,
) -> Result<Markup, Problem> {
    let query = Query::read(raw.as_deref());
    let words = query.words(&[])?;
    let (filter, sort) = (words.filter(app.now(), zone.zone()), words.sort.unwrap_or_default());
    let page = words.page(PAGE_SIZE, PAGE_SIZE)?;
    let answer = app.read(move |store| {
        let runs = store.list(&filter, sort, &page)?;
        Ok::<_, StoreError>(draw(&query, &zone, sort, &runs, &store.projects()?))
    });
    answer.await
}

fn draw(query: &Query, zone: &PageZone, sort: Sort, page: &RunPage, projects: &[ProjectRow]) -> Markup {
    let empty = projects.is_empty() && page.runs.is_empty();
    Page {
        title: "Runs",
        tab: Tab::Runs,
        project: query.get("project"),
        live: false,
        zone: Some(zone),
        body: html! {
            div.top { h1 { "Runs" } }
            @if empty {
                (layout::no_runs())
            } @else {
                (filter_form(query, zone, projects))
                @if page.runs.is_empty() {
                    (layout::no_match("/"))
                } @else {
                    (strips(zone, &page.runs))
                    (table(query, zone, sort, page))
                }
            }
        },
    }
    .render()
}

/// Fields behind "More filters", which is open if one of them is set.
const MORE_FILTERS: [&str; 6] = ["stage", "model", "gate", "verdict", "min_cost_usd", "tag"];

const VERDICTS: [&str; 5] = ["pass", "fail", "warn", "skipped", "error"];

/// The form that filters the list. It only builds a URL.
fn filter_form(query: &Query, zone: &PageZone, projects: &[ProjectRow]) -> Markup {
    html! {
        form.filters method="get" action="/" role="search" aria-label="Filter the runs" {
            div.fields {
                (form::project(query, projects))
                (form::pipeline(query, projects))
                (field(query, "since", "Started on or after", date_or_text(query, "since"), ""))
                (field(query, "until", "Started on or before", date_or_text(query, "until"), ""))
                // Always set: a day in a shared URL must name the same runs for every reader.
                div { label for="tz" { "Time zone" } input type="text" id="tz" name="tz" value=(zone.name()); }
            }
            fieldset {
                legend { "Status" }
                div.checks {
                    @for &status in STATUSES {
                        label {
                            input type="checkbox" name="status" value=(status) checked[query.has("status", status.as_str())];
                            (status)
                        }
                    }
                }
            }
            div.foot-row {
            details #more-filters open[MORE_FILTERS.iter().any(|name| query.get(name).is_some())] {
                summary { "More filters" }
                div.fields {
                    (field(query, "stage", "Ran the stage", "text", ""))
                    (field(query, "model", "Called the model", "text", "gpt-5"))
                    (field(query, "gate", "Has the gate", "text", ""))
                    (choice(query, "verdict", "Has the verdict", VERDICTS.into_iter()))
                    (field(query, "min_cost_usd", "Cost at least, USD", "text", "0.50"))
                    (field(query, "tag", "Has the tag", "text", "branch=main"))
                }
            }
            @if let Some(sort) = query.get("sort") { input type="hidden" name="sort" value=(sort); }
            div.go {
                button type="submit" { "Filter" }
                @if query.narrows() { a href="/" { "Clear" } }
            }
            }
        }
    }
}

/// The type of a field for a day. A date field would show nothing for other forms that the grammar has, such as `7d`.
fn date_or_text(query: &Query, name: &str) -> &'static str {
    let is_date =
        |text: &str| text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if query.get(name).is_none_or(is_date) { "date" } else { "text" }
}

/// The cost and the duration of the page's runs in the order of time; each bar links to its run.
fn strips(zone: &PageZone, runs: &[RunRow]) -> Markup {
    let mut ordered: Vec<&RunRow> = runs.iter().collect();
    ordered.sort_by_key(|run| run.started_at);
    let cost = |run: &RunRow| run.cost_usd.map(Usd::to_f64);
    let costs = bars(zone, &ordered, cost, |run| run.cost_usd.map_or_else(|| UNKNOWN.to_owned(), money));
    let durations =
        bars(zone, &ordered, |run| Some(run.duration_seconds), |run| duration(run.duration_seconds));
    let most_expensive = runs.iter().filter_map(|run| run.cost_usd).max();
    let longest = runs.iter().map(|run| run.duration_seconds).fold(0.0, f64::max);
    html! {
        div.pair {
            (figure(zone, "cost-strip", "Cost of each run", &match (known_cost(runs), most_expensive) {
                (Some(all), Some(most)) => format!("{} together, at most {}", money(all), money(most)),
                _ => "no cost is known".to_owned(),
            }, strip::draw(&costs), &ordered))
            (figure(zone, "duration-strip", "Duration of each run", &format!("at most {}", duration(longest)), strip::draw(&durations), &ordered))
        }
    }
}

fn bars(
    zone: &PageZone,
    runs: &[&RunRow],
    value: impl Fn(&RunRow) -> Option<f64>,
    text: impl Fn(&RunRow) -> String,
) -> Vec<Bar> {
    let most = runs.iter().filter_map(|run| value(run)).fold(0.0, f64::max);
    runs.iter()
        .map(|run| Bar {
            href: link::run(&run.run_id),
            title: format!(
                "{} · {} · {} · {}",
                text(run),
                named(&run.pipeline),
                if run.stale { "stale" } else { run.status.as_str() },
                zone.seconds(run.started_at)
            ),
            part: value(run).map(|value| if most > 0.0 { value / most } else { 0.0 }),
            status: run.status,
            stale: run.stale,
        })
        .collect()
}

fn figure(zone: &PageZone, id: &str, title: &str, note: &str, chart: Markup, runs: &[&RunRow]) -> Markup {
    html! {
        figure.card aria-labelledby=(id) {
            div.body {
                figcaption { h2 id=(id) { (title) } span.soft.small { (note) } }
                (chart)
                @if let (Some(first), Some(last)) = (runs.first(), runs.last()) {
                    p.ends.soft.small { span { (zone.day(first.started_at)) } span { "✗ failed" } span { (zone.day(last.started_at)) } }
                }
            }
        }
    }
}

fn table(query: &Query, zone: &PageZone, sort: Sort, page: &RunPage) -> Markup {
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
                    tbody role="rowgroup" { @for run in &page.runs { (row(query, zone, run, digits)) } }
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
        (SortBy::Cost, Order::Desc) => "most expensive first",
        (SortBy::Cost, Order::Asc) => "cheapest first",
        (SortBy::Duration, Order::Desc) => "longest first",
        (SortBy::Duration, Order::Asc) => "shortest first",
        (SortBy::Tokens, Order::Desc) => "most tokens first",
        (SortBy::Tokens, Order::Asc) => "fewest tokens first",
    };
    let more = if page.next.is_some() { "; there are more" } else { "" };
    format!("{}, {order}{more}", counted(page.runs.len() as u64, "run"))
}

/// A heading that sorts by its column; on the sorted column it reverses the order.
fn sortable(query: &Query, sort: Sort, by: SortBy, name: &str, number: bool) -> Markup {
    let sorted = sort.by == by;
    let order = if sorted && sort.order == Order::Desc { Order::Asc } else { Order::Desc };
    let next = Sort { by, order };
    let direction = sorted.then_some(if sort.order == Order::Desc { "descending" } else { "ascending" });
    let href = query.with("/", &[("sort", Some(&next.to_string())), ("cursor", None)]);
    html! {
        th.n[number] scope="col" role="columnheader" aria-sort=[direction] {
            a href=(href) {
                (name)
                span aria-hidden="true" { (match (sorted, sort.order) { (false, _) => " ↕", (_, Order::Desc) => " ↓", _ => " ↑" }) }
            }
        }
    }
}

fn row(query: &Query, zone: &PageZone, run: &RunRow, digits: Money) -> Markup {
    let figures = format::of_row(run);
    let failed = run.status == Status::Failed;
    html! {
        tr role="row" class=[failed.then_some("failed")] {
            th.wide scope="row" role="rowheader" {
                a href=(link::run(&run.run_id)) { (named(&run.pipeline)) }
                " " span.soft.small.nowrap { code { (short(&run.run_id)) } }
                @if query.get("project").is_none() && !run.project.is_empty() { " " span.soft.small { (run.project) } }
            }
            td.wide role="cell" { (badges::run_status(run.status, run.stale)) }
            td.wide role="cell" data-label="Started" { (zone.time(run.started_at)) }
            td.n role="cell" data-label="Duration" { (duration(run.duration_seconds)) }
            td.n role="cell" data-label="Stages" { (count(run.stages)) }
            td.n role="cell" data-label="Calls" { (count(run.llm_calls)) }
            td.n role="cell" data-label="Tokens" { (figures.all_tokens_cell()) }
            td.n role="cell" data-label="Cost" { strong { (figures.cost_cell(digits)) } }
            td role="cell" data-label="Gates" class=[(run.gates_total == 0).then_some("blank")] { (gates(run)) }
            td.wide.why-cell role="cell" class=[(run.error_summary.is_none() && !failed).then_some("blank")] { (failure_link(run)) }
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
        @if page.next.is_some() || query.get("cursor").is_some() {
            nav.paging aria-label="Parts of the list" {
                @if query.get("cursor").is_some() { a href=(query.with("/", &[("cursor", None)])) { "First page" } }
                @if let Some(next) = &page.next {
                    a href=(query.with("/", &[("cursor", Some(next.as_str()))])) rel="next" { "Next page" }
                }
            }
        }
    }
}

/// The sum of the known costs.
fn known_cost(runs: &[RunRow]) -> Option<Usd> {
    let known: Vec<Usd> = runs.iter().filter_map(|run| run.cost_usd).collect();
    (!known.is_empty()).then(|| known.into_iter().sum())
}

/// The reason of a failure as a link to its section; nothing for a run without one.
pub(super) fn failure_link(run: &RunRow) -> Markup {
    let text = match (&run.failed_stage, &run.error_summary) {
        (Some(stage), Some(error)) => format!("{stage}: {error}"),
        (Some(stage), None) => format!("{stage} failed"),
        (None, Some(error)) => error.clone(),
        (None, None) if run.status == Status::Failed => "why".to_owned(),
        (None, None) => return html! {},
    };
    html! { a.clamp href={ (link::run(&run.run_id)) "#failure" } { (text) } }
}
