//! Figures and times as a page writes them. The text of a figure is the summary's, so that a page and a table in a
//! terminal never differ.

use maud::{Markup, html};

use tracing_budget::Usd;
use tracing_budget::present::numbers::{Money, UNKNOWN};
use tracing_budget::summary::{Figures, Timestamp};
use tracing_budget_history::RunRow;

/// A point in time: `2026-04-19 09:12:03`, with the whole of it for machines and on hovering.
pub(super) fn time(at: Timestamp) -> Markup {
    let whole = at.to_string();
    html! { time.nowrap datetime=(whole) title=(whole) { (seconds(at)) } }
}

/// `2026-04-19 09:12:03`.
pub(super) fn seconds(at: Timestamp) -> String {
    at.to_string().chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// `Apr 19`.
pub(super) fn day(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.unix_ms())
        .map_or_else(|_| UNKNOWN.to_owned(), |at| at.strftime("%b %-d").to_string())
}

/// An amount on its own.
pub(super) fn money(amount: Usd) -> String {
    Money::for_amounts([amount].into_iter()).write(amount)
}

/// Digits that suit all of these amounts.
pub(super) fn digits<'a>(figures: impl Iterator<Item = &'a Figures>) -> Money {
    Money::for_amounts(figures.filter_map(|figures| figures.cost_usd))
}

/// A score as whoever gave it would write it: no digits that mean nothing.
pub(super) fn score(score: f64) -> String {
    let rounded = format!("{score:.4}");
    rounded.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The figures that a list's row has, for the cells that say what is known of them.
pub(super) fn of_row(run: &RunRow) -> Figures {
    Figures {
        tokens_used: run.tokens_used,
        cost_usd: run.cost_usd,
        llm_calls: run.llm_calls,
        unpriced_calls: run.unpriced_calls,
        calls_without_usage: run.calls_without_usage,
        ..Figures::default()
    }
}
