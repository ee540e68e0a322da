//! When each stage ran.

use maud::{Markup, html};

use super::failure::stage_id;
use crate::charts::timeline::{self, Scale};
use crate::pages::signs;
use tracing_budget::present::numbers::{count, duration};
use tracing_budget::summary::{RunSummary, StageRow, Status};

pub(super) fn timeline(run: &RunSummary) -> Markup {
    let rows = &run.budget_summary.per_agent;
    if rows.is_empty() {
        return html! {};
    }
    let scale = Scale::of(run);
    let several = rows.iter().any(|(_, row)| row.calls > 1);
    html! {
        section.card aria-labelledby="timeline" {
            header {
                h2 #timeline { "Timeline" }
                @if several {
                    p { "A hatched bar is several runs of a stage: it begins with the first and is as long as all together; when each of them ran is not recorded." }
                }
            }
            div.body {
                (timeline::patterns())
                div.scroll role="region" aria-labelledby="timeline" tabindex="0" {
                    table.timeline {
                        caption.hush { "When each stage began, counted from the start of the run, and how long it took" }
                        thead {
                            tr {
                                th scope="col" { "Stage" }
                                th.lane scope="col" { span.hush { "Bar" } (scale.axis()) }
                                th.n scope="col" { "Began" }
                                th.n scope="col" { "Took" }
                                th.n scope="col" { "Runs" }
                                th.n scope="col" { "Errors" }
                                th scope="col" { "Status" }
                            }
                        }
                        tbody { @for (name, row) in rows.iter() { (line(run, &scale, name, row)) } }
                    }
                }
            }
        }
    }
}

fn line(run: &RunSummary, scale: &Scale, name: &str, row: &StageRow) -> Markup {
    // What belongs to no stage has calls and no runs, and neither a beginning nor a status of its own.
    let residue = row.calls == 0 && row.status != Status::NotRun;
    let class = match row.status {
        Status::Failed => "failed",
        Status::NotRun => "off",
        _ => "",
    };
    html! {
        tr id=(stage_id(run, name)) class=[Some(class).filter(|class| !class.is_empty())] {
            th class=(indent(depth(run, row))) scope="row" {
                (name)
                @if let Some(parent) = &row.parent { span.hush { " in " (parent) } }
            }
            td.lane { (scale.bar(row)) }
            td.n { (scale.begins(row).unwrap_or_else(|| "—".to_owned())) }
            td.n { (if row.calls == 0 { "—".to_owned() } else { duration(row.duration_seconds) }) }
            td.n { (if residue { "—".to_owned() } else { count(row.calls) }) }
            td.n { (count(row.errors)) }
            td { @if residue { "—" } @else { (signs::status(row.status)) } }
        }
    }
}

/// How many stages are around a stage. A circle of parents, which only a damaged document has, ends.
pub(super) fn depth(run: &RunSummary, row: &StageRow) -> usize {
    let rows = &run.budget_summary.per_agent;
    let mut parent = row.parent.as_deref();
    let mut depth = 0;
    while let Some(name) = parent
        && depth < rows.len()
    {
        depth += 1;
        parent = rows.get(name).and_then(|row| row.parent.as_deref());
    }
    depth
}

/// The class that sets a stage inside another to the right.
pub(super) fn indent(depth: usize) -> &'static str {
    match depth {
        0 => "in0",
        1 => "in1",
        2 => "in2",
        _ => "in3",
    }
}
