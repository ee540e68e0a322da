//! Events: usage, gates, and errors that belong to the span they happened in.

use tracing_core::{Event, LevelFilter, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::callsite::Meaning;
use super::core::Core;
use super::gates::Spoke;
use super::here;
use super::reading::{Failure, Manner, Reading};
use super::bill::{Bill, Settlement};
use super::stats::count;
use super::visit::{PlainVisitor, TextVisitor};

impl Core {
    /// Takes an event.
    pub(crate) fn hear<S>(&self, event: &Event<'_>, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let meaning = self.class(event.metadata()).meaning;
        if !meaning.speaks && !meaning.is_error {
            return;
        }
        let mut reading = read(event, meaning);
        let around = self.span_of(event, ctx);
        if meaning.is_error {
            self.hear_error(around, &mut reading);
        }
        let gate = reading.remarks.as_mut().and_then(|remarks| {
            let message = remarks.message.take();
            let mut gate = remarks.gate.take()?;
            gate.reason = gate.reason.take().or(message);
            Some(gate)
        });
        let tells = reading.has_amount();
        let run = reading.remarks.as_mut().and_then(|remarks| remarks.run.take());
        if !tells && gate.is_none() && run.is_none() {
            return;
        }
        let found = around
            .and_then(|around| self.nearest(around, ctx, |_, open| (open.place, open.reading.emitter())));
        let Some((place, emitter)) = found else {
            count(&self.counters.outside);
            return;
        };
        if reading.model().is_none() {
            // Usage that a stage tells call by call is of the model that the stage has named.
            (reading.provider, reading.request_model) = (reading.provider.or(emitter.0), emitter.1);
        }
        if let Some(told) = run {
            self.tell_run(place, *told);
        }
        if tells {
            let mut settlement = Settlement::default();
            if let Some(remarks) = &mut reading.remarks {
                settlement.warnings.append(&mut remarks.warnings);
            }
            let at = self.clock.now();
            let bill =
                Bill { usage: reading.usage, cost: reading.cost, is_call: false, at, duration: 0, errors: 0 };
            let priced = self.priced(&mut settlement, meaning.target, place, &reading, bill);
            settlement.own = Some(priced);
            self.collect(place.collector, &settlement.sum());
            self.book(place, settlement, |_| {});
        }
        if let Some(gate) = gate {
            self.speak(place, *gate, Spoke { at: self.clock.now(), seconds: None, cost: None });
        }
    }

    /// An ERROR event fails the span that it happened in, and none around it: whoever catches an error has not failed.
    fn hear_error(&self, around: Option<u64>, reading: &mut Reading) {
        let Some(around) = around else { return };
        let mut failure = Failure::untold();
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
        if event.is_contextual() && LevelFilter::current() <= LevelFilter::INFO {
            if let Some(current) = here::current(self.number) {
                return Some(current);
            }
        }
        ctx.event_span(event).map(|span| span.id().into_u64())
    }
}

/// Reads an event. Its figures are always its own: two events are two calls.
fn read(event: &Event<'_>, meaning: &'static Meaning) -> Reading {
    let mut reading = Reading::default();
    let manner = Manner::Call;
    let mut plain = PlainVisitor::new(meaning, manner, &mut reading);
    event.record(&mut plain);
    if plain.left_text {
        let mut texts = TextVisitor::new(meaning);
        event.record(&mut texts);
        texts.tell(manner, &mut reading);
    }
    reading
}
