//! Events: usage, gates, and errors that belong to the span they happened in.

use tracing_core::{Event, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::bill::Bill;
use super::callsite::{Meaning, Naming};
use super::core::Core;
use super::direct::Direct;
use super::gates::VerdictContext;
use super::reading::{Failure, Manner, Reading};
use super::stats::count;
use super::visit::{Later, PlainVisitor, TextVisitor};

impl Core {
    /// Reads an event, and books what it records.
    pub(crate) fn on_event<S>(&self, event: &Event<'_>, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let meaning = self.flags(event.metadata()).meaning;
        // Before any field is read: most events are log lines, which cost one lookup.
        if !meaning.is_relevant && !meaning.is_error {
            return;
        }
        let mut reading = read(event, meaning);
        let around = self.span_of(event, ctx);
        if meaning.is_error {
            self.record_error_event(around, &mut reading);
        }
        let gate = reading.remarks.as_mut().and_then(|remarks| {
            let message = remarks.message.take();
            let mut gate = remarks.gate.take()?;
            gate.reason = gate.reason.take().or(message);
            Some(gate)
        });
        let has_amount = reading.has_amount();
        let record = meaning.is_record.then(|| Direct::from_reading(&mut reading, self.words.unattributed));
        let run = reading.remarks.as_mut().and_then(|remarks| remarks.run.take());
        if !has_amount && gate.is_none() && run.is_none() && record.is_none() {
            return;
        }
        let Some(around) = around.and_then(|around| self.around(around, ctx)) else {
            count(&self.counters.outside);
            return;
        };
        let place = around.place;
        if let Some(record) = record {
            self.book_direct(place, record);
            return;
        }
        if has_amount && reading.model().is_none() {
            // Usage that a stage records call by call is that of the model that the stage has named.
            let named = self.table.with(around.span, |open| open.reading.model_name());
            let (provider, model) = named.unwrap_or_default();
            if let Some(provider) = provider.filter(|_| reading.provider().is_none()) {
                reading.name(Naming::Provider, provider);
            }
            if let Some(model) = model {
                reading.name(Naming::RequestModel, model);
            }
        }
        if let Some(attributes) = run {
            self.record_run_attributes(place, *attributes);
        }
        if has_amount {
            let bill = Bill {
                model: reading.model_name(),
                operation: reading.operation(),
                meaning,
                run: place.run,
                stage: place.stage,
                at: self.clock.now(),
                is_call: false,
            };
            let settlement = self.work_out_event(bill, &mut reading.own, &mut reading.rest);
            reading.warn_of_remarks();
            let amounts = reading.amounts(settlement);
            // Before it is booked, for the reason given in `settle_at_once`: tokens would be counted twice.
            self.collect(place, place.collector, &amounts.sum());
            self.book(place, amounts, None);
        }
        if let Some(gate) = gate {
            self.record_gate(
                place,
                *gate,
                VerdictContext { at: self.clock.now(), seconds: None, cost: None },
            );
        }
    }

    /// An ERROR event fails the span that it happened in, and no ancestor (A12): a span that handles the error of another has not failed.
    fn record_error_event(&self, around: Option<u64>, reading: &mut Reading) {
        let Some(around) = around else { return };
        let mut failure = Failure::without_text();
        if let Some(remarks) = &mut reading.remarks {
            failure.join(std::mem::take(&mut remarks.failure));
            if let Some(message) = &remarks.message {
                failure.join(Failure::of(message));
            }
        }
        let mut failure = Some(failure);
        self.table.with(around, |open| {
            if let Some(failure) = failure.take() {
                open.reading.failure().join(failure);
            }
        });
    }

    /// The span that an event happened in.
    fn span_of<S>(&self, event: &Event<'_>, ctx: &Context<'_, S>) -> Option<u64>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        if event.is_contextual() {
            return self.current(ctx);
        }
        ctx.event_span(event).map(|span| span.id().into_u64())
    }
}

/// Reads an event. Its figures are always its own: two events are two calls.
fn read(event: &Event<'_>, meaning: &'static Meaning) -> Reading {
    let mut reading = Reading::default();
    let manner = Manner::Call;
    let mut plain = PlainVisitor::new(meaning, Later, manner, &mut reading);
    event.record(&mut plain);
    if plain.left_text {
        let mut texts = TextVisitor::new(meaning);
        event.record(&mut texts);
        texts.add_to(manner, &mut reading);
    }
    reading
}
