//! How fast money and tokens are going, and where that leads.

use std::collections::VecDeque;
use std::time::Duration;

use super::document::RunSummary;
use super::efficiency::per_minute;
use crate::ledger::Usd;

/// Points that are kept: at one a second, ten minutes.
const MOST: usize = 600;

/// How fast a run spends, from snapshots of it: USD and tokens a minute between the first and the newest point of a window,
/// and a straight line on from there.
///
/// Nothing is said before there are two points and time has passed between them, nor of what is unknown at either.
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

/// What was used at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    at: Duration,
    cost: Option<Usd>,
    tokens: Option<u64>,
}

impl BurnRate {
    /// Looks back over a window, and no further than 600 points.
    #[must_use]
    pub fn over(window: Duration) -> Self {
        Self { window, points: VecDeque::new() }
    }

    /// Takes what was used up to a moment, counted from any fixed beginning, such as that of the run.
    ///
    /// A point that is not after the last one takes its place. Where time, cost or tokens go back, as they do when another
    /// run is looked at, what was seen before is forgotten.
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
        // The last point before the window stays, so that a window without points inside still has a beginning.
        while self.points.len() > MOST || self.points.get(1).is_some_and(|second| second.at <= begins) {
            self.points.pop_front();
        }
    }

    /// Takes what a run has used so far, from a snapshot of it.
    pub fn observe_run(&mut self, run: &RunSummary) {
        let at = Duration::try_from_secs_f64(run.duration_seconds).unwrap_or_default();
        self.observe(at, run.budget_summary.total.cost_usd, run.budget_summary.total.tokens_used);
    }

    /// USD a minute.
    #[must_use]
    pub fn usd_per_minute(&self) -> Option<f64> {
        self.rate(|point| point.cost.map(Usd::to_f64))
    }

    /// Tokens a minute.
    #[must_use]
    pub fn tokens_per_minute(&self) -> Option<f64> {
        self.rate(|point| point.tokens.map(|tokens| tokens as f64))
    }

    /// USD that will have been spent so long after the newest point, if it goes on like this.
    #[must_use]
    pub fn usd_in(&self, ahead: Duration) -> Option<Usd> {
        let spent = self.points.back()?.cost?;
        let more = Usd::from_f64(self.usd_per_minute()? * ahead.as_secs_f64() / 60.0)?;
        Some(spent + more)
    }

    /// Tokens that will have been used so long after the newest point, if it goes on like this.
    #[must_use]
    pub fn tokens_in(&self, ahead: Duration) -> Option<u64> {
        let used = self.points.back()?.tokens?;
        let more = self.tokens_per_minute()? * ahead.as_secs_f64() / 60.0;
        // The cast saturates.
        Some(used.saturating_add(more.round() as u64))
    }

    /// How long after the newest point an amount of USD will have been spent, if it goes on like this: zero where it has been,
    /// `None` where nothing is being spent.
    #[must_use]
    pub fn until_usd(&self, limit: Usd) -> Option<Duration> {
        let spent = self.points.back()?.cost?;
        if spent >= limit {
            return Some(Duration::ZERO);
        }
        until((limit - spent).to_f64(), self.usd_per_minute()?)
    }

    /// How long after the newest point a number of tokens will have been used; as [`until_usd`](Self::until_usd) otherwise.
    #[must_use]
    pub fn until_tokens(&self, limit: u64) -> Option<Duration> {
        let used = self.points.back()?.tokens?;
        if used >= limit {
            return Some(Duration::ZERO);
        }
        until((limit - used) as f64, self.tokens_per_minute()?)
    }

    /// The growth between the first point and the newest, a minute.
    fn rate(&self, of: impl Fn(&Point) -> Option<f64>) -> Option<f64> {
        let (first, last) = (self.points.front()?, self.points.back()?);
        per_minute(of(last)? - of(first)?, (last.at - first.at).as_secs_f64())
    }
}

/// How long a rate takes for what is left; nothing can be said where nothing is used.
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
