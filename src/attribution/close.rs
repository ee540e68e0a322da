//! Closing a span, or taking an event: from what it recorded to what is booked where.

use super::accumulate::Accumulate;
use super::below::Below;
use super::callsite_schema::CallsiteSchema;
use super::charge::{Charge, Charges, MoreCharges, count_call, set_foreign};
use super::inclusive::{Excess, parts_alone};
use super::inner_call::InnerCall;
use super::names::NameField;
use super::operations::{OperationKind, call_kind, is_model_operation};
use super::place::{Place, SpanKind};
use super::reading::{Inclusive, ModelName, Reading};
use super::rules::Rules;
use super::span::Span;
use crate::ledger::{CellTotals, Usd};

impl Rules {
    /// Works out what a closing span adds, and returns the row of its own amount. That is completed where it lies, in its reading.
    ///
    /// `nanos` is how long it took, `started` gives the time when it began, which few need. What the span passes on to the span that
    /// sums it is [`Charges::passed_on`].
    // Always inlined into the layer's close: the row stays in registers, apart from `charges`, which rare functions write to.
    #[inline(always)]
    pub(crate) fn close(
        &self,
        span: &mut Span,
        nanos: u64,
        started: impl Fn() -> u64,
        charges: &mut Charges,
    ) -> Option<Charge> {
        let mut row = None;
        charges.is_accountable = span.is_stage && span.schema.has_stage;
        let is_container = matches!(span.kind, SpanKind::Agent | SpanKind::Tool | SpanKind::Container);
        let reading = &span.reading;
        if reading.remarks.is_some() || reading.inclusive.is_some() || is_container && reading.has_amount() {
            self.prepare(span, charges);
        }
        if span.reading.own.usage.has_more_than_input_and_output() {
            let model = span.model_name();
            let schema = span.schema;
            let is_message = span.reading.is_message();
            let usage = &mut span.reading.own.usage;
            self.normalise(usage, schema, model, is_message, |warning| charges.warn(warning));
        }
        match span.kind {
            SpanKind::Call(kind) => {
                if span.reading.has_failed() {
                    span.reading.note_error();
                }
                if span.is_inside_same_call()
                    || span.below.as_ref().is_some_and(|below| !below.inner.is_empty())
                {
                    self.close_nested_call(span, kind, nanos, started(), charges);
                } else {
                    let has_failed = span.reading.has_failed() && !span.is_stage;
                    let own = &mut span.reading.own;
                    (own.nanos, own.errors, own.count) = (nanos, i64::from(has_failed), 1);
                    count_call(own, kind);
                    row = Some(self.charge(span, true));
                    charges.is_accountable = true;
                }
            }
            SpanKind::Plain if span.reading.has_amount() || span.reading.inclusive.is_some() => {
                row = self.close_own_usage(span, nanos, started, charges);
            }
            SpanKind::Plain => {}
            SpanKind::Agent | SpanKind::Tool | SpanKind::Container => {
                // Its failure is that of no stage and no call (A12).
                let own = &mut span.reading.own;
                (own.count, own.nanos) = (1, nanos);
                row = Some(Charge { needs_price: false, ..self.charge(span, false) });
                if span.reading.inclusive.is_some() {
                    self.close_container(span, nanos, started(), charges);
                }
            }
        }
        if charges.is_foreign {
            row = leave_unpriced(row, &mut span.reading.own);
        }
        charges.has_own = row.is_some();
        row
    }

    /// Closes a span with usage of its own, which is booked as one call, together with what an inclusive figure of the span has
    /// beyond what closed inside (A6).
    // Always inlined: a few tests and stores; what is rare is out of line.
    #[inline(always)]
    fn close_own_usage(
        &self,
        span: &mut Span,
        nanos: u64,
        started: impl Fn() -> u64,
        charges: &mut Charges,
    ) -> Option<Charge> {
        let is_call = match span.reading.inclusive.take() {
            None => !span.reading.own.usage.is_empty(),
            Some(inclusive) => join_excess(span, &inclusive)?,
        };
        charges.is_accountable = true;
        let has_parts = span.reading.own.usage.has_more_than_input_and_output();
        let in_call = span.place.calls.has(OperationKind::Text);
        if in_call || has_parts && !has_whole_recordings(span, charges) {
            self.join_own_usage(span, is_call, nanos, started(), charges);
            return None;
        }
        if !has_parts && span.reading.remarks.is_some() {
            has_whole_recordings(span, charges);
        }
        let own = &mut span.reading.own;
        own.count = 1;
        if is_call {
            count_call(own, OperationKind::Text);
        }
        Some(self.charge(span, is_call))
    }

    /// Closes own usage that is a request of the call around it (A5), or has parts that may be beyond its input and output (A6).
    #[cold]
    fn join_own_usage(
        &self,
        span: &mut Span,
        is_call: bool,
        nanos: u64,
        started: u64,
        charges: &mut Charges,
    ) {
        let is_foreign = charges.is_foreign;
        let call = InnerCall { is_call, is_foreign, ..InnerCall::of_figures(span, nanos, started) };
        span.reading.own = CellTotals::default();
        if span.place.calls.has(OperationKind::Text) {
            charges.more().handed_on.push(call);
        } else {
            self.book_inner(&call, charges);
        }
    }

    /// Closes a container: what its figure has beyond what closed inside is booked as one more call, or as a cost or parts alone
    /// (A6).
    #[cold]
    fn close_container(&self, span: &mut Span, nanos: u64, started: u64, charges: &mut Charges) {
        let Some(inclusive) = span.reading.inclusive.as_deref() else { return };
        let excess = Excess::of(inclusive, &span.sum_below());
        let is_call = excess.is_call();
        if !is_call && !excess.is_new() {
            return;
        }
        let cost = excess.cost.filter(|cost| is_call || *cost > Usd::ZERO);
        let own = InnerCall::of_figures(span, nanos, started);
        // Its execution is counted with its own amount.
        let usage = if is_call { excess.usage } else { parts_alone(&excess.usage) };
        let call = InnerCall { usage, cost, is_call, is_foreign: charges.is_foreign, count: 0, ..own };
        if span.place.calls.has(OperationKind::Text) {
            charges.more().handed_on.push(call);
        } else {
            self.book_inner(&call, charges);
        }
    }

    /// What few spans need before their amounts are worked out.
    #[cold]
    fn prepare(&self, span: &mut Span, charges: &mut Charges) {
        let how = span.kind.accumulate();
        span.reading.join_synonyms(how);
        span.reading.complete();
        warn_of_remarks(&mut span.reading, charges);
        charges.is_foreign = refuse_currency(&mut span.reading, charges);
        charges.is_accountable |= span.reading.has_gate();
        let (schema, model, is_message) = (span.schema, span.model_name(), span.reading.is_message());
        if let Some(inclusive) = &mut span.reading.inclusive
            && inclusive.usage.has_more_than_input_and_output()
        {
            self.normalise(&mut inclusive.usage, schema, model, is_message, |warning| charges.warn(warning));
        }
    }

    /// The row of a span's own amount.
    // Inlined: copies fields of the span.
    #[inline(always)]
    fn charge(&self, span: &Span, is_llm: bool) -> Charge {
        let reading = &span.reading;
        let default = if is_llm { self.chat } else { self.unattributed };
        Charge {
            stage: span.place.stage,
            agent: span.place.agent,
            operation: self.operation_name(reading.named(NameField::Operation).unwrap_or(default)),
            // Own usage is of the model that the span names itself: it may be that of several calls.
            model: match span.kind {
                SpanKind::Call(_) => span.model_name(),
                _ if is_llm => span.own_model(),
                _ => (None, None),
            },
            terms: reading.price_terms(),
            is_llm,
            needs_price: is_llm && !reading.own.usage.is_empty() && reading.cost().is_none(),
            response_id: span.response_id(),
            started: None,
        }
    }

    /// Works out what an event adds that counts. `near` is the model of the span that it happened in, `now` the
    /// time.
    pub(crate) fn take_event(
        &self,
        schema: &'static CallsiteSchema,
        reading: &mut Reading,
        place: &Place,
        near: ModelName,
        now: u64,
    ) -> (Option<Charge>, Charges) {
        let mut charges = Charges { is_accountable: true, ..Charges::default() };
        reading.join_synonyms(Accumulate::Newest);
        warn_of_remarks(reading, &mut charges);
        charges.is_foreign = refuse_currency(reading, &mut charges);
        let named = (reading.named(NameField::Provider), reading.model());
        // Usage without a model is that of the model of its span, stage or agent.
        let model = match named {
            (provider, None) => (provider.or(near.0).or(place.provider), near.1.or(place.model)),
            (provider, model) => (provider.or(near.0).or(place.provider), model),
        };
        if reading.own.usage.has_more_than_input_and_output() {
            let is_message = reading.is_message();
            self.normalise(&mut reading.own.usage, schema, model, is_message, |warning| {
                charges.warn(warning)
            });
        }
        let kind = call_kind(reading.operation());
        // A cost of something else than a model is no call.
        let has_tokens = !reading.own.usage.is_empty();
        let is_llm = has_tokens
            || reading.model().is_some()
            || is_model_operation(reading.operation())
            || schema.is_usage_record && reading.cost().is_none();
        // Nor is it a record of a response.
        let response_id = if is_llm { reading.response_id } else { 0 };
        if place.calls.has(kind) {
            // A request of the call around it, or a cost that is inside its cost (A5).
            let own = (named.0.or(near.0), named.1.or(near.1));
            let is_foreign = charges.is_foreign;
            let of_event = InnerCall::of_event(schema, reading, place, own, now);
            let call = InnerCall { is_call: is_llm, is_foreign, response_id, ..of_event };
            charges.more().handed_on.push(call);
            return (None, charges);
        }
        reading.own.count = 1;
        if is_llm {
            count_call(&mut reading.own, kind);
        }
        let row = Charge {
            stage: place.stage,
            agent: reading.named(NameField::Agent).or(place.agent),
            operation: reading.operation().unwrap_or(self.chat),
            model: if is_llm { model } else { (None, None) },
            terms: reading.price_terms(),
            is_llm,
            needs_price: has_tokens && reading.cost().is_none(),
            response_id,
            started: None,
        };
        let row = if charges.is_foreign { leave_unpriced(Some(row), &mut reading.own) } else { Some(row) };
        charges.has_own = true;
        (row, charges)
    }
}

impl Charges {
    /// What a span passes on to the span that sums it: its own amount, those beside it, once they are priced, and everything that
    /// closed inside.
    pub(crate) fn passed_on(&mut self, span: &mut Span) -> Below {
        let mut closed = span.below.as_mut().map(|below| std::mem::take(&mut **below)).unwrap_or_default();
        if self.has_own {
            closed.add_booked(span.response_id(), &span.reading.own);
        }
        if let Some(more) = &mut self.more {
            more.hand_over(&mut closed);
        }
        closed
    }
}

impl MoreCharges {
    /// Hands everything over to what closed inside a span around.
    pub(crate) fn hand_over(&mut self, closed: &mut Below) {
        closed.add(std::mem::take(&mut self.booked));
        closed.answered.append(&mut self.answered);
        closed.inner.append(&mut self.handed_on);
    }
}

/// Joins what an inclusive figure of a span has beyond what closed inside with its own usage (A6). Returns whether that is a call;
/// `None` if there is nothing to book.
#[cold]
fn join_excess(span: &mut Span, inclusive: &Inclusive) -> Option<bool> {
    let excess = Excess::of(inclusive, &span.sum_below());
    let is_call = !span.reading.own.usage.is_empty() || excess.is_call();
    if !is_call && !span.reading.has_amount() && !excess.is_new() {
        return None;
    }
    let usage = if is_call { excess.usage } else { parts_alone(&excess.usage) };
    span.reading.own.usage.merge(&usage);
    if let Some(cost) = excess.cost
        && (is_call || cost > Usd::ZERO)
    {
        span.reading.set_cost(span.reading.cost().unwrap_or_default() + cost);
    }
    Some(is_call)
}

/// Whether own usage was recorded several times, as calls of their own. Keeps these, to be priced.
#[cold]
fn has_whole_recordings(span: &Span, charges: &mut Charges) -> bool {
    let recordings = span.reading.remarks.as_ref().map(|remarks| &remarks.recordings);
    let parts = recordings.map(|all| all.parts_of(&span.reading.own.usage)).unwrap_or_default();
    // A reported cost is that of all.
    let is_split = !parts.is_empty() && span.reading.cost().is_none();
    if is_split {
        charges.more().recordings = parts;
    }
    is_split
}

/// Turns refused values into warnings of the run.
fn warn_of_remarks(reading: &mut Reading, charges: &mut Charges) {
    let refused = reading.remarks.iter_mut().flat_map(|remarks| remarks.warnings.drain(..));
    let refused: Vec<String> = refused.collect();
    refused.into_iter().for_each(|warning| charges.warn(warning));
}

/// A cost in another currency than USD is named, and never booked as USD.
fn refuse_currency(reading: &mut Reading, charges: &mut Charges) -> bool {
    let currency = reading.remarks.as_mut().and_then(|remarks| remarks.currency.take());
    let Some(currency) = currency.filter(|currency| !currency.eq_ignore_ascii_case("usd")) else {
        return false;
    };
    let inclusive = reading.inclusive.as_mut().and_then(|inclusive| inclusive.cost.take());
    let Some(cost) = reading.take_cost_back().or(inclusive) else { return false };
    charges.warn(format!("a cost of {cost} {currency} was not booked: only costs in USD are"));
    true
}

/// Leaves a call with a cost in another currency without a price (A11).
#[cold]
fn leave_unpriced(row: Option<Charge>, own: &mut CellTotals) -> Option<Charge> {
    let row = row?;
    if !row.is_llm {
        return Some(row);
    }
    set_foreign(own);
    Some(Charge { needs_price: false, ..row })
}
