//! What was used for one (stage, model, operation).

use std::hash::{Hash, Hasher};

use super::money::Usd;
use super::symbol::Symbol;
use super::usage::Usage;

/// Where an amount belongs. Rows by stage, by model and by operation are sums over the same cells, so that they
/// cannot but add up to the same totals.
#[derive(Clone, Copy, Debug, Eq)]
pub(crate) struct CellKey {
    /// The nearest enclosing stage; none is the row `unattributed`.
    pub(crate) stage: Option<Symbol>,
    /// The model's row name; none for what is not a model call, or whose model was never told.
    pub(crate) model: Option<Symbol>,
    /// What it was done for.
    pub(crate) operation: Symbol,
}

impl PartialEq for CellKey {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.operation == other.operation
            && Symbol::same_option(self.stage, other.stage)
            && Symbol::same_option(self.model, other.model)
    }
}

impl Hash for CellKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.stage, self.model, self.operation).hash(state);
    }
}

/// Sums of one cell, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CellTotals {
    /// Tokens by kind.
    pub(crate) usage: Usage,
    /// Known cost.
    pub(crate) cost: Usd,
    /// How often the operation was done, by a model or not.
    pub(crate) count: u64,
    /// Model calls among them.
    pub(crate) llm_calls: u64,
    /// Calls with usage that could not be priced.
    pub(crate) unpriced: u64,
    /// Calls that told neither usage nor cost.
    pub(crate) without_usage: u64,
    /// Calls and operations that failed.
    pub(crate) errors: u64,
    /// Nanoseconds from open to close, summed.
    pub(crate) nanos: u64,
    /// Where the prices came from.
    pub(crate) sources: Sources,
}

impl CellTotals {
    /// Makes it the tally of nothing again.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        let Self { usage, cost, count, llm_calls, unpriced, without_usage, errors, nanos, sources } = self;
        usage.clear();
        (*cost, *sources) = (Usd::ZERO, Sources::default());
        (*count, *llm_calls, *unpriced, *without_usage, *errors, *nanos) = (0, 0, 0, 0, 0, 0);
    }

    /// Adds another tally; in any order the sum is the same.
    #[inline(always)]
    pub(crate) fn merge(&mut self, other: &Self) {
        self.usage.merge(&other.usage);
        if other.cost != Usd::ZERO {
            self.cost += other.cost;
        }
        self.count += other.count;
        self.llm_calls += other.llm_calls;
        self.unpriced += other.unpriced;
        self.without_usage += other.without_usage;
        self.errors += other.errors;
        self.nanos = self.nanos.saturating_add(other.nanos);
        self.sources = self.sources.union(other.sources);
    }
}

/// A set of places that prices came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources(u8);

impl Sources {
    pub(crate) const REPORTED: Self = Self(1);
    pub(crate) const OVERRIDE: Self = Self(2);
    pub(crate) const BOOK: Self = Self(4);

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}
