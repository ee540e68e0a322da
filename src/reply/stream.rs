//! The pieces of one reply that comes as a stream.

use serde::Serialize;
use serde_json::Value;

use super::envelope::Envelope;
use super::error::ResponseError;
use super::pieces::documents;
use super::response_usage::ResponseUsage;
use super::settle::settle;

/// The usage of one reply that comes as a stream: it takes every piece, in order, and keeps only counts, names and ids.
///
/// Most providers report usage in the last piece, and only if the request wanted it. Anthropic reports the input in
/// `message_start` and the output in `message_delta`; Gemini repeats it in each piece. Of each count the newest is taken, but a
/// 0 never replaces a count above 0. A stream of several replies, as of a Realtime session, needs one `ResponseStream` for each.
///
/// ```
/// use serde_json::json;
/// use tracing_budget::{Kind, call, reply::ResponseStream};
///
/// let call = call("claude-sonnet-4-5").provider("anthropic").start();
/// let mut stream = ResponseStream::new("anthropic");
/// for piece in [
///     json!({"type": "message_start", "message": {"model": "claude-sonnet-4-5", "usage": {
///         "input_tokens": 60, "cache_read_input_tokens": 64, "output_tokens": 1}}}),
///     json!({"type": "content_block_delta", "delta": {"text": "42"}}),
///     json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 20}}),
/// ] {
///     stream.push(&piece);
/// }
/// let found = stream.usage()?;
/// assert_eq!((found.usage.get(Kind::Input), found.usage.get(Kind::Output)), (Some(124), Some(20)));
/// assert_eq!(found.finish_reason.as_deref(), Some("end_turn"));
/// call.finish(stream);
/// # Ok::<(), tracing_budget::reply::ResponseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ResponseStream {
    provider: String,
    flavor: Option<String>,
    envelope: Envelope,
}

impl ResponseStream {
    /// A stream of this provider, before its first piece.
    ///
    /// ```
    /// use tracing_budget::reply::ResponseStream;
    ///
    /// // A stream without usage is no error: the usage is empty, and the call is one without usage.
    /// assert!(ResponseStream::new("openai").usage()?.usage.is_empty());
    /// # Ok::<(), tracing_budget::reply::ResponseError>(())
    /// ```
    #[must_use]
    pub fn new(provider: &str) -> Self {
        Self { provider: provider.to_owned(), flavor: None, envelope: Envelope::default() }
    }

    /// Names the shape, or the endpoint's path, as in [`Usage::from_response`](crate::Usage::from_response).
    ///
    /// ```
    /// use tracing_budget::reply::ResponseStream;
    ///
    /// let stream = ResponseStream::new("openai").api_flavor("/v1/chat/completions");
    /// assert!(stream.usage().is_ok());
    /// assert!(ResponseStream::new("openai").api_flavor("song").usage().is_err());
    /// ```
    #[must_use]
    pub fn api_flavor(mut self, flavor: &str) -> Self {
        self.flavor = Some(flavor.to_owned());
        self
    }

    /// Takes the next piece.
    ///
    /// ```
    /// use serde_json::json;
    /// use tracing_budget::reply::ResponseStream;
    ///
    /// let mut stream = ResponseStream::new("openai");
    /// stream.push(&json!({"usage": null})).push(&json!({"usage": {"prompt_tokens": 7, "completion_tokens": 1}}));
    /// assert_eq!(stream.usage()?.usage.tokens_used(), Some(8));
    /// # Ok::<(), tracing_budget::reply::ResponseError>(())
    /// ```
    pub fn push(&mut self, piece: &Value) -> &mut Self {
        let piece = Envelope::of(piece);
        if let (Some(known), Some(id)) = (&self.envelope.response_id, &piece.response_id)
            && known != id
            && self.envelope.has_counts()
            && piece.has_counts()
        {
            let warning =
                format!("a stream has the usage of two replies, {known} and {id}: only the later is read");
            self.envelope.warnings.push(warning);
        }
        self.envelope.merge(piece);
        self
    }

    /// Takes the next piece as a client's typed event, which has the provider's field names in JSON.
    ///
    /// ```
    /// use serde::Serialize;
    /// use tracing_budget::reply::ResponseStream;
    ///
    /// #[derive(Serialize)]
    /// struct Chunk {
    ///     eval_count: Option<u64>,
    ///     prompt_eval_count: Option<u64>,
    /// }
    ///
    /// let mut stream = ResponseStream::new("ollama");
    /// stream.push_serialize(&Chunk { eval_count: Some(298), prompt_eval_count: Some(26) })?;
    /// assert_eq!(stream.usage()?.usage.tokens_used(), Some(324));
    /// # Ok::<(), tracing_budget::reply::ResponseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the event cannot be turned into JSON.
    pub fn push_serialize(&mut self, piece: &impl Serialize) -> Result<&mut Self, ResponseError> {
        let piece = serde_json::to_value(piece)
            .map_err(|error| ResponseError::NotJson { reason: error.to_string() })?;
        Ok(self.push(&piece))
    }

    /// Takes the next pieces as text: the data of an event, whole events (`data: {..}`), or lines of JSON.
    ///
    /// ```
    /// use tracing_budget::reply::ResponseStream;
    ///
    /// let mut stream = ResponseStream::new("openai");
    /// stream.push_bytes(b"data: {\"usage\": {\"prompt_tokens\": 7, \"completion_tokens\": 1}}\n\n")?;
    /// stream.push_bytes(b"[DONE]")?;
    /// assert_eq!(stream.usage()?.usage.tokens_used(), Some(8));
    /// # Ok::<(), tracing_budget::reply::ResponseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it is neither; then nothing of it is taken. A piece that is cut in two is not joined.
    pub fn push_bytes(&mut self, pieces: &[u8]) -> Result<&mut Self, ResponseError> {
        for piece in documents(pieces)? {
            self.push(&piece);
        }
        Ok(self)
    }

    /// Takes a header of the reply, for what some have there: the cost of LiteLLM's proxy, and the counts of Bedrock's `InvokeModel`. All
    /// others are ignored, so every header may be passed.
    ///
    /// ```
    /// use serde_json::json;
    /// use tracing_budget::reply::ResponseStream;
    ///
    /// let mut stream = ResponseStream::new("litellm");
    /// for (name, value) in [("content-type", "application/json"), ("x-litellm-response-cost", "0.00123")] {
    ///     stream.push_header(name, value);
    /// }
    /// stream.push(&json!({"usage": {"prompt_tokens": 7, "completion_tokens": 1}}));
    /// assert_eq!(stream.usage()?.cost, Some("0.00123".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push_header(&mut self, name: &str, value: &str) -> &mut Self {
        self.envelope.take_header(name, value);
        self
    }

    /// The usage of the pieces so far.
    ///
    /// ```
    /// use tracing_budget::reply::ResponseStream;
    ///
    /// assert!(ResponseStream::new("anthropic").usage()?.usage.is_empty());
    /// # Ok::<(), tracing_budget::reply::ResponseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Usage::from_response`](crate::Usage::from_response).
    pub fn usage(&self) -> Result<ResponseUsage, ResponseError> {
        settle(&self.provider, self.flavor.as_deref(), &self.envelope)
    }
}
