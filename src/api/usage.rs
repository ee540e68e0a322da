//! Reporting usage of clients that emit none.

use std::borrow::Cow;

use crate::ledger::{IntoUsd, Kind, Usage, Usd, UsdError};
#[cfg(feature = "prices")]
use crate::price::{ResponseError, ResponseUsage};

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
    let UsageRecord { usage, provider, model, operation, cost, refusal } = record.into();
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
        cost_usd = cost,
        refusal = refusal.as_deref(),
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
    /// Why the usage of a reply is unknown, for the warnings of the run.
    pub(super) refusal: Option<String>,
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
}

#[cfg(feature = "prices")]
impl<'a> From<&'a ResponseUsage> for UsageRecord<'a> {
    /// The usage in a provider's response, with the provider and the model that it names.
    fn from(response: &'a ResponseUsage) -> Self {
        let record = Self::new(response.usage).provider(response.provider.as_str());
        match &response.model {
            Some(model) => record.model(model.as_str()),
            None => record,
        }
    }
}

#[cfg(feature = "prices")]
impl From<ResponseUsage> for UsageRecord<'_> {
    /// The usage in a provider's response, with the provider and the model that it names.
    fn from(response: ResponseUsage) -> Self {
        let record = Self::new(response.usage).provider(response.provider);
        match response.model {
            Some(model) => record.model(model),
            None => record,
        }
    }
}

#[cfg(feature = "prices")]
impl From<Result<ResponseUsage, ResponseError>> for UsageRecord<'_> {
    /// As read; a usage that cannot be read is unknown, which fails no call that was answered. The run's warnings have the reason.
    fn from(response: Result<ResponseUsage, ResponseError>) -> Self {
        match response {
            Ok(response) => response.into(),
            Err(error) => {
                let refusal = Some(format!("usage of a reply was taken as not reported: {error}"));
                Self { refusal, ..Self::default() }
            }
        }
    }
}

impl From<Usage> for UsageRecord<'_> {
    fn from(usage: Usage) -> Self {
        Self::new(usage)
    }
}

impl From<&Usage> for UsageRecord<'_> {
    fn from(usage: &Usage) -> Self {
        Self::new(*usage)
    }
}
