//! What cost what: by stage, by model, by operation.

use maud::{Markup, html};

use super::stages::{depth, indent};
use crate::charts::meter;
use crate::pages::figures;
use tracing_budget::Usd;
use tracing_budget::present::numbers::{self, Money, UNKNOWN, count, counted, duration, share};
use tracing_budget::summary::{Figures, RunSummary, StageRow, Status};

pub(super) fn by_stage(run: &RunSummary) -> Markup {
    let budget = &run.budget_summary;
    let rows = &budget.per_agent;
    if rows.is_empty() {
        return html! {};
    }
    let digits = figures::digits(rows.iter().map(|(_, row)| &row.figures));
    html! {
        (section("by-stage", "Cost and tokens by stage", "Each stage has its own figures; what a stage inside it used is in that stage’s row.", html! {
            (headings("Stage", &[]))
            tbody {
                @for (name, row) in rows.iter() {
                    tr class=[(row.status == Status::NotRun).then_some("off")] {
                        th class=(indent(depth(run, row))) scope="row" { (name) (limits(row)) }
                        (cells(&row.figures, digits, row.share_of_cost))
                    }
                }
            }
            tfoot { tr { th scope="row" { "total" } (cells(&budget.total, digits, None)) } }
        }))
    }
}

pub(super) fn by_model(run: &RunSummary) -> Markup {
    let budget = &run.budget_summary;
    if budget.per_model.is_empty() {
        return html! {};
    }
    let digits = figures::digits(budget.per_model.iter().map(|(_, row)| &row.figures));
    html! {
        (section("by-model", "Cost and tokens by model", "", html! {
            (headings("Model", &["Time", "Priced by"]))
            tbody {
                @for (name, row) in budget.per_model.iter() {
                    tr {
                        th scope="row" { (name) }
                        (cells(&row.figures, digits, part(row.figures.cost_usd, budget.total.cost_usd)))
                        td.n { (duration(row.duration_seconds)) }
                        td.small {
                            @if row.price_sources.is_empty() && row.figures.unpriced_calls > 0 { "no price known" }
                            @else if row.price_sources.is_empty() { (UNKNOWN) }
                            @else { (row.price_sources.join(", ")) }
                        }
                    }
                }
            }
        }))
    }
}

pub(super) fn by_operation(run: &RunSummary) -> Markup {
    let budget = &run.budget_summary;
    if budget.by_operation.is_empty() {
        return html! {};
    }
    let digits = figures::digits(budget.by_operation.iter().map(|(_, row)| &row.figures));
    html! {
        (section("by-operation", "By operation", "What the calls were for.", html! {
            thead {
                tr {
                    th scope="col" { "Operation" }
                    th.n scope="col" { "Done" }
                    th.n scope="col" { "Model calls" }
                    th.n scope="col" { "Tokens" }
                    th.n scope="col" { "Cost" }
                    th.n scope="col" { "Time" }
                }
            }
            tbody {
                @for (name, row) in budget.by_operation.iter() {
                    tr {
                        th scope="row" { (name) }
                        td.n { (count(row.calls)) }
                        td.n { (count(row.figures.llm_calls)) }
                        td.n { (row.figures.all_tokens_cell()) }
                        td.n { (row.figures.cost_cell(digits)) }
                        td.n { (duration(row.duration_seconds)) }
                    }
                }
            }
        }))
    }
}

/// What a stage may spend, with everything inside it, and what is left of that.
fn limits(row: &StageRow) -> Markup {
    let Some(limits) = &row.limits else { return html! {} };
    let usd = limits.usd.map(|limit| {
        (numbers::limit(limit), limits.usd_remaining.map(|left| figures::money(left.max(Usd::ZERO))))
    });
    let tokens = limits.tokens.map(|limit| {
        let left = limits.tokens_remaining.map(|left| u64::try_from(left).unwrap_or(0));
        (counted(limit, "token"), left.map(count))
    });
    html! {
        @for (limit, left) in usd.into_iter().chain(tokens) {
            span.limit.small.soft { "limit " (limit) @if let Some(left) = left { ", " (left) " left" } }
        }
        @if limits.exhausted { span.limit.small.worse { "limit reached" } }
    }
}

fn section(id: &str, title: &str, note: &str, rows: Markup) -> Markup {
    html! {
        section.card aria-labelledby=(id) {
            header { h2 id=(id) { (title) } @if !note.is_empty() { p { (note) } } }
            div.body {
                div.scroll role="region" aria-labelledby=(id) tabindex="0" {
                    table { caption.hush { (title) } (rows) }
                }
            }
        }
    }
}

fn headings(first: &str, last: &[&str]) -> Markup {
    html! {
        thead {
            tr {
                th scope="col" { (first) }
                th.n scope="col" { "Cost" }
                th scope="col" { "Share" }
                th.n scope="col" { "Tokens" }
                th.n scope="col" { "Input" }
                th.n scope="col" { "Output" }
                th.n scope="col" { "Cached" }
                th.n scope="col" { "Model calls" }
                @for heading in last { th.n[*heading == "Time"] scope="col" { (heading) } }
            }
        }
    }
}

/// The figures of a row. Where nothing was called there is nothing to say of tokens and money.
fn cells(of: &Figures, digits: Money, part: Option<f64>) -> Markup {
    let silent = of.llm_calls == 0 && of.cost_usd == Some(Usd::ZERO) && of.tokens_used == Some(0);
    let [input, output, cached] = of.token_cells();
    html! {
        @if silent {
            td.n.soft { "none" } td {} td {} td {} td {} td {} td.n { "0" }
        } @else {
            td.n { (of.cost_cell(digits)) }
            td.nowrap { @if let Some(part) = part { (meter::share(part)) (share(part)) } }
            td.n { (of.all_tokens_cell()) }
            td.n { (input) }
            td.n { (output) }
            td.n { (cached) }
            td.n { (count(of.llm_calls)) }
        }
    }
}

fn part(cost: Option<Usd>, of: Option<Usd>) -> Option<f64> {
    let (cost, of) = cost.zip(of)?;
    (of > Usd::ZERO).then(|| cost.to_f64() / of.to_f64())
}
