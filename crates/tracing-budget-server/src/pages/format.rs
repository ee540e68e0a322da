//! Figures and names as text. Figures use `tracing_budget::present`, so that a page and a table in a terminal show the same.

use tracing_budget::Usd;
use tracing_budget::present::id;
use tracing_budget::present::numbers::Money;
use tracing_budget::summary::Figures;
use tracing_budget_history::RunRow;

/// A single amount.
pub(super) fn money(amount: Usd) -> String {
    Money::for_amounts([amount].into_iter()).write(amount)
}

/// The number of digits for a column of amounts.
pub(super) fn digits<'a>(figures: impl Iterator<Item = &'a Figures>) -> Money {
    Money::for_amounts(figures.filter_map(|figures| figures.cost_usd))
}

/// A score with at most four decimal places and without trailing zeros.
pub(super) fn score(score: f64) -> String {
    let rounded = format!("{score:.4}");
    rounded.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The figures of a list's row, for the cells that mark partly known ones.
pub(super) fn of_row(run: &RunRow) -> Figures {
    Figures {
        tokens_used: run.tokens_used,
        cost_usd: run.cost_usd,
        llm_calls: run.llm_calls,
        unpriced_calls: run.unpriced_calls,
        calls_without_usage: run.calls_without_usage,
        partial_calls: run.partial_calls,
        ..Figures::default()
    }
}

/// The pipeline's name, or a placeholder.
pub(super) fn named(pipeline: &str) -> &str {
    if pipeline.trim().is_empty() { "(unnamed)" } else { pipeline }
}

/// The short form of an id, with a `…` in place of the part that is left out.
pub(super) fn short(run_id: &str) -> String {
    let short = id::short(run_id);
    if short.len() < run_id.len() { format!("…{short}") } else { short.to_owned() }
}
