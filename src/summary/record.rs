//! One recorded operation, and the bounded list of them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::timestamp::Timestamp;
use crate::ledger::Usd;

/// Records that a list keeps unless told otherwise: some hundred kilobytes.
pub(crate) const MOST_RECORDS: usize = 1_000;

/// An operation that was recorded directly, without a span: see [`operation`](crate::operation()).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OperationRecord {
    /// What was done: `mcp_tool_call`, `verification`, …
    pub operation: String,
    /// The stage that it belongs to; null for none.
    #[serde(default)]
    pub stage: Option<String>,
    /// USD; null where nobody said.
    #[serde(default)]
    pub cost_usd: Option<Usd>,
    /// Seconds that it took; null where nobody said.
    #[serde(default)]
    pub duration_seconds: Option<f64>,
    /// In which iteration it was done; null where nobody said.
    #[serde(default)]
    pub iteration: Option<u64>,
    /// Whatever else was recorded with it.
    #[serde(default)]
    pub meta: BTreeMap<String, Value>,
    /// When it was recorded.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

impl OperationRecord {
    /// An operation of which nothing else is known.
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

    /// By time, then by everything else.
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
    /// Keeps a record, at the cost of the oldest where there is no room.
    pub(crate) fn push(&mut self, record: OperationRecord) {
        self.kept.push_back(record);
        self.trim();
    }

    /// Counts records as dropped that were never here.
    pub(crate) fn drop_more(&mut self, records: u64) {
        self.dropped += records;
    }

    /// Keeps no more than so many from now on.
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

    /// The records that were kept, in the order in which they came.
    pub(crate) fn to_vec(&self) -> Vec<OperationRecord> {
        self.kept.iter().cloned().collect()
    }

    /// Records that were not kept.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// All records that ever came.
    pub(crate) fn count(&self) -> u64 {
        (self.kept.len() as u64).saturating_add(self.dropped)
    }
}

/// Seconds to the microsecond, as all times in a document.
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
    /// Why a cost that was told is taken as not told.
    pub(crate) refusal: Option<String>,
}
