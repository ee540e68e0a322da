//! Settling a span that closes: from what it told to what the ledger adds.

use super::bill::Settlement;
use super::clock::Moment;
use super::core::Core;
use super::reading::Failure;
use super::stats::count;
use super::table::{Open, Place};
use crate::ledger::{Ledger, StageTally, Tally};

impl Core {
    /// Settles a span that has closed.
    pub(crate) fn close(&self, id: u64) {
        let Some(mut open) = self.table.remove(id) else { return };
        let now = self.clock.now();
        if std::thread::panicking() && !open.reading.has_failed() {
            *open.reading.failure() = Failure::of("panicked");
        }
        let repeats = open.root.as_ref().is_some_and(|root| open.is_container && !root.has_children);
        if !repeats {
            self.settle(&mut open, now);
        }
        if open.is_adopted {
            self.release(open.place);
        }
        if open.root.is_some() {
            self.close_root(open, now);
        } else {
            super::here::recycle(open);
        }
    }

    /// Books what a span told, and hands it on to the spans around that have to know.
    pub(crate) fn settle(&self, open: &mut Open, now: Moment) {
        let duration = now.since(open.started);
        let mut settlement = self.settlement(open, duration);
        if let Some(remarks) = &mut open.reading.remarks {
            settlement.warnings.append(&mut remarks.warnings);
        }
        if open.root.is_some() && (settlement.is_accountable || open.reading.has_gate()) {
            self.begin_closing(open);
        }
        if open.outer_collector != 0 || open.meaning.has_gate {
            let mut sum = settlement.sum();
            if let Some(inclusive) = &open.reading.inclusive {
                sum.merge(&inclusive.below);
            }
            self.collect(open.outer_collector, &sum);
            self.settle_gate(open, &sum, duration);
        }
        let stage = open.place.stage.filter(|_| open.is_stage);
        let stage = stage.map(|stage| {
            (stage, StageTally::ended(open.started.nanos(), now.nanos(), open.outer, open.reading.outcome()))
        });
        if stage.is_some() || !settlement.is_empty() {
            self.book(open.place, settlement, |ledger| {
                if let Some((stage, run)) = &stage {
                    ledger.add_stage(*stage, run);
                }
            });
        }
        if let Some(told) = open.reading.remarks.as_mut().and_then(|remarks| remarks.run.take()) {
            self.tell_run(open.place, *told);
        }
    }

    /// Tells a span what was settled below it.
    pub(crate) fn collect(&self, collector: u64, sum: &Tally) {
        if collector != 0 {
            self.table
                .with(collector, |around| around.reading.inclusive.get_or_insert_default().below.merge(sum));
        }
    }

    /// Writes a settlement, and whatever `more` adds, to the ledger of its run.
    pub(crate) fn book(&self, place: Place, settlement: Settlement, more: impl Fn(&mut Ledger)) {
        let write = |ledger: &mut Ledger| {
            settlement.write(ledger);
            more(ledger);
        };
        if settlement.is_accountable {
            if self.on_run(place, |run| run.write(write).is_ok()) != Some(true) {
                count(&self.counters.late);
                return;
            }
        } else {
            self.note(place, write);
        }
        for warning in settlement.warnings {
            self.warn(place, warning);
        }
    }
}
