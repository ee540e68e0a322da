//! One stage's calls of one model, at other prices.

use serde::Serialize;

use super::exactness::Exactness;
use tracing_budget::Usd;

/// One stage's calls of one model.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RepricedRow {
    /// The stage.
    pub stage: String,
    /// The model that was called; null where the summary does not record it.
    pub model: Option<String>,
    /// The model that was priced; null where no price was needed.
    pub priced_as: Option<String>,
    /// Model calls.
    pub llm_calls: u64,
    /// The cost as it is stored; null where it is unknown.
    pub old_usd: Option<Usd>,
    /// What it is now.
    pub new: Answer,
}

/// What a row costs at other prices.
// Exhaustive: a caller that sums costs must decide on rows of unknown cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It has a price.
    Priced {
        /// USD of the calls with reported usage.
        cost_usd: Usd,
        /// Where the price came from.
        source: String,
        /// Whether calls are missing in it because they reported no usage.
        in_part: bool,
    },
    /// It stays as it is stored: nothing about it was changed, or its emitter reported its cost.
    Kept {
        /// USD; null where it is unknown.
        cost_usd: Option<Usd>,
        /// Why it stays.
        why: &'static str,
    },
    /// It is unknown.
    Unknown {
        /// Why not.
        why: Exactness,
    },
}

impl RepricedRow {
    /// The new cost; null where it is unknown.
    #[must_use]
    pub fn new_usd(&self) -> Option<Usd> {
        match &self.new {
            Answer::Priced { cost_usd, .. } => Some(*cost_usd),
            Answer::Kept { cost_usd, .. } => *cost_usd,
            Answer::Unknown { .. } => None,
        }
    }

    /// How much more it is now.
    #[must_use]
    pub fn difference_usd(&self) -> Option<Usd> {
        Some(self.new_usd()? - self.old_usd?)
    }
}
