//! One recorded operation, and the bounded list of them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::timestamp::Timestamp;
use crate::ledger::Usd;

/// Default maximum number of records in a list: some hundred kilobytes.
pub(crate) const MOST_RECORDS: usize = 1_000;

/// An operation that was recorded directly, without a span: see [`operation`](crate::operation()).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OperationRecord {
    /// The name of the operation: `mcp_tool_call`, `verification`, …
    pub operation: String,
    /// Its stage; null outside of any stage.
    #[serde(default)]
    pub stage: Option<String>,
    /// Cost in USD; null if it was not recorded.
    #[serde(default)]
    pub cost_usd: Option<Usd>,
    /// Duration in seconds; null if it was not recorded.
    #[serde(default)]
    pub duration_seconds: Option<f64>,
    /// Its iteration; null if it was not recorded.
    #[serde(default)]
    pub iteration: Option<u64>,
    /// Other recorded values.
    #[serde(default)]
    pub meta: BTreeMap<String, Value>,
    /// When it was recorded.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

impl OperationRecord {
    /// Returns a record with a name and nothing else.
    ///
    /// ```
    /// use tracing_budget::summary::OperationRecord;
    ///
    /// assert_eq!(OperationRecord::new("verification").cost_usd, None);
    /// ```
    #[must_use]
    pub fn new(operation: impl Into<String>) -> Self {
        Self {
            operation: operation.into(),
            stage: None,
            cost_usd: None,
            duration_seconds: None,
            iteration: None,
            meta: BTreeMap::new(),
            at: None,
        }
    }

    /// Orders records by time, then by every other field, so that merging gives one order.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let number = |seconds: Option<f64>| seconds.map(f64::to_bits);
        let text = |record: &Self| record.meta.iter().map(|(k, v)| format!("{k}={v};")).collect::<String>();
        (self.at, &self.operation, &self.stage, self.cost_usd, self.iteration)
            .cmp(&(other.at, &other.operation, &other.stage, other.cost_usd, other.iteration))
            .then_with(|| number(self.duration_seconds).cmp(&number(other.duration_seconds)))
            .then_with(|| text(self).cmp(&text(other)))
    }
}

/// The newest records, and how many older ones were dropped for them.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    kept: VecDeque<OperationRecord>,
    most: usize,
    dropped: u64,
}

impl Default for Records {
    fn default() -> Self {
        Self { kept: VecDeque::new(), most: MOST_RECORDS, dropped: 0 }
    }
}

impl Records {
    /// Adds a record, and drops the oldest if the list is full.
    pub(crate) fn push(&mut self, record: OperationRecord) {
        self.kept.push_back(record);
        self.trim();
    }

    /// Counts records as dropped that were never in this list.
    pub(crate) fn drop_more(&mut self, records: u64) {
        self.dropped += records;
    }

    /// Sets the maximum number of records.
    pub(crate) fn keep(&mut self, most: usize) {
        self.most = most;
        self.trim();
    }

    fn trim(&mut self) {
        while self.kept.len() > self.most {
            self.kept.pop_front();
            self.dropped += 1;
        }
    }

    /// Returns the records in the order in which they were added.
    pub(crate) fn to_vec(&self) -> Vec<OperationRecord> {
        self.kept.iter().cloned().collect()
    }

    /// Returns the number of dropped records.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Returns the number of records that were ever added.
    pub(crate) fn count(&self) -> u64 {
        (self.kept.len() as u64).saturating_add(self.dropped)
    }
}

/// Returns the seconds of nanoseconds that spans measured or records have; `None` for 0, as no span closes in the instant in
/// which it opened. So sums need no third state.
pub(crate) fn measured(nanos: u64) -> Option<f64> {
    (nanos > 0).then(|| seconds(Duration::from_nanos(nanos)))
}

/// Returns seconds to the microsecond, the resolution of every duration in a document.
pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e6
}

/// The fields of an operation before it is recorded.
#[derive(Clone, Debug)]
pub(crate) struct OperationFields<'a> {
    pub(crate) operation: &'a str,
    pub(crate) cost: Option<Usd>,
    pub(crate) duration: Option<Duration>,
    pub(crate) iteration: Option<u64>,
    pub(crate) meta: BTreeMap<String, Value>,
    /// Why a recorded cost is ignored.
    pub(crate) refusal: Option<String>,
}
