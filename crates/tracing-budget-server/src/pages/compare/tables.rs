//! What the second run has more or less than the first.

use maud::{Markup, html};

use super::change::{Change, amount};
use crate::pages::signs;
use tracing_budget::Verdict;
use tracing_budget::present::numbers::UNKNOWN;
use tracing_budget::summary::Status;
use tracing_budget_history::compare::{Comparison, FiguresDelta, GateChange, RowDelta};

pub(super) fn all(both: &Comparison) -> Markup {
    html! {
        (totals(&both.total))
        @if !both.stages.is_empty() { (rows("stages", "By stage", "Stage", &both.stages, true)) }
        @if !both.models.is_empty() { (rows("models", "By model", "Model", &both.models, false)) }
        @if !both.gates.is_empty() { (gates(&both.gates)) }
    }
}

fn totals(total: &FiguresDelta) -> Markup {
    let figures = [
        ("Cost", amount::usd(&total.cost_usd)),
        ("Duration", amount::seconds(&total.duration_seconds)),
        ("Tokens", amount::count(&total.tokens_used)),
        ("Input tokens", amount::count(&total.input_tokens)),
        ("Output tokens", amount::count(&total.output_tokens)),
        ("Model calls", amount::count(&total.llm_calls)),
        ("Unpriced calls", amount::count(&total.unpriced_calls)),
    ];
    section(
        "totals",
        "Totals",
        html! {
            thead {
                tr {
                    th scope="col" { "Figure" }
                    th.n scope="col" { "Before" }
                    th.n scope="col" { "After" }
                    th.n scope="col" { "Change" }
                }
            }
            tbody {
                @for (name, change) in &figures {
                    tr { th scope="row" { (name) } td.n { (change.before) } td.n { (change.after) } td.n { (change.render()) } }
                }
            }
        },
    )
}

fn rows(id: &str, title: &str, first: &str, rows: &[RowDelta], stages: bool) -> Markup {
    section(
        id,
        title,
        html! {
            thead {
                tr {
                    th scope="col" { (first) }
                    @if stages { th scope="col" { "Before" } th scope="col" { "After" } }
                    th.n scope="col" { "Cost" }
                    th.n scope="col" { "Change of cost" }
                    th.n scope="col" { "Tokens" }
                    th.n scope="col" { "Change of tokens" }
                    th.n scope="col" { "Time" }
                    th.n scope="col" { "Change of time" }
                }
            }
            tbody {
                @for row in rows {
                    tr class=[(row.status_b == Some(Status::Failed)).then_some("failed")] {
                        th scope="row" { (row.name) (presence(row)) }
                        @if stages { td { (stands(row.status_a)) } td { (stands(row.status_b)) } }
                        (pair(&amount::usd(&row.figures.cost_usd)))
                        (pair(&amount::count(&row.figures.tokens_used)))
                        (pair(&amount::seconds(&row.figures.duration_seconds)))
                    }
                }
            }
        },
    )
}

fn presence(row: &RowDelta) -> Markup {
    html! {
        @match (row.in_a, row.in_b) {
            (false, true) => { " " span.tag.soft { "new" } }
            (true, false) => { " " span.tag.soft { "gone" } }
            _ => {}
        }
    }
}

fn stands(status: Option<Status>) -> Markup {
    html! { @if let Some(status) = status { (signs::status(status)) } @else { (UNKNOWN) } }
}

fn pair(change: &Change) -> Markup {
    html! { td.n { (change.after) } td.n { (change.render()) } }
}

fn gates(gates: &[GateChange]) -> Markup {
    section(
        "gates",
        "Gates",
        html! {
            thead {
                tr {
                    th scope="col" { "Gate" }
                    th scope="col" { "Before" }
                    th scope="col" { "After" }
                    th scope="col" { "Changed" }
                    th scope="col" { "Reason" }
                }
            }
            tbody {
                @for gate in gates {
                    tr class=[broke(gate).then_some("failed")] {
                        th scope="row" { (gate.gate) }
                        td { (said(gate.a.as_ref())) }
                        td { (said(gate.b.as_ref())) }
                        td { @if gate.changed { strong { "changed" } } @else { "as before" } }
                        td { @if let Some(reason) = &gate.reason { (reason) } }
                    }
                }
            }
        },
    )
}

fn broke(gate: &GateChange) -> bool {
    gate.changed && matches!(gate.b, Some(Verdict::Fail | Verdict::Error))
}

fn said(verdict: Option<&Verdict>) -> Markup {
    html! { @if let Some(verdict) = verdict { (signs::verdict(verdict)) } @else { span.soft { "not there" } } }
}

fn section(id: &str, title: &str, table: Markup) -> Markup {
    html! {
        section.card aria-labelledby=(id) {
            header { h2 id=(id) { (title) } }
            div.body {
                div.scroll role="region" aria-labelledby=(id) tabindex="0" {
                    table { caption.hush { (title) ": the second run against the first" } (table) }
                }
            }
        }
    }
}
