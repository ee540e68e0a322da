//! Reporting usage of clients that emit none.

use std::borrow::Cow;

use crate::ledger::{IntoUsd, Kind, Usage, Usd, UsdError};
#[cfg(feature = "prices")]
use crate::reply::{ResponseError, ResponseStream, ResponseUsage};

/// Books usage to the current stage, as one model call. For clients that emit nothing themselves: most of them.
///
/// Without a model of its own the record takes the one that the current span has recorded.
///
/// ```
/// use tracing_budget::{record::UsageRecord, record_usage, Usage};
///
/// record_usage(&Usage::new().input(3_000).output(987));
/// record_usage(UsageRecord::new(Usage::new().input(512)).provider("openai").model("text-embedding-3-small").operation("embeddings"));
/// ```
pub fn record_usage<'a>(record: impl Into<UsageRecord<'a>>) {
    let UsageRecord { usage, provider, model, operation, cost, reply } = record.into();
    let Reply { response_id, service_tier, finish_reason, warnings } =
        reply.map(|reply| *reply).unwrap_or_default();
    let warnings = (!warnings.is_empty()).then(|| warnings.join("; "));
    let (number, text);
    // A cost that is not an amount goes to the layer as text, which refuses it by its own rule, and warns.
    let cost: Option<&dyn tracing::Value> = match &cost {
        None => None,
        Some(Ok(usd)) => {
            number = usd.to_f64();
            Some(&number)
        }
        Some(Err(error)) => {
            text = error.text();
            Some(&text)
        }
    };
    tracing::info!(
        target: "tracing_budget::usage",
        provider = provider.as_deref(),
        model = model.as_deref(),
        operation = operation.as_deref(),
        input_tokens = usage.get(Kind::Input),
        output_tokens = usage.get(Kind::Output),
        cache_read_tokens = usage.get(Kind::CacheRead),
        cache_write_tokens = usage.get(Kind::CacheWrite),
        cache_write_1h_tokens = usage.get(Kind::CacheWrite1h),
        reasoning_tokens = usage.get(Kind::Reasoning),
        audio_input_tokens = usage.get(Kind::AudioInput),
        audio_output_tokens = usage.get(Kind::AudioOutput),
        billed_requests = usage.get(Kind::Requests),
        tokens = usage.get(Kind::Tokens),
        units = usage.others_text().as_deref(),
        cost_usd = cost,
        gen_ai.response.id = response_id.as_deref(),
        gen_ai.response.finish_reasons = finish_reason.as_deref(),
        openai.response.service_tier = service_tier.as_deref(),
        refusal = warnings.as_deref(),
    );
}

/// Usage together with what it is the usage of; see [`record_usage`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageRecord<'a> {
    pub(super) usage: Usage,
    pub(super) provider: Option<Cow<'a, str>>,
    pub(super) model: Option<Cow<'a, str>>,
    pub(super) operation: Option<Cow<'a, str>>,
    pub(super) cost: Option<Result<Usd, UsdError>>,
    /// Boxed: most records have none, and are passed by value.
    pub(super) reply: Option<Box<Reply<'a>>>,
}

/// What only the record of a call has, and the run's warnings about a reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reply<'a> {
    pub(super) response_id: Option<Cow<'a, str>>,
    pub(super) service_tier: Option<Cow<'a, str>>,
    pub(super) finish_reason: Option<Cow<'a, str>>,
    pub(super) warnings: Vec<String>,
}

impl<'a> UsageRecord<'a> {
    /// A record of this usage.
    #[must_use]
    pub fn new(usage: Usage) -> Self {
        Self { usage, ..Self::default() }
    }

    /// Names the provider.
    #[must_use]
    pub fn provider(mut self, provider: impl Into<Cow<'a, str>>) -> Self {
        self.provider = Some(provider.into());
        self
    }

    /// Names the model.
    #[must_use]
    pub fn model(mut self, model: impl Into<Cow<'a, str>>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Sets the purpose of the call; `chat` by default.
    #[must_use]
    pub fn operation(mut self, operation: impl Into<Cow<'a, str>>) -> Self {
        self.operation = Some(operation.into());
        self
    }

    /// Sets what the call cost, in USD; then nothing is priced. What is not an amount is taken as not reported, and a
    /// warning in the summary names it.
    #[must_use]
    pub fn cost(mut self, cost: impl IntoUsd) -> Self {
        self.cost = Some(cost.into_usd());
        self
    }

    /// Names the provider's id of the response. Two records of one run with the same id are one call (A8).
    ///
    /// ```
    /// use tracing_budget::testing::{assert_tokens, capture};
    /// use tracing_budget::{Usage, record::UsageRecord, record_usage};
    ///
    /// let captured = capture(|| {
    ///     let _pipeline = tracing::info_span!("pipeline").entered();
    ///     let record = UsageRecord::new(Usage::new().input(3_000).output(987)).response_id("msg_01XFDUDYJgAACzvnptvVoYEL");
    ///     record_usage(record.clone());
    ///     record_usage(record);
    /// });
    /// assert_tokens(captured.run(), 3_987);
    /// ```
    #[must_use]
    pub fn response_id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.reply_mut().response_id = Some(id.into());
        self
    }

    /// Names the tier that served the call, such as `flex` or `priority`.
    ///
    /// ```
    /// use tracing_budget::{Usage, record::UsageRecord, record_usage};
    ///
    /// record_usage(UsageRecord::new(Usage::new().input(3_000).output(987)).model("gpt-5").service_tier("flex"));
    /// ```
    #[must_use]
    pub fn service_tier(mut self, tier: impl Into<Cow<'a, str>>) -> Self {
        self.reply_mut().service_tier = Some(tier.into());
        self
    }

    /// Names why the response ended, such as `stop` or `max_tokens`.
    ///
    /// ```
    /// use tracing_budget::{Usage, record::UsageRecord, record_usage};
    ///
    /// record_usage(UsageRecord::new(Usage::new().input(3_000).output(987)).finish_reason("max_tokens"));
    /// ```
    #[must_use]
    pub fn finish_reason(mut self, reason: impl Into<Cow<'a, str>>) -> Self {
        self.reply_mut().finish_reason = Some(reason.into());
        self
    }

    /// The record with texts of its own.
    #[cfg(feature = "prices")]
    fn into_owned(self) -> UsageRecord<'static> {
        let own = |text: Option<Cow<'a, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        let reply = self.reply.map(|reply| {
            Box::new(Reply {
                response_id: own(reply.response_id),
                service_tier: own(reply.service_tier),
                finish_reason: own(reply.finish_reason),
                warnings: reply.warnings,
            })
        });
        let UsageRecord { usage, provider, model, operation, cost, .. } = self;
        UsageRecord {
            usage,
            provider: own(provider),
            model: own(model),
            operation: own(operation),
            cost,
            reply,
        }
    }

    fn reply_mut(&mut self) -> &mut Reply<'a> {
        self.reply.get_or_insert_default()
    }
}

#[cfg(feature = "prices")]
impl<'a> From<&'a ResponseUsage> for UsageRecord<'a> {
    /// The usage in a provider's response, with its cost, the names that it has, and its warnings.
    fn from(response: &'a ResponseUsage) -> Self {
        let text = |text: &'a Option<String>| text.as_deref().map(Cow::Borrowed);
        let reply = Reply {
            response_id: response.distinct_id().map(Cow::Borrowed),
            service_tier: text(&response.service_tier),
            finish_reason: text(&response.finish_reason),
            warnings: response.warnings.clone(),
        };
        Self {
            usage: response.usage.clone(),
            provider: Some(Cow::Borrowed(&response.provider)),
            model: text(&response.model),
            operation: None,
            cost: response.cost.map(Ok),
            reply: (reply != Reply::default()).then(|| Box::new(reply)),
        }
    }
}

#[cfg(feature = "prices")]
impl From<ResponseUsage> for UsageRecord<'_> {
    /// The usage in a provider's response, with its cost, the names that it has, and its warnings.
    fn from(response: ResponseUsage) -> Self {
        UsageRecord::from(&response).into_owned()
    }
}

#[cfg(feature = "prices")]
impl From<Result<ResponseUsage, ResponseError>> for UsageRecord<'_> {
    /// As read; a usage that cannot be read is unknown, which fails no call that was answered. The run's warnings have the reason.
    fn from(response: Result<ResponseUsage, ResponseError>) -> Self {
        match response {
            Ok(response) => response.into(),
            Err(error) => {
                let warnings = vec![format!("usage of a reply was taken as not reported: {error}")];
                Self { reply: Some(Box::new(Reply { warnings, ..Reply::default() })), ..Self::default() }
            }
        }
    }
}

#[cfg(feature = "prices")]
impl From<&ResponseStream> for UsageRecord<'_> {
    /// The usage of the pieces so far, as of a complete response.
    fn from(stream: &ResponseStream) -> Self {
        stream.usage().into()
    }
}

#[cfg(feature = "prices")]
impl From<ResponseStream> for UsageRecord<'_> {
    /// The usage of the pieces so far, as of a complete response.
    fn from(stream: ResponseStream) -> Self {
        stream.usage().into()
    }
}

impl From<Usage> for UsageRecord<'_> {
    fn from(usage: Usage) -> Self {
        Self::new(usage)
    }
}

impl From<&Usage> for UsageRecord<'_> {
    fn from(usage: &Usage) -> Self {
        Self::new(usage.clone())
    }
}
