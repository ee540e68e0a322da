//! Which two runs.

use maud::{Markup, html};

use crate::pages::figures::{self, money};
use crate::pages::query::Query;
use crate::pages::run::{named, short};
use tracing_budget::present::numbers::UNKNOWN;
use tracing_budget_history::RunRow;

pub(super) fn form(query: &Query, offered: &[RunRow]) -> Markup {
    html! {
        form.filters method="get" action="/compare" role="search" aria-label="Choose two runs" {
            div.fields.two {
                (choice(query, "a", "Before", offered))
                (choice(query, "b", "After", offered))
                div { button type="submit" { "Compare" } }
            }
            @if query.get("project").is_some() { input type="hidden" name="project" value=[query.get("project")]; }
        }
    }
}

fn choice(query: &Query, name: &str, label: &str, offered: &[RunRow]) -> Markup {
    let chosen = query.get(name);
    // An older run than those offered is still the one that was asked for.
    let unlisted = chosen.filter(|chosen| !offered.iter().any(|run| run.run_id == *chosen));
    html! {
        div {
            label for=(name) { (label) }
            select id=(name) name=(name) required {
                option value="" { "choose a run" }
                @for run in offered {
                    option value=(run.run_id) selected[chosen == Some(run.run_id.as_str())] { (line(run)) }
                }
                @if let Some(run_id) = unlisted { option value=(run_id) selected { (run_id) } }
            }
        }
    }
}

fn line(run: &RunRow) -> String {
    let status = if run.stale { "stale" } else { run.status.as_str() };
    let cost = run.cost_usd.map_or_else(|| UNKNOWN.to_owned(), money);
    let (started, pipeline) = (figures::seconds(run.started_at), named(&run.pipeline));
    format!("{started} · {pipeline} · {status} · {cost} · …{}", short(&run.run_id))
}
