//! What to do next where there is nothing to show.

use maud::{Markup, html};

const PROGRAM: &str = r#"use tracing::instrument;
use tracing_budget_history::HistorySink;
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (budget, guard) = tracing_budget::layer().sink(HistorySink::open_default()?).build()?;
    tracing_subscriber::registry().with(budget).init();
    pipeline(); // #[instrument] on it and on its stages
    guard.flush()?;
    Ok(())
}"#;

/// The history has no run at all.
pub(super) fn no_runs() -> Markup {
    html! {
        section.card {
            div.empty {
                h2 { "No runs yet" }
                p { "The history is empty. Annotate a pipeline with " code { "#[instrument]" } ", register the layer with the history as its sink, and run it: the run appears here as soon as it begins." }
                pre tabindex="0" aria-label="The program" { code { (PROGRAM) } }
                p {
                    "Rust: " code { "cargo add tracing-budget --features history" } ". Runs of other programs come in by "
                    code { "POST /runs" } "; see the " a href="/openapi.json" { "API description" } "."
                }
            }
        }
    }
}

/// There are runs, and none of them is meant.
pub(super) fn no_match(clear: &str) -> Markup {
    html! {
        section.card {
            div.empty {
                h2 { "No run matches" }
                p { "No run in the history is all of what the filter asks for." }
                p { a.button href=(clear) { "Clear the filter" } }
            }
        }
    }
}
