//! One bar per run, side by side.

use maud::{Markup, html};

use super::percent;
use tracing_budget::summary::Status;

/// One run.
pub(crate) struct Bar {
    /// The link's target.
    pub(crate) href: String,
    /// The tooltip.
    pub(crate) title: String,
    /// Height as a part of the highest bar; `None` if the value is unknown.
    pub(crate) part: Option<f64>,
    pub(crate) status: Status,
    pub(crate) stale: bool,
}

/// Space in pixels: for the sign of a failure above the highest bar, and for the highest bar.
const TOP: f64 = 12.0;
const HEIGHT: f64 = 60.0;

/// Draws the bars. They are hidden from screen readers and the tab order, because the table below has the same content.
pub(crate) fn draw(bars: &[Bar]) -> Markup {
    // At least 12 slots: two runs would otherwise be drawn as two bars of half the page's width.
    let slots = bars.len().max(12) as f64;
    let base = TOP + HEIGHT;
    html! {
        svg.strip aria-hidden="true" focusable="false" {
            @for (n, bar) in bars.iter().enumerate() {
                @let left = n as f64 / slots;
                @let middle = (n as f64 + 0.5) / slots;
                a href=(bar.href) tabindex="-1" {
                    title { (bar.title) }
                    rect.hot x=(percent(left)) width=(percent(1.0 / slots)) y="0" height=(base) {}
                    @if let Some(part) = bar.part {
                        // At least 2 pixels: a bar for a small amount must not look like a missing one.
                        @let height = (part.clamp(0.0, 1.0) * HEIGHT).max(2.0);
                        rect class=(class(bar)) x=(percent(left + 0.14 / slots)) width=(percent(0.72 / slots))
                            y=(format!("{:.1}", base - height)) height=(format!("{height:.1}")) rx="1.5" {}
                        @if bar.status == Status::Failed { (cross(middle, base - height - 7.0)) }
                    } @else {
                        line.none x1=(percent(middle)) x2=(percent(middle)) y1=(base - 14.0) y2=(base) {}
                        @if bar.status == Status::Failed { (cross(middle, base - 21.0)) }
                    }
                }
            }
            line.base x1="0" x2="100%" y1=(base + 0.5) y2=(base + 0.5) {}
        }
    }
}

fn class(bar: &Bar) -> &'static str {
    match bar.status {
        Status::Completed => "col",
        Status::Failed => "col failed",
        Status::Running if !bar.stale => "col live",
        _ => "col odd",
    }
}

/// Nested, because a path cannot be placed by a percentage.
fn cross(middle: f64, y: f64) -> Markup {
    html! {
        svg.cross x=(percent(middle)) y=(format!("{y:.1}")) width="1" height="1" { path d="m-3 -3 6 6m0-6-6 6" {} }
    }
}
