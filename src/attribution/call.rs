//! A call inside a call (A5): a wrapper and the wire see one request, and it counts once.

use std::cmp::Reverse;

use super::callsite_schema::CallsiteSchema;
use super::charge::{Charge, ChargedAmount, ChargedCall, Charges, count_joined_call, set_foreign};
use super::inclusive::{beyond, has_counts};
use super::inner_call::InnerCall;
use super::names::NameField;
use super::operations::{OperationKind, call_kind};
use super::place::{Place, SpanKind};
use super::reading::{ModelName, PriceTerms, Reading};
use super::rules::Rules;
use super::span::Span;
use crate::ledger::{CallNames, CallText, CellTotals, Kind, Usage, Usd};

impl InnerCall {
    /// A span's own figures as those of a call. The usage is normalised already.
    pub(super) fn of(span: &Span, kind: OperationKind, nanos: u64, started: u64) -> Self {
        let reading = &span.reading;
        // A stage's failure is counted with its attempt (A12).
        let has_failed = reading.has_failed() && !span.is_stage;
        Self {
            schema: span.schema,
            place: span.place,
            kind,
            operation: reading.operation(),
            model: span.own_model(),
            inherited: (span.outer.provider, span.outer.model),
            response_id: reading.response_id,
            represented_id: reading.response_id,
            usage: reading.own.usage.clone(),
            cost: reading.cost(),
            is_foreign: false,
            has_failed,
            errors: i64::from(has_failed),
            count: 1,
            nanos,
            started,
            closed: started.saturating_add(nanos),
            is_call: true,
            names: reading.call_names((None, None)),
            texts: reading.texts.clone(),
            attempt: 1,
        }
    }

    /// A span's own usage, or the excess of a container: it has the span's own model, and a failure of the span is not its own.
    pub(super) fn of_figures(span: &Span, nanos: u64, started: u64) -> Self {
        Self {
            inherited: (None, None),
            response_id: 0,
            represented_id: 0,
            has_failed: false,
            errors: 0,
            nanos: 0,
            ..Self::of(span, OperationKind::Text, nanos, started)
        }
    }

    /// An event that is a request of the call around it.
    pub(super) fn of_event(
        schema: &'static CallsiteSchema,
        reading: &Reading,
        place: &Place,
        model: ModelName,
        now: u64,
    ) -> Self {
        Self {
            schema,
            place: Place { agent: reading.named(NameField::Agent).or(place.agent), ..*place },
            kind: call_kind(reading.operation()),
            operation: reading.operation(),
            model,
            inherited: (place.provider, place.model),
            response_id: reading.response_id,
            represented_id: reading.response_id,
            usage: reading.own.usage.clone(),
            cost: reading.cost(),
            is_foreign: false,
            has_failed: false,
            errors: 0,
            count: 1,
            nanos: 0,
            started: now,
            closed: now,
            is_call: true,
            names: reading.call_names((None, None)),
            texts: reading.texts.clone(),
            attempt: 1,
        }
    }
}

impl Rules {
    /// Closes a call with other calls inside, or inside another call.
    // Not inlined: few calls are nested.
    #[inline(never)]
    pub(super) fn close_nested_call(
        &self,
        span: &mut Span,
        kind: OperationKind,
        nanos: u64,
        started: u64,
        charges: &mut Charges,
    ) {
        let inner = span.below.as_mut().map(|below| std::mem::take(&mut below.inner));
        let own = InnerCall { is_foreign: charges.is_foreign, ..InnerCall::of(span, kind, nanos, started) };
        let Joined { calls, apart } = join(own, inner.unwrap_or_default(), charges);
        span.reading.own = CellTotals::default();
        let separates = span.separates();
        let is_inside = |call: &InnerCall| !separates && span.outer.calls.has(call.kind);
        let (handed_on, mut booked): (Vec<_>, Vec<_>) = calls.into_iter().partition(is_inside);
        charges.is_accountable = true;
        booked.extend(apart);
        // Of two records of one response the first decides about the row (A8).
        booked.sort_by_key(order);
        booked.iter().for_each(|call| self.book_inner(call, charges));
        if !handed_on.is_empty() {
            charges.more().handed_on = handed_on;
        }
    }

    /// A call of a model that is not booked yet, to be priced.
    pub(crate) fn unbooked(&self, model: ModelName, terms: PriceTerms) -> Charge {
        Charge {
            stage: None,
            agent: None,
            operation: self.chat,
            model,
            terms,
            is_llm: true,
            needs_price: model != (None, None),
            response_id: 0,
            started: None,
        }
    }

    /// Books a call that waits for no other one any more.
    pub(crate) fn book_inner(&self, call: &InnerCall, charges: &mut Charges) {
        let mut totals = call.totals();
        if call.is_call {
            count_joined_call(&mut totals, call.kind);
        }
        let is_foreign = call.is_foreign && call.is_call && call.cost.is_none();
        if is_foreign {
            set_foreign(&mut totals);
        }
        let charge = Charge {
            stage: call.place.stage,
            agent: call.place.agent,
            operation: call.operation.unwrap_or(if call.is_call { self.chat } else { self.unattributed }),
            model: if call.is_call { call.model_or_inherited() } else { (None, None) },
            terms: PriceTerms::of(&call.names),
            is_llm: call.is_call,
            needs_price: call.is_call && !is_foreign && totals.without_usage == 0 && call.cost.is_none(),
            response_id: call.response_id,
            started: Some(call.started),
        };
        charges.is_accountable = true;
        let call_of = || Box::new(call.charged());
        let record = call.is_call.then(call_of);
        charges.more().amounts.push(ChargedAmount { charge, totals, closed: call.closed, call: record });
    }
}

impl InnerCall {
    /// What its record has beside its row and its amount.
    fn charged(&self) -> ChargedCall {
        let (provider, model) = self.model_or_inherited();
        let mut names = CallNames { provider, ..self.names };
        if names.answered.is_none() {
            names.requested = names.requested.or(model);
        }
        ChargedCall {
            names,
            texts: self.texts.clone(),
            started: self.started,
            response_id: self.response_id,
            attempt: self.attempt,
            has_failed: self.has_failed || self.errors > 0 || !self.texts.get(CallText::Error).is_empty(),
        }
    }
}

/// The requests of a call, and what else closed inside it.
struct Joined {
    /// In the order in which they closed.
    calls: Vec<InnerCall>,
    /// Calls of the same thing with another response id: this was their only possible outer call.
    apart: Vec<InnerCall>,
}

/// Joins a call with the calls inside it that are the same one.
fn join(mut outer: InnerCall, mut inner: Vec<InnerCall>, charges: &mut Charges) -> Joined {
    // A request of a wrapper inside comes when the wrapper closes, and may have closed before others.
    inner.sort_by_key(order);
    let is_same = |call: &InnerCall| {
        let ids = (call.represented_id, outer.response_id);
        ids.0 == ids.1 || ids.0 == 0 || ids.1 == 0
    };
    let (inner, others): (Vec<_>, Vec<_>) = inner.into_iter().partition(|call| call.kind == outer.kind);
    let (mut same, apart): (Vec<_>, Vec<_>) = inner.into_iter().partition(is_same);
    let mut calls = others;
    if same.is_empty() {
        calls.push(outer);
        return Joined { calls, apart };
    }
    if outer.cost.is_some() {
        // A cost of the outer call is the cost of all requests inside.
        let has_usage = |call: &&mut InnerCall| call.is_call && call.usage.tokens_used().is_some();
        same.iter_mut().filter(has_usage).for_each(|call| call.cost = call.cost.or(Some(Usd::ZERO)));
    }
    if outer.is_foreign {
        // The same holds for one in another currency.
        same.iter_mut().filter(|call| call.is_call).for_each(|call| call.is_foreign = true);
    }
    let (usage, reported) = sum_of(&same);
    let excess = beyond(&outer.usage, &usage);
    let excess_cost = outer.cost.map(|cost| (cost - reported.unwrap_or_default()).max(Usd::ZERO));
    let is_good = |call: &InnerCall| call.is_call && !call.has_failed;
    let last = same.iter().rposition(is_good).or_else(|| same.iter().rposition(|call| call.is_call));
    let Some(last) = last else {
        // Only costs and parts are inside: they are no requests, but count once all the same.
        (outer.usage, outer.cost) = (excess, excess_cost);
        split_zero(&mut outer.usage);
        calls.append(&mut same);
        calls.push(outer);
        return Joined { calls, apart };
    };
    if has_counts(&excess) && !usage.is_empty() {
        charges.warn(format!(
            "{} reports {} tokens, and the calls inside it {}: the larger figure was taken",
            outer.schema.name.as_str(),
            outer.usage.tokens_used().unwrap_or_default(),
            usage.tokens_used().unwrap_or_default(),
        ));
    }
    let has_requests_error = same.iter().any(|call| call.errors > 0);
    let request = &mut same[last];
    for (kind, count) in excess.iter() {
        let is_whole = matches!(kind, Kind::Input | Kind::Output | Kind::Tokens);
        if count > 0 || is_whole && usage.get(kind).is_none() {
            request.usage.add(kind, count);
        }
    }
    split_zero(&mut request.usage);
    if let Some(cost) = excess_cost
        && (cost > Usd::ZERO || reported.is_none())
    {
        request.cost = Some(request.cost.unwrap_or_default() + cost);
    }
    if outer.has_failed && !has_requests_error {
        request.errors += 1;
        request.texts.set(CallText::Error, outer.texts.get(CallText::Error));
    }
    if request.response_id == 0 {
        request.response_id = outer.response_id;
        request.texts.set(CallText::ResponseId, outer.texts.get(CallText::ResponseId));
    }
    // The response is that of the last request; the other names are those of all.
    request.names = request.names.or(outer.names);
    let requested = CallNames { finish_reason: None, first_token: None, answered: None, ..outer.names };
    for call in &mut same {
        call.model = (call.model.0.or(outer.model.0), call.model.1.or(outer.model.1));
        if call.is_call {
            call.operation = call.operation.or(outer.operation);
        }
        call.represented_id = outer.response_id;
        call.names = call.names.or(requested);
        call.texts.set_if_unknown(CallText::Conversation, outer.texts.get(CallText::Conversation));
    }
    let requests = same.iter_mut().filter(|call| call.is_call);
    requests.zip(1..=u16::MAX).for_each(|(call, attempt)| call.attempt = attempt);
    calls.append(&mut same);
    Joined { calls, apart }
}

/// What an outer call has beyond the others may be a total of 0: a known usage of 0 (A10).
fn split_zero(usage: &mut Usage) {
    if !usage.is_split() && usage.get(Kind::Tokens) == Some(0) {
        usage.forget(Kind::Tokens);
        usage.set(Kind::Input, 0);
        usage.set(Kind::Output, 0);
    }
}

/// The order in which calls closed. Those that are closed from outside close at once, the innermost first.
fn order(call: &InnerCall) -> (u64, Reverse<u64>) {
    (call.closed, Reverse(call.started))
}

/// The sum of usage and of reported costs.
fn sum_of(calls: &[InnerCall]) -> (Usage, Option<Usd>) {
    let mut usage = Usage::new();
    calls.iter().for_each(|call| usage.merge(&call.usage));
    let costs = calls.iter().filter_map(|call| call.cost);
    (usage, costs.fold(None, |sum, cost| Some(sum.unwrap_or(Usd::ZERO) + cost)))
}

impl Span {
    /// Provider and model, its own or inherited (A3).
    // Inlined: two loads and a choice for each.
    #[inline]
    pub(crate) fn model_name(&self) -> ModelName {
        let reading = &self.reading;
        // A model of its own was called at its own provider: a provider is inherited for it only where none is known at all.
        (reading.named(NameField::Provider).or(self.outer.provider), reading.model().or(self.outer.model))
    }

    /// Whether it is a call of the same kind as the call around it.
    // Inlined: one comparison.
    #[inline]
    pub(super) fn is_inside_same_call(&self) -> bool {
        matches!(self.kind, SpanKind::Call(kind) if self.outer.calls.has(kind)) && !self.separates()
    }

    /// Whether it keeps the calls inside it apart from the call around it, being a stage or a gate itself.
    // Inlined: two tests.
    #[inline]
    pub(super) fn separates(&self) -> bool {
        self.is_stage || self.schema.has_gate
    }
}
