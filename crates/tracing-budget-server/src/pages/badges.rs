//! Badges of statuses and verdicts: a sign and a word, so that no meaning depends on colour alone.

use maud::{Markup, PreEscaped, html};

use tracing_budget::Verdict;
use tracing_budget::summary::Status;

const TICK: &str = r#"<path d="M3 8.5 6.5 12 13 4.5"/>"#;
const CROSS: &str = r#"<path d="m4 4 8 8m0-8-8 8"/>"#;
const DOT: &str = r#"<circle cx="8" cy="8" r="3.2" fill="currentColor"/>"#;
const BANG: &str = r#"<path d="M8 3v6.2m0 3.6v.1"/>"#;
const DASH: &str = r#"<path d="M4 8h8"/>"#;
const RING: &str = r#"<circle cx="8" cy="8" r="5" stroke-dasharray="2.6 2.6"/>"#;
const ASK: &str = r#"<path d="M5.5 5.6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.6m0 3.3v.1"/>"#;

/// The badge of a run's or stage's status.
pub(super) fn status(status: Status) -> Markup {
    let (class, sign) = match status {
        Status::Completed => ("ok", TICK),
        Status::Failed => ("bad", CROSS),
        Status::Running => ("live", DOT),
        Status::Cancelled | Status::Incomplete | Status::Interrupted => ("warn", BANG),
        Status::NotRun => ("", DASH),
    };
    badge(class, sign, &status.as_str().replace('_', " "))
}

/// The badge of a run's status; `stale` for a running run with an overdue heartbeat.
pub(super) fn run_status(of: Status, stale: bool) -> Markup {
    if of == Status::Running && stale { badge("warn", RING, "stale") } else { status(of) }
}

/// The badge of a gate's verdict.
pub(super) fn verdict(verdict: &Verdict) -> Markup {
    let (class, sign) = match verdict {
        Verdict::Pass => ("ok", TICK),
        Verdict::Fail | Verdict::Error => ("bad", CROSS),
        Verdict::Warn => ("warn", BANG),
        Verdict::Skipped => ("", DASH),
        Verdict::Other(_) => ("warn", ASK),
    };
    badge(class, sign, verdict.as_str())
}

/// The sign of a failure, without a word.
pub(super) fn failed() -> Markup {
    icon(CROSS)
}

fn badge(class: &str, sign: &str, word: &str) -> Markup {
    html! { span class={ "badge " (class) } { (icon(sign)) (word) } }
}

fn icon(sign: &str) -> Markup {
    html! { svg viewBox="0 0 16 16" aria-hidden="true" focusable="false" { (PreEscaped(sign)) } }
}
