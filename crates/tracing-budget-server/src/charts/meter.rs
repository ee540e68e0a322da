//! A bar for a part of a whole.

use maud::{Markup, html};

/// A part of a whole beside its figure, which says the same in words.
pub(crate) fn share(part: f64) -> Markup {
    html! {
        svg.share aria-hidden="true" focusable="false" {
            rect.bed width="100%" height="8" rx="2" {}
            rect width=(percent(part)) height="8" rx="2" {}
        }
    }
}

/// What is used of a limit.
pub(crate) fn limit(part: f64) -> Markup {
    let class = match part {
        part if part >= 1.0 => "fill over",
        part if part >= 0.8 => "fill near",
        _ => "fill",
    };
    html! {
        svg.meter aria-hidden="true" focusable="false" { rect class=(class) width=(percent(part)) height="6" {} }
    }
}

/// A part as SVG has it; what is beyond the whole fills it.
pub(super) fn percent(part: f64) -> String {
    let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
    format!("{:.3}%", part * 100.0)
}
