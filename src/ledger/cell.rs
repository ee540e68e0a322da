//! One cell of the ledger: what was used for one (stage, model, operation).

use std::hash::{Hash, Hasher};

use super::money::Usd;
use super::stage_id::StageId;
use super::symbol::Symbol;
use super::usage::Usage;

/// The key of a cell. Rows by stage, by model and by operation are sums over the same cells, so they add up to the same
/// totals.
#[derive(Clone, Copy, Debug, Eq)]
pub(crate) struct CellKey {
    /// The nearest enclosing stage; `None` is the row `unattributed`.
    pub(crate) stage: Option<StageId>,
    /// The agent that made the call; `None` is the row `unattributed` of agents.
    pub(crate) agent: Option<Symbol>,
    /// The model's row name; `None` if the amount is not a model call, or if its model was not recorded.
    pub(crate) model: Option<Symbol>,
    /// The purpose of the call, such as `chat`.
    pub(crate) operation: Symbol,
}

impl PartialEq for CellKey {
    // Always inlined: the last-hit check runs it for every amount. `same_option` compares without branches.
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.operation == other.operation
            && StageId::same_option(self.stage, other.stage)
            && Symbol::same_option(self.agent, other.agent)
            && Symbol::same_option(self.model, other.model)
    }
}

impl Hash for CellKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.stage, self.agent, self.model, self.operation).hash(state);
    }
}

/// The sums of one cell, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CellTotals {
    /// Tokens by kind.
    pub(crate) usage: Usage,
    /// Known cost.
    pub(crate) cost: Usd,
    /// Executions of the operation, with or without a model.
    pub(crate) count: u64,
    /// Model calls among them.
    pub(crate) llm_calls: u64,
    /// Calls with usage that could not be priced.
    pub(crate) unpriced: u64,
    /// Calls that reported neither usage nor cost.
    // This, `partial` and `unpriced` wrap: a second report of a call completes the first, in whatever part of the ledger that is, and
    // takes one away. The sum over all parts is never below 0.
    pub(crate) without_usage: u64,
    /// Calls that are partly known: output without input, or the reverse, or a cost without tokens.
    pub(crate) partial: u64,
    /// Calls and operations that failed.
    pub(crate) errors: u64,
    /// Nanoseconds from open to close, summed.
    pub(crate) nanos: u64,
    /// The sources of the prices.
    pub(crate) sources: Sources,
}

impl CellTotals {
    /// Sets every sum to nothing.
    // Always inlined, and field by field: `*self = Self::default()` would copy all 10 counts of the usage for each call.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        let Self { usage, cost, count, llm_calls, unpriced, without_usage, partial, errors, nanos, sources } =
            self;
        usage.clear();
        (*cost, *sources) = (Usd::ZERO, Sources::default());
        (*count, *llm_calls, *unpriced, *errors, *nanos) = (0, 0, 0, 0, 0);
        (*without_usage, *partial) = (0, 0);
    }

    /// Returns what makes other sums these, for a second record of a call. Counts that fall wrap.
    pub(crate) fn difference(&self, before: &Self) -> Self {
        let less = |now: u64, before: u64| now.wrapping_sub(before);
        Self {
            usage: self.usage.excess_over(&before.usage),
            cost: self.cost - before.cost,
            count: less(self.count, before.count),
            llm_calls: less(self.llm_calls, before.llm_calls),
            unpriced: less(self.unpriced, before.unpriced),
            without_usage: less(self.without_usage, before.without_usage),
            partial: less(self.partial, before.partial),
            errors: less(self.errors, before.errors),
            nanos: self.nanos.saturating_sub(before.nanos),
            sources: self.sources,
        }
    }

    /// Adds other sums. The order of additions does not change the result.
    // Always inlined: it runs for each model call.
    #[inline(always)]
    pub(crate) fn merge(&mut self, other: &Self) {
        self.usage.merge(&other.usage);
        // Most amounts on the hot path have no cost of their own, and a saturating 128-bit addition is not free.
        if other.cost != Usd::ZERO {
            self.cost += other.cost;
        }
        self.count += other.count;
        self.llm_calls += other.llm_calls;
        self.unpriced = self.unpriced.wrapping_add(other.unpriced);
        self.without_usage = self.without_usage.wrapping_add(other.without_usage);
        self.partial = self.partial.wrapping_add(other.partial);
        self.errors += other.errors;
        self.nanos = self.nanos.saturating_add(other.nanos);
        self.sources = self.sources.union(other.sources);
    }
}

/// A set of price sources, one bit each: a cell copies one byte and allocates no list.
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
