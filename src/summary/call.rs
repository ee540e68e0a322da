//! The record of one model call in a document.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::status::Status;
use super::timestamp::Timestamp;
use crate::ledger::{MAX_CALLS, Usage, Usd};

/// One model call: where it was made, what it used and cost, and how it ended. It never has the text of a prompt or a reply.
///
/// What is unknown is absent in JSON. A run keeps 1,000 of its calls: failed ones first, then the most expensive, then the newest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallRecord {
    /// When the request was made.
    pub started_at: Timestamp,
    /// Seconds from the request to the end of its response; null where no span measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
    /// Seconds from the request to the first token of its response, as the emitter recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_first_token_seconds: Option<f64>,
    /// The key of its stage's row; null outside of any stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The agent that made it; null outside of any agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Its purpose: `chat`, `embeddings`, …
    #[serde(default)]
    pub operation: String,
    /// The provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The key of its model's row, `provider/model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The requested model, as the emitter names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_requested: Option<String>,
    /// The model that answered, as the emitter names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_answered: Option<String>,
    /// The tier that was served, else the requested one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// The provider's id of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
    /// The conversation or session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The name of its prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_name: Option<String>,
    /// The version of its prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_version: Option<String>,
    /// Its number among the requests of one call, from 1: above 1 it is a retry inside a client.
    #[serde(default = "first")]
    pub attempt: u64,
    /// `completed` or `failed`.
    pub status: Status,
    /// Why it failed, in one line of at most 512 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why the response ended: `stop`, `length`, `tool_calls`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// What it used, by unit. Only units that were reported are known.
    #[serde(default, with = "super::units::usage_by_unit")]
    pub usage: Usage,
    /// Whether its usage or its cost is known in part: output without input, or the reverse, a cost without tokens, or a unit without a
    /// price.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// USD; null if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<Usd>,
    /// The source of its price: `reported`, `override`, `corrections@DATE`, `genai-prices@VERSION`, the last two with
    /// ` × factor` where a factor of the user's was applied; null where the cost is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_source: Option<String>,
}

const fn first() -> u64 {
    1
}

impl CallRecord {
    /// Returns the record of a call that completed and of which nothing else is known.
    ///
    /// ```
    /// use tracing_budget::summary::CallRecord;
    ///
    /// let call = CallRecord::new("2026-04-19T09:12:03Z".parse()?, "chat");
    /// assert_eq!((call.operation.as_str(), call.cost_usd, call.attempt), ("chat", None, 1));
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    #[must_use]
    pub fn new(started_at: Timestamp, operation: impl Into<String>) -> Self {
        Self {
            started_at,
            duration_seconds: None,
            time_to_first_token_seconds: None,
            stage: None,
            agent: None,
            operation: operation.into(),
            provider: None,
            model: None,
            model_requested: None,
            model_answered: None,
            tier: None,
            response_id: None,
            conversation: None,
            prompt_name: None,
            prompt_version: None,
            attempt: first(),
            status: Status::Completed,
            error: None,
            finish_reason: None,
            partial: false,
            usage: Usage::new(),
            cost_usd: None,
            price_source: None,
        }
    }

    /// Returns whether the call failed.
    ///
    /// ```
    /// use tracing_budget::summary::CallRecord;
    ///
    /// assert!(!CallRecord::new("2026-04-19T09:12:03Z".parse()?, "chat").has_failed());
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.status == Status::Failed
    }

    /// Orders calls by what decides which are kept: failed ones come first, then the most expensive, then the newest. Of two that are
    /// equal in these the order is that of every other field but the stage, which has other keys in other documents.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let rank = |call: &Self| (call.has_failed(), call.cost_usd.unwrap_or_default(), call.started_at);
        rank(other).cmp(&rank(self)).then_with(|| self.order_of_equals(other))
    }

    fn order_of_equals(&self, other: &Self) -> Ordering {
        let number = |seconds: Option<f64>| seconds.map(f64::to_bits);
        let numbers = |call: &Self| {
            let times = (number(call.duration_seconds), number(call.time_to_first_token_seconds));
            (call.attempt, times, call.cost_usd, call.status.as_str(), call.partial)
        };
        let texts = |call: &Self| {
            let names =
                [&call.agent, &call.provider, &call.model, &call.model_requested, &call.model_answered];
            let more = [&call.tier, &call.conversation, &call.prompt_name, &call.prompt_version];
            let end = [&call.error, &call.finish_reason, &call.price_source];
            [&names[..], &more, &end].concat().into_iter().cloned().collect::<Vec<_>>()
        };
        let usage = |call: &Self| call.usage.iter().collect::<Vec<_>>();
        (self.response_id.cmp(&other.response_id))
            .then_with(|| self.operation.cmp(&other.operation))
            .then_with(|| numbers(self).cmp(&numbers(other)))
            .then_with(|| usage(self).cmp(&usage(other)))
            .then_with(|| texts(self).cmp(&texts(other)))
    }
}

/// Sorts calls, lists no more of them than one run would, and returns how many were left out. `stage` is the identity of the stage of
/// a call: its key depends on the document.
pub(super) fn trim<T: Ord>(calls: &mut Vec<(T, CallRecord)>) -> u64 {
    calls.sort_by(|one, two| one.1.order(&two.1).then_with(|| one.0.cmp(&two.0)));
    let surplus = calls.len().saturating_sub(MAX_CALLS);
    calls.truncate(MAX_CALLS);
    surplus as u64
}
