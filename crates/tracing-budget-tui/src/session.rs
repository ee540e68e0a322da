//! The total of all runs of a session.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use tracing_budget::Usd;
use tracing_budget::summary::RunSummary;

/// Maximum number of runs in flight that are followed: each takes 48 bytes of the state, which must stay below 1 KiB. With
/// more runs the total is a lower bound.
const MAX_FOLLOWED: usize = 8;

/// Total cost and tokens of all runs seen, including ended ones.
///
/// A run that is missing from a snapshot has ended, and counts with its last figures.
#[derive(Clone, Debug, Default)]
pub struct Session {
    ended: Spent,
    in_flight: Vec<(u64, Spent)>,
    runs: u64,
    /// Whether a run was not followed to its end.
    unfollowed: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    cost: Usd,
    tokens: u64,
    /// Whether a part is unknown.
    in_part: bool,
}

impl Session {
    pub(super) fn observe(&mut self, runs: &[RunSummary]) {
        let mut seen: Vec<(u64, Spent)> = Vec::with_capacity(runs.len().min(MAX_FOLLOWED));
        self.unfollowed |= runs.len() > MAX_FOLLOWED;
        for run in runs.iter().take(MAX_FOLLOWED) {
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

    /// Total cost in USD; a lower bound if [`is_in_part`](Self::is_in_part).
    #[must_use]
    pub fn cost_usd(&self) -> Usd {
        self.total().cost
    }

    /// Total input and output tokens; a lower bound if [`is_in_part`](Self::is_in_part).
    #[must_use]
    pub fn tokens_used(&self) -> u64 {
        self.total().tokens
    }

    /// Returns whether a part is unknown: calls without a price or without usage, or more concurrent runs than the state
    /// follows.
    #[must_use]
    pub fn is_in_part(&self) -> bool {
        self.unfollowed || self.total().in_part
    }

    /// Number of runs seen.
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
            in_part: total.unpriced_calls > 0 || total.calls_without_usage > 0 || total.partial_calls > 0,
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
    fn a_run_counts_once_while_it_grows_and_after_its_end() {
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
    fn an_unknown_part_makes_the_total_a_lower_bound() {
        let mut session = Session::default();
        let mut unpriced = run("a", "0", 10);
        unpriced.budget_summary.total.unpriced_calls = 1;
        session.observe(&[unpriced]);
        assert!(session.is_in_part());

        let many: Vec<_> = (0..=MAX_FOLLOWED).map(|at| run(&at.to_string(), "1", 1)).collect();
        let mut session = Session::default();
        session.observe(&many);
        assert!(session.is_in_part(), "one of them is not followed");
    }
}
