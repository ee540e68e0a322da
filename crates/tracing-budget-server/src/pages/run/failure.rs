//! Why a run failed, or what is odd about how it ended: the first thing to read.

use maud::{Markup, html};

use super::view::{Around, named};
use crate::pages::{figures, link, signs};
use tracing_budget::Verdict;
use tracing_budget::present::numbers;
use tracing_budget::summary::{GateVerdict, RunSummary, Status};

pub(super) fn why(run: &RunSummary, around: &Around) -> Markup {
    match run.status {
        Status::Failed => failed(run),
        Status::Running if around.stale => odd(
            "Stale: nobody has heard of this run for longer than it promised",
            "Its process has died or hangs. The figures below are the last that it told.",
            run,
        ),
        Status::Interrupted => odd(
            "Interrupted: the process died while this run was in flight",
            "What it had spent until then was recovered.",
            run,
        ),
        Status::Incomplete => odd(
            "Incomplete: the run was closed while parts of it were still open",
            "What those parts used afterwards is in no figure below.",
            run,
        ),
        Status::Cancelled => odd("Cancelled: the run was given up on purpose", "", run),
        _ => html! {},
    }
}

fn failed(run: &RunSummary) -> Markup {
    let culprits: Vec<&GateVerdict> =
        run.budget_summary.gate_verdicts.iter().filter(|gate| fails(gate)).collect();
    html! {
        section.why #failure aria-labelledby="failure-title" {
            h2 #failure-title {
                span.badge.bad { (signs::failed()) "failed" }
                @if let Some(stage) = &run.failed_stage {
                    span { "in stage " a href={ "#" (stage_id(run, stage)) } { (stage) } }
                }
                @if let Some(after) = after(run) { span.small { "after " (after) } }
            }
            (reason(run))
            @if run.error_summary.is_none() && culprits.is_empty() {
                p { "Nothing recorded a reason. An " code { "error" } " field on the span that failed, or "
                    code { "#[instrument(err)]" } ", would be shown here." }
            }
            @if !culprits.is_empty() {
                ul {
                    @for gate in culprits {
                        li {
                            "gate " a href={ "#gate-" (gate.seq) } { (gate.gate_name) } " said " strong { (gate.verdict) }
                            @if let Some(reason) = &gate.reason { ": " (reason) }
                        }
                    }
                }
            }
            p.small { a href=(like_this(run)) { "Other failed runs of " (named(&run.pipeline)) } }
        }
    }
}

/// Whether a verdict is why a run failed, or at least what to look at first.
pub(super) fn fails(gate: &GateVerdict) -> bool {
    gate.verdict == Verdict::Error || gate.verdict == Verdict::Fail && gate.blocking
}

fn reason(run: &RunSummary) -> Markup {
    html! { @if let Some(error) = &run.error_summary { blockquote { (error) } } }
}

fn after(run: &RunSummary) -> Option<String> {
    let at = run.failed_at?;
    let seconds = at.unix_ms().saturating_sub(run.started_at.unix_ms()) as f64 / 1e3;
    (seconds >= 0.0).then(|| format!("{}, at {}", numbers::duration(seconds), figures::seconds(at)))
}

fn odd(title: &str, meaning: &str, run: &RunSummary) -> Markup {
    html! {
        section.why.odd #failure aria-labelledby="failure-title" {
            h2 #failure-title { (title) }
            @if !meaning.is_empty() { p { (meaning) } }
            @if let Some(stage) = &run.failed_stage {
                p { "Stage " a href={ "#" (stage_id(run, stage)) } { (stage) } " had failed." }
            }
            (reason(run))
        }
    }
}

/// The anchor of a stage's row: its place, as names may hold anything.
pub(super) fn stage_id(run: &RunSummary, stage: &str) -> String {
    let place = run.budget_summary.per_agent.iter().position(|(name, _)| name == stage);
    place.map_or_else(|| "timeline".to_owned(), |place| format!("stage-{}", place + 1))
}

/// The list of runs that failed like this one, from which a pattern shows.
fn like_this(run: &RunSummary) -> String {
    link::to(
        "/",
        &[
            ("project", Some(&run.project)),
            ("pipeline", Some(&run.pipeline)),
            ("status", Some(Status::Failed.as_str())),
        ],
    )
}
