//! The way from a failed run in a list to its reason.

use maud::{Markup, html};

use super::link;
use tracing_budget::summary::Status;
use tracing_budget_history::RunRow;

/// What is known of the reason, as a link to all of it; nothing for a run that has none.
pub(super) fn link(run: &RunRow) -> Markup {
    let text = match (&run.failed_stage, &run.error_summary) {
        (Some(stage), Some(error)) => format!("{stage}: {error}"),
        (Some(stage), None) => format!("{stage} failed"),
        (None, Some(error)) => error.clone(),
        (None, None) if run.status == Status::Failed => "why".to_owned(),
        (None, None) => return html! {},
    };
    html! { a.clamp href={ (link::run(&run.run_id)) "#failure" } { (text) } }
}
