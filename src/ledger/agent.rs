//! Executions of an agent.

use super::bounds::MORE_NAMES;
use super::last_hit_map::Key;
use super::symbol::Symbol;

/// An agent, and the agent that called it.
impl Key for (Symbol, Option<Symbol>) {
    fn rest(self) -> Self {
        let more = Symbol::intern(MORE_NAMES);
        (more, self.1.and(Some(more)))
    }
}

/// Sums over the executions of one agent, as one other agent called it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AgentTotals {
    /// Spans of the agent that ended.
    pub(crate) executions: u64,
    /// Nanoseconds from open to close, summed.
    pub(crate) nanos: u64,
    /// Executions that failed.
    pub(crate) errors: u64,
}

impl AgentTotals {
    /// Adds other sums.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.executions += other.executions;
        self.nanos = self.nanos.saturating_add(other.nanos);
        self.errors += other.errors;
    }
}
