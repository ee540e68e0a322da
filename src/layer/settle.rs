//! Settling a span that closes: from what it told to what the ledger adds.

use super::audit::Settling;
use super::bill::Settlement;
use super::clock::Moment;
use super::core::Core;
use super::here;
use super::reading::Failure;
use super::run::Run;
use super::stats::count;
use super::table::{Open, Place};
use crate::ledger::{Began, Ended, Ledger, Tally};

impl Open {
    /// Notes that the span failed if its thread is panicking.
    #[inline]
    pub(crate) fn note_panic(&mut self) {
        if std::thread::panicking() && !self.reading.has_failed() {
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
            self.table.with(id, Open::note_panic);
        }
    }

    /// Books what a span told, and hands it on to the spans around that have to know.
    pub(crate) fn settle(&self, open: &mut Open, now: Moment) {
        let duration = now.since(open.started);
        let mut settlement = Settlement::default();
        self.settlement(open, duration, &mut settlement);
        if let Some(remarks) = &mut open.reading.remarks {
            remarks.warnings.drain(..).for_each(|warning| settlement.warnings.push(warning));
        }
        if open.root.is_some() && (settlement.is_accountable || open.reading.has_gate()) {
            self.begin_closing(open);
        }
        if open.outer_collector != 0 || open.meaning.has_gate {
            let mut sum = settlement.sum();
            if let Some(inclusive) = &open.reading.inclusive {
                sum.merge(&inclusive.below);
            }
            self.collect(open.place, open.outer_collector, &sum);
            self.settle_gate(open, &sum, duration);
        }
        let stage = open.place.stage.filter(|_| open.is_stage);
        let stage = stage.map(|stage| {
            let began = Began { at: open.started.nanos(), parent: open.outer };
            (stage, began, Ended { at: now.nanos(), outcome: open.reading.outcome() })
        });
        if stage.is_some() || !settlement.is_empty() {
            self.book(open.place, settlement, |ledger| {
                if let Some((stage, began, ended)) = &stage {
                    ledger.end_stage(*stage, *began, ended);
                }
            });
        }
        if let Some(told) = open.reading.remarks.as_mut().and_then(|remarks| remarks.run.take()) {
            self.tell_run(open.place, *told);
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

    /// Writes a settlement, and whatever `more` adds, to the ledger of its run; false if it was too late for that.
    pub(crate) fn book(&self, place: Place, settlement: Settlement, more: impl Fn(&mut Ledger)) -> bool {
        let write = |ledger: &mut Ledger| {
            settlement.write(ledger);
            more(ledger);
        };
        if settlement.is_accountable {
            let write = |run: &Run, ledger: &mut Ledger| {
                write(ledger);
                if let Some(limits) = &run.limits {
                    // Under the lock, so that the limits and the ledger of a run that ends agree.
                    self.charge(limits, place, &settlement);
                }
            };
            if self.on_run(place, |run| run.write(|ledger| write(run, ledger)).is_ok()) != Some(true) {
                count(&self.counters.late);
                return false;
            }
        } else {
            self.note(place, write);
        }
        for warning in settlement.warnings.into_iter() {
            self.warn(place, warning);
        }
        true
    }
}
