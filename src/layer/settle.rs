//! Settling a span that closes: from what it told to what the ledger adds.

use super::audit::Settling;
use super::bill::Settlement;
use super::clock::Moment;
use super::core::Core;
use super::here;
use super::reading::Failure;
use super::stats::count;
use super::table::{Open, Place};
use crate::ledger::{Began, Ended, Ledger, Name, Tally};

impl Open {
    /// Whether any span around it, its run, or its run's reader has to know more than its amount.
    #[inline]
    fn concerns_others(&self) -> bool {
        self.outer_collector != 0
            || self.root.is_some()
            || self.reading.remarks.is_some()
            || self.reading.inclusive.is_some()
            || self.meaning.has_gate
    }

    /// Notes that the span failed if its thread is panicking.
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
    /// Settles a span that has closed.
    pub(crate) fn close(&self, id: u64) {
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
        if open.root.is_some() {
            self.conclude(open, now);
        } else {
            here::recycle(open);
        }
    }

    /// A span is exited. What unwinds through it has failed in it, even if it is caught further out and the span closes
    /// in peace.
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

    /// Books what a span told, and hands it on to the spans around that have to know.
    pub(crate) fn settle(&self, open: &mut Open, now: Moment) {
        let duration = now.since(open.started);
        self.work_out(open, duration);
        if open.concerns_others() {
            self.tell_others(open, duration);
        }
        let settlement = &open.reading.settlement;
        if open.is_stage || !settlement.is_empty() {
            let ended = open.place.stage.filter(|_| open.is_stage).map(|stage| {
                let began = Began { at: open.started.nanos(), parent: open.outer };
                (stage, began, Ended { at: now.nanos(), outcome: open.reading.outcome() })
            });
            self.book(&open.place, settlement, ended.as_ref());
        }
        if let Some(told) = open.reading.remarks.as_mut().and_then(|remarks| remarks.run.take()) {
            self.tell_run(open.place, *told);
        }
    }

    /// What few spans need before they are booked: their warnings kept, their run begun, those around told, their gate
    /// heard.
    #[cold]
    fn tell_others(&self, open: &mut Open, duration: u64) {
        if let Some(remarks) = &mut open.reading.remarks {
            remarks.warnings.drain(..).for_each(|warning| open.reading.settlement.warnings.push(warning));
        }
        if open.root.is_some() && (open.reading.settlement.is_accountable || open.reading.has_gate()) {
            self.begin_closing(open);
        }
        if open.outer_collector != 0 || open.meaning.has_gate {
            let mut sum = open.reading.settlement.sum();
            if let Some(inclusive) = &open.reading.inclusive {
                sum.merge(&inclusive.below);
            }
            self.collect(open.place, open.outer_collector, &sum);
            self.settle_gate(open, &sum, duration);
        }
    }

    /// Tells a span what was settled below it, at a place. Where that was adopted, the span may have closed, and its id
    /// may be another's by now.
    pub(crate) fn collect(&self, place: Place, collector: u64, sum: &Tally) {
        if collector == 0 {
            return;
        }
        let add = |around: &mut Open| around.reading.inclusive.get_or_insert_default().below.merge(sum);
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

    /// Writes a settlement, and the end of a stage, to the ledger of their run; false if they came too late for that.
    #[inline(always)]
    pub(crate) fn book(&self, place: &Place, settlement: &Settlement, ended: Option<&StageEnd>) -> bool {
        let is_accountable = settlement.is_accountable;
        let run = here::take_run(place.run);
        let run = if is_accountable { run.or_else(|| self.live_or_begun(*place)) } else { run };
        let Some(run) = run else {
            if is_accountable {
                return self.is_late();
            }
            self.note(*place, settlement, ended);
            return self.warn_of(*place, settlement);
        };
        let written = run.write(|ledger| {
            write(ledger, settlement, ended);
            if is_accountable && let Some(limits) = &run.limits {
                // Under the lock, so that the limits and the ledger of a run that ends agree.
                self.charge(limits, *place, settlement);
            }
        });
        here::keep_run(run);
        if written.is_err() && is_accountable {
            return self.is_late();
        }
        settlement.warnings.is_empty() || self.warn_of(*place, settlement)
    }

    #[cold]
    fn warn_of(&self, place: Place, settlement: &Settlement) -> bool {
        settlement.warnings.iter().for_each(|warning| self.warn(place, warning.clone()));
        true
    }

    /// Counts an amount whose run has been finished.
    #[cold]
    fn is_late(&self) -> bool {
        count(&self.counters.late);
        false
    }
}

/// A stage, how it began and how it ended.
pub(crate) type StageEnd = (Name, Began, Ended);

/// Inlined where nearly all that is written is written from.
#[inline(always)]
pub(crate) fn write(ledger: &mut Ledger, settlement: &Settlement, ended: Option<&StageEnd>) {
    settlement.write(ledger);
    if let Some((stage, began, ended)) = ended {
        ledger.end_stage(*stage, *began, ended);
    }
}
