//! The model calls of a run that cost most.

use maud::{Markup, html};

use super::badges;
use super::row_page::Anchors;
use super::zone::PageZone;
use tracing_budget::present::calls;
use tracing_budget::present::numbers::{UNKNOWN, measured};
use tracing_budget::summary::RunSummary;

/// Calls on the page of a run. The command line lists all that are kept.
const CALLS: usize = 20;

/// The model calls that cost most.
pub(super) fn dearest(run: &RunSummary, zone: &PageZone, anchors: &Anchors<'_>) -> Markup {
    let Ok(listing) = calls::listing(run, CALLS) else { return html! {} };
    let kept = run.budget_summary.calls.as_ref().map_or(0, Vec::len);
    html! {
        section.card aria-labelledby="calls" {
            header { h2 #calls { "Calls" } p { "The most expensive first." } }
            div.body {
                div.scroll role="region" aria-labelledby="calls" tabindex="0" {
                    table {
                        caption.hush { "Cost, tokens and time of single model calls, with their stage and model" }
                        thead {
                            tr {
                                th scope="col" { "Model" }
                                th.n scope="col" { "Cost" }
                                th.n scope="col" { "Tokens" }
                                th.n scope="col" { "Duration" }
                                th scope="col" { "Stage" }
                                th scope="col" { "Status" }
                                th scope="col" { "At" }
                            }
                        }
                        tbody { @for line in &listing.lines { (call_row(zone, line, anchors)) } }
                    }
                }
                @for sentence in listing.rest.lines() { p { (sentence) } }
                @if kept > CALLS {
                    p { "All that are kept: " code { "tracing-budget runs show " (run.run_id) " --calls=" (kept) } }
                }
            }
        }
    }
}

fn call_row(zone: &PageZone, line: &calls::Line<'_>, anchors: &Anchors<'_>) -> Markup {
    let call = line.call;
    html! {
        tr class=[call.has_failed().then_some("failed")] {
            th scope="row" { (line.model.unwrap_or(UNKNOWN)) }
            td.n { (line.cost) }
            td.n { (line.tokens) }
            td.n { (measured(call.duration_seconds)) }
            td {
                @match &call.stage {
                    Some(stage) if anchors.has(stage) => {
                        a href={ "#" (anchors.id(stage)) } { (stage) }
                    }
                    stage => { (stage.as_deref().unwrap_or(UNKNOWN)) }
                }
            }
            td {
                (badges::status(call.status))
                @if let Some(note) = &line.note { " " span.reason { (note) } }
            }
            td { (zone.time(call.started_at)) }
        }
    }
}
