//! Charts: SVG, drawn on the server from plain numbers.
//!
//! Charts with axes are drawn by `plotters` at one size, which the browser scales. Bars that stretch with the table around
//! them, or are links, are elements placed by percentages, which `plotters` cannot do.
//!
//! # Invariants
//!
//! - Nothing here knows the store, the API or a request.
//! - Text is escaped, and there are no inline styles: the content security policy forbids them.
//! - An unknown value is a gap, never 0.

use maud::{Markup, html};

pub(super) mod plot;
pub(super) mod strip;
pub(super) mod timeline;

/// A bar for a share. The figure beside it has the same content as text.
pub(crate) fn share_bar(part: f64) -> Markup {
    html! {
        svg.share aria-hidden="true" focusable="false" {
            rect.bed width="100%" height="8" rx="2" {}
            rect width=(percent(part)) height="8" rx="2" {}
        }
    }
}

/// A bar for the used part of a limit.
pub(crate) fn limit_bar(part: f64) -> Markup {
    let class = match part {
        part if part >= 1.0 => "fill over",
        part if part >= 0.8 => "fill near",
        _ => "fill",
    };
    html! {
        svg.meter aria-hidden="true" focusable="false" { rect class=(class) width=(percent(part)) height="6" {} }
    }
}

/// A part as an SVG percentage, clamped to 0 to 100 %.
fn percent(part: f64) -> String {
    let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
    format!("{:.3}%", part * 100.0)
}
