//! Closing a span, or taking an event: from what it recorded to what is booked where.

use super::accumulate::Accumulate;
use super::callsite_schema::CallsiteSchema;
use super::charge::{Charge, Charges, count_call};
use super::inclusive::Excess;
use super::inner_call::InnerCall;
use super::names::NameField;
use super::operations::{OperationKind, kind_of};
use super::place::{Place, SpanKind};
use super::reading::{ModelName, Reading};
use super::rules::Rules;
use super::span::Span;
use crate::ledger::{CellTotals, Kind, Sources, Symbol, Usd};

impl Rules {
    /// Works out what a closing span adds, and returns the row of its own amount. That is completed where it lies, in its reading.
    ///
    /// `nanos` is how long it took, `started` gives the time when it began, which few need. What the span passes on to the span that sums it is
    /// [`Charges::passed_on`].
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
        if span.reading.remarks.is_some() || span.reading.inclusive.is_some() {
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
                if span.is_inside_same_call()
                    || span.below.as_ref().is_some_and(|below| !below.inner.is_empty())
                {
                    self.close_nested_call(span, kind, nanos, started(), charges);
                } else {
                    let has_failed = span.reading.has_failed() && !span.is_stage;
                    let own = &mut span.reading.own;
                    (own.nanos, own.errors) = (nanos, u64::from(has_failed));
                    count_call(own, kind);
                    row = Some(self.charge(span, true));
                    charges.is_accountable = true;
                }
            }
            SpanKind::Plain if span.reading.has_amount() => {
                row = self.close_own_usage(span, started, charges)
            }
            SpanKind::Plain => {}
            SpanKind::Agent | SpanKind::Tool | SpanKind::Container => {
                // Its failure is that of no stage and no call (A12).
                let own = &mut span.reading.own;
                (own.count, own.nanos) = (1, nanos);
                row = Some(Charge { needs_price: false, ..self.charge(span, false) });
            }
        }
        if span.reading.inclusive.is_some() {
            self.add_excess(span, charges);
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
        started: impl Fn() -> u64,
        charges: &mut Charges,
    ) -> Option<Charge> {
        if span.reading.inclusive.is_some() {
            join_excess(span);
        }
        let is_llm = complete_own(&mut span.reading, None);
        charges.is_accountable = true;
        if span.outer.call == Some(OperationKind::Text) && is_llm && span.place.call.is_some() {
            hand_on(span, started(), charges);
            return None;
        }
        Some(self.charge(span, is_llm))
    }

    /// What few spans need before their amounts are worked out.
    #[cold]
    fn prepare(&self, span: &mut Span, charges: &mut Charges) {
        let how = span.kind.accumulate();
        span.reading.join_synonyms(how);
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

    /// Adds what a figure for everything inside a span has beyond what closed there (A6).
    #[cold]
    fn add_excess(&self, span: &mut Span, charges: &mut Charges) {
        let Some(figure) = span.reading.inclusive.as_deref() else { return };
        let below = span.below.as_ref().map(|below| below.sum()).unwrap_or_default();
        let Excess { usage, parts, cost } = Excess::of(figure, &below);
        let charge = self.charge(span, true);
        if !parts.is_empty() {
            let operation = span.reading.operation().unwrap_or(self.unattributed);
            let charge =
                Charge { operation, is_llm: false, needs_price: false, model: (None, None), ..charge };
            charges.more().amounts.push((charge, CellTotals { usage: parts, ..CellTotals::default() }));
        }
        let mut totals = CellTotals { usage, ..CellTotals::default() };
        if let Some(cost) = cost {
            (totals.cost, totals.sources) = (cost, Sources::REPORTED);
        }
        if usage.tokens_used().is_some() {
            if let Some(kind) = span.outer.call.filter(|_| span.place.call.is_some()) {
                // Between a call and the calls inside it: the outer call compares it with its own figure.
                let call = InnerCall { usage, cost, is_request: false, ..InnerCall::of(span, kind, 0, 0) };
                charges.more().handed_on.push(call);
                return;
            }
            charges.is_accountable = true;
            count_call(&mut totals, OperationKind::Text);
            let is_known = |kind| figure.usage.get(kind).or(below.usage.get(kind)).is_some();
            if is_known(Kind::Input) && is_known(Kind::Output) {
                // The other half of the excess is inside.
                totals.partial = 0;
            }
            let charge = Charge { needs_price: cost.is_none(), ..charge };
            charges.more().amounts.push((charge, totals));
        } else if cost.is_some_and(|cost| cost > Usd::ZERO) {
            charges.is_accountable = true;
            let operation = span.reading.operation().unwrap_or(self.unattributed);
            let charge =
                Charge { operation, is_llm: false, needs_price: false, model: (None, None), ..charge };
            charges.more().amounts.push((charge, totals));
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
            is_llm,
            needs_price: is_llm && !reading.own.usage.is_empty() && reading.cost().is_none(),
            response_id: if matches!(span.kind, SpanKind::Call(_)) { reading.response_id } else { 0 },
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
        let is_llm = complete_own(reading, model.1);
        if is_llm && place.call == Some(OperationKind::Text) && operation_kind(reading) == OperationKind::Text
        {
            // A request of the call around it (A5).
            charges.more().handed_on.push(InnerCall::of_event(schema, reading, place, model, now));
            return (None, charges);
        }
        let default = if is_llm { self.chat } else { self.unattributed };
        let row = Charge {
            stage: place.stage,
            agent: reading.named(NameField::Agent).or(place.agent),
            operation: reading.operation().unwrap_or(default),
            model: if is_llm { model } else { (None, None) },
            is_llm,
            needs_price: is_llm && !reading.own.usage.is_empty() && reading.cost().is_none(),
            response_id: reading.response_id,
            started: None,
        };
        let row = if charges.is_foreign { leave_unpriced(Some(row), &mut reading.own) } else { Some(row) };
        charges.has_own = true;
        (row, charges)
    }
}

impl Charges {
    /// What a span passes on to the span that sums it: its own amount, those beside it, once they are priced, and everything that
    /// was booked inside.
    pub(crate) fn passed_on(&self, span: &Span) -> CellTotals {
        let mut sum = span.below.as_ref().map(|below| below.booked).unwrap_or_default();
        if self.has_own {
            sum.merge(&span.reading.own);
        }
        self.priced().iter().for_each(|(_, totals)| sum.merge(totals));
        sum
    }
}

/// Joins what an inclusive figure of a span has beyond what closed inside with its own usage (A6).
#[cold]
fn join_excess(span: &mut Span) {
    if span.reading.own.usage.is_empty() {
        return;
    }
    let Some(inclusive) = &mut span.reading.inclusive else { return };
    let below = span.below.as_ref().map(|below| below.sum()).unwrap_or_default();
    let excess = Excess::of(inclusive, &below);
    if excess.usage.tokens_used().is_some() {
        span.reading.own.usage.merge(&excess.usage);
        span.reading.own.usage.merge(&excess.parts);
        inclusive.usage = Default::default();
    }
}

/// Hands a span's own usage on as a request of the call around it (A5).
#[cold]
fn hand_on(span: &mut Span, started: u64, charges: &mut Charges) {
    let call = InnerCall { model: span.own_model(), ..InnerCall::of(span, OperationKind::Text, 0, started) };
    span.reading.own = CellTotals::default();
    charges.more().handed_on.push(call);
}

/// Completes the counts of an amount that is no call span's: an author's own figures on a span, or those of an event. Returns
/// whether it is that of a model.
// Inlined: a few stores.
#[inline]
fn complete_own(reading: &mut Reading, inherited: Option<Symbol>) -> bool {
    let model = reading.model().or(inherited);
    let is_llm = !reading.own.usage.is_empty() || model.is_some();
    if is_llm {
        let kind = operation_kind(reading);
        count_call(&mut reading.own, kind);
    } else {
        reading.own.count = 1;
    }
    is_llm
}

/// What an amount that is no call span's is for what it lacks: an operation of the program's own is a text call.
// Inlined: a test, as hardly any has an operation.
#[inline]
fn operation_kind(reading: &Reading) -> OperationKind {
    let Some(operation) = reading.operation() else { return OperationKind::Text };
    match kind_of(operation.as_str()) {
        OperationKind::Agent | OperationKind::Tool | OperationKind::Container => OperationKind::Text,
        kind => kind,
    }
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

/// A call with a cost in another currency has an unknown cost in USD, even if its model has a price.
#[cold]
fn leave_unpriced(row: Option<Charge>, own: &mut CellTotals) -> Option<Charge> {
    let row = row?;
    if !row.is_llm {
        return Some(row);
    }
    own.unpriced = 1;
    // A call with a cost and no tokens is partly known (A11).
    (own.partial, own.without_usage) = (own.partial.max(own.without_usage), 0);
    Some(Charge { needs_price: false, ..row })
}
