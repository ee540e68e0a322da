//! Reading a reply that is complete.

use serde::Serialize;
use serde_json::Value;

use super::envelope::Envelope;
use super::error::ResponseError;
use super::response_usage::ResponseUsage;
use super::settle::settle;
use super::stream::ResponseStream;
use crate::ledger::Usage;

impl Usage {
    /// Reads what a provider's raw response reports: a JSON body, or the body of a whole stream as text.
    ///
    /// The shape is chosen by evidence, so any provider has any shape: the body's own `object` or `type` where it names one,
    /// else the shape that reads the most counts. `api_flavor` names it instead, by a name of `docs/replies.md` or by the path
    /// of the endpoint. A response without usage is no error: its usage is empty, and the call is one without usage.
    ///
    /// ```
    /// use tracing_budget::{Kind, Usage};
    ///
    /// let body = br#"{"model": "gpt-5", "usage": {"input_tokens": 1000, "output_tokens": 100}}"#;
    /// let found = Usage::from_response("openai", None, body)?;
    /// assert_eq!(found.usage.get(Kind::Input), Some(1_000));
    /// assert_eq!(found.model.as_deref(), Some("gpt-5"));
    ///
    /// // A server that no price list knows.
    /// let body = br#"{"object": "chat.completion", "usage": {"prompt_tokens": 1000, "completion_tokens": 100}}"#;
    /// assert_eq!(Usage::from_response("vllm", None, body)?.usage.tokens_used(), Some(1_100));
    /// # Ok::<(), tracing_budget::reply::ResponseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ResponseError`] if the body is not JSON, if no shape has the name, if the body has usage in none of the shapes, or if a
    /// count is invalid.
    pub fn from_response(
        provider: &str,
        api_flavor: Option<&str>,
        body: &[u8],
    ) -> Result<ResponseUsage, ResponseError> {
        let stream = ResponseStream::new(provider);
        let mut stream = api_flavor.into_iter().fold(stream, |stream, flavor| stream.api_flavor(flavor));
        stream.push_bytes(body)?;
        stream.usage()
    }

    /// Reads what a response reports that is parsed already; as [`from_response`](Self::from_response) otherwise.
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
    /// # Ok::<(), tracing_budget::reply::ResponseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_response`](Self::from_response).
    pub fn from_value(provider: &str, body: &Value) -> Result<ResponseUsage, ResponseError> {
        settle(provider, None, &Envelope::of(body))
    }

    /// Reads what a client's typed reply reports, which has the provider's field names in JSON, as async-openai's
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
    /// # Ok::<(), tracing_budget::reply::ResponseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_response`](Self::from_response), and if the reply cannot be turned into JSON.
    pub fn from_serialize(provider: &str, reply: &impl Serialize) -> Result<ResponseUsage, ResponseError> {
        let mut stream = ResponseStream::new(provider);
        stream.push_serialize(reply)?.usage()
    }
}
