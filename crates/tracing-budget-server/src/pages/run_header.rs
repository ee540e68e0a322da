//! The head of a run's page: what run it is, and its figures at a glance.

use maud::{Markup, html};

use super::format::named;
use super::zone::PageZone;
use super::{badges, format, link};
use crate::charts;
use tracing_budget::present::numbers::{self, count, counted};
use tracing_budget::summary::RunSummary;
use tracing_budget::{Usd, Verdict};
use tracing_budget_history::RunRow;

/// Path, title, status, times, tags and counts.
pub(super) fn head(run: &RunSummary, zone: &PageZone, stale: bool) -> Markup {
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
            (badges::run_status(run.status, stale))
        }
        div.facts {
            span { "run " code { (run.run_id) } }
            span { "started " (zone.time(run.started_at)) }
            @if let Some(at) = run.completed_at { span { "ended " (zone.time(at)) } }
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

/// The main figures, compared with the previous run of the pipeline.
pub(super) fn tiles(run: &RunSummary, previous: Option<&RunRow>) -> Markup {
    let total = &run.budget_summary.total;
    let digits = format::digits([total].into_iter());
    let previous_cost = previous.and_then(|run| run.cost_usd);
    let usd_per_minute = run.efficiency.usd_per_minute.and_then(Usd::from_f64);
    let usd_per_minute = usd_per_minute.filter(|rate| *rate > Usd::ZERO);
    html! {
        dl.tiles {
            div {
                dt { "Cost" }
                dd.big { (total.cost_cell(digits)) }
                (change(previous_cost.map(Usd::to_f64), total.cost_usd.map(Usd::to_f64)))
                (usd_limit(run))
                @if let Some(rate) = usd_per_minute {
                    dd { (format::money(rate)) " a minute" }
                }
                @if total.unpriced_calls > 0 { dd { (counted(total.unpriced_calls, "call")) " of unknown price, not in the cost" } }
            }
            div {
                dt { "Tokens" }
                dd.big { (total.all_tokens_cell()) }
                (tokens(run))
                (token_limit(run))
                @if !total.units.is_empty() { dd { (total.units_words()) } }
                @if total.calls_without_usage > 0 {
                    dd { (counted(total.calls_without_usage, "call")) " without usage, not in the tokens" }
                }
                @if total.partial_calls > 0 {
                    dd { (counted(total.partial_calls, "call")) " known in part" }
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

/// The run's value, its return, and its iterations.
fn value(run: &RunSummary) -> Markup {
    // Calls of unknown cost would make the return smaller.
    let total = &run.budget_summary.total;
    let is_in_part = total.unpriced_calls > 0 || total.calls_without_usage > 0 || total.partial_calls > 0;
    let most = if is_in_part { "at most " } else { "" };
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
                @if let Some(cost) = run.efficiency.cost_per_iteration_usd { dd { (format::money(cost)) " each" } }
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

/// A limit of 0 is reached from the start.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 1.0 }
}

fn against(part: Option<f64>, limit: &str) -> Markup {
    html! {
        @if let Some(part) = part {
            dd { (charts::limit_bar(part)) (numbers::share(part)) " of the limit of " (limit) @if part >= 1.0 { ": " strong { "reached" } } }
        } @else {
            dd { "limit " (limit) }
        }
    }
}

/// The change since the previous run, if both figures are known.
fn change(before: Option<f64>, now: Option<f64>) -> Markup {
    let part = before.zip(now).filter(|(before, _)| *before > 0.0).map(|(before, now)| now / before - 1.0);
    html! {
        @if let Some(part) = part {
            @if part.abs() < 0.005 {
                dd { "as in the previous run" }
            } @else if part > 0.0 {
                dd { span.up { "▲ " (percent(part)) } " on the previous run" }
            } @else {
                dd { span.down { "▼ " (percent(-part)) } " on the previous run" }
            }
        }
    }
}

/// A change in percent, or as a factor from 10 up: `12×` is easier to read than `1100%`.
fn percent(part: f64) -> String {
    if part >= 9.0 { format!("{:.0}×", part + 1.0) } else { format!("{:.0}%", part * 100.0) }
}

fn gates(run: &RunSummary) -> Markup {
    let gates = &run.budget_summary.gate_verdicts;
    let with_verdict =
        |verdicts: &[Verdict]| gates.iter().filter(|gate| verdicts.contains(&gate.verdict)).count() as u64;
    let (passed, failed) = (with_verdict(&[Verdict::Pass]), with_verdict(&[Verdict::Fail, Verdict::Error]));
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
