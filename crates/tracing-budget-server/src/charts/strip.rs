//! Runs beside each other, a bar a run.

use maud::{Markup, html};

use super::meter::percent;
use tracing_budget::summary::Status;

/// One run.
pub(crate) struct Bar {
    /// Where it leads.
    pub(crate) href: String,
    /// What is said on hovering.
    pub(crate) title: String,
    /// Its height as a part of the highest; none where its value is unknown.
    pub(crate) part: Option<f64>,
    pub(crate) status: Status,
    pub(crate) stale: bool,
}

/// Room for the sign of a failure above the highest bar, and what the highest has below it.
const TOP: f64 = 12.0;
const HEIGHT: f64 = 60.0;

/// The bars, for eyes and pointers: whoever reads or goes by keyboard has the same in the table of the runs.
pub(crate) fn draw(bars: &[Bar]) -> Markup {
    // A handful of runs is not blown up to slabs.
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
                        // A run of no height to speak of is still seen.
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

/// A nested drawing, as a path cannot be placed by a percentage.
fn cross(middle: f64, y: f64) -> Markup {
    html! {
        svg.cross x=(percent(middle)) y=(format!("{y:.1}")) width="1" height="1" { path d="m-3 -3 6 6m0-6-6 6" {} }
    }
}
