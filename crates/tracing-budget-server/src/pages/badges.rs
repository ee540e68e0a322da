//! Badges of statuses and verdicts: a sign and a word, so that no meaning depends on colour alone.

use maud::{Markup, PreEscaped, html};

use tracing_budget::Verdict;
use tracing_budget::present::status::{self, Tone};
use tracing_budget::present::verdict;
use tracing_budget::summary::Status;

const TICK: &str = r#"<path d="M3 8.5 6.5 12 13 4.5"/>"#;
const CROSS: &str = r#"<path d="m4 4 8 8m0-8-8 8"/>"#;
const DOT: &str = r#"<circle cx="8" cy="8" r="3.2" fill="currentColor"/>"#;
const BANG: &str = r#"<path d="M8 3v6.2m0 3.6v.1"/>"#;
const DASH: &str = r#"<path d="M4 8h8"/>"#;
const RING: &str = r#"<circle cx="8" cy="8" r="5" stroke-dasharray="2.6 2.6"/>"#;
const ASK: &str = r#"<path d="M5.5 5.6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.6m0 3.3v.1"/>"#;

/// The badge of a run's or stage's status.
pub(super) fn status(of: Status) -> Markup {
    badge(status::tone(of), status::glyph(of), status::word(of))
}

/// The badge of a run's status; `stale` for a running run with an overdue heartbeat.
pub(super) fn run_status(of: Status, stale: bool) -> Markup {
    if of == Status::Running && stale {
        html! { span.badge.warn { (icon(RING)) (status::STALE) } }
    } else {
        status(of)
    }
}

/// The badge of a gate's verdict.
pub(super) fn verdict(of: &Verdict) -> Markup {
    badge(verdict::tone(of), verdict::glyph(of), of.as_str())
}

/// The sign of a failure, without a word.
pub(super) fn failed() -> Markup {
    icon(CROSS)
}

fn badge(tone: Tone, glyph: char, word: &str) -> Markup {
    let class = match tone {
        Tone::Good => "ok",
        Tone::Active => "live",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
        Tone::Faint => "",
    };
    html! { span class={ "badge " (class) } { (icon(drawing(glyph))) (word) } }
}

/// A glyph as a drawing: fonts draw the characters in different sizes, or not at all.
const fn drawing(glyph: char) -> &'static str {
    match glyph {
        '✓' => TICK,
        '✗' => CROSS,
        '…' => DOT,
        '·' => DASH,
        '!' => BANG,
        _ => ASK,
    }
}

fn icon(sign: &str) -> Markup {
    html! { svg viewBox="0 0 16 16" aria-hidden="true" focusable="false" { (PreEscaped(sign)) } }
}
