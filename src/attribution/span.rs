//! A span as the rules see it: its callsite, its place, what it recorded, and what closed inside it.

use std::borrow::Cow;

use super::below::Below;
use super::callsite_schema::CallsiteSchema;
use super::charge::ChargedCall;
use super::inclusive::has_counts;
use super::names::NameField;
use super::place::{Place, SpanKind};
use super::reading::{Inclusive, ModelName, Reading};
use crate::ledger::{Call, CellKey, CellTotals, Rank, Usage, Usd};

/// A span that is open.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) schema: &'static CallsiteSchema,
    pub(crate) kind: SpanKind,
    pub(crate) is_stage: bool,
    pub(crate) is_root: bool,
    pub(crate) is_child_of_root: bool,
    /// The place around the span.
    pub(crate) outer: Place,
    /// The span's own place, which its descendants inherit.
    pub(crate) place: Place,
    pub(crate) reading: Reading,
    /// What closed inside. Only spans that sum what is inside have it.
    pub(crate) below: Option<Box<Below>>,
}

impl Span {
    /// A span of which nothing is known yet.
    pub(crate) fn blank(schema: &'static CallsiteSchema) -> Self {
        Self {
            schema,
            kind: SpanKind::Plain,
            is_stage: false,
            is_root: false,
            is_child_of_root: false,
            outer: Place::default(),
            place: Place::default(),
            reading: Reading::default(),
            below: None,
        }
    }

    /// Whether it has to know what closes inside it: its figures include that (A6), it is a call (A5), or a gate, which costs
    /// what its judge costs.
    // Inlined: three tests, once per span that matters.
    #[inline]
    pub(crate) fn sums(&self) -> bool {
        let is_aggregate = match self.kind {
            SpanKind::Call(_) => true,
            SpanKind::Plain => self.schema.is_inclusive,
            SpanKind::Agent | SpanKind::Tool | SpanKind::Container => self.schema.has_figures,
        };
        is_aggregate || self.schema.has_gate
    }

    /// Adds what closed inside.
    pub(crate) fn add_below(&mut self, closed: Below) {
        self.below.get_or_insert_default().add(closed);
    }

    /// Usage and cost of everything inside, once that has been summed.
    pub(super) fn sum_below(&self) -> CellTotals {
        self.below.as_ref().map(|below| below.sum.clone()).unwrap_or_default()
    }

    /// The id of its response, if it is a call; else 0 (A8).
    // Inlined: a test.
    #[inline]
    pub(super) fn response_id(&self) -> u64 {
        if matches!(self.kind, SpanKind::Call(_)) { self.reading.response_id } else { 0 }
    }

    /// Provider and model that it recorded itself.
    pub(crate) fn own_model(&self) -> ModelName {
        (self.reading.named(NameField::Provider), self.reading.model())
    }

    /// Whether it is the execution of an agent: by its operation, or because it names one and is no call of that agent (A13).
    // Inlined: two tests.
    #[inline]
    pub(crate) fn is_agent(&self) -> bool {
        self.is_agent_as(self.kind)
    }

    /// The same for a span of some kind.
    // Inlined: the caller has the kind at hand.
    #[inline]
    pub(super) fn is_agent_as(&self, kind: SpanKind) -> bool {
        kind == SpanKind::Agent
            || matches!(kind, SpanKind::Plain | SpanKind::Container)
                && self.reading.named(NameField::Agent).is_some()
    }

    /// Whether its run has to know its agent: it is the agent's execution, or names another than the one around it (A13).
    // Inlined: two tests, as most spans have no agent around.
    #[inline]
    pub(crate) fn names_agent(&self) -> bool {
        self.place.agent.is_some() && (self.place.agent != self.outer.agent || self.is_agent())
    }

    /// What decides whether its own amount is kept as a call.
    // Always inlined: four loads.
    #[inline(always)]
    pub(crate) fn rank(&self, started: u64) -> Rank {
        (self.has_failed_call(), self.reading.own.cost.pico(), started)
    }

    /// Whether the call failed that its own amount is. The failure of a stage with usage of its own is not that of the call.
    // Inlined: two tests.
    #[inline]
    fn has_failed_call(&self) -> bool {
        self.reading.has_failed() && matches!(self.kind, SpanKind::Call(_))
    }

    /// The record of its own amount, which is a call that was booked in this row.
    // Always inlined: once for every call, from fields that are in the cache.
    #[inline(always)]
    pub(crate) fn record(&self, key: CellKey, started: u64) -> Call<'_> {
        let reading = &self.reading;
        let is_call = matches!(self.kind, SpanKind::Call(_));
        let model = if is_call { self.model_name() } else { self.own_model() };
        Call {
            key,
            names: reading.call_names(model),
            started,
            nanos: reading.own.nanos,
            usage: Cow::Borrowed(&reading.own.usage),
            cost: reading.own.cost,
            sources: reading.own.sources,
            has_failed: self.has_failed_call(),
            is_partial: reading.own.partial > 0,
            attempt: 1,
            completions: 0,
            response: self.response_id(),
            texts: reading.texts.all(),
        }
    }

    /// The same for a record that completes another one, with the start of that.
    #[cold]
    pub(crate) fn charged_call(&self) -> ChargedCall {
        ChargedCall {
            names: self.reading.call_names(self.model_name()),
            texts: self.reading.texts.clone(),
            started: 0,
            response_id: self.response_id(),
            attempt: 1,
            has_failed: self.reading.has_failed(),
        }
    }

    /// Completes a call with details of its response; `false` if it is not that call. Details supply what
    /// it has not recorded.
    pub(crate) fn complete_with(&mut self, response_id: u64, details: &Inclusive, event: &Reading) -> bool {
        let reading = &mut self.reading;
        let is_other = response_id != 0 && reading.response_id != 0 && response_id != reading.response_id;
        if is_other || !matches!(self.kind, SpanKind::Call(_)) {
            return false;
        }
        reading.response_id = reading.response_id.max(response_id);
        reading.take_details(details);
        reading.complete_record(event);
        true
    }

    /// Whether it would make its run accountable if it closed now (A1).
    pub(crate) fn is_accountable(&self) -> bool {
        let reading = &self.reading;
        // Nothing inside has made the run accountable, so that an inclusive figure above 0 is an excess.
        let has_excess = |usage: &Usage, cost: Option<Usd>| has_counts(usage) || cost > Some(Usd::ZERO);
        let has_own = match self.kind {
            SpanKind::Call(_) => true,
            SpanKind::Plain => reading.has_amount(),
            SpanKind::Agent | SpanKind::Tool | SpanKind::Container => {
                has_excess(&reading.own.usage, reading.cost())
            }
        };
        let inclusive = reading.inclusive.as_deref();
        has_own
            || reading.has_synonym_amount(self.kind == SpanKind::Plain)
            || reading.has_gate()
            || inclusive.is_some_and(|figure| has_excess(&figure.usage, figure.cost))
    }

    /// Whether an agent's run without any span inside would only repeat the figures of other roots: old releases of rig open
    /// `invoke_agent` and its calls as roots beside each other (A6).
    pub(crate) fn is_aggregate_root(&self) -> bool {
        self.is_root && matches!(self.kind, SpanKind::Agent | SpanKind::Container | SpanKind::Tool)
    }
}
