//! What the panel remembers from one frame to the next.

use std::time::Duration;

use super::session::Session;
use tracing_budget::summary::{BurnRate, RunSummary};

/// The burn rate is that of the last minute.
const WINDOW: Duration = Duration::from_secs(60);
/// So far apart are the points that it is worked out from: few enough that all of them take half a kibibyte.
const APART: Duration = Duration::from_secs(15);

/// What a [`CostPanel`](super::CostPanel) remembers: which run is shown, how fast it spends, what the session has spent.
/// Less than 1 KiB in all, however many runs there are.
#[derive(Clone, Debug)]
pub struct CostPanelState {
    pub(super) burn: BurnRate,
    pub(super) session: Session,
    shown: String,
    last_point: Option<Duration>,
}

impl Default for CostPanelState {
    fn default() -> Self {
        Self::new()
    }
}

impl CostPanelState {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            burn: BurnRate::over(WINDOW),
            session: Session::default(),
            shown: String::new(),
            last_point: None,
        }
    }

    /// Takes a look at the runs in flight, as [`Handle::snapshot`](tracing_budget::Handle::snapshot) gives them.
    pub fn observe(&mut self, runs: &[RunSummary]) {
        self.session.observe(runs);
        match self.index(runs) {
            Some(at) => self.follow(&runs[at]),
            None => self.forget_pace(),
        }
    }

    /// Forgets everything: what was spent before is no part of the session any more.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// What all runs that were seen have spent together.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// How fast the run that is shown has spent in the last minute.
    #[must_use]
    pub const fn burn_rate(&self) -> &BurnRate {
        &self.burn
    }

    /// Shows the run after the one that is shown, the first after the last.
    pub fn show_next(&mut self, runs: &[RunSummary]) {
        if let Some(at) = self.index(runs) {
            self.follow(&runs[(at + 1) % runs.len()]);
        }
    }

    /// Shows the run before the one that is shown, the last before the first.
    pub fn show_previous(&mut self, runs: &[RunSummary]) {
        if let Some(at) = self.index(runs) {
            self.follow(&runs[(at + runs.len() - 1) % runs.len()]);
        }
    }

    /// Which of these runs is shown: the one that was, else the newest.
    pub(super) fn index(&self, runs: &[RunSummary]) -> Option<usize> {
        let shown = runs.iter().position(|run| run.run_id == self.shown);
        shown.or(runs.len().checked_sub(1))
    }

    fn follow(&mut self, run: &RunSummary) {
        if run.run_id != self.shown {
            self.forget_pace();
            // An emitter's own id may be of any length, and this is all that tells runs apart here.
            self.shown = if run.run_id.len() <= 64 { run.run_id.clone() } else { String::new() };
        }
        let now = Duration::try_from_secs_f64(run.duration_seconds).unwrap_or_default();
        if self.last_point.is_none_or(|last| now >= last + APART) {
            self.last_point = Some(now);
            self.burn.observe_run(run);
        }
    }

    fn forget_pace(&mut self) {
        self.burn = BurnRate::over(WINDOW);
        self.last_point = None;
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
    fn the_newest_run_is_shown_until_another_is_asked_for() {
        let runs = [run("a", 1.0, 1), run("b", 1.0, 1), run("c", 1.0, 1)];
        let mut state = CostPanelState::new();
        state.observe(&runs);
        assert_eq!(state.index(&runs), Some(2));
        state.show_next(&runs);
        assert_eq!(state.index(&runs), Some(0));
        state.show_previous(&runs);
        state.show_previous(&runs);
        state.observe(&runs);
        assert_eq!(state.index(&runs), Some(1), "a new look changes nothing");
        assert_eq!(state.index(&runs[2..]), Some(0), "one that is gone makes room for the newest");
    }

    #[test]
    fn the_pace_is_that_of_one_run() {
        let mut state = CostPanelState::new();
        state.observe(&[run("a", 0.0, 0)]);
        state.observe(&[run("a", 30.0, 600)]);
        assert_eq!(state.burn_rate().tokens_per_minute(), Some(1_200.0));
        state.observe(&[run("b", 60.0, 9_000)]);
        assert_eq!(state.burn_rate().tokens_per_minute(), None);
    }

    #[test]
    fn a_reset_clears_it() {
        let mut state = CostPanelState::new();
        state.observe(&[run("a", 0.0, 10)]);
        state.observe(&[run("a", 30.0, 600)]);
        state.reset();
        assert_eq!((state.session().tokens_used(), state.session().runs()), (0, 0));
        assert_eq!(state.burn_rate().tokens_per_minute(), None);
    }
}
