//! Several agents together: a lead with its specialists, or any others.

use super::cost_summary::TeamSummary;
use super::cost_tracker::{CostTracker, cost, row, rows};
use crate::ledger::{CellTotals, total as count};

impl CostTracker {
    /// What this agent spent together with all that work for it.
    ///
    /// ```
    /// use tracing_budget::CostTracker;
    ///
    /// let lead = CostTracker::new("lead", "apprentice", "session-42");
    /// lead.operation("analysis").cost_usd("0.005").record();
    /// lead.specialist("security").operation("review").cost_usd("0.02").record();
    /// lead.specialist("performance").operation("review").cost_usd("0.015").record();
    /// lead.operation("synthesis").cost_usd("0.003").record();
    ///
    /// let team = lead.team();
    /// assert_eq!(team.total_cost_usd, "0.043".parse().ok());
    /// assert_eq!(team.by_agent["lead"].cost_usd, "0.008".parse().ok());
    /// assert_eq!(team.by_operation["review"].cost_usd, "0.035".parse().ok());
    /// ```
    #[must_use]
    pub fn team(&self) -> TeamSummary {
        TeamSummary::of([self])
    }
}

impl TeamSummary {
    /// What these agents spent, together with all that work for them. A tracker that is met twice, as itself, as its clone or as a
    /// specialist, counts once.
    #[must_use]
    pub fn of<'a>(trackers: impl IntoIterator<Item = &'a CostTracker>) -> Self {
        let mut members: Vec<CostTracker> = Vec::new();
        let mut pending: Vec<CostTracker> = trackers.into_iter().cloned().collect();
        pending.reverse();
        while let Some(tracker) = pending.pop() {
            if !members.iter().any(|member| member.is(&tracker)) {
                pending.extend(tracker.specialists().into_iter().rev());
                members.push(tracker);
            }
        }
        let mut total = CellTotals::default();
        let mut operations = Vec::new();
        let mut by_agent: Vec<(&str, CellTotals)> = Vec::new();
        let mut agents = Vec::new();
        for member in &members {
            let (tallies, summary) = member.seen();
            agents.push(summary);
            let mut sum = CellTotals::default();
            tallies.iter().for_each(|(_, tally)| sum.merge(tally));
            total.merge(&sum);
            match by_agent.iter_mut().find(|(name, _)| *name == member.agent_type()) {
                Some((_, known)) => known.merge(&sum),
                None => by_agent.push((member.agent_type(), sum)),
            }
            operations.extend(tallies);
        }
        Self {
            total_cost_usd: cost(&total),
            by_agent: by_agent.iter().map(|(agent, tally)| (*agent, row(tally))).collect(),
            by_operation: rows(operations.into_iter()),
            record_count: count(total.count),
            agents,
        }
    }
}
