//! Which run it is, and its figures at a glance.

use maud::{Markup, html};

use super::view::{Around, named};
use crate::charts::meter;
use crate::pages::{figures, link, signs};
use tracing_budget::present::numbers::{self, count, counted};
use tracing_budget::summary::RunSummary;
use tracing_budget::{Usd, Verdict};

pub(super) fn head(run: &RunSummary, around: &Around) -> Markup {
    let project = Some(run.project.as_str()).filter(|project| !project.is_empty());
    html! {
        nav.trail aria-label="Where this is" {
            ol {
                li { a href="/" { "Runs" } }
                @if let Some(project) = project {
                    li { a href=(link::to("/", &[("project", Some(project))])) { (project) } }
                }
                li { a href=(link::to("/", &[("project", project), ("pipeline", Some(&run.pipeline))])) { (named(&run.pipeline)) } }
            }
        }
        div.top {
            h1 { (named(&run.pipeline)) }
            (signs::run_status(run.status, around.stale))
        }
        div.facts {
            span { "run " code { (run.run_id) } }
            span { "started " (figures::time(run.started_at)) }
            @if let Some(at) = run.completed_at { span { "ended " (figures::time(at)) } }
        }
        @if !run.tags.is_empty() || !run.counts.is_empty() {
            ul.tags.plain aria-label="Labels and counts" {
                @for (name, value) in &run.tags { li.tag { (name) "=" (value) } }
                @for (name, number) in &run.counts { li.tag { (name) " " (signed(*number)) } }
            }
        }
    }
}

fn signed(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", count(number.unsigned_abs()))
}

pub(super) fn tiles(run: &RunSummary, around: &Around) -> Markup {
    let total = &run.budget_summary.total;
    let digits = figures::digits([total].into_iter());
    let previous = around.previous.as_ref();
    html! {
        dl.tiles {
            div {
                dt { "Cost" }
                dd.big { (total.cost_cell(digits)) }
                (change(previous.and_then(|run| run.cost_usd).map(Usd::to_f64), total.cost_usd.map(Usd::to_f64)))
                (usd_limit(run))
                @if let Some(rate) = run.efficiency.usd_per_minute.and_then(Usd::from_f64).filter(|rate| *rate > Usd::ZERO) {
                    dd { (figures::money(rate)) " a minute" }
                }
                @if total.unpriced_calls > 0 { dd { (counted(total.unpriced_calls, "call")) " of unknown price, in no cost" } }
            }
            div {
                dt { "Tokens" }
                dd.big { (total.all_tokens_cell()) }
                (tokens(run))
                (token_limit(run))
                @if total.calls_without_usage > 0 {
                    dd { (counted(total.calls_without_usage, "call")) " without usage, in no token figure" }
                }
            }
            div {
                dt { "Duration" }
                dd.big { (numbers::duration(run.duration_seconds)) }
                (change(previous.map(|run| run.duration_seconds), Some(run.duration_seconds)))
            }
            div {
                dt { "Model calls" }
                dd.big { (count(total.llm_calls)) }
                @let models = run.budget_summary.per_model.len() as u64;
                @if models > 0 { dd { "of " (counted(models, "model")) } }
            }
            (gates(run))
            (value(run))
        }
    }
}

/// What the run was worth, and what it brought for its cost.
fn value(run: &RunSummary) -> Markup {
    // What calls of unknown cost took makes a return smaller.
    let total = &run.budget_summary.total;
    let most = if total.unpriced_calls > 0 || total.calls_without_usage > 0 { "at most " } else { "" };
    html! {
        @if let Some(value) = run.value_usd {
            div {
                dt { "Value" }
                dd.big { (numbers::limit(value)) }
                @if let Some(roi) = run.efficiency.roi { dd { "a return of " (most) (numbers::times(roi)) " times the cost" } }
            }
        }
        @if let Some(iterations) = run.iterations {
            div {
                dt { "Iterations" }
                dd.big { (count(iterations)) }
                @if let Some(cost) = run.efficiency.cost_per_iteration_usd { dd { (figures::money(cost)) " each" } }
            }
        }
    }
}

fn tokens(run: &RunSummary) -> Markup {
    let [input, output, cached] = run.budget_summary.total.token_cells();
    html! { dd { (input) " in · " (output) " out · " (cached) " cached" } }
}

fn usd_limit(run: &RunSummary) -> Markup {
    let budget = &run.budget_summary;
    let Some(limit) = budget.limits.usd else { return html! {} };
    let part = budget.total.cost_usd.map(|cost| ratio(cost.to_f64(), limit.to_f64()));
    against(part, &numbers::limit(limit))
}

fn token_limit(run: &RunSummary) -> Markup {
    let budget = &run.budget_summary;
    let Some(limit) = budget.limits.tokens else { return html! {} };
    let part = budget.total.tokens_used.map(|tokens| ratio(tokens as f64, limit as f64));
    against(part, &count(limit))
}

/// A limit of 0 is reached by nothing.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 1.0 }
}

fn against(part: Option<f64>, limit: &str) -> Markup {
    html! {
        @if let Some(part) = part {
            dd { (meter::limit(part)) (numbers::share(part)) " of the limit of " (limit) @if part >= 1.0 { ": " strong { "reached" } } }
        } @else {
            dd { "limit " (limit) }
        }
    }
}

/// What has changed since the run before, where both are known.
fn change(before: Option<f64>, now: Option<f64>) -> Markup {
    let part = before.zip(now).filter(|(before, _)| *before > 0.0).map(|(before, now)| now / before - 1.0);
    html! {
        @if let Some(part) = part {
            @if part.abs() < 0.005 {
                dd { "as the run before" }
            } @else if part > 0.0 {
                dd { span.up { "▲ " (percent(part)) } " on the run before" }
            } @else {
                dd { span.down { "▼ " (percent(-part)) } " on the run before" }
            }
        }
    }
}

/// A change beyond ten times is easier read as a factor.
fn percent(part: f64) -> String {
    if part >= 9.0 { format!("{:.0}×", part + 1.0) } else { format!("{:.0}%", part * 100.0) }
}

fn gates(run: &RunSummary) -> Markup {
    let gates = &run.budget_summary.gate_verdicts;
    let said = |wanted: &[Verdict]| gates.iter().filter(|gate| wanted.contains(&gate.verdict)).count() as u64;
    let (passed, failed) = (said(&[Verdict::Pass]), said(&[Verdict::Fail, Verdict::Error]));
    html! {
        div {
            dt { "Gates" }
            @if gates.is_empty() {
                dd.big { "none" }
            } @else {
                dd.big { (count(passed)) " of " (count(gates.len() as u64)) }
                dd { "passed" }
                @if failed > 0 { dd { a href="#gates" { (count(failed)) " failed" } } }
            }
        }
    }
}
