//! A call inside a call (A5): a wrapper and the wire see one request, and it counts once.

use super::callsite_schema::CallsiteSchema;
use super::charge::{Charge, Charges, count_call};
use super::inclusive::excess_tokens;
use super::inner_call::InnerCall;
use super::names::NameField;
use super::operations::OperationKind;
use super::place::{Place, SpanKind};
use super::reading::{ModelName, Reading};
use super::rules::Rules;
use super::span::{Below, Span};
use crate::ledger::{CellTotals, Sources, Usage, Usd};

impl InnerCall {
    /// A span's own figures as those of a call. The usage is normalised already.
    pub(super) fn of(span: &Span, kind: OperationKind, nanos: u64, started: u64) -> Self {
        let reading = &span.reading;
        Self {
            schema: span.schema,
            place: span.place,
            kind,
            operation: reading.operation(),
            model: span.model_name(),
            response_id: reading.response_id,
            usage: reading.own.usage,
            cost: reading.cost(),
            // A stage's failure is counted with its attempt (A12).
            has_failed: reading.has_failed() && !span.is_stage,
            nanos,
            started,
            is_request: true,
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
            kind: OperationKind::Text,
            operation: reading.operation(),
            model,
            response_id: reading.response_id,
            usage: reading.own.usage,
            cost: reading.cost(),
            has_failed: false,
            nanos: 0,
            started: now,
            is_request: true,
        }
    }

    /// The amount that is booked for it.
    fn totals(&self) -> CellTotals {
        let mut totals = CellTotals {
            usage: self.usage,
            nanos: self.nanos,
            errors: u64::from(self.has_failed),
            ..CellTotals::default()
        };
        if let Some(cost) = self.cost {
            (totals.cost, totals.sources) = (cost, Sources::REPORTED);
        }
        count_call(&mut totals, self.kind);
        totals
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
        let inner = span.below.as_mut().map(|below: &mut Box<Below>| std::mem::take(&mut below.inner));
        let own = InnerCall::of(span, kind, nanos, started);
        let calls = join(own, inner.unwrap_or_default(), charges);
        span.reading.own = CellTotals::default();
        let separates = span.separates();
        let is_inside =
            |call: &InnerCall| !separates && span.outer.call.is_some_and(|outer| outer == call.kind);
        let (handed_on, booked): (Vec<_>, Vec<_>) = calls.into_iter().partition(is_inside);
        charges.is_accountable = true;
        for call in booked {
            let charge = self.charge_inner(&call);
            charges.more().amounts.push((charge, call.totals()));
        }
        if !handed_on.is_empty() {
            charges.more().handed_on = handed_on;
        }
    }

    /// Where a call is booked that closed inside another one.
    pub(crate) fn charge_inner(&self, call: &InnerCall) -> Charge {
        Charge {
            stage: call.place.stage,
            agent: call.place.agent,
            operation: call.operation.unwrap_or(self.chat),
            model: call.model,
            is_llm: true,
            needs_price: !call.usage.is_empty() && call.cost.is_none(),
            response_id: call.response_id,
            started: Some(call.started),
        }
    }

    /// The amount of a call that has no enclosing call any more: it outlived that.
    pub(crate) fn book_alone(&self, call: &InnerCall) -> (Charge, CellTotals) {
        (self.charge_inner(call), call.totals())
    }
}

/// Joins a call with the calls inside it that are the same one, and returns the requests.
fn join(mut outer: InnerCall, inner: Vec<InnerCall>, charges: &mut Charges) -> Vec<InnerCall> {
    let is_same = |call: &InnerCall| {
        let ids = (call.response_id, outer.response_id);
        call.kind == outer.kind && (ids.0 == ids.1 || ids.0 == 0 || ids.1 == 0)
    };
    let (same, mut others): (Vec<_>, Vec<_>) = inner.into_iter().partition(is_same);
    let (mut same, excesses): (Vec<_>, Vec<_>) = same.into_iter().partition(|call| call.is_request);
    // What a container between the two calls has beyond the calls inside it is a figure of the outer call.
    let mut sum = sum_of(&same);
    if !excesses.is_empty() {
        let mut inside = sum_of(&excesses);
        inside.merge(&sum);
        outer.usage.merge(&excess_tokens(&inside, &outer.usage));
    }
    if same.is_empty() {
        others.push(outer);
        return others;
    }
    let excess = excess_tokens(&outer.usage, &sum);
    let last = same.iter().rposition(|call| !call.has_failed).unwrap_or(same.len() - 1);
    if !excess.is_empty() {
        if !sum.is_empty() {
            charges.warn(format!(
                "{} reports {} tokens, and the calls inside it {}: the larger figure was taken",
                outer.schema.name.as_str(),
                outer.usage.tokens_used().unwrap_or_default(),
                sum.tokens_used().unwrap_or_default(),
            ));
        }
        same[last].usage.merge(&excess);
        sum.merge(&excess);
    }
    if let Some(cost) = outer.cost {
        // A cost of the outer call is the cost of all requests inside.
        let reported = same.iter().filter_map(|call| call.cost).fold(Usd::ZERO, |sum, cost| sum + cost);
        same.iter_mut().for_each(|call| call.cost = call.cost.or(Some(Usd::ZERO)));
        let rest = (cost - reported).max(Usd::ZERO);
        same[last].cost = same[last].cost.map(|known| known + rest);
    }
    if outer.has_failed && !same.iter().any(|call| call.has_failed) {
        same[last].has_failed = true;
    }
    let count = same.len();
    for call in &mut same {
        call.model = (call.model.0.or(outer.model.0), call.model.1.or(outer.model.1));
        call.operation = call.operation.or(outer.operation);
        if call.response_id == 0 && count == 1 {
            call.response_id = outer.response_id;
        }
    }
    same.extend(others);
    same
}

fn sum_of(calls: &[InnerCall]) -> Usage {
    calls.iter().fold(Usage::new(), |mut sum, call| {
        sum.merge(&call.usage);
        sum
    })
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
        matches!((self.kind, self.outer.call), (SpanKind::Call(kind), Some(outer)) if kind == outer)
            && !self.separates()
    }

    /// Whether it keeps the calls inside it apart from the call around it, being a stage or a gate itself.
    // Inlined: two tests.
    #[inline]
    pub(super) fn separates(&self) -> bool {
        self.is_stage || self.schema.has_gate
    }
}
