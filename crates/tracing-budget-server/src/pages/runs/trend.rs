//! The cost and the duration of the runs on the page, in the order of time: each bar is a run and leads to it.

use maud::{Markup, html};

use super::list::together;
use crate::charts::strip::{self, Bar};
use crate::pages::figures::{self, money};
use crate::pages::link;
use crate::pages::run::named;
use tracing_budget::Usd;
use tracing_budget::present::numbers::{UNKNOWN, duration};
use tracing_budget_history::RunRow;

pub(super) fn strips(runs: &[RunRow]) -> Markup {
    let mut ordered: Vec<&RunRow> = runs.iter().collect();
    ordered.sort_by_key(|run| run.started_at);
    let cost = |run: &RunRow| run.cost_usd.map(Usd::to_f64);
    let costs = bars(&ordered, cost, |run| run.cost_usd.map_or_else(|| UNKNOWN.to_owned(), money));
    let durations = bars(&ordered, |run| Some(run.duration_seconds), |run| duration(run.duration_seconds));
    let dearest = runs.iter().filter_map(|run| run.cost_usd).max();
    let longest = runs.iter().map(|run| run.duration_seconds).fold(0.0, f64::max);
    html! {
        div.pair {
            (figure("cost-strip", "Cost of each run", &match (together(runs), dearest) {
                (Some(all), Some(most)) => format!("{} together, at most {}", money(all), money(most)),
                _ => "no cost is known".to_owned(),
            }, strip::draw(&costs), &ordered))
            (figure("duration-strip", "Duration of each run", &format!("at most {}", duration(longest)), strip::draw(&durations), &ordered))
        }
    }
}

fn bars(
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
                figures::seconds(run.started_at)
            ),
            part: value(run).map(|value| if most > 0.0 { value / most } else { 0.0 }),
            status: run.status,
            stale: run.stale,
        })
        .collect()
}

fn figure(id: &str, title: &str, said: &str, drawn: Markup, runs: &[&RunRow]) -> Markup {
    html! {
        figure.card aria-labelledby=(id) {
            div.body {
                figcaption { h2 id=(id) { (title) } span.soft.small { (said) } }
                (drawn)
                @if let (Some(first), Some(last)) = (runs.first(), runs.last()) {
                    p.ends.soft.small { span { (figures::day(first.started_at)) } span { "✗ failed" } span { (figures::day(last.started_at)) } }
                }
            }
        }
    }
}
