//! What a reply reports.

use std::collections::BTreeMap;

use crate::ledger::{Usage, Usd};

/// What a provider's response reports: its usage, its cost if it has one, and the names of the call.
///
/// ```
/// use serde_json::json;
/// use tracing_budget::{Kind, Usage};
///
/// let found = Usage::from_value("openrouter", &json!({
///     "id": "gen-1", "object": "chat.completion", "model": "openai/gpt-5", "service_tier": "flex",
///     "choices": [{"finish_reason": "stop"}],
///     "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "cost": 0.0042},
/// }))?;
/// assert_eq!(found.usage.get(Kind::Input), Some(1_000));
/// assert_eq!(found.cost, Some("0.0042".parse()?));
/// assert_eq!(found.response_id.as_deref(), Some("gen-1"));
/// assert_eq!((found.service_tier.as_deref(), found.finish_reason.as_deref()), (Some("flex"), Some("stop")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ResponseUsage {
    /// The token counts: input with cached tokens, output with reasoning.
    pub usage: Usage,
    /// What [`Usage`] has no kind for, under the names of genai-prices: `web_searches`, `input_image_tokens`, `input_audio_seconds`,
    /// `input_document_pages`, … A unit of 0 is left out.
    pub units: BTreeMap<&'static str, f64>,
    /// The model in the response.
    pub model: Option<String>,
    /// The provider's id in the price book, or the provider as it was named if the book does not know it.
    pub provider: String,
    /// The provider's id of the response.
    pub response_id: Option<String>,
    /// The tier that served the call, as reported: `default`, `flex`, `priority`, `batch`, …
    pub service_tier: Option<String>,
    /// Why the response ended, in the provider's words. Several answers have several reasons, with commas between them.
    pub finish_reason: Option<String>,
    /// What the provider charged by its own account. OpenRouter's cost with an own key includes what the provider behind it charges.
    pub cost: Option<Usd>,
    /// The name of the shape that was read, as in `docs/replies.md`. `None` if the response has no usage.
    pub shape: Option<&'static str>,
    /// What contradicts itself, and what may be billed and was not read. [`record_usage`](crate::record_usage) and
    /// [`Call::finish`](crate::Call::finish) put them into the run's warnings.
    pub warnings: Vec<String>,
}
