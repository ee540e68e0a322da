//! The tracker itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::cost_summary::{CostSummary, OperationCost};
use super::operation_builder::{OperationBuilder, amount};
use crate::ledger::{CellKey, CellTotals, IntoUsd, Ledger, Sources, Symbol, Usd, total};
use crate::summary::{
    Efficiency, OperationFields, OperationRecord, Records, Rows, Timestamp, measured, seconds,
};

/// Distinct warnings that are kept.
const MAX_WARNINGS: usize = 100;

/// What one agent spends, operation by operation: exact, without a subscriber, a layer or spans.
///
/// The total, the cost of one operation and the break-down are read from the same sums. The list of records is bounded ([`keep_records`](Self::keep_records)); the sums have all of them. Cheap to clone, and
/// clones are the same tracker, on any thread.
///
/// ```
/// use tracing_budget::CostTracker;
///
/// let tracker = CostTracker::new("researcher", "apprentice", "session-42");
/// tracker.operation("iteration").cost_usd("0.02").iteration(1).record();
/// tracker.operation("iteration").cost_usd("0.01").iteration(2).meta("model", "gpt-5").record();
/// tracker.operation("verification").cost_usd("0.005").record();
///
/// assert_eq!(tracker.total_cost(), "0.035".parse().ok());
/// assert_eq!(tracker.operation_cost("iteration"), "0.03".parse().ok());
/// assert_eq!(tracker.operation_cost("never done"), None);
/// let summary = tracker.summary(); // serde: `summary.to_json()`
/// assert_eq!((summary.record_count, summary.by_operation["iteration"].calls), (3, 2));
/// ```
///
/// A tracker reports to no layer, so nothing is counted twice. Record what belongs to a run with
/// [`operation`](crate::operation()) instead.
#[derive(Clone)]
pub struct CostTracker(Arc<Tracked>);

struct Tracked {
    agent: String,
    project: String,
    session: String,
    began: (Instant, SystemTime),
    account: Mutex<Account>,
}

#[derive(Default)]
struct Account {
    ledger: Ledger,
    records: Records,
    value: Option<Usd>,
    iterations: Option<u64>,
    warnings: Vec<String>,
    specialists: Vec<CostTracker>,
}

impl CostTracker {
    /// A tracker for an agent of this type, at work on a project in a session.
    #[must_use]
    pub fn new(
        agent_type: impl Into<String>,
        project: impl Into<String>,
        session_id: impl Into<String>,
    ) -> Self {
        Self(Arc::new(Tracked {
            agent: agent_type.into(),
            project: project.into(),
            session: session_id.into(),
            began: (Instant::now(), SystemTime::now()),
            account: Mutex::default(),
        }))
    }

    /// What kind of agent it is.
    #[must_use]
    pub fn agent_type(&self) -> &str {
        &self.0.agent
    }

    /// Begins to record an operation and what it cost; the builder is that of [`operation`](crate::operation()).
    pub fn operation<'a>(&'a self, name: &'a str) -> OperationBuilder<'a, &'a Self> {
        OperationBuilder::new(name, self)
    }

    /// Adds to what the work is worth, in USD. What is not an amount, or below zero, is refused with a warning in the
    /// summary.
    pub fn add_value_usd(&self, value: impl IntoUsd) {
        let (value, refusal) = amount("value_usd", value);
        let mut account = self.account();
        if let Some(value) = value {
            account.value = Some(account.value.unwrap_or_default() + value);
        }
        account.warn(refusal);
    }

    /// Sets how many records are listed, 1,000 by default. Older ones are dropped and counted; every sum keeps
    /// them.
    pub fn keep_records(&self, most: usize) {
        self.account().records.keep(most);
    }

    /// USD spent, as far as known; `None` where something was recorded and no cost of it is known.
    #[must_use]
    pub fn total_cost(&self) -> Option<Usd> {
        cost(&self.account().ledger.total())
    }

    /// What an operation cost in USD; `None` if it was never done, or no cost of it is known.
    #[must_use]
    pub fn operation_cost(&self, operation: &str) -> Option<Usd> {
        let account = self.account();
        let tally = account.ledger.cells().find(|(key, _)| key.operation.as_str() == operation)?.1;
        cost(tally)
    }

    /// What was spent on each operation, the dearest first.
    #[must_use]
    pub fn by_operation(&self) -> Rows<OperationCost> {
        rows(self.account().ledger.cells().map(|(key, tally)| (key.operation, tally.clone())))
    }

    /// The operations recorded, oldest first; where there were too many to keep, the newest.
    #[must_use]
    pub fn records(&self) -> Vec<OperationRecord> {
        self.account().records.to_vec()
    }

    /// How many operations were recorded, those that are not listed any more included.
    #[must_use]
    pub fn record_count(&self) -> u64 {
        self.account().records.count()
    }

    /// What the money brought, up to now.
    #[must_use]
    pub fn efficiency(&self) -> Efficiency {
        self.account().efficiency(self.0.began.0.elapsed())
    }

    /// All of it, as a document: a dictionary of `agent_type`, `project`, `session_id`, `total_cost_usd`, `by_operation`,
    /// `record_count`, `records` and more.
    #[must_use]
    pub fn summary(&self) -> CostSummary {
        self.summarise(&self.account())
    }

    fn summarise(&self, account: &Account) -> CostSummary {
        let elapsed = self.0.began.0.elapsed();
        CostSummary {
            agent_type: self.0.agent.clone(),
            project: self.0.project.clone(),
            session_id: self.0.session.clone(),
            started_at: Timestamp::from(self.0.began.1),
            duration_seconds: seconds(elapsed),
            total_cost_usd: cost(&account.ledger.total()),
            by_operation: rows(account.ledger.cells().map(|(key, tally)| (key.operation, tally.clone()))),
            record_count: account.records.count(),
            records: account.records.to_vec(),
            records_dropped: account.records.dropped(),
            value_usd: account.value,
            iterations: account.iterations,
            efficiency: account.efficiency(elapsed),
            warnings: account.warnings.clone(),
        }
    }

    /// A tracker for an agent that works for this one, in the same project and session. What it spends is its own; both
    /// are in [`team`](Self::team).
    #[must_use]
    pub fn specialist(&self, agent_type: impl Into<String>) -> Self {
        let specialist = Self::new(agent_type, &self.0.project, &self.0.session);
        self.account().specialists.push(specialist.clone());
        specialist
    }

    /// The agents that work for this one.
    pub(super) fn specialists(&self) -> Vec<Self> {
        self.account().specialists.clone()
    }

    /// Whether both are one tracker.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Its sums by operation, and the summary of the same moment.
    pub(super) fn seen(&self) -> (Vec<(Symbol, CellTotals)>, CostSummary) {
        let account = self.account();
        let tallies = account.ledger.cells().map(|(key, tally)| (key.operation, tally.clone())).collect();
        (tallies, self.summarise(&account))
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.0.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, recorded: OperationFields<'_>) {
        let OperationFields { operation, cost, duration, iteration, meta, refusal } = recorded;
        let nanos = duration.map_or(0, |duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        let sources = if cost.is_some() { Sources::REPORTED } else { Sources::default() };
        let tally =
            CellTotals { cost: cost.unwrap_or_default(), count: 1, nanos, sources, ..CellTotals::default() };
        let mut record = OperationRecord::new(operation);
        (record.cost_usd, record.duration_seconds, record.iteration) =
            (cost, duration.map(seconds), iteration);
        record.meta = meta;
        let key = CellKey { stage: None, agent: None, model: None, operation: Symbol::intern(operation) };
        let mut account = self.account();
        // Under the lock, so that the list is in the order of its times.
        record.at = Some(Timestamp::from(self.0.began.1 + self.0.began.0.elapsed()));
        account.ledger.add(key, &tally);
        account.iterations = account.iterations.max(iteration);
        account.records.push(record);
        account.warn(refusal);
    }
}

impl OperationBuilder<'_, &CostTracker> {
    /// Records it in the tracker.
    pub fn record(self) {
        let (recorded, tracker) = self.parts();
        tracker.take(recorded);
    }
}

impl fmt::Debug for CostTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CostTracker")
            .field("agent_type", &self.0.agent)
            .field("project", &self.0.project)
            .field("session_id", &self.0.session)
            .finish_non_exhaustive()
    }
}

impl Account {
    fn efficiency(&self, elapsed: Duration) -> Efficiency {
        let spent = cost(&self.ledger.total());
        Efficiency::of(spent, self.value, self.iterations).over(seconds(elapsed), spent, None)
    }

    fn warn(&mut self, warning: Option<String>) {
        self.warnings.extend(
            warning.filter(|warning| self.warnings.len() < MAX_WARNINGS && !self.warnings.contains(warning)),
        );
    }
}

/// The cost of what was recorded: 0 for no record at all, unknown where no record has a cost.
pub(super) fn cost(tally: &CellTotals) -> Option<Usd> {
    (tally.count == 0 || tally.sources.contains(Sources::REPORTED)).then_some(tally.cost)
}

/// One row of a tally.
pub(super) fn row(tally: &CellTotals) -> OperationCost {
    let duration_seconds = measured(tally.nanos);
    OperationCost { cost_usd: cost(tally), calls: total(tally.count), duration_seconds }
}

/// One row an operation, the dearest first.
pub(super) fn rows(tallies: impl Iterator<Item = (Symbol, CellTotals)>) -> Rows<OperationCost> {
    let mut operations: BTreeMap<Symbol, CellTotals> = BTreeMap::new();
    tallies.for_each(|(operation, tally)| operations.entry(operation).or_default().merge(&tally));
    let mut operations: Vec<_> = operations.into_iter().collect();
    operations.sort_by_key(|(operation, tally)| (std::cmp::Reverse(tally.cost), *operation));
    operations.iter().map(|(operation, tally)| (operation.as_str(), row(tally))).collect()
}
