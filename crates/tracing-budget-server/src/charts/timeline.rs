//! Bars of the stages on one time scale, one row per stage.
//!
//! A summary has the start of a stage's first attempt and the total duration of all attempts. A stage with one attempt gets
//! a plain bar. A stage with several gets a hatched bar: it begins with the first attempt and is as long as all together.

use maud::{Markup, html};

use super::percent;
use tracing_budget::present::numbers;
use tracing_budget::summary::{RunSummary, StageRow, Status, Timestamp};

/// The time scale of a run's bars.
pub(crate) struct Scale {
    start_ms: i64,
    span_seconds: f64,
    ticks: Vec<f64>,
}

/// Round intervals between two ticks, in seconds.
const STEPS: [f64; 25] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0,
    300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0, 86_400.0,
];

/// Maximum number of intervals: more labels overlap on a phone's screen.
const TICKS: f64 = 4.0;

impl Scale {
    /// From the run's start to its end, or to the end of the last bar if that is later.
    pub(crate) fn of(run: &RunSummary) -> Self {
        let start_ms = run.started_at.unix_ms();
        let bar_end = |row: &StageRow| Some(since(start_ms, row.started_at?) + length(row));
        let ends = run
            .budget_summary
            .per_agent
            .iter()
            .filter(|(_, row)| row.calls == 1)
            .filter_map(|(_, row)| bar_end(row));
        let span_seconds = ends.fold(finite(run.duration_seconds), f64::max).max(0.001);
        Self { start_ms, span_seconds, ticks: ticks(span_seconds) }
    }

    /// The labels above the bars.
    pub(crate) fn axis(&self) -> Markup {
        html! {
            svg aria-hidden="true" focusable="false" {
                @for tick in &self.ticks {
                    text x=(percent(tick / self.span_seconds)) y="12" text-anchor=(if *tick == 0.0 { "start" } else { "middle" }) {
                        (numbers::duration(*tick))
                    }
                }
            }
        }
    }

    /// The bar of a stage; an empty lane if its start is unknown.
    pub(crate) fn bar(&self, row: &StageRow) -> Markup {
        let from = row.started_at.map(|at| since(self.start_ms, at).max(0.0) / self.span_seconds);
        let part = length(row) / self.span_seconds;
        html! {
            svg aria-hidden="true" focusable="false" {
                @for tick in &self.ticks {
                    line.grid x1=(percent(tick / self.span_seconds)) x2=(percent(tick / self.span_seconds)) y1="-10" y2="34" {}
                }
                @if let Some(from) = from.filter(|_| row.calls > 0) {
                    rect class=(class(row)) x=(percent(from)) width=(percent(part.min(1.0 - from))) y="4" height="16" rx="3" {}
                    // A line at the start: the bar of a very short stage would be invisible.
                    line.tick x1=(percent(from)) x2=(percent(from)) y1="3" y2="21" {}
                }
            }
        }
    }

    /// The start of a stage's bar as text.
    pub(crate) fn start(&self, row: &StageRow) -> Option<String> {
        row.started_at.map(|at| numbers::duration(since(self.start_ms, at).max(0.0)))
    }
}

/// The hatching of bars for several attempts; needed once per page.
pub(crate) fn patterns() -> Markup {
    html! {
        svg.patterns aria-hidden="true" focusable="false" {
            @for (id, class) in [("many", "a"), ("many-failed", "b")] {
                pattern id=(id) width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    line class=(class) x1="0" y1="0" x2="0" y2="7" {}
                }
            }
        }
    }
}

fn class(row: &StageRow) -> &'static str {
    match (row.calls > 1, row.status) {
        (false, Status::Failed) => "bar failed",
        (true, Status::Failed) => "bar many failed",
        (_, Status::Running) => "bar live",
        (false, _) => "bar",
        (true, _) => "bar many",
    }
}

fn since(start_ms: i64, at: Timestamp) -> f64 {
    at.unix_ms().saturating_sub(start_ms) as f64 / 1e3
}

fn length(row: &StageRow) -> f64 {
    finite(row.duration_seconds)
}

fn finite(seconds: f64) -> f64 {
    if seconds.is_finite() { seconds.max(0.0) } else { 0.0 }
}

fn ticks(span: f64) -> Vec<f64> {
    let step = STEPS.into_iter().find(|step| span / step <= TICKS).unwrap_or_else(|| {
        let days = (span / 86_400.0 / TICKS).ceil();
        days * 86_400.0
    });
    // The last tick keeps a distance from the edge, because its label would be cut off there.
    (0..).map(|n| f64::from(n) * step).take_while(|tick| *tick <= span * 0.97).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_few_and_round() {
        assert_eq!(ticks(47.27), [0.0, 15.0, 30.0, 45.0]);
        assert_eq!(ticks(0.001).first(), Some(&0.0));
        for span in [0.001, 0.4, 59.0, 61.0, 3_599.0, 1e5, 1e9] {
            let ticks = ticks(span);
            assert!((1..=5).contains(&ticks.len()), "{span}: {ticks:?}");
        }
    }
}
