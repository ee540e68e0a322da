//! Reading usage from a provider's raw response.

use std::cmp::Reverse;

use genai_prices::{ErrorKind, ExtractRequest, ProviderInfo};
use serde::Serialize;
use serde_json::Value;

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
    /// The body has usage in none of the provider's shapes, or not in the one that was named.
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
    /// the known shapes are tried and the first that fits is taken. A response without usage is no error: its usage is empty, and the
    /// call is one without usage.
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
    /// usage in none of the described shapes, or if a count is invalid.
    pub fn from_response(
        provider: &str,
        api_flavor: Option<&str>,
        body: &[u8],
    ) -> Result<ResponseUsage, ResponseError> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| ResponseError::NotJson { reason: error.to_string() })?;
        read(provider, api_flavor, &body)
    }

    /// Reads the usage and the model from a response that is parsed already; as [`from_response`](Self::from_response) otherwise.
    ///
    /// ```
    /// use serde_json::json;
    /// use tracing_budget::{Kind, Usage};
    ///
    /// let reply = json!({"model": "gpt-5", "usage": {"input_tokens": 1000, "output_tokens": 100}});
    /// let found = Usage::from_value("openai", &reply)?;
    /// assert_eq!(found.usage.get(Kind::Output), Some(100));
    /// // A reply without usage is no error.
    /// assert!(Usage::from_value("openai", &json!({"model": "gpt-5"}))?.usage.is_empty());
    /// # Ok::<(), tracing_budget::price::ResponseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_response`](Self::from_response).
    pub fn from_value(provider: &str, body: &Value) -> Result<ResponseUsage, ResponseError> {
        read(provider, None, body)
    }

    /// Reads the usage and the model from a client's typed reply, which has the provider's field names in JSON, as async-openai's
    /// have. [`record_usage`](crate::record_usage) and [`Call::finish`](crate::Call::finish) take the result as it is.
    ///
    /// ```
    /// use serde::Serialize;
    /// use tracing_budget::{Usage, record_usage};
    ///
    /// #[derive(Serialize)]
    /// struct Reply {
    ///     model: String,
    ///     usage: Option<Tokens>,
    /// }
    ///
    /// #[derive(Serialize)]
    /// struct Tokens {
    ///     prompt_tokens: u32,
    ///     completion_tokens: u32,
    /// }
    ///
    /// let usage = Some(Tokens { prompt_tokens: 1_000, completion_tokens: 100 });
    /// let reply = Reply { model: "gpt-5".to_owned(), usage };
    /// record_usage(Usage::from_serialize("openai", &reply));
    /// assert_eq!(Usage::from_serialize("openai", &reply)?.usage.tokens_used(), Some(1_100));
    /// # Ok::<(), tracing_budget::price::ResponseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_response`](Self::from_response), and if the reply cannot be turned into JSON.
    pub fn from_serialize(provider: &str, reply: &impl Serialize) -> Result<ResponseUsage, ResponseError> {
        let body = serde_json::to_value(reply)
            .map_err(|error| ResponseError::NotJson { reason: error.to_string() })?;
        read(provider, None, &body)
    }
}

/// Reads a response of a provider, in the named shape or in the first that fits.
fn read(provider: &str, api_flavor: Option<&str>, body: &Value) -> Result<ResponseUsage, ResponseError> {
    let id = Catalog::default().provider_id(provider);
    let calculator = catalog::bundled();
    let known = calculator.providers().find(|known| Some(known.id()) == id.as_deref());
    let Some(known) = known.filter(|known| known.api_flavors().next().is_some()) else {
        return Err(ResponseError::UnknownProvider { provider: provider.to_owned() });
    };
    let mut faults = Vec::new();
    let mut is_shape_known = true;
    for flavor in flavors(known, api_flavor) {
        let request = ExtractRequest::from_value(body).with_provider_id(known.id()).with_api_flavor(flavor);
        match calculator.extract_provider_usage(&request) {
            Ok(found) => {
                let usage = counted(&found.usage)?;
                if !usage.is_empty() {
                    let provider = found.provider_id;
                    return Ok(ResponseUsage { usage, model: found.model_ref, provider });
                }
                faults.push(format!("{flavor}: no tokens"));
            }
            Err(error) => {
                is_shape_known &= error.kind() != ErrorKind::ExtractorNotFound;
                faults.push(format!("{flavor}: {error}"));
            }
        }
    }
    let provider = known.id().to_owned();
    // A stream's piece, an error's body, or a server that reports none: the call was made, and its usage is unknown.
    if is_shape_known && body.is_object() && !mentions_usage(body, 0) {
        let model = ["model", "modelVersion"].iter().find_map(|key| body.get(key)?.as_str());
        return Ok(ResponseUsage { usage: Usage::new(), model: model.map(str::to_owned), provider });
    }
    Err(ResponseError::NoUsage { provider, reason: faults.join("; ") })
}

/// Whether a response has a field for usage with something in it. Usage lies at most two objects deep in the known shapes
/// (`message.usage`, `meta.billed_units`); a tool's arguments, which may have any name, lie deeper.
fn mentions_usage(body: &Value, depth: u8) -> bool {
    let Some(fields) = body.as_object().filter(|_| depth < 2) else { return false };
    fields.iter().any(|(name, value)| {
        let names_it =
            ["usage", "tokens", "billed_units"].iter().any(|part| name.to_lowercase().contains(part));
        names_it && !value.is_null() || mentions_usage(value, depth + 1)
    })
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
