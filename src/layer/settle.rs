//! Closing a span: from its reading to what the ledger of its run adds.

use super::audit::Settling;
use super::clock::Moment;
use super::core::Core;
use super::desk::{Desk, at_desk, keep_run};
use super::reading::Failure;
use super::run::Run;
use super::settlement::{Amounts, Rest, Settlement};
use super::slots::Slot;
use super::stats::count;
use super::table::{Kept, Open, Place};
use crate::ledger::{CellTotals, Ledger, Outcome, StageId};

impl Open {
    /// Whether any span around it, its run, or its run's reader has to know more than its amount.
    // Inlined: three tests decide between the fast path and the slow one.
    #[inline(always)]
    fn concerns_others(&self) -> bool {
        self.is_concerned || self.reading.remarks.is_some() || self.reading.inclusive.is_some()
    }

    /// Adds what was settled below it.
    fn collect(&mut self, sum: &CellTotals) {
        self.reading.inclusive.get_or_insert_default().below.merge(sum);
    }

    /// If it is a stage, how it ended.
    fn ended<'a>(&self, now: Moment, outcome: &'a Outcome) -> Option<StageEnd<'a>> {
        let stage = self.place.stage.filter(|_| self.is_stage)?;
        Some(StageEnd { stage, started: self.started.nanos(), at: now.nanos(), outcome })
    }

    /// Notes that the span failed if its thread is panicking.
    // Inlined: one load of a counter that is nearly always 0.
    #[inline]
    pub(crate) fn note_panic(&mut self) {
        if std::thread::panicking() {
            self.note_that_it_panicked();
        }
    }

    #[cold]
    fn note_that_it_panicked(&mut self) {
        if !self.reading.has_failed() {
            *self.reading.failure() = Failure::of("panicked");
        }
    }
}

impl Core {
    /// Settles a span that has closed: on the fast path if possible, else by `close_taken`.
    // Inlined: the call that matters is `close_at`.
    #[inline]
    pub(crate) fn close(&self, place: &Slot<Kept>, id: u64) {
        if !at_desk(|desk| self.close_at(desk, place, id)) {
            self.close_taken(id);
        }
    }

    // Not inlined: plain spans, which never come here, must not set up its stack frame.
    #[inline(never)]
    fn close_at(&self, desk: &Desk, place: &Slot<Kept>, id: u64) -> bool {
        let mut deferred = None;
        let is_done = self.table.close_at(place, id, |open| self.settle_at_once(desk, open, &mut deferred));
        if let Some(deferred) = deferred {
            self.settle_deferred(deferred);
        }
        is_done
    }

    /// Fast path: settles the span under its slot lock, and leaves it blank. Returns `false`, without side effects, for roots,
    /// gates, adopted or failed spans, and for runs that this thread has not cached.
    ///
    /// Never lock a second slot here: span ids are reused, so the ancestor's slot may be this one (deadlock). What an ancestor
    /// could not take without waiting is left in `deferred`, for when the slot is free.
    // Inlined into its only caller, so that the lock of the slot, the desk and the clock share one stack frame.
    #[inline(always)]
    fn settle_at_once(&self, desk: &Desk, open: &mut Open, deferred: &mut Option<Deferred>) -> bool {
        // A panicking thread takes the slow path, which records the failure (A12).
        if open.concerns_others() || std::thread::panicking() {
            return false;
        }
        // Without a cached run, the slow path looks it up in the map, or begins it.
        let Some(run) = desk.take_run(open.place.run) else { return false };
        let settling = Settling::new(&self.counters.unsettled);
        let now = self.clock.now();
        let settlement = self.work_out(desk, open, now.since(open.started), false);
        // Before it is booked. In the other order, an ancestor that closes between the two on another thread would not subtract
        // this amount from its own inclusive figure, and the tokens would be counted twice (A6).
        let is_collected = open.outer_collector == 0 || self.collect_at_once(open);
        match run.unwatched_part(desk) {
            Some(mut ledger) => {
                if let Some(key) = settlement.key {
                    ledger.add(key, &open.reading.own);
                }
                if open.is_stage
                    && let Some(stage) = open.place.stage
                {
                    ledger.end_stage(stage, open.started.nanos(), now.nanos(), &Outcome::Completed);
                }
            }
            None => self.book_watched(&run, open, settlement, now),
        }
        desk.put_down_run(run);
        settling.done();
        if !is_collected || !open.reading.rest.is_empty() {
            *deferred = Some(Deferred::of(open, is_collected));
        }
        open.reading.wipe_figures();
        true
    }

    /// Adds the amounts of a span to its nearest collecting ancestor, if the ancestor's slot can be locked without waiting.
    // Not inlined: only spans inside a container or a gate need it.
    #[inline(never)]
    fn collect_at_once(&self, open: &Open) -> bool {
        let collected = self.table.try_with(open.outer_collector, |around| {
            let is_around = around.place.run == open.place.run;
            if is_around {
                around.collect(&open.reading.own);
            }
            is_around
        });
        collected == Some(true)
    }

    /// Passes on what the fast path could not, after the slot is free.
    // Not inlined: rare, and it formats warnings.
    #[inline(never)]
    fn settle_deferred(&self, Deferred { place, collector, sum, rest }: Deferred) {
        self.collect(place, collector, &sum);
        rest.warnings().for_each(|warning| self.warn(place, warning));
    }

    /// Slow path: settles a span with ancestors to inform, or with a run that is not cached. Not in its slot, as ancestors are
    /// looked at, or all that are open.
    #[cold]
    pub(crate) fn close_taken(&self, id: u64) {
        let Some(mut open) = self.table.remove(id, |open| self.linger(open)) else { return };
        let settling = Settling::new(&self.counters.unsettled);
        let now = self.clock.now();
        open.note_panic();
        if !open.repeats() {
            self.settle(&mut open, now);
        }
        settling.done();
        if open.is_adopted {
            self.release(open.place);
        }
        // Last: `conclude` ends the run, and what is booked after that is late.
        if open.root.is_some() {
            self.conclude(&mut open, now);
        }
        // The box goes back blank, for the next span of the slot: a new one would be an allocation per span.
        open.reading.wipe();
        self.table.give_back(id, open);
    }

    /// A span is exited. A panic that unwinds through it is its failure (A12), even if the panic is caught further out and the
    /// span closes normally.
    // Inlined: one load of a counter that is nearly always 0.
    #[inline]
    pub(crate) fn exit(&self, id: u64) {
        if std::thread::panicking() {
            self.note_panic_in(id);
        }
    }

    #[cold]
    fn note_panic_in(&self, id: u64) {
        self.table.with(id, Open::note_panic);
    }

    /// Books the reading of a span, and passes its amounts on to the ancestors that collect them.
    pub(crate) fn settle(&self, open: &mut Open, now: Moment) {
        let duration = now.since(open.started);
        let has_failed = open.reading.has_failed();
        let mut settlement = at_desk(|desk| self.work_out(desk, open, duration, has_failed));
        self.add_excess(&mut settlement, open);
        if open.concerns_others() || open.outer_collector != 0 {
            self.settle_rare_parts(open, settlement, duration);
        }
        let outcome = open.reading.outcome();
        let (amounts, ended) = (open.reading.amounts(settlement), open.ended(now, &outcome));
        if ended.is_some() || !amounts.is_empty() {
            self.book(open.place, amounts, ended);
        }
        if let Some(attributes) = open.reading.remarks.as_mut().and_then(|remarks| remarks.run.take()) {
            self.record_run_attributes(open.place, *attributes);
        }
    }

    /// What few spans need before they are booked: their warnings are kept, their run begins, their ancestors get their
    /// amounts, and their gate is recorded.
    fn settle_rare_parts(&self, open: &mut Open, settlement: Settlement, duration: u64) {
        open.reading.warn_of_remarks();
        if open.root.is_some() && (settlement.is_accountable || open.reading.has_gate()) {
            self.begin_closing(open);
        }
        if open.outer_collector != 0 || open.meaning.has_gate {
            let mut sum = open.reading.amounts(settlement).sum();
            if let Some(inclusive) = &open.reading.inclusive {
                sum.merge(&inclusive.below);
            }
            self.collect(open.place, open.outer_collector, &sum);
            self.settle_gate(open, &sum, duration);
        }
    }

    /// Adds what was settled at a place to the collecting span above it. If that place was adopted, the span may have closed,
    /// and its id may belong to another span by now: so its run is compared.
    pub(crate) fn collect(&self, place: Place, collector: u64, sum: &CellTotals) {
        if collector == 0 {
            return;
        }
        let add = |around: &mut Open| around.collect(sum);
        if collector == place.root {
            self.with_root(place, add);
        } else {
            self.table.with(collector, |around| {
                if around.place.run == place.run {
                    add(around);
                }
            });
        }
    }

    /// Writes amounts, and the end of a stage, to the ledger of their run; false if they came too late for that.
    pub(crate) fn book(&self, place: Place, amounts: Amounts<'_>, ended: Option<StageEnd<'_>>) -> bool {
        let is_accountable = amounts.settlement.is_accountable;
        let run = at_desk(|desk| desk.take_run(place.run));
        let run = if is_accountable { run.or_else(|| self.live_or_begun(place)) } else { run };
        let was_booked = match run {
            Some(run) => {
                let was_booked = self.book_in(&run, place, amounts, ended);
                keep_run(run);
                was_booked
            }
            None if is_accountable => self.is_late(),
            None => {
                self.note(place, amounts, ended);
                true
            }
        };
        was_booked && self.warn_of(place, amounts)
    }

    /// Books what a span adds to a run of which the journal or limits have to know, or that takes nothing more.
    #[cold]
    fn book_watched(&self, run: &Run, open: &Open, settlement: Settlement, now: Moment) {
        let (amounts, ended) = (open.reading.amounts(settlement), open.ended(now, &Outcome::Completed));
        if ended.is_some() || !amounts.is_empty() {
            self.book_in(run, open.place, amounts, ended);
        }
    }

    /// Writes amounts, and the end of a stage, to the ledger of a run that is at hand; false if they came too late for that.
    // Not inlined: the slow path, with a journal or limits.
    #[inline(never)]
    fn book_in(&self, run: &Run, place: Place, amounts: Amounts<'_>, ended: Option<StageEnd<'_>>) -> bool {
        let is_accountable = amounts.settlement.is_accountable;
        let written = run.write(|ledger| {
            write(ledger, amounts, ended);
            if is_accountable && let Some(limits) = &run.limits {
                // Under the lock, so that the limits and the ledger of a run that ends agree.
                self.charge(limits, place, amounts);
            }
        });
        written.is_ok() || !is_accountable || self.is_late()
    }

    #[cold]
    fn warn_of(&self, place: Place, amounts: Amounts<'_>) -> bool {
        amounts.rest.warnings().for_each(|warning| self.warn(place, warning));
        true
    }

    /// Counts an amount that came after the end of its run.
    #[cold]
    fn is_late(&self) -> bool {
        count(&self.counters.late);
        false
    }
}

/// What is passed on of a span once its slot is free.
struct Deferred {
    place: Place,
    collector: u64,
    sum: CellTotals,
    rest: Rest,
}

impl Deferred {
    #[cold]
    fn of(open: &mut Open, is_collected: bool) -> Self {
        let (place, collector) = (open.place, if is_collected { 0 } else { open.outer_collector });
        Self { place, collector, sum: open.reading.own, rest: std::mem::take(&mut open.reading.rest) }
    }
}

/// A stage, how it began and how it ended.
#[derive(Clone, Copy)]
pub(crate) struct StageEnd<'a> {
    stage: StageId,
    started: u64,
    at: u64,
    outcome: &'a Outcome,
}

pub(crate) fn write(ledger: &mut Ledger, amounts: Amounts<'_>, ended: Option<StageEnd<'_>>) {
    amounts.write(ledger);
    if let Some(StageEnd { stage, started, at, outcome }) = ended {
        ledger.end_stage(stage, started, at, outcome);
    }
}
