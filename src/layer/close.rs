//! Closing a span: what it recorded is charged, priced, passed on to the spans around it, and booked.

use std::time::Instant;

use super::audit::Settling;
use super::clock::{Clock, Moment, nanos_between};
use super::core::Core;
use super::position::Position;
use super::pricer::{PriceContext, Warning};
use super::responses::Response;
use super::span_state::SpanState;
use super::span_table::{Lookup, Taken};
use super::waiting::outer_of;
use crate::attribution::{
    Answered, Below, Booking, Charge, ChargedAmount, ChargedCall, Charges, Completion, Failure, Inclusive,
    InnerCall, Reading, Span, beyond, call_kind, count_joined_call, take_parts,
};
use crate::ledger::{CellKey, CellTotals, Sources, StageId, Usd};

/// An amount with its row.
pub(crate) type Amount<'a> = (CellKey, &'a CellTotals);

/// What is written to a run's ledger in one step.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) own: Option<Amount<'a>>,
    /// What the record of that is made of, if it is a call.
    pub(crate) call: Option<CallSource<'a>>,
    /// Few spans book more than their own amount.
    pub(crate) more: &'a [Booking],
    /// Calls that are booked already, and that this completes.
    pub(crate) completions: &'a [Completion],
    pub(crate) ended: Option<StageEnd<'a>>,
    pub(crate) is_accountable: bool,
}

/// What the record of a call is made of. The record itself is longer than all the rest of an entry, and most of a long run give way.
#[derive(Clone, Copy)]
pub(crate) enum CallSource<'a> {
    /// A span, and when it was opened.
    Span(&'a Span, u64),
    Booking(&'a Booking),
}

/// A stage that ended, when it began, and how it ended.
#[derive(Clone, Copy)]
pub(crate) struct StageEnd<'a> {
    pub(crate) stage: StageId,
    pub(crate) started: u64,
    pub(crate) at: u64,
    /// What is known of its failure, if anything is.
    pub(crate) failure: Option<&'a Failure>,
}

/// When a span was opened and closed. A call without a price only has a duration: moments are worked out where they are needed, as
/// that takes longer than to read the clock.
struct Time<'a> {
    clock: &'a Clock,
    opened: Instant,
    /// The moment of that, once a call needs it: for its price, and again for its record.
    opened_moment: Option<Moment>,
    closed: Instant,
    nanos: u64,
    /// Whether the span has closed; otherwise its run is finished around it, and a stage does not end.
    is_end: bool,
}

impl<'a> Time<'a> {
    // Inlined, as the two below: a call and a subtraction.
    #[inline(always)]
    fn of(clock: &'a Clock, opened: Instant, closed: Instant, is_end: bool) -> Self {
        Self { clock, opened, opened_moment: None, closed, nanos: nanos_between(opened, closed), is_end }
    }

    #[inline(always)]
    fn opened(&self) -> Moment {
        match self.opened_moment {
            Some(moment) => moment,
            None => self.clock.moment(self.opened),
        }
    }

    #[inline(always)]
    fn closed(&self) -> Moment {
        self.clock.moment(self.closed)
    }
}

impl<'a> Entry<'a> {
    /// The entry of an amount alone.
    pub(crate) fn of_amount(key: CellKey, totals: &'a CellTotals) -> Self {
        Self {
            own: Some((key, totals)),
            call: None,
            more: &[],
            completions: &[],
            ended: None,
            is_accountable: true,
        }
    }

    /// The entry of amounts without a span.
    pub(crate) fn of_charges(charges: &'a Charges) -> Self {
        Self {
            own: None,
            call: None,
            more: charges.priced(),
            completions: charges.completions(),
            ended: None,
            is_accountable: true,
        }
    }

    /// The entry of a span that closes; `own` is the row of its own amount.
    // Always inlined: it is never in memory then.
    #[inline(always)]
    fn of(own: Option<CellKey>, state: &'a SpanState, charges: &'a Charges, time: &Time<'_>) -> Self {
        let ended = match state.stage() {
            Some(stage) if time.is_end => {
                let at = time.closed().nanos();
                let started = at.saturating_sub(time.nanos);
                Some(StageEnd { stage, started, at, failure: state.span.reading.known_failure() })
            }
            _ => None,
        };
        let totals = &state.span.reading.own;
        let call = match own {
            Some(_) if totals.llm_calls > 0 => Some(CallSource::Span(&state.span, time.opened().nanos())),
            _ => None,
        };
        Self {
            own: own.map(|key| (key, totals)),
            call,
            more: charges.priced(),
            completions: charges.completions(),
            ended,
            is_accountable: charges.is_accountable,
        }
    }
}

impl Core {
    /// A span closes.
    // Not inlined: plain spans, which never come here, must not set up its stack frame.
    #[inline(never)]
    pub(crate) fn close(&self, found: Lookup<'_>, id: u64) {
        if !self.early.is_over() {
            self.keep_early(id);
        }
        let mut state = match self.spans.take(found, id) {
            Taken::Closed(state) => state,
            Taken::Waits => return self.wait(id),
            Taken::Nothing => return,
        };
        state.note_panic();
        self.settle(&mut state, Instant::now());
        state.wipe();
        self.spans.give_back(found, state);
    }

    /// Accounts for a span, and ends its run if it is a root.
    // Always inlined into `close`; all others call `settle_late`.
    #[inline(always)]
    fn settle(&self, state: &mut SpanState, now: Instant) {
        let settling = Settling::new(&self.counters.unsettled);
        if state.span.is_root && self.only_repeats(state) {
            state.span.reading.forget_figures();
        }
        self.account(state, now, true);
        settling.done();
        if state.is_adopted {
            self.release(outer_of(state));
        }
        // Last: it ends the run, and what is booked after that is late.
        if state.span.is_root {
            self.end_root(state, now);
        }
    }

    /// The same for a span that has closed before, or is still open.
    #[cold]
    pub(crate) fn settle_late(&self, state: &mut SpanState, now: Instant) {
        self.settle(state, now);
    }

    /// Charges a span's amounts by the rules, prices them, passes them on and books them. `is_end` is whether the span has closed;
    /// otherwise its run is finished around it, and a stage does not end.
    // Always inlined into `settle`; all others call `account_late`.
    #[inline(always)]
    fn account(&self, state: &mut SpanState, now: Instant, is_end: bool) {
        let mut time = Time::of(&self.clock, state.started, now, is_end);
        if state.span.below.is_some() && state.span.schema.has_figures {
            self.sum_below(state);
        }
        let mut charges = Charges::default();
        let started = || time.opened().nanos();
        let row = self.options.rules.close(&mut state.span, time.nanos, started, &mut charges);
        if let Some(Charge { is_llm: true, .. }) = row {
            time.opened_moment = Some(time.opened());
        }
        // Not `and_then`: its closure would be a function of its own.
        let own = match row {
            Some(row) => self.price_own(row, state, &time, &mut charges),
            None => None,
        };
        if charges.more.is_some() {
            if let Some(row) = row.filter(|row| row.needs_price) {
                self.price_recordings(&row, state, time.opened(), &mut charges);
            }
            self.price_more(state.position.run, time.opened(), &mut charges);
        }
        if state.outer_aggregate != 0 || state.span.below.is_some() {
            self.pass_on(state, &mut charges, time.nanos);
        }
        let entry = Entry::of(own, state, &charges, &time);
        let is_empty = entry.own.is_none()
            && entry.more.is_empty()
            && entry.ended.is_none()
            && entry.completions.is_empty();
        if (!is_empty || entry.is_accountable)
            && (self.runs.are_watched() || !self.book_at_once(&state.position, entry))
        {
            self.book_slowly(own, state, &charges, &time);
        }
        if charges.more.is_some() || state.span.reading.remarks.is_some() || state.span.names_agent() {
            self.record_rest(state, charges, time.nanos);
        } else {
            // There is nothing to drop, which the compiler would test for again.
            std::mem::forget(charges);
        }
    }

    #[cold]
    fn book_slowly(&self, own: Option<CellKey>, state: &SpanState, charges: &Charges, time: &Time<'_>) {
        self.book(&state.position, Entry::of(own, state, charges, time));
    }

    /// The same for a span that has closed before, or is still open.
    #[cold]
    pub(crate) fn account_late(&self, state: &mut SpanState, now: Instant, is_end: bool) {
        self.account(state, now, is_end);
    }

    /// Sums what closed inside a span with figures for everything inside.
    #[cold]
    fn sum_below(&self, state: &mut SpanState) {
        let (run, at) = (state.position.run, self.clock.moment(state.started));
        let Some(below) = &mut state.span.below else { return };
        let mut warnings = Vec::new();
        below.sum_up(|model, terms, usage| {
            // A request without usage has no price, and lacks none.
            if usage.is_empty() {
                return None;
            }
            let charge = self.options.rules.unbooked(model, terms);
            let mut totals = CellTotals { usage: usage.clone(), ..CellTotals::default() };
            let (_, warning) = self.price(&charge, &mut totals, run, || at);
            // A warning comes once in a run, and not again when the call is booked.
            warnings.extend(warning);
            (totals.sources != Sources::default()).then_some(totals.cost)
        });
        warnings.into_iter().for_each(|warning| self.warn(run, warning));
    }

    /// Prices a span's own amount, and returns its row.
    // Always inlined: the row then stays in registers.
    #[inline(always)]
    fn price_own(
        &self,
        charge: Charge,
        state: &mut SpanState,
        time: &Time<'_>,
        charges: &mut Charges,
    ) -> Option<CellKey> {
        if charge.response_id != 0 {
            return self.price_own_response(charge, state, time.opened(), charges);
        }
        let (run, at) = (state.position.run, || time.opened());
        let (key, warning) = self.price(&charge, &mut state.span.reading.own, run, at);
        if let Some(warning) = warning {
            charges.warn(warning);
        }
        Some(key)
    }

    /// The same for an amount with a response id.
    #[cold]
    fn price_own_response(
        &self,
        charge: Charge,
        state: &mut SpanState,
        at: Moment,
        charges: &mut Charges,
    ) -> Option<CellKey> {
        // A copy: the reading is read for the record of a call that this one completes.
        let mut totals = state.span.reading.own.clone();
        let closed = at.nanos().saturating_add(totals.nanos);
        let (run, times) = (state.position.run, (at, closed));
        let record = || state.span.charged_call();
        let key = self.price_response(&charge, &mut totals, run, times, charges, record);
        state.span.reading.own = totals;
        key
    }

    // Inlined: the context is then never in memory.
    #[inline(always)]
    fn price(
        &self,
        charge: &Charge,
        totals: &mut CellTotals,
        run: u64,
        at: impl Fn() -> Moment,
    ) -> (CellKey, Warning) {
        let (clock, lookups) = (&self.clock, &self.counters.price_lookups);
        self.pricer.price(charge, totals, PriceContext { clock, run, lookups }, at)
    }

    /// The same where the warning is kept at once.
    // Not inlined: only events, and spans with more than one amount, come here.
    #[inline(never)]
    pub(crate) fn price_and_warn(
        &self,
        charge: &Charge,
        totals: &mut CellTotals,
        run: u64,
        at: Moment,
        charges: &mut Charges,
    ) -> CellKey {
        let (key, warning) = self.price(charge, totals, run, || at);
        if let Some(warning) = warning {
            charges.warn(warning);
        }
        key
    }

    /// Prices own usage that was recorded several times by the size of each recording.
    #[cold]
    fn price_recordings(&self, row: &Charge, state: &mut SpanState, at: Moment, charges: &mut Charges) {
        let recordings = std::mem::take(&mut charges.more().recordings);
        let own = &mut state.span.reading.own;
        // What has no price as a whole has none in parts.
        if recordings.is_empty() || own.unpriced > 0 {
            return;
        }
        let mut cost = Usd::ZERO;
        for usage in recordings {
            let mut part = CellTotals { usage, ..CellTotals::default() };
            self.price_and_warn(row, &mut part, state.position.run, at, charges);
            if part.unpriced > 0 {
                return;
            }
            cost += part.cost;
        }
        own.cost = cost;
    }

    /// Prices the amounts beside a span's own.
    #[cold]
    fn price_more(&self, run: u64, started: Moment, charges: &mut Charges) {
        for amount in std::mem::take(&mut charges.more().amounts) {
            let ChargedAmount { charge, mut totals, closed, call } = amount;
            let at = charge.started.map_or(started, Moment::at);
            let record = || call.as_deref().cloned().unwrap_or_default();
            let key = match charge.response_id {
                0 => Some(self.price_joined(&charge, &mut totals, run, at, charges)),
                _ => self.price_response(&charge, &mut totals, run, (at, closed), charges, record),
            };
            if let Some(key) = key {
                let more = charges.more();
                more.booked.add_booked(charge.response_id, &totals);
                more.priced.push(Booking { key, totals, call });
            }
        }
    }

    /// Prices a call that was joined from several spans. Parts beyond their wholes cost nothing (A6).
    fn price_joined(
        &self,
        charge: &Charge,
        totals: &mut CellTotals,
        run: u64,
        at: Moment,
        charges: &mut Charges,
    ) -> CellKey {
        let parts = take_parts(&mut totals.usage);
        let key = self.price_and_warn(charge, totals, run, at, charges);
        totals.usage.merge(&parts);
        key
    }

    /// Prices a call with a response id. If the run has seen that response already, only what the new record adds is booked, in
    /// the row of the first (A8), and `record` completes the call that is kept. The times are when it began and when it closed.
    #[cold]
    pub(crate) fn price_response(
        &self,
        charge: &Charge,
        totals: &mut CellTotals,
        run: u64,
        (at, closed): (Moment, u64),
        charges: &mut Charges,
        record: impl FnOnce() -> ChargedCall,
    ) -> Option<CellKey> {
        charges.more().answered.push(Answered::of(charge, totals, at.nanos(), closed));
        let seen = self.runs.with_details(run, |details| details.responses.get(charge.response_id)).flatten();
        let Some(seen) = seen else {
            let key = self.price_joined(charge, totals, run, at, charges);
            if let Some(answered) = charges.more().answered.last_mut() {
                answered.listed = totals.cost;
            }
            let first = Response::new(*charge, key, totals.clone(), at.nanos());
            self.runs.with_details(run, |details| details.responses.keep(first));
            return Some(key);
        };
        // The call as both records together have it, and then the difference from what was booked.
        let mut both = CellTotals {
            count: seen.booked.count,
            nanos: seen.booked.nanos,
            usage: seen.booked.usage.clone(),
            errors: seen.booked.errors.max(totals.errors),
            ..CellTotals::default()
        };
        both.usage.merge(&beyond(&totals.usage, &seen.booked.usage));
        let costs = [&seen.booked, totals]
            .map(|record| record.sources.contains(Sources::REPORTED).then_some(record.cost));
        if let Some(cost) = costs[0].max(costs[1]) {
            (both.cost, both.sources) = (cost, Sources::REPORTED);
        }
        count_joined_call(&mut both, call_kind(Some(seen.call.operation)));
        let call = Charge {
            model: (seen.call.model.0.or(charge.model.0), seen.call.model.1.or(charge.model.1)),
            terms: seen.call.terms.or(charge.terms),
            needs_price: both.without_usage == 0 && both.sources == Sources::default(),
            ..seen.call
        };
        self.price_joined(&call, &mut both, run, at, charges);
        *totals = both.difference(&seen.booked);
        // Also if only this record has a model: counts that the first one lacks are taken off in its row.
        let seen_again =
            Response { call, booked: both, completions: seen.completions.saturating_add(1), ..seen };
        charges.more().completions.push(seen_again.completion(record()));
        self.runs.with_details(run, |details| details.responses.keep(seen_again));
        (*totals != CellTotals { sources: totals.sources, ..CellTotals::default() }).then_some(seen.key)
    }

    /// Completes a call that was booked, from the details of its response (A7): its record, and its usage if that is not known, or in
    /// part.
    #[cold]
    pub(crate) fn complete_response(&self, position: &Position, event: &Reading, at: Moment) {
        let (run, id, figures) = (position.run, event.response_id, Inclusive::of(event));
        let seen = self.runs.with_details(run, |details| details.responses.get(id)).flatten();
        let Some(seen) = seen else { return };
        let record = || ChargedCall {
            names: event.call_names((None, None)),
            texts: event.texts.clone(),
            response_id: id,
            attempt: 1,
            ..ChargedCall::default()
        };
        let mut charges = Charges::default();
        if seen.booked.without_usage + seen.booked.partial == 0 {
            let again = Response { completions: seen.completions.saturating_add(1), ..seen };
            self.runs.with_details(run, |details| details.responses.keep(again.clone()));
            charges.more().completions.push(again.completion(record()));
            self.book(position, Entry::of_charges(&charges));
            return;
        }
        let mut totals = CellTotals { count: 1, llm_calls: 1, ..CellTotals::default() };
        for (kind, count) in figures.usage.iter() {
            if seen.booked.usage.get(kind).is_none() {
                totals.usage.set(kind, count);
            }
        }
        if let (false, Some(cost)) = (seen.booked.sources.contains(Sources::REPORTED), figures.cost) {
            (totals.cost, totals.sources) = (cost, Sources::REPORTED);
        }
        let times = (at, at.nanos());
        let key = self.price_response(&seen.call, &mut totals, run, times, &mut charges, record);
        self.book(position, Entry { own: key.map(|key| (key, &totals)), ..Entry::of_charges(&charges) });
    }

    /// Passes a span's amounts on to the span around it that sums what is inside, and records its gate.
    // Not inlined: only spans inside a call, a container or a gate need it.
    #[inline(never)]
    fn pass_on(&self, state: &mut SpanState, charges: &mut Charges, nanos: u64) {
        // Before the amounts are booked: a reader of both sees them below first, and never twice.
        let closed = charges.passed_on(&mut state.span);
        if state.span.schema.has_gate {
            self.record_span_gate(state, &closed.all_booked(), nanos);
        }
        self.collect(&outer_of(state), closed);
    }

    /// Adds what closed at a position to the span around that sums it. Calls that nothing around completes any more are
    /// booked alone.
    pub(crate) fn collect(&self, position: &Position, closed: Below) {
        let mut closed = Some(closed);
        let mut alone = Vec::new();
        if position.aggregate != 0 {
            self.spans.with_open_or_waiting(position.aggregate, position.run, |around| {
                let Some(mut closed) = closed.take() else { return };
                // A span that is no longer inside a call keeps no call waiting.
                let calls = around.span.place.calls;
                (closed.inner, alone) = closed.inner.into_iter().partition(|call| calls.has(call.kind));
                around.span.add_below(closed);
            });
        }
        alone.extend(closed.into_iter().flat_map(|closed| closed.inner));
        alone.iter().for_each(|call| self.book_alone(position, call));
    }

    #[cold]
    fn book_alone(&self, position: &Position, call: &InnerCall) {
        let mut charges = Charges::default();
        self.options.rules.book_inner(call, &mut charges);
        self.price_more(position.run, Moment::at(call.started), &mut charges);
        let mut closed = Below::default();
        charges.more().hand_over(&mut closed);
        self.collect(position, closed);
        self.book(position, Entry::of_charges(&charges));
        charges
            .more
            .into_iter()
            .flat_map(|more| more.warnings)
            .for_each(|warning| self.warn(position.run, warning));
    }

    /// Records what few spans have beside their amounts: warnings, a gate without a sum, attributes of the run, agents.
    #[cold]
    fn record_rest(&self, state: &mut SpanState, mut charges: Charges, nanos: u64) {
        let run = state.position.run;
        for warning in charges.more.iter_mut().flat_map(|more| more.warnings.drain(..)) {
            self.runs.with_details(run, |details| details.warn(warning));
        }
        self.record_agent(state, nanos);
        if state.span.schema.has_gate {
            let closed = charges.passed_on(&mut state.span);
            self.record_span_gate(state, &closed.all_booked(), nanos);
        }
        if let Some(remarks) = &mut state.span.reading.remarks
            && let Some(attributes) = remarks.run.take()
        {
            self.runs.with_details(run, |details| details.record_attributes(*attributes));
        }
    }

    /// Records the execution of an agent, or the agent that a call names itself (A13).
    fn record_agent(&self, state: &SpanState, nanos: u64) {
        let (span, run) = (&state.span, state.position.run);
        let Some(agent) = span.place.agent.filter(|_| span.names_agent()) else { return };
        let (caller, is_execution) = (span.outer.agent, span.is_agent());
        let has_failed = span.reading.has_failed();
        self.write(run, |ledger| match is_execution {
            true => ledger.end_agent(agent, caller.filter(|caller| *caller != agent), nanos, has_failed),
            false => ledger.name_agent(agent, caller),
        });
    }
}
