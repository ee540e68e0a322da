//! The timeline and the tables of a run's page: stages, models, operations, gates.

use maud::{Markup, html};

use super::row_page::{Anchors, RowPage};
use super::zone::PageZone;
use super::{badges, format};
use crate::charts;
use crate::charts::timeline::{self, Scale};
use tracing_budget::present::numbers::{self, Money, UNKNOWN, count, counted, measured, share};
use tracing_budget::present::stages::StageNode;
use tracing_budget::summary::{Figures, GateVerdict, RunSummary, StageRow, Status};
use tracing_budget::{Usd, Verdict};

/// The timeline of the stages.
pub(super) fn timeline(
    run: &RunSummary,
    nodes: &[StageNode<'_>],
    anchors: &Anchors<'_>,
    page: &RowPage,
) -> Markup {
    let rows = &run.budget_summary.per_agent;
    if rows.is_empty() {
        return html! {};
    }
    let listed = page.of(nodes);
    let scale = Scale::of(run);
    let several = rows.iter().any(|(_, row)| row.calls > 1);
    html! {
        section.card aria-labelledby="timeline" {
            header {
                h2 #timeline { "Timeline" }
                @if several {
                    p { "A hatched bar is several attempts of a stage. It begins with the first and is as long as all together." }
                }
            }
            div.body {
                (timeline::patterns())
                div.scroll role="region" aria-labelledby="timeline" tabindex="0" {
                    table.timeline {
                        caption.hush { "Start of each stage, counted from the start of the run, and its duration" }
                        thead {
                            tr {
                                th scope="col" { "Stage" }
                                th.lane scope="col" { span.hush { "Bar" } (scale.axis()) }
                                th.n scope="col" { "Start" }
                                th.n scope="col" { "Duration" }
                                th.n scope="col" { "Attempts" }
                                th.n scope="col" { "Errors" }
                                th scope="col" { "Status" }
                            }
                        }
                        tbody {
                            @for node in listed.shown { (timeline_row(anchors, &scale, node)) }
                            @if listed.left_out() > 0 { tr { th scope="row" { (listed.others_name()) } td.lane {} td colspan="5" {} } }
                        }
                    }
                }
                (page.links(&listed, "timeline"))
            }
        }
    }
}

fn timeline_row(anchors: &Anchors<'_>, scale: &Scale, node: &StageNode<'_>) -> Markup {
    let StageNode { name, depth, row } = *node;
    // The row `unattributed` has model calls and no attempts, so it has no start and no status.
    let unattributed = row.calls == 0 && row.status != Status::NotRun;
    let class = match row.status {
        Status::Failed => "failed",
        Status::NotRun => "off",
        _ => "",
    };
    html! {
        tr id=(anchors.id(name)) class=[Some(class).filter(|class| !class.is_empty())] {
            th class=(indent(depth)) scope="row" {
                (name)
                @if let Some(parent) = &row.parent { span.hush { " in " (parent) } }
            }
            td.lane { (scale.bar(row)) }
            td.n { (scale.start(row).unwrap_or_else(|| "—".to_owned())) }
            td.n { (measured(row.measured_seconds())) }
            td.n { (if unattributed { "—".to_owned() } else { count(row.calls) }) }
            td.n {
                (count(row.errors))
                @if row.error_events > 0 { span.hush { " and " (counted(row.error_events, "ERROR event")) } }
            }
            td { @if unattributed { "—" } @else { (badges::status(row.status)) } }
        }
    }
}

/// The class that indents a nested stage.
pub(super) fn indent(depth: usize) -> &'static str {
    match depth {
        0 => "in0",
        1 => "in1",
        2 => "in2",
        _ => "in3",
    }
}

/// Cost and tokens by stage.
pub(super) fn by_stage(run: &RunSummary, nodes: &[StageNode<'_>], page: &RowPage) -> Markup {
    let budget = &run.budget_summary;
    let rows = &budget.per_agent;
    if rows.is_empty() {
        return html! {};
    }
    let digits = format::digits(rows.iter().map(|(_, row)| &row.figures));
    let listed = page.of(nodes);
    html! {
        (figure_section("by-stage", "Cost and tokens by stage", "A stage’s figures exclude those of the stages inside it.", &page.links(&listed, "by-stage"), html! {
            (headings("Stage", &[]))
            tbody {
                @for StageNode { name, depth, row } in listed.shown {
                    tr class=[(row.status == Status::NotRun).then_some("off")] {
                        th class=(indent(*depth)) scope="row" { (name) (limits(row)) }
                        (cells(&row.figures, digits, row.share_of_cost))
                    }
                }
                @if listed.left_out() > 0 {
                    @let others: Figures = listed.others().map(|node| &node.row.figures).sum();
                    tr { th scope="row" { (listed.others_name()) } (cells(&others, digits, part(others.cost_usd, budget.total.cost_usd))) }
                }
            }
            tfoot { tr { th scope="row" { "total" } (cells(&budget.total, digits, None)) } }
        }))
    }
}

/// Cost and tokens by model.
pub(super) fn by_model(run: &RunSummary, page: &RowPage) -> Markup {
    let budget = &run.budget_summary;
    if budget.per_model.is_empty() {
        return html! {};
    }
    let digits = format::digits(budget.per_model.iter().map(|(_, row)| &row.figures));
    let rows: Vec<_> = budget.per_model.iter().collect();
    let listed = page.of(&rows);
    html! {
        (figure_section("by-model", "Cost and tokens by model", "", &page.links(&listed, "by-model"), html! {
            (headings("Model", &["Time", "Priced by"]))
            tbody {
                @for (name, row) in listed.shown {
                    tr {
                        th scope="row" { (name) }
                        (cells(&row.figures, digits, part(row.figures.cost_usd, budget.total.cost_usd)))
                        td.n { (measured(row.duration_seconds)) }
                        td.small {
                            @if row.price_sources.is_empty() && row.figures.unpriced_calls > 0 { "no price known" }
                            @else if row.price_sources.is_empty() { (UNKNOWN) }
                            @else { (row.price_sources.join(", ")) }
                        }
                    }
                }
                @if listed.left_out() > 0 {
                    @let others: Figures = listed.others().map(|(_, row)| &row.figures).sum();
                    tr { th scope="row" { (listed.others_name()) } (cells(&others, digits, part(others.cost_usd, budget.total.cost_usd))) td {} td {} }
                }
            }
        }))
    }
}

/// Calls, cost and tokens by agent.
pub(super) fn by_agent(run: &RunSummary, page: &RowPage) -> Markup {
    let budget = &run.budget_summary;
    if budget.by_agent.is_empty() {
        return html! {};
    }
    let digits = format::digits(budget.by_agent.iter().map(|(_, row)| &row.figures));
    let rows: Vec<_> = budget.by_agent.iter().collect();
    let listed = page.of(&rows);
    html! {
        (figure_section("by-agent", "By agent", "An agent’s figures exclude those of the agents that it called.", &page.links(&listed, "by-agent"), html! {
            thead {
                tr {
                    th scope="col" { "Agent" }
                    th scope="col" { "Called by" }
                    th.n scope="col" { "Executions" }
                    th.n scope="col" { "Model calls" }
                    th.n scope="col" { "Tokens" }
                    th.n scope="col" { "Cost" }
                    th.n scope="col" { "Time" }
                    th.n scope="col" { "Errors" }
                }
            }
            tbody {
                @for (name, row) in listed.shown {
                    tr {
                        th scope="row" { (name) }
                        td { (row.called_by.join(", ")) }
                        td.n { (count(row.calls)) }
                        td.n { (count(row.figures.llm_calls)) }
                        td.n { (row.figures.all_tokens_cell()) }
                        td.n { (row.figures.cost_cell(digits)) }
                        td.n { (measured(row.duration_seconds)) }
                        td.n { (count(row.errors)) }
                    }
                }
                @if listed.left_out() > 0 {
                    @let others: Figures = listed.others().map(|(_, row)| &row.figures).sum();
                    tr { th scope="row" { (listed.others_name()) } td {} td {} td.n { (count(others.llm_calls)) } td.n { (others.all_tokens_cell()) } td.n { (others.cost_cell(digits)) } td {} td {} }
                }
            }
        }))
    }
}

/// Calls, cost and tokens by operation.
pub(super) fn by_operation(run: &RunSummary, page: &RowPage) -> Markup {
    let budget = &run.budget_summary;
    if budget.by_operation.is_empty() {
        return html! {};
    }
    let digits = format::digits(budget.by_operation.iter().map(|(_, row)| &row.figures));
    let rows: Vec<_> = budget.by_operation.iter().collect();
    let listed = page.of(&rows);
    html! {
        (figure_section("by-operation", "By operation", "The purpose of each call.", &page.links(&listed, "by-operation"), html! {
            thead {
                tr {
                    th scope="col" { "Operation" }
                    th.n scope="col" { "Times" }
                    th.n scope="col" { "Model calls" }
                    th.n scope="col" { "Tokens" }
                    th.n scope="col" { "Cost" }
                    th.n scope="col" { "Time" }
                }
            }
            tbody {
                @for (name, row) in listed.shown {
                    tr {
                        th scope="row" { (name) }
                        td.n { (count(row.calls)) }
                        td.n { (count(row.figures.llm_calls)) }
                        td.n { (row.figures.all_tokens_cell()) }
                        td.n { (row.figures.cost_cell(digits)) }
                        td.n { (measured(row.duration_seconds)) }
                    }
                }
                @if listed.left_out() > 0 {
                    @let others: Figures = listed.others().map(|(_, row)| &row.figures).sum();
                    tr { th scope="row" { (listed.others_name()) } td {} td.n { (count(others.llm_calls)) } td.n { (others.all_tokens_cell()) } td.n { (others.cost_cell(digits)) } td {} }
                }
            }
        }))
    }
}

/// The limits of a stage, including the stages inside it, and what is left of them.
fn limits(row: &StageRow) -> Markup {
    let Some(limits) = &row.limits else { return html! {} };
    let usd = limits.usd.map(|limit| {
        (numbers::limit(limit), limits.usd_remaining.map(|left| format::money(left.max(Usd::ZERO))))
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

fn figure_section(id: &str, title: &str, note: &str, links: &Markup, rows: Markup) -> Markup {
    html! {
        section.card aria-labelledby=(id) {
            header { h2 id=(id) { (title) } @if !note.is_empty() { p { (note) } } }
            div.body {
                div.scroll role="region" aria-labelledby=(id) tabindex="0" {
                    table { caption.hush { (title) } (rows) }
                }
                (links)
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

/// The figures of a row. A row without calls shows `none` instead of seven zeros.
fn cells(of: &Figures, digits: Money, part: Option<f64>) -> Markup {
    let unused = of.llm_calls == 0 && of.cost_usd == Some(Usd::ZERO) && of.tokens_used == Some(0);
    let [input, output, cached] = of.token_cells();
    html! {
        @if unused {
            td.n.soft { "none" } td {} td {} td {} td {} td {} td.n { "0" }
        } @else {
            td.n { (of.cost_cell(digits)) }
            td.nowrap { @if let Some(part) = part { (charts::share_bar(part)) (share(part)) } }
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

/// The gates' verdicts, in the order in which they were given.
pub(super) fn gates(run: &RunSummary, zone: &PageZone, anchors: &Anchors<'_>, page: &RowPage) -> Markup {
    let gates = &run.budget_summary.gate_verdicts;
    if gates.is_empty() {
        return html! {};
    }
    let listed = page.of(gates);
    let timed = gates.iter().any(|gate| gate.duration_seconds.is_some());
    let costed = gates.iter().any(|gate| gate.cost_usd.is_some());
    html! {
        section.card aria-labelledby="gates" {
            header { h2 #gates { "Gates" } p { "In the order of their verdicts." } }
            div.body {
                div.scroll role="region" aria-labelledby="gates" tabindex="0" {
                    table {
                        caption.hush { "Verdict of each gate, the stage before it, and the reason" }
                        thead {
                            tr {
                                th.n scope="col" { "No." }
                                th scope="col" { "Gate" }
                                th scope="col" { "Verdict" }
                                th scope="col" { "After stage" }
                                th.n scope="col" { "Score" }
                                th scope="col" { "Reason" }
                                @if timed { th.n scope="col" { "Duration" } }
                                @if costed { th.n scope="col" { "Cost" } }
                                th scope="col" { "At" }
                            }
                        }
                        tbody { @for gate in listed.shown { (gate_row(anchors, zone, gate, timed, costed)) } }
                    }
                }
                (page.links(&listed, "gates"))
            }
        }
    }
}

fn gate_row(anchors: &Anchors<'_>, zone: &PageZone, gate: &GateVerdict, timed: bool, costed: bool) -> Markup {
    let class = match gate.verdict {
        _ if fails(gate) => Some("failed"),
        Verdict::Skipped => Some("off"),
        _ => None,
    };
    html! {
        tr id={ "gate-" (gate.seq) } class=[class] {
            td.n { (gate.seq) }
            th scope="row" {
                (gate.gate_name)
                @if gate.blocking { " " span.tag.soft { "blocking" } }
            }
            td { (badges::verdict(&gate.verdict)) }
            td {
                @if let Some(stage) = &gate.after_stage {
                    @if anchors.has(stage) {
                        a href={ "#" (anchors.id(stage)) } { (stage) }
                    } @else { (stage) }
                } @else { (UNKNOWN) }
            }
            td.n { (gate.score.map_or_else(|| UNKNOWN.to_owned(), format::score)) }
            td {
                @if let Some(reason) = &gate.reason { span.reason { (reason) } }
                (diagnostics(gate))
            }
            @if timed { td.n { (measured(gate.duration_seconds)) } }
            @if costed { td.n { (gate.cost_usd.map_or_else(|| UNKNOWN.to_owned(), format::money)) } }
            td { @if let Some(at) = gate.at { (zone.time(at)) } @else { (UNKNOWN) } }
        }
    }
}

fn diagnostics(gate: &GateVerdict) -> Markup {
    html! {
        @if !gate.diagnostics.is_empty() {
            details.data id={ "gate-" (gate.seq) "-more" } {
                summary { "Diagnostics" span.hush { " of gate " (gate.gate_name) } }
                ul.notes {
                    @for (name, value) in &gate.diagnostics {
                        li { (name) ": " code { (value.as_str().map_or_else(|| value.to_string(), str::to_owned)) } }
                    }
                }
            }
        }
    }
}

/// Whether a verdict can be the reason of a failed run.
pub(super) fn fails(gate: &GateVerdict) -> bool {
    gate.verdict == Verdict::Error || gate.verdict == Verdict::Fail && gate.blocking
}
