//! Burn rates over a window, and their linear projection.

use std::collections::VecDeque;
use std::time::Duration;

use super::document::RunSummary;
use super::efficiency::per_minute;
use crate::ledger::Usd;

/// Maximum number of points: ten minutes at one per second. It bounds the memory of a panel that runs for days.
const MOST: usize = 600;

/// The burn rate of a run, computed from snapshots: USD and tokens per minute between the first and the newest point of a
/// window, and their linear projection.
///
/// A rate is `None` until there are two points at different times, and while the figure is unknown at either of them.
///
/// ```
/// use std::time::Duration;
/// use tracing_budget::{summary::BurnRate, Usd};
///
/// let mut burn = BurnRate::over(Duration::from_secs(60));
/// burn.observe(Duration::ZERO, Some(Usd::ZERO), Some(0));
/// assert_eq!(burn.usd_per_minute(), None);
/// burn.observe(Duration::from_secs(30), "0.05".parse().ok(), Some(6_000));
/// assert_eq!((burn.usd_per_minute(), burn.tokens_per_minute()), (Some(0.1), Some(12_000.0)));
/// assert_eq!(burn.usd_in(Duration::from_secs(60)), "0.15".parse().ok());
/// assert_eq!(burn.until_usd("1.05".parse()?), Some(Duration::from_secs(600)));
/// # Ok::<(), tracing_budget::money::UsdError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BurnRate {
    window: Duration,
    points: VecDeque<Point>,
}

/// Cost and tokens at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    at: Duration,
    cost: Option<Usd>,
    tokens: Option<u64>,
}

impl BurnRate {
    /// Returns an empty burn rate over a window of time. It keeps at most 600 points.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracing_budget::summary::BurnRate;
    ///
    /// assert_eq!(BurnRate::over(Duration::from_secs(60)).usd_per_minute(), None);
    /// ```
    #[must_use]
    pub fn over(window: Duration) -> Self {
        Self { window, points: VecDeque::new() }
    }

    /// Adds a point: cost and tokens up to a moment, which is counted from a fixed origin such as the start of the run.
    ///
    /// A point at the time of the last one replaces it. If time, cost or tokens decrease, the points belong to another run:
    /// the earlier points are removed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracing_budget::summary::BurnRate;
    ///
    /// let mut burn = BurnRate::over(Duration::from_secs(60));
    /// burn.observe(Duration::ZERO, "0".parse().ok(), Some(0));
    /// burn.observe(Duration::from_secs(30), "1".parse().ok(), Some(600));
    /// assert_eq!(burn.usd_per_minute(), Some(2.0));
    /// ```
    pub fn observe(&mut self, at: Duration, cost: Option<Usd>, tokens: Option<u64>) {
        let point = Point { at, cost, tokens };
        if let Some(last) = self.points.back() {
            if at < last.at || goes_back(last.cost, cost) || goes_back(last.tokens, tokens) {
                self.points.clear();
            } else if at == last.at {
                self.points.pop_back();
            }
        }
        self.points.push_back(point);
        let begins = at.saturating_sub(self.window);
        // Keep the last point before the window. Without it, a window with one point inside would have no rate.
        while self.points.len() > MOST || self.points.get(1).is_some_and(|second| second.at <= begins) {
            self.points.pop_front();
        }
    }

    /// Adds the cost and tokens of a snapshot of a run, at its duration.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracing_budget::{RunSummary, summary::BurnRate};
    ///
    /// let mut run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
    /// let mut burn = BurnRate::over(Duration::from_secs(60));
    /// burn.observe_run(&run);
    /// run.duration_seconds = 30.0;
    /// run.budget_summary.total.tokens_used = Some(600);
    /// burn.observe_run(&run);
    /// assert_eq!(burn.tokens_per_minute(), Some(1_200.0));
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    pub fn observe_run(&mut self, run: &RunSummary) {
        let at = Duration::try_from_secs_f64(run.duration_seconds).unwrap_or_default();
        self.observe(at, run.budget_summary.total.cost_usd, run.budget_summary.total.tokens_used);
    }

    /// Returns the burn rate in USD per minute.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracing_budget::summary::BurnRate;
    ///
    /// let mut burn = BurnRate::over(Duration::from_secs(60));
    /// burn.observe(Duration::ZERO, "0".parse().ok(), Some(0));
    /// burn.observe(Duration::from_secs(30), "1".parse().ok(), Some(600));
    /// assert_eq!(burn.usd_per_minute(), Some(2.0));
    /// ```
    #[must_use]
    pub fn usd_per_minute(&self) -> Option<f64> {
        self.rate(|point| point.cost.map(Usd::to_f64))
    }

    /// Returns the burn rate in tokens per minute.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracing_budget::summary::BurnRate;
    ///
    /// let mut burn = BurnRate::over(Duration::from_secs(60));
    /// burn.observe(Duration::ZERO, "0".parse().ok(), Some(0));
    /// burn.observe(Duration::from_secs(30), "1".parse().ok(), Some(600));
    /// assert_eq!(burn.tokens_per_minute(), Some(1_200.0));
    /// ```
    #[must_use]
    pub fn tokens_per_minute(&self) -> Option<f64> {
        self.rate(|point| point.tokens.map(|tokens| tokens as f64))
    }

    /// Returns the projected cost at a time after the newest point, in USD.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracing_budget::summary::BurnRate;
    ///
    /// let mut burn = BurnRate::over(Duration::from_secs(60));
    /// burn.observe(Duration::ZERO, "0".parse().ok(), Some(0));
    /// burn.observe(Duration::from_secs(30), "1".parse().ok(), Some(600));
    /// assert_eq!(burn.usd_in(Duration::from_secs(60)), "3".parse().ok());
    /// ```
    #[must_use]
    pub fn usd_in(&self, ahead: Duration) -> Option<Usd> {
        let spent = self.points.back()?.cost?;
        let more = Usd::from_f64(self.usd_per_minute()? * ahead.as_secs_f64() / 60.0)?;
        Some(spent + more)
    }

    /// Returns the projected tokens at a time after the newest point.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracing_budget::summary::BurnRate;
    ///
    /// let mut burn = BurnRate::over(Duration::from_secs(60));
    /// burn.observe(Duration::ZERO, "0".parse().ok(), Some(0));
    /// burn.observe(Duration::from_secs(30), "1".parse().ok(), Some(600));
    /// assert_eq!(burn.tokens_in(Duration::from_secs(60)), Some(1_800));
    /// ```
    #[must_use]
    pub fn tokens_in(&self, ahead: Duration) -> Option<u64> {
        let used = self.points.back()?.tokens?;
        let more = self.tokens_per_minute()? * ahead.as_secs_f64() / 60.0;
        // The cast saturates.
        Some(used.saturating_add(more.round() as u64))
    }

    /// Returns the projected time from the newest point until a cost is reached: zero if it is reached, `None` if the rate is 0
    /// or unknown.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracing_budget::{Usd, summary::BurnRate};
    ///
    /// let mut burn = BurnRate::over(Duration::from_secs(60));
    /// burn.observe(Duration::ZERO, "0".parse().ok(), Some(0));
    /// burn.observe(Duration::from_secs(30), "1".parse().ok(), Some(600));
    /// assert_eq!(burn.until_usd(Usd::from_pico(3_000_000_000_000)), Some(Duration::from_secs(60)));
    /// ```
    #[must_use]
    pub fn until_usd(&self, limit: Usd) -> Option<Duration> {
        let spent = self.points.back()?.cost?;
        if spent >= limit {
            return Some(Duration::ZERO);
        }
        until((limit - spent).to_f64(), self.usd_per_minute()?)
    }

    /// Returns the projected time from the newest point until a number of tokens is reached, as
    /// [`until_usd`](Self::until_usd) does.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracing_budget::summary::BurnRate;
    ///
    /// let mut burn = BurnRate::over(Duration::from_secs(60));
    /// burn.observe(Duration::ZERO, "0".parse().ok(), Some(0));
    /// burn.observe(Duration::from_secs(30), "1".parse().ok(), Some(600));
    /// assert_eq!(burn.until_tokens(600), Some(Duration::ZERO));
    /// ```
    #[must_use]
    pub fn until_tokens(&self, limit: u64) -> Option<Duration> {
        let used = self.points.back()?.tokens?;
        if used >= limit {
            return Some(Duration::ZERO);
        }
        until((limit - used) as f64, self.tokens_per_minute()?)
    }

    /// Returns the growth between the first and the newest point, per minute.
    fn rate(&self, of: impl Fn(&Point) -> Option<f64>) -> Option<f64> {
        let (first, last) = (self.points.front()?, self.points.back()?);
        per_minute(of(last)? - of(first)?, (last.at - first.at).as_secs_f64())
    }
}

/// Returns how long a rate takes for what is left; `None` if the rate is 0.
fn until(left: f64, per_minute: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(left * 60.0 / per_minute).ok()
}

fn goes_back<T: PartialOrd>(before: Option<T>, now: Option<T>) -> bool {
    before.zip(now).is_some_and(|(before, now)| now < before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn cents(cents: i128) -> Option<Usd> {
        Some(Usd::from_pico(cents * 10_000_000_000))
    }

    fn burn(window: u64, points: &[(u64, Option<Usd>, Option<u64>)]) -> BurnRate {
        let mut burn = BurnRate::over(seconds(window));
        points.iter().for_each(|(at, cost, tokens)| burn.observe(seconds(*at), *cost, *tokens));
        burn
    }

    #[test]
    fn two_points_and_time_between_them_are_needed() {
        for points in [&[][..], &[(5, cents(1), Some(1))], &[(5, cents(1), Some(1)), (5, cents(9), Some(9))]]
        {
            let burn = burn(60, points);
            assert_eq!((burn.usd_per_minute(), burn.tokens_per_minute()), (None, None), "{points:?}");
            assert_eq!((burn.usd_in(seconds(9)), burn.tokens_in(seconds(9))), (None, None));
        }
    }

    #[test]
    fn only_the_window_counts() {
        let points: Vec<_> =
            (0..100).map(|at| (at, cents(if at < 80 { 0 } else { i128::from(at) - 79 }), Some(at))).collect();
        // A cent a second since the 80th.
        let burn = burn(10, &points);
        assert_eq!(burn.usd_per_minute(), Some(0.6));
        assert_eq!(burn.until_usd(Usd::from_pico(1_000_000_000_000)), Some(seconds(80)));
        assert_eq!(burn.until_tokens(99), Some(Duration::ZERO));
        assert_eq!(burn.until_tokens(109), Some(seconds(10)));
    }

    #[test]
    fn what_is_unknown_at_either_end_has_no_rate() {
        let burn = burn(60, &[(0, None, Some(0)), (60, cents(5), None)]);
        assert_eq!((burn.usd_per_minute(), burn.tokens_per_minute()), (None, None));
    }

    #[test]
    fn a_run_that_spends_nothing_never_arrives() {
        let burn = burn(60, &[(0, cents(1), Some(7)), (60, cents(1), Some(7))]);
        assert_eq!(burn.usd_per_minute(), Some(0.0));
        assert_eq!((burn.until_usd(Usd::from_pico(1_000_000_000_000)), burn.until_tokens(8)), (None, None));
        assert_eq!(burn.usd_in(seconds(3_600)), cents(1));
    }

    #[test]
    fn another_run_begins_anew_and_points_are_bounded() {
        assert_eq!(burn(60, &[(0, cents(5), Some(5)), (60, cents(1), Some(1))]).usd_per_minute(), None);
        let mut long = BurnRate::over(Duration::MAX);
        (0..10_000).for_each(|at| long.observe(seconds(at), cents(at.into()), Some(at)));
        assert_eq!((long.points.len(), long.tokens_per_minute()), (MOST, Some(60.0)));
    }
}
