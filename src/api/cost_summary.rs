//! The documents of a cost tracker and of a team of them.

use serde::{Deserialize, Serialize};

use crate::ledger::Usd;
use crate::summary::{Efficiency, OperationRecord, Rows, Timestamp};

/// What one agent spent, and on what; see [`CostTracker::summary`](crate::CostTracker::summary).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CostSummary {
    /// What kind of agent it is.
    pub agent_type: String,
    /// The project.
    pub project: String,
    /// The session.
    pub session_id: String,
    /// When the tracker was made.
    pub started_at: Timestamp,
    /// Seconds from then to the summary.
    pub duration_seconds: f64,
    /// USD spent, as far as known; null where something was recorded and no cost of it is known.
    pub total_cost_usd: Option<Usd>,
    /// The same by operation, the dearest first.
    pub by_operation: Rows<OperationCost>,
    /// Operations recorded, those that are not listed any more included.
    pub record_count: u64,
    /// The operations, oldest first; where there are too many to keep, the newest.
    pub records: Vec<OperationRecord>,
    /// Records that are not listed any more. What they cost is in every sum.
    pub records_dropped: u64,
    /// What it was worth in USD; null where it was not recorded.
    pub value_usd: Option<Usd>,
    /// The highest iteration recorded; null where it was not recorded.
    pub iterations: Option<u64>,
    /// What the money brought. A tracker knows no tokens.
    pub efficiency: Efficiency,
    /// Values that were refused, with the reason.
    pub warnings: Vec<String>,
}

/// What one operation cost over all its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct OperationCost {
    /// USD; null where no cost of it is known.
    pub cost_usd: Option<Usd>,
    /// How often it was done.
    pub calls: u64,
    /// Seconds that it took, summed over those that recorded a duration; null where none did.
    pub duration_seconds: Option<f64>,
}

/// What several agents spent together; see [`CostTracker::team`](crate::CostTracker::team).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TeamSummary {
    /// USD spent by all, as far as known; null where something was recorded and no cost of it is known.
    pub total_cost_usd: Option<Usd>,
    /// The same by agent, in the order in which they joined. Agents of one type share a row.
    pub by_agent: Rows<OperationCost>,
    /// The same by operation, the dearest first.
    pub by_operation: Rows<OperationCost>,
    /// Operations recorded by all.
    pub record_count: u64,
    /// The agents, each once.
    pub agents: Vec<CostSummary>,
}

impl CostSummary {
    /// Writes it as indented JSON that ends with a newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        json(self)
    }
}

impl TeamSummary {
    /// Writes it as indented JSON that ends with a newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        json(self)
    }
}

fn json(document: &impl Serialize) -> String {
    let written = serde_json::to_string_pretty(document);
    let mut json = written.expect("every key is a text and every value a JSON value, so it can be written");
    json.push('\n');
    json
}
