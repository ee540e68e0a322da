//! What all runs of a session have spent together.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use tracing_budget::Usd;
use tracing_budget::summary::RunSummary;

/// Runs in flight whose figures are remembered one by one; what further ones have spent joins the total when they are
/// first seen, and what they spend later is missed.
const MOST: usize = 8;

/// What all runs that were seen have spent together, those that have ended included.
///
/// A run that is in one look and not in the next has ended, and counts with what it had spent when it was last seen.
#[derive(Clone, Debug, Default)]
pub struct Session {
    ended: Spent,
    in_flight: Vec<(u64, Spent)>,
    runs: u64,
    /// Whether some run could not be followed to its end.
    lost_sight: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    cost: Usd,
    tokens: u64,
    /// Whether there is more that nobody knows.
    in_part: bool,
}

impl Session {
    pub(super) fn observe(&mut self, runs: &[RunSummary]) {
        let mut seen: Vec<(u64, Spent)> = Vec::with_capacity(runs.len().min(MOST));
        self.lost_sight |= runs.len() > MOST;
        for run in runs.iter().take(MOST) {
            let id = BuildHasherDefault::<DefaultHasher>::default().hash_one(run.run_id.as_str());
            match self.in_flight.iter().position(|(known, _)| *known == id) {
                Some(at) => drop(self.in_flight.swap_remove(at)),
                None => self.runs += 1,
            }
            seen.push((id, Spent::of(run)));
        }
        for (_, spent) in self.in_flight.drain(..) {
            self.ended.add(spent);
        }
        self.in_flight = seen;
    }

    /// USD; at least this much where [`is_in_part`](Self::is_in_part).
    #[must_use]
    pub fn cost_usd(&self) -> Usd {
        self.total().cost
    }

    /// Input and output tokens; at least so many where [`is_in_part`](Self::is_in_part).
    #[must_use]
    pub fn tokens_used(&self) -> u64 {
        self.total().tokens
    }

    /// Whether there is more that nobody knows: calls without a price or without usage, or more runs at once than are
    /// followed.
    #[must_use]
    pub fn is_in_part(&self) -> bool {
        self.lost_sight || self.total().in_part
    }

    /// How many runs were seen.
    #[must_use]
    pub const fn runs(&self) -> u64 {
        self.runs
    }

    fn total(&self) -> Spent {
        let mut total = self.ended;
        self.in_flight.iter().for_each(|(_, spent)| total.add(*spent));
        total
    }
}

impl Spent {
    fn of(run: &RunSummary) -> Self {
        let total = &run.budget_summary.total;
        Self {
            cost: total.cost_usd.unwrap_or_default(),
            tokens: total.tokens_used.unwrap_or_default(),
            in_part: total.unpriced_calls > 0 || total.calls_without_usage > 0,
        }
    }

    fn add(&mut self, other: Self) {
        self.cost += other.cost;
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.in_part |= other.in_part;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, cost: &str, tokens: u64) -> RunSummary {
        let mut run = RunSummary::new(id, "2026-04-19T09:12:03Z".parse().expect("a time"));
        run.budget_summary.total.cost_usd = cost.parse().ok();
        run.budget_summary.total.tokens_used = Some(tokens);
        run
    }

    #[test]
    fn a_run_counts_once_while_it_grows_and_after_it_ended() {
        let mut session = Session::default();
        session.observe(&[run("a", "0.10", 10)]);
        session.observe(&[run("a", "0.25", 30), run("b", "1", 1)]);
        assert_eq!(
            (session.cost_usd(), session.tokens_used(), session.runs()),
            ("1.25".parse().expect("usd"), 31, 2)
        );
        session.observe(&[run("b", "2", 2)]);
        session.observe(&[]);
        assert_eq!(
            (session.cost_usd(), session.tokens_used(), session.runs()),
            ("2.25".parse().expect("usd"), 32, 2)
        );
        assert!(!session.is_in_part());
    }

    #[test]
    fn what_is_not_known_is_said() {
        let mut session = Session::default();
        let mut unpriced = run("a", "0", 10);
        unpriced.budget_summary.total.unpriced_calls = 1;
        session.observe(&[unpriced]);
        assert!(session.is_in_part());

        let many: Vec<_> = (0..=MOST).map(|at| run(&at.to_string(), "1", 1)).collect();
        let mut session = Session::default();
        session.observe(&many);
        assert!(session.is_in_part(), "one of them is not followed");
    }
}
