//! What a reply reports.

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
    /// The counts by unit: input with cached tokens, output with reasoning, searches, seconds, pages, …
    pub usage: Usage,
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
    /// What the provider charged by its own account. OpenRouter's cost with an own key includes what the provider behind it
    /// charges.
    pub cost: Option<Usd>,
    /// The name of the shape that was read, as in `docs/replies.md`. `None` if the response has no usage.
    pub shape: Option<&'static str>,
    /// What contradicts itself, and what may be billed and was not read. [`record_usage`](crate::record_usage) and
    /// [`Call::finish`](crate::Call::finish) put them into the run's warnings.
    pub warnings: Vec<String>,
}

impl ResponseUsage {
    /// The response's id, if it distinguishes replies. Two records with one id are one call (A8), so an id that a server draws
    /// from a few numbers would lose calls: Ollama's chats have `chatcmpl-` and a number below 999.
    pub(crate) fn distinct_id(&self) -> Option<&str> {
        /// Of random letters and digits, so many that two replies of a run have different ones.
        const DISTINCT: usize = 8;
        let id = self.response_id.as_deref()?;
        let drawn = id.split_once(['-', '_']).map_or(id, |(_, drawn)| drawn);
        (drawn.len() >= DISTINCT || id.len() >= 3 * DISTINCT).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::ledger::Usage;

    #[test]
    fn an_id_is_distinct_if_it_is_long_enough() {
        for (id, is_distinct) in [
            ("chatcmpl-998", false),
            ("chatcmpl-BXzYQ2mVh1", true),
            ("msg_01XFDUDYJgAACzvnptvVoYEL", true),
            ("resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b", true),
            // Gemini's have separators anywhere.
            ("mAitaLmkHPPlz7IPvtfUqQ-4", true),
            ("f4b7d1c2-8a", false),
            ("f4b7d1c2-8a7e-4b0e-9f5e-1c2d3e4f5a6b", true),
            ("12345678", true),
            ("x", false),
        ] {
            let found = Usage::from_value("openai", &json!({"id": id, "model": "m"})).expect("no error");
            assert_eq!(found.response_id.as_deref(), Some(id));
            assert_eq!(found.distinct_id().is_some(), is_distinct, "{id}");
        }
    }
}
