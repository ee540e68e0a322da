//! One cell of the ledger: what was used for one (stage, model, operation).

use std::hash::{Hash, Hasher};

use super::bounds::MORE_NAMES;
use super::last_hit_map::Key;
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

impl Key for CellKey {
    fn rest(self) -> Self {
        let more = Symbol::intern(MORE_NAMES);
        Self {
            stage: self.stage.map(StageId::rest),
            agent: self.agent.and(Some(more)),
            model: self.model.and(Some(more)),
            operation: more,
        }
    }
}

impl Hash for CellKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.stage, self.agent, self.model, self.operation).hash(state);
    }
}

/// The sums of one cell, or of several.
// The counts have a sign: a second report of a call completes the first, in whatever part of the ledger that is, and takes one away
// from those without usage. A part may be below 0; the sum over all parts never is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CellTotals {
    /// Tokens by kind.
    pub(crate) usage: Usage,
    /// Known cost.
    pub(crate) cost: Usd,
    /// Executions of the operation, with or without a model.
    pub(crate) count: i64,
    /// Model calls among them.
    pub(crate) llm_calls: i64,
    /// Calls with usage that could not be priced.
    pub(crate) unpriced: i64,
    /// Calls that reported neither usage nor cost.
    pub(crate) without_usage: i64,
    /// Calls that are partly known: output without input, or the reverse, or a cost without tokens.
    pub(crate) partial: i64,
    /// Calls and operations that failed.
    pub(crate) errors: i64,
    /// Nanoseconds from open to close, summed.
    pub(crate) nanos: u64,
    /// The sources of the prices.
    pub(crate) sources: Sources,
}

impl CellTotals {
    /// Sets every sum to nothing.
    // Always inlined, and field by field: `*self = Self::default()` would copy all counts of the usage for each call.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        let Self { usage, cost, count, llm_calls, unpriced, without_usage, partial, errors, nanos, sources } =
            self;
        usage.clear();
        (*cost, *sources) = (Usd::ZERO, Sources::default());
        (*count, *llm_calls, *unpriced, *errors, *nanos) = (0, 0, 0, 0, 0);
        (*without_usage, *partial) = (0, 0);
    }

    /// Returns what makes other sums these, for a second record of a call.
    pub(crate) fn difference(&self, before: &Self) -> Self {
        Self {
            usage: self.usage.excess_over(&before.usage),
            cost: self.cost - before.cost,
            count: self.count - before.count,
            llm_calls: self.llm_calls - before.llm_calls,
            unpriced: self.unpriced - before.unpriced,
            without_usage: self.without_usage - before.without_usage,
            partial: self.partial - before.partial,
            errors: self.errors - before.errors,
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
        self.unpriced += other.unpriced;
        self.without_usage += other.without_usage;
        self.partial += other.partial;
        self.errors += other.errors;
        self.nanos = self.nanos.saturating_add(other.nanos);
        self.sources = self.sources.union(other.sources);
    }
}

/// A count for a document: that over all parts of a ledger, which is never below 0.
pub(crate) fn total(sum: i64) -> u64 {
    u64::try_from(sum).unwrap_or(0)
}

/// The name of a source of which the prices are multiplied by a factor of the user's.
pub(crate) fn multiplied(source: &str) -> String {
    format!("{source} × factor")
}

/// A set of price sources, one bit each: a cell copies one byte and allocates no list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sources(u8);

impl Sources {
    pub(crate) const REPORTED: Self = Self(1);
    pub(crate) const OVERRIDE: Self = Self(2);
    pub(crate) const BOOK: Self = Self(4);
    pub(crate) const CORRECTIONS: Self = Self(8);
    /// Prices times a factor of the user's.
    pub(crate) const MULTIPLIED_BOOK: Self = Self(16);
    pub(crate) const MULTIPLIED_CORRECTIONS: Self = Self(32);

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}
