//! A span for a model call of a client that opens none.

use std::fmt::Display;
use std::sync::Arc;

use tracing::field::Empty;
use tracing::instrument::{Instrument as _, Instrumented};
use tracing::span::{Entered, Span};

use super::permit::Permit;
use super::usage::{Reply, UsageRecord};
use crate::ledger::{IntoUsd, Kind, Symbol, Usd, UsdError};

/// Begins a call to this model. All fields that a call may record are declared, and recorded through methods: a field
/// that is misspelt in `Span::record` would be dropped without a word.
///
/// ```
/// use tracing_budget::{Usage, call};
///
/// let call = call("gpt-5").provider("openai").start();
/// let reply = call.in_scope(|| "what the client answered");
/// call.finish(Usage::new().input(3_000).output(reply.len() as u64));
/// ```
pub fn call(model: &str) -> CallBuilder<'_> {
    CallBuilder { model: Some(model), provider: None, tier: None, operation: CHAT, permit: None }
}

/// The operation of a call that names none.
const CHAT: &str = "chat";

/// What is known of a call before it starts; see [`call`].
#[derive(Debug)]
#[must_use = "a call begins when it is started"]
pub struct CallBuilder<'a> {
    /// `None` for a request of a call.
    model: Option<&'a str>,
    provider: Option<&'a str>,
    tier: Option<&'a str>,
    operation: &'a str,
    permit: Option<Permit>,
}

impl<'a> CallBuilder<'a> {
    /// Names the provider.
    pub fn provider(mut self, provider: &'a str) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Names the tier that the call is sent to, such as `batch`, `flex` or `priority`: it has that tier's price, or none. A reply that
    /// names the tier which served the call decides.
    ///
    /// ```
    /// use tracing_budget::{Usage, call};
    ///
    /// let call = call("gpt-5").provider("openai").tier("flex").start();
    /// call.finish(Usage::new().input(3_000).output(987));
    /// ```
    pub fn tier(mut self, tier: &'a str) -> Self {
        self.tier = Some(tier);
        self
    }

    /// Sets the purpose of the call; `chat` by default.
    pub fn operation(mut self, operation: &'a str) -> Self {
        self.operation = operation;
        self
    }

    /// Opens the span of the call, in the current span. It closes when the [`Call`] and all clones of its span are
    /// dropped.
    #[must_use]
    pub fn start(self) -> Call {
        let span = match self.permit.as_ref().and_then(Permit::parent) {
            None => self.open(),
            // Current for the moment in which the span opens, so that it is an ordinary child.
            Some(parent) => parent.in_scope(|| self.open()),
        };
        // Nearly all are chats, and cost nothing here.
        let operation = (self.operation != CHAT).then(|| Symbol::intern(self.operation));
        let tier = self.tier.map(Symbol::intern);
        let held = self.permit.and_then(|permit| permit.hold_until_close(&span)).map(Arc::new);
        Call { span, operation, tier, _held: held }
    }

    fn open(&self) -> Span {
        tracing::info_span!(
            target: "tracing_budget::call",
            "call",
            otel.kind = "client",
            otel.status_code = Empty,
            gen_ai.operation.name = self.operation,
            gen_ai.provider.name = self.provider,
            gen_ai.request.model = self.model,
            openai.request.service_tier = self.tier,
            gen_ai.response.model = Empty,
            gen_ai.response.id = Empty,
            gen_ai.response.finish_reasons = Empty,
            openai.response.service_tier = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cache_read.input_tokens = Empty,
            gen_ai.usage.cache_creation.input_tokens = Empty,
            gen_ai.usage.reasoning.output_tokens = Empty,
            gen_ai.usage.cost = Empty,
            cache_write_1h_tokens = Empty,
            audio_input_tokens = Empty,
            audio_output_tokens = Empty,
            billed_requests = Empty,
            tokens = Empty,
            units = Empty,
            error.type = Empty,
            error.message = Empty,
            refusal = Empty,
        )
    }
}

impl Permit {
    /// Begins the call that the room was reserved for; as [`call`](crate::call()) otherwise. The room is held until the span of
    /// the call has closed, whatever becomes of the [`Call`](crate::Call).
    ///
    /// The call belongs to the run in which the room was reserved, also if it starts in a task or on a thread without that span.
    /// If the layer does not see the call in that run, as with a filter that hides the call's span, its cost cannot be booked: then
    /// the room stays taken for the rest of the run.
    ///
    /// ```
    /// use tracing_budget::{Usage, reserve};
    ///
    /// # fn ask() -> Result<(), tracing_budget::limit::BudgetExceeded> {
    /// let call = reserve("0.05")?.call("gpt-5").provider("openai").start();
    /// call.finish(Usage::new().input(3_000).output(987));
    /// # Ok(())
    /// # }
    /// # ask().expect("nothing is limited");
    /// ```
    pub fn call(self, model: &str) -> CallBuilder<'_> {
        CallBuilder { permit: Some(self), ..call(model) }
    }
}

/// A call under way. One that is dropped without usage is counted as a call without usage.
#[derive(Clone, Debug)]
pub struct Call {
    span: Span,
    /// `None` is [`CHAT`].
    operation: Option<Symbol>,
    tier: Option<Symbol>,
    /// Room that could not be left with the span. After it, so that it is dropped later.
    _held: Option<Arc<Permit>>,
}

impl Call {
    /// The call's span, to instrument a future with.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Enters the call's span; not across an `.await`.
    pub fn enter(&self) -> Entered<'_> {
        self.span.enter()
    }

    /// Runs `act` inside the call's span.
    pub fn in_scope<T>(&self, act: impl FnOnce() -> T) -> T {
        self.span.in_scope(act)
    }

    /// Records what the call used, and ends it. Its span closes with the last clone of it.
    ///
    /// ```
    /// use tracing_budget::{Usage, call};
    ///
    /// let call = call("gpt-5").provider("openai").start();
    /// call.finish(Usage::new().input(3_000).output(987));
    /// ```
    pub fn finish<'a>(self, record: impl Into<UsageRecord<'a>>) {
        self.usage(record);
    }

    /// Records what the call used, with the provider, the model, the operation and the cost that the record names. The newest of each
    /// counts. For a request that is sent again, and billed again, there is [`attempt`](Self::attempt).
    pub fn usage<'a>(&self, record: impl Into<UsageRecord<'a>>) -> &Self {
        const FIELDS: [(Kind, &str); 10] = [
            (Kind::Input, "gen_ai.usage.input_tokens"),
            (Kind::Output, "gen_ai.usage.output_tokens"),
            (Kind::CacheRead, "gen_ai.usage.cache_read.input_tokens"),
            (Kind::CacheWrite, "gen_ai.usage.cache_creation.input_tokens"),
            (Kind::CacheWrite1h, "cache_write_1h_tokens"),
            (Kind::Reasoning, "gen_ai.usage.reasoning.output_tokens"),
            (Kind::AudioInput, "audio_input_tokens"),
            (Kind::AudioOutput, "audio_output_tokens"),
            (Kind::Requests, "billed_requests"),
            (Kind::Tokens, "tokens"),
        ];
        let UsageRecord { usage, provider, model, operation, cost, reply } = record.into();
        for (kind, field) in FIELDS {
            if let Some(count) = usage.get(kind) {
                self.span.record(field, count);
            }
        }
        if let Some(units) = usage.others_text() {
            self.span.record("units", units.as_str());
        }
        for (field, text) in [
            ("gen_ai.provider.name", provider.as_deref()),
            ("gen_ai.response.model", model.as_deref()),
            ("gen_ai.operation.name", operation.as_deref()),
        ] {
            if let Some(text) = text {
                self.span.record(field, text);
            }
        }
        if let Some(reply) = reply {
            self.record_reply(&reply);
        }
        cost.map_or(self, |cost| self.record_cost(cost))
    }

    fn record_reply(&self, reply: &Reply<'_>) {
        for (field, text) in [
            ("gen_ai.response.id", &reply.response_id),
            ("gen_ai.response.finish_reasons", &reply.finish_reason),
            ("openai.response.service_tier", &reply.service_tier),
        ] {
            if let Some(text) = text {
                self.span.record(field, &**text);
            }
        }
        for warning in &reply.warnings {
            self.span.record("refusal", warning.as_str());
        }
    }

    /// Sets what the call cost, in USD; then nothing is priced. What is not an amount is taken as not reported, and a
    /// warning in the summary names it.
    pub fn cost(&self, cost: impl IntoUsd) -> &Self {
        self.record_cost(cost.into_usd())
    }

    fn record_cost(&self, cost: Result<Usd, UsdError>) -> &Self {
        match cost {
            Ok(cost) => self.span.record("gen_ai.usage.cost", cost.to_f64()),
            // The layer refuses the text by the rule for every recorded cost, and warns.
            Err(error) => self.span.record("gen_ai.usage.cost", error.text()),
        };
        self
    }

    /// Runs a future inside the call's span, across its awaits.
    ///
    /// ```
    /// # async fn send() -> &'static str { "42" }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use tracing_budget::{Usage, call};
    ///
    /// let call = call("gpt-5").provider("openai").start();
    /// let reply = call.instrument(send()).await;
    /// call.finish(Usage::new().input(3_000).output(reply.len()));
    /// # }
    /// ```
    ///
    /// Where `tracing::Instrument` is imported, its method of this name is the nearer one: write `(&call).instrument(..)`.
    pub fn instrument<F: Future>(&self, work: F) -> Instrumented<F> {
        work.instrument(self.span.clone())
    }

    /// Begins a request of this call, where a program sends it again by itself: after a timeout, or for a better answer. Each
    /// attempt has its own usage, duration and error, and each counts as a request: the call costs what they cost together. Without
    /// attempts, the usage of a second request replaces that of the first.
    ///
    /// ```
    /// use tracing_budget::testing::{assert_tokens, capture};
    /// use tracing_budget::{Usage, call};
    ///
    /// let captured = capture(|| {
    ///     let _pipeline = tracing::info_span!("pipeline").entered();
    ///     let call = call("gpt-5").provider("openai").start();
    ///     call.attempt().finish(Usage::new().input(3_000).output(0)); // refused, and billed
    ///     call.attempt().finish(Usage::new().input(3_000).output(987));
    /// });
    /// let total = &captured.run().budget_summary.total;
    /// assert_eq!((total.llm_calls, total.input_tokens, total.output_tokens), (2, 6_000, 987));
    /// ```
    #[must_use]
    pub fn attempt(&self) -> Self {
        let operation = self.operation.map_or(CHAT, Symbol::as_str);
        // Model and provider are the call's: a request takes those of the call around it (A5).
        let tier = self.tier.map(Symbol::as_str);
        let request = CallBuilder { model: None, provider: None, tier, operation, permit: None };
        let span = self.span.in_scope(|| request.open());
        Self { span, operation: self.operation, tier: self.tier, _held: None }
    }

    /// Records that the call failed: the kind of error, such as `timeout` or `429`, and its message.
    pub fn error(&self, kind: &str, message: impl Display) -> &Self {
        self.span.record("otel.status_code", "ERROR");
        self.span.record("error.type", kind);
        self.span.record("error.message", tracing::field::display(message));
        self
    }
}
