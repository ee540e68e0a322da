//! The form that narrows the list. It only builds an address, so every list can be sent to somebody.

use maud::{Markup, html};

use crate::pages::fields::{self, choice, field};
use crate::pages::query::{Query, STATUSES};
use tracing_budget_history::stats::ProjectRow;

/// Fields that are seldom used; they are in sight when one of them is.
const SELDOM: [&str; 6] = ["stage", "model", "gate", "verdict", "min_cost", "tag"];

const VERDICTS: [&str; 5] = ["pass", "fail", "warn", "skipped", "error"];

pub(super) fn form(query: &Query, projects: &[ProjectRow]) -> Markup {
    html! {
        form.filters method="get" action="/" role="search" aria-label="Filter the runs" {
            div.fields {
                (fields::project(query, projects))
                (fields::pipeline(query, projects))
                (field(query, "since", "Started on or after", "date", ""))
                (field(query, "until", "Started on or before", "date", ""))
            }
            fieldset {
                legend { "Status" }
                div.checks {
                    @for status in STATUSES {
                        label {
                            input type="checkbox" name="status" value=(status) checked[query.has("status", status.as_str())];
                            (status)
                        }
                    }
                }
            }
            div.foot-row {
            details #more-filters open[SELDOM.iter().any(|name| query.get(name).is_some())] {
                summary { "More filters" }
                div.fields {
                    (field(query, "stage", "Ran the stage", "text", ""))
                    (field(query, "model", "Called the model", "text", "gpt-5"))
                    (field(query, "gate", "Has the gate", "text", ""))
                    (choice(query, "verdict", "A gate said", VERDICTS.into_iter()))
                    (field(query, "min_cost", "Cost at least, USD", "text", "0.50"))
                    (field(query, "tag", "Has the tag", "text", "branch=main"))
                }
            }
            @if let Some(sort) = query.get("sort") { input type="hidden" name="sort" value=(sort); }
            div.go {
                button type="submit" { "Filter" }
                @if query.narrows() { a href="/" { "Clear" } }
            }
            }
        }
    }
}
