//! Form fields that several pages share. A form only builds a URL, so that every view can be linked and shared.

use maud::{Markup, html};

use super::query::Query;
use tracing_budget_history::stats::ProjectRow;

/// The choice of a project.
pub(super) fn project(query: &Query, projects: &[ProjectRow]) -> Markup {
    choice(query, "project", "Project", projects.iter().map(|row| row.project.as_str()))
}

/// The choice of a pipeline: those of the selected project, or all.
pub(super) fn pipeline(query: &Query, projects: &[ProjectRow]) -> Markup {
    let chosen = query.get("project");
    let of = projects.iter().filter(|row| chosen.is_none_or(|chosen| row.project == chosen));
    let mut pipelines: Vec<&str> = of.flat_map(|row| &row.pipelines).map(String::as_str).collect();
    pipelines.sort_unstable();
    pipelines.dedup();
    choice(query, "pipeline", "Pipeline", pipelines.into_iter())
}

/// A choice of one option, or any.
pub(super) fn choice<'a>(
    query: &Query,
    name: &str,
    label: &str,
    options: impl Iterator<Item = &'a str>,
) -> Markup {
    let chosen = query.get(name);
    let options: Vec<&str> = options.filter(|option| !option.is_empty()).collect();
    // The URL's value is shown even if no run has it: an empty choice would hide why the list is empty.
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

/// A text field with an example of its format.
pub(super) fn field(query: &Query, name: &str, label: &str, kind: &str, example: &str) -> Markup {
    html! {
        div {
            label for=(name) { (label) @if !example.is_empty() { span.soft { ", such as " (example) } } }
            input type=(kind) id=(name) name=(name) value=[query.get(name)];
        }
    }
}
