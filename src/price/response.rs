//! Reading usage from a provider's raw response.

use std::cmp::Reverse;

use genai_prices::{ExtractRequest, ProviderInfo};

use super::catalog::{self, Catalog, KEYS};
use crate::ledger::{MAX_COUNT, Usage};

/// Response shapes that are tried first where none was named, first one first.
const FLAVORS: [&str; 4] = ["default", "chat", "responses", "anthropic"];

/// The usage that a provider's response reports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseUsage {
    /// The token counts. Kinds that this crate does not count, such as searches, are left out.
    pub usage: Usage,
    /// The model in the response.
    pub model: Option<String>,
    /// The provider's id in the price book.
    pub provider: String,
}

/// The error of a response without readable usage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// The body is not JSON.
    #[error("the response is not JSON: {reason}")]
    NotJson {
        /// The JSON parser's message.
        reason: String,
    },
    /// The price data does not describe this provider's responses.
    #[error("no response shape is known for provider {provider:?}")]
    UnknownProvider {
        /// The provider as it was named.
        provider: String,
    },
    /// The body has none of the provider's shapes, or not the one that was named.
    #[error("the response of {provider} holds no usage that can be read: {reason}")]
    NoUsage {
        /// The provider's id.
        provider: String,
        /// Which shapes were tried, and what was missing.
        reason: String,
    },
    /// A count is not a whole number of tokens, or implausible.
    #[error("{key} is {value}, expected a whole number up to {MAX_COUNT}")]
    InvalidCount {
        /// The name of the count in genai-prices' vocabulary.
        key: String,
        /// The count.
        value: String,
    },
}

impl Usage {
    /// Reads the usage and the model from a provider's raw JSON response.
    ///
    /// `api_flavor` names the shape where a provider has several (`chat` and `responses` at OpenAI); without it,
    /// the known shapes are tried and the first that fits is taken.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// let body = br#"{"model": "gpt-5", "usage": {"input_tokens": 1000, "output_tokens": 100}}"#;
    /// let found = Usage::from_response("openai", None, body)?;
    /// assert_eq!(found.usage.get(Kind::Input), Some(1_000));
    /// assert_eq!(found.model.as_deref(), Some("gpt-5"));
    /// # Ok::<(), tracing_budget::price::ResponseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ResponseError`] if the body is not JSON, if the price data does not describe the provider's responses, if the body has
    /// none of the described shapes, or if a count is invalid.
    pub fn from_response(
        provider: &str,
        api_flavor: Option<&str>,
        body: &[u8],
    ) -> Result<ResponseUsage, ResponseError> {
        let body: serde_json::Value = serde_json::from_slice(body)
            .map_err(|error| ResponseError::NotJson { reason: error.to_string() })?;
        let id = Catalog::default().provider_id(provider);
        let calculator = catalog::bundled();
        let known = calculator.providers().find(|known| Some(known.id()) == id.as_deref());
        let Some(known) = known.filter(|known| known.api_flavors().next().is_some()) else {
            return Err(ResponseError::UnknownProvider { provider: provider.to_owned() });
        };
        let mut faults = Vec::new();
        for flavor in flavors(known, api_flavor) {
            let request =
                ExtractRequest::from_value(&body).with_provider_id(known.id()).with_api_flavor(flavor);
            match calculator.extract_provider_usage(&request) {
                Ok(found) => {
                    let usage = counted(&found.usage)?;
                    if !usage.is_empty() {
                        let provider = found.provider_id;
                        return Ok(ResponseUsage { usage, model: found.model_ref, provider });
                    }
                    faults.push(format!("{flavor}: no tokens"));
                }
                Err(error) => faults.push(format!("{flavor}: {error}")),
            }
        }
        Err(ResponseError::NoUsage { provider: known.id().to_owned(), reason: faults.join("; ") })
    }
}

fn flavors<'a>(provider: ProviderInfo<'a>, named: Option<&'a str>) -> Vec<&'a str> {
    if let Some(named) = named {
        return vec![named];
    }
    let mut known: Vec<&str> = provider.api_flavors().collect();
    known.sort_by_key(|flavor| Reverse(FLAVORS.iter().rev().position(|first| first == flavor)));
    known
}

fn counted(counts: &genai_prices::Usage) -> Result<Usage, ResponseError> {
    let mut usage = Usage::new();
    for (kind, key) in KEYS {
        if let Some(count) = counts.get(&key) {
            if count.fract() != 0.0 || !(0.0..=MAX_COUNT as f64).contains(&count) {
                return Err(ResponseError::InvalidCount { key: key.to_string(), value: count.to_string() });
            }
            usage.set(kind, count as u64);
        }
    }
    Ok(usage)
}
