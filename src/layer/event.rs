//! Events: log lines, unless they are usage by their target, gates, or failures of the span that they happened in.

use tracing_core::{Event, Subscriber, span};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::clock::Moment;
use super::close::{CallSource, Entry};
use super::core::Core;
use super::direct::Direct;
use super::gates::VerdictContext;
use super::happened::{Happened, Occurrence};
use super::position::Position;
use super::stats::count;
use super::tellings::figure;
use super::visit::{Later, PlainVisitor, TextVisitor};
use crate::attribution::{
    Accumulate, Below, Booking, CallsiteKind, CallsiteSchema, ChargedCall, Failure, Inclusive, ModelName,
    NameField, Reading,
};
use crate::ledger::Kind;

impl Core {
    /// Reads an event, and books what it records.
    pub(crate) fn on_event<S>(&self, event: &Event<'_>, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let flags = self.flags(event.metadata());
        let schema = flags.schema;
        let is_error = schema.kind == CallsiteKind::ErrorEvent;
        // Before any field is read: most events are log lines, which cost one lookup.
        if !schema.is_relevant && !is_error {
            return;
        }
        let mut reading = read(event, schema);
        let current = self.span_of(event, ctx);
        if is_error || schema.has_error {
            self.take_error(current, schema, &mut reading, ctx);
        }
        let gate = reading.remarks.as_mut().and_then(|remarks| {
            let message = remarks.message.take();
            let mut gate = remarks.gate.take()?;
            gate.reason = gate.reason.take().or(message);
            Some(gate)
        });
        // A record of a reply without usage is a call without usage.
        let has_amount = reading.has_amount() || schema.is_usage_record;
        let unnamed = self.options.rules.unattributed;
        let record = schema.is_operation_record.then(|| Direct::from_reading(&mut reading, unnamed));
        let run = reading.remarks.as_mut().and_then(|remarks| remarks.run.take());
        if !has_amount && gate.is_none() && run.is_none() && record.is_none() {
            return;
        }
        let counts = flags.counts_events();
        let Some(around) = current.and_then(|span| self.spans.ancestor(span, ctx)) else {
            let outside = &self.counters.outside;
            // Usage in a log line counts nowhere, and so is not missing here.
            let missing = [
                (record.is_some(), &outside.operations),
                (gate.is_some(), &outside.gates),
                (counts && has_amount, &outside.usage),
                (run.is_some(), &outside.attributes),
            ];
            if let Some((_, counter)) = missing.into_iter().find(|(is_it, _)| *is_it) {
                count(counter);
            }
            return;
        };
        let position = around.position;
        if let Some(record) = record {
            self.book_direct(&position, record);
            return;
        }
        if let Some(attributes) = run {
            self.runs.with_details(position.run, |details| details.record_attributes(*attributes));
        }
        if has_amount {
            if schema.is_details(&reading) {
                self.complete_call(position, schema, reading);
            } else if counts {
                let near = self.spans.with(around.span, |state| state.span.own_model()).unwrap_or_default();
                self.take_in(position, Occurrence::Usage { schema, reading: Box::new(reading), near });
            } else {
                self.note_reported_call(&position, schema, &reading);
            }
        }
        if let Some(gate) = gate {
            self.take_in(position, Occurrence::Gate(gate));
        }
    }

    /// Books what an event is: once prices are known.
    fn take_in(&self, position: Position, what: Occurrence) {
        let happened = Happened { position, at: self.clock.now(), what };
        let left = if self.early.is_over() { Some(happened) } else { self.keep_early_event(happened) };
        if let Some(happened) = left {
            self.book_happened(happened);
        }
    }

    pub(crate) fn book_happened(&self, happened: Happened) {
        let Happened { position, at, what } = happened;
        match what {
            Occurrence::Gate(gate) => {
                self.record_gate(&position, *gate, VerdictContext { at, seconds: None, cost: None });
            }
            Occurrence::Usage { schema, reading, .. } if schema.is_details(&reading) => {
                self.complete_response(&position, &reading, at);
            }
            Occurrence::Usage { schema, mut reading, near } => {
                self.book_event(&position, schema, &mut reading, near, at);
            }
        }
    }

    /// Books the usage of an event that counts.
    fn book_event(
        &self,
        position: &Position,
        schema: &'static CallsiteSchema,
        reading: &mut Reading,
        near: ModelName,
        now: Moment,
    ) {
        let (row, mut charges) =
            self.options.rules.take_event(schema, reading, &position.place, near, now.nanos());
        let run = position.run;
        let mut closed = Below::default();
        let booking = row.and_then(|charge| {
            let record = ChargedCall {
                names: reading.call_names(charge.model),
                texts: std::mem::take(&mut reading.texts),
                started: now.nanos(),
                response_id: charge.response_id,
                attempt: 1,
                has_failed: false,
            };
            let (own, times) = (&mut reading.own, (now, now.nanos()));
            let key = match charge.response_id {
                0 => Some(self.price_and_warn(&charge, own, run, now, &mut charges)),
                _ => self.price_response(&charge, own, run, times, &mut charges, || record.clone()),
            };
            let key = key.inspect(|_| closed.add_booked(charge.response_id, &reading.own))?;
            Some(Booking {
                key,
                totals: std::mem::take(&mut reading.own),
                call: charge.is_llm.then(|| Box::new(record)),
            })
        });
        if let Some(more) = &mut charges.more {
            more.hand_over(&mut closed);
        }
        // Before it is booked, for the reason given in `pass_on`: tokens would be counted twice.
        self.collect(position, closed);
        if booking.is_some() || !charges.completions().is_empty() {
            let own = booking.as_ref().map(|booking| (booking.key, &booking.totals));
            let call = booking.as_ref().map(CallSource::Booking);
            self.book(position, Entry { own, call, ..Entry::of_charges(&charges) });
        }
        for warning in charges.more.into_iter().flat_map(|more| more.warnings) {
            self.warn(position.run, warning);
        }
        if let Some(agent) = reading.named(NameField::Agent) {
            let caller = position.place.agent.filter(|caller| *caller != agent);
            self.write(position.run, |ledger| ledger.name_agent(agent, caller));
        }
    }

    /// Completes a call with its details: the enclosing one, or that with the same response id. Details never add (A7).
    fn complete_call(&self, position: Position, schema: &'static CallsiteSchema, reading: Reading) {
        let id = reading.response_id;
        let figures = Inclusive::of(&reading);
        let mut aggregate = position.aggregate;
        // From the innermost span outward that sums what is inside: calls are among them.
        while aggregate != 0 {
            let completed = self.spans.with_open_or_waiting(aggregate, position.run, |state| {
                (state.span.complete_with(id, &figures, &reading), state.outer_aggregate)
            });
            match completed {
                Some((true, _)) => return,
                Some((false, outer)) => aggregate = outer,
                None => break,
            }
        }
        if id != 0 {
            self.take_in(
                position,
                Occurrence::Usage { schema, reading: Box::new(reading), near: ModelName::default() },
            );
        }
    }

    /// Notes a log line that reports a call, so that the reader of the run learns of it if no call is the one (A7).
    #[cold]
    fn note_reported_call(&self, position: &Position, schema: &'static CallsiteSchema, reading: &Reading) {
        let usage = &reading.own.usage;
        // A field `tokens` alone is any log line's.
        let is_split = usage.get(Kind::Input).or(usage.get(Kind::Output)).is_some();
        if reading.model().is_none() || !is_split || usage.tokens_used() == Some(0) {
            return;
        }
        let reported = figure(&reading.own.usage);
        let Some(run) = self.runs.room(position.run) else { return };
        // Most lines come right after their call, and need no lock but those of the parts.
        if run.has_recent_call(reported) {
            return;
        }
        run.room.expect(
            position.run,
            |details| details.tellings.wait(schema.target, reported),
            |part| part.recent.has(reported),
            |details| details.tellings.met(reported),
        );
    }

    /// An event with an error: it fails the span that it came from, and no ancestor (A12). Any other ERROR event is counted.
    fn take_error<S>(
        &self,
        current: Option<u64>,
        schema: &'static CallsiteSchema,
        reading: &mut Reading,
        ctx: &Context<'_, S>,
    ) where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let Some(span) = current else { return };
        let is_error = schema.kind == CallsiteKind::ErrorEvent;
        let mut failure = Failure::default();
        if let Some(remarks) = &mut reading.remarks {
            failure = std::mem::take(&mut remarks.failure);
            if let Some(message) = remarks.message.as_deref().filter(|_| is_error) {
                failure.join(Failure::text_only(message));
            }
        }
        let (mut failure, fails_all) = (Some(failure), self.options.rules.error_events_fail && is_error);
        // `#[instrument(err)]` emits an event with nothing but the error, from the span's own target. At a lower level, an event with
        // more than that is a log line about an error that was handled.
        let is_own = schema.has_error
            && (is_error || schema.is_error_alone)
            && failure.as_ref().is_some_and(|failure| failure.failed)
            && ctx
                .span(&span::Id::from_u64(span))
                .is_some_and(|span| span.metadata().target() == schema.target.as_str());
        if is_own || fails_all {
            self.spans.with(span, |state| {
                if let Some(mut failure) = failure.take() {
                    failure.failed = true;
                    state.span.reading.failure().join(failure);
                }
            });
        }
        if is_error && !is_own {
            self.count_error_event(span, ctx);
        }
    }

    #[cold]
    fn count_error_event<S>(&self, span: u64, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let Some(around) = self.spans.ancestor(span, ctx) else { return };
        let Position { run, place, .. } = around.position;
        self.write(run, |ledger| ledger.add_error_events(place.stage, 1));
    }

    /// The span that an event happened in.
    fn span_of<S>(&self, event: &Event<'_>, ctx: &Context<'_, S>) -> Option<u64>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        if event.is_contextual() {
            return self.spans.current(ctx);
        }
        ctx.event_span(event).map(|span| span.id().into_u64())
    }
}

/// Reads an event. Its figures are always its own: two events are two calls.
fn read(event: &Event<'_>, schema: &'static CallsiteSchema) -> Reading {
    let mut reading = Reading::default();
    let how = Accumulate::Newest;
    let mut plain = PlainVisitor::new(schema, Later, how, &mut reading);
    event.record(&mut plain);
    if plain.left_text {
        let mut texts = TextVisitor::new(schema);
        event.record(&mut texts);
        texts.add_to(how, &mut reading);
    }
    reading
}
