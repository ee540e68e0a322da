//! The state of the panel between two frames.

use std::time::Duration;

use super::session::Session;
use tracing_budget::summary::{BurnRate, RunSummary};

/// Period of the burn rate: shorter ones jump with every call, longer ones lag.
const WINDOW: Duration = Duration::from_secs(60);
/// Distance between the points of the burn rate: closer ones would not fit into the state's 1 KiB.
const INTERVAL: Duration = Duration::from_secs(15);

/// The state of a [`CostPanel`](super::CostPanel): the shown run, its burn rate, and the session's total. Less than 1 KiB for
/// any number of runs.
#[derive(Clone, Debug)]
pub struct CostPanelState {
    pub(super) burn: BurnRate,
    pub(super) session: Session,
    shown: String,
    last_observed: Option<Duration>,
}

impl Default for CostPanelState {
    fn default() -> Self {
        Self::new()
    }
}

impl CostPanelState {
    /// Creates a state without runs.
    #[must_use]
    pub fn new() -> Self {
        Self {
            burn: BurnRate::over(WINDOW),
            session: Session::default(),
            shown: String::new(),
            last_observed: None,
        }
    }

    /// Updates the state from the runs in flight, as [`Handle::snapshot`](tracing_budget::Handle::snapshot) returns them.
    pub fn observe(&mut self, runs: &[RunSummary]) {
        self.session.observe(runs);
        match self.index(runs) {
            Some(at) => self.follow(&runs[at]),
            None => self.reset_burn_rate(),
        }
    }

    /// Resets the state: a new session starts at 0.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Total of all runs seen.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// Burn rate of the shown run, over the last minute.
    #[must_use]
    pub const fn burn_rate(&self) -> &BurnRate {
        &self.burn
    }

    /// Shows the next run; after the last one, the first.
    pub fn show_next(&mut self, runs: &[RunSummary]) {
        if let Some(at) = self.index(runs) {
            self.follow(&runs[(at + 1) % runs.len()]);
        }
    }

    /// Shows the previous run; before the first one, the last.
    pub fn show_previous(&mut self, runs: &[RunSummary]) {
        if let Some(at) = self.index(runs) {
            self.follow(&runs[(at + runs.len() - 1) % runs.len()]);
        }
    }

    /// Returns the index of the shown run; if it is gone, that of the newest.
    pub(super) fn index(&self, runs: &[RunSummary]) -> Option<usize> {
        let shown = runs.iter().position(|run| run.run_id == self.shown);
        shown.or(runs.len().checked_sub(1))
    }

    fn follow(&mut self, run: &RunSummary) {
        if run.run_id != self.shown {
            self.reset_burn_rate();
            // Ids of emitters have any length: a longer one would exceed the state's 1 KiB. Without an id the newest run is shown.
            self.shown = if run.run_id.len() <= 64 { run.run_id.clone() } else { String::new() };
        }
        let now = Duration::try_from_secs_f64(run.duration_seconds).unwrap_or_default();
        if self.last_observed.is_none_or(|last| now >= last + INTERVAL) {
            self.last_observed = Some(now);
            self.burn.observe_run(run);
        }
    }

    fn reset_burn_rate(&mut self) {
        self.burn = BurnRate::over(WINDOW);
        self.last_observed = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, seconds: f64, tokens: u64) -> RunSummary {
        let mut run = RunSummary::new(id, "2026-04-19T09:12:03Z".parse().expect("a time"));
        run.duration_seconds = seconds;
        run.budget_summary.total.tokens_used = Some(tokens);
        run
    }

    #[test]
    fn the_newest_run_is_shown_until_another_is_selected() {
        let runs = [run("a", 1.0, 1), run("b", 1.0, 1), run("c", 1.0, 1)];
        let mut state = CostPanelState::new();
        state.observe(&runs);
        assert_eq!(state.index(&runs), Some(2));
        state.show_next(&runs);
        assert_eq!(state.index(&runs), Some(0));
        state.show_previous(&runs);
        state.show_previous(&runs);
        state.observe(&runs);
        assert_eq!(state.index(&runs), Some(1), "a new snapshot keeps the selection");
        assert_eq!(state.index(&runs[2..]), Some(0), "if the shown run is gone, the newest is shown");
    }

    #[test]
    fn the_burn_rate_is_that_of_one_run() {
        let mut state = CostPanelState::new();
        state.observe(&[run("a", 0.0, 0)]);
        state.observe(&[run("a", 30.0, 600)]);
        assert_eq!(state.burn_rate().tokens_per_minute(), Some(1_200.0));
        state.observe(&[run("b", 60.0, 9_000)]);
        assert_eq!(state.burn_rate().tokens_per_minute(), None);
    }

    #[test]
    fn reset_clears_the_state() {
        let mut state = CostPanelState::new();
        state.observe(&[run("a", 0.0, 10)]);
        state.observe(&[run("a", 30.0, 600)]);
        state.reset();
        assert_eq!((state.session().tokens_used(), state.session().runs()), (0, 0));
        assert_eq!(state.burn_rate().tokens_per_minute(), None);
    }
}
