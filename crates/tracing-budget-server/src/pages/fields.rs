//! Fields that several forms have. A form only builds an address, so that every page can be sent to somebody.

use maud::{Markup, html};

use super::query::Query;
use tracing_budget_history::stats::ProjectRow;

/// Whose runs.
pub(super) fn project(query: &Query, projects: &[ProjectRow]) -> Markup {
    choice(query, "project", "Project", projects.iter().map(|row| row.project.as_str()))
}

/// Of which pipeline: those of the chosen project, or all.
pub(super) fn pipeline(query: &Query, projects: &[ProjectRow]) -> Markup {
    let chosen = query.get("project");
    let of = projects.iter().filter(|row| chosen.is_none_or(|chosen| row.project == chosen));
    let mut pipelines: Vec<&str> = of.flat_map(|row| &row.pipelines).map(String::as_str).collect();
    pipelines.sort_unstable();
    pipelines.dedup();
    choice(query, "pipeline", "Pipeline", pipelines.into_iter())
}

/// One of several, or any.
pub(super) fn choice<'a>(
    query: &Query,
    name: &str,
    label: &str,
    options: impl Iterator<Item = &'a str>,
) -> Markup {
    let chosen = query.get(name);
    let options: Vec<&str> = options.filter(|option| !option.is_empty()).collect();
    // What the address says is shown, even if no run has it.
    let unknown = chosen.filter(|chosen| !options.contains(chosen));
    html! {
        div {
            label for=(name) { (label) }
            select id=(name) name=(name) {
                option value="" { "any" }
                @for option in options.iter().copied().chain(unknown) {
                    option value=(option) selected[chosen == Some(option)] { (option) }
                }
            }
        }
    }
}

/// A value to type; `example` says how.
pub(super) fn field(query: &Query, name: &str, label: &str, kind: &str, example: &str) -> Markup {
    html! {
        div {
            label for=(name) { (label) @if !example.is_empty() { span.soft { ", such as " (example) } } }
            input type=(kind) id=(name) name=(name) value=[query.get(name)];
        }
    }
}
