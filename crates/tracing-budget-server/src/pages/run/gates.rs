//! What the gates said, in the order in which they spoke.

use maud::{Markup, html};

use super::failure::{fails, stage_id};
use crate::pages::{figures, signs};
use tracing_budget::Verdict;
use tracing_budget::present::numbers::{UNKNOWN, duration};
use tracing_budget::summary::{GateVerdict, RunSummary};

pub(super) fn gates(run: &RunSummary) -> Markup {
    let gates = &run.budget_summary.gate_verdicts;
    if gates.is_empty() {
        return html! {};
    }
    let timed = gates.iter().any(|gate| gate.duration_seconds.is_some());
    let costed = gates.iter().any(|gate| gate.cost_usd.is_some());
    html! {
        section.card aria-labelledby="gates" {
            header { h2 #gates { "Gates" } p { "In the order in which they spoke." } }
            div.body {
                div.scroll role="region" aria-labelledby="gates" tabindex="0" {
                    table {
                        caption.hush { "What each gate said, after which stage, and why" }
                        thead {
                            tr {
                                th.n scope="col" { "No." }
                                th scope="col" { "Gate" }
                                th scope="col" { "Verdict" }
                                th scope="col" { "After stage" }
                                th.n scope="col" { "Score" }
                                th scope="col" { "Reason" }
                                @if timed { th.n scope="col" { "Took" } }
                                @if costed { th.n scope="col" { "Cost" } }
                                th scope="col" { "At" }
                            }
                        }
                        tbody { @for gate in gates { (line(run, gate, timed, costed)) } }
                    }
                }
            }
        }
    }
}

fn line(run: &RunSummary, gate: &GateVerdict, timed: bool, costed: bool) -> Markup {
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
            td { (signs::verdict(&gate.verdict)) }
            td {
                @if let Some(stage) = &gate.after_stage {
                    @if run.budget_summary.per_agent.get(stage).is_some() {
                        a href={ "#" (stage_id(run, stage)) } { (stage) }
                    } @else { (stage) }
                } @else { (UNKNOWN) }
            }
            td.n { (gate.score.map_or_else(|| UNKNOWN.to_owned(), figures::score)) }
            td {
                @if let Some(reason) = &gate.reason { span.reason { (reason) } }
                (diagnostics(gate))
            }
            @if timed { td.n { (gate.duration_seconds.map_or_else(|| UNKNOWN.to_owned(), duration)) } }
            @if costed { td.n { (gate.cost_usd.map_or_else(|| UNKNOWN.to_owned(), figures::money)) } }
            td { @if let Some(at) = gate.at { (figures::time(at)) } @else { (UNKNOWN) } }
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
