//! What a span records after its creation.

use std::sync::atomic::Ordering;

use tracing_core::span::Record;

use super::callsite::Naming;
use super::core::Core;
use super::slots::Slot;
use super::table::{Kept, Open};
use super::visit::{Later, PlainVisitor, TextVisitor};
use crate::ledger::StageId;

/// Adds what a span records to its reading; true if there is more to be done for it, as it takes other spans or the value's own
/// code.
// Not inlined: generic callers of every subscriber type would each get a copy of the visitor.
#[inline(never)]
pub(crate) fn record(place: &Slot<Kept>, id: u64, values: &Record<'_>) -> bool {
    let is_more = place.with(id, |kept| {
        let Some(open) = kept.matters() else { return false };
        let mut plain = PlainVisitor::new(open.meaning, Later, open.manner(), &mut open.reading);
        values.record(&mut plain);
        plain.is_more()
    });
    is_more == Some(true)
}

impl Core {
    /// Adds what a span records that is not at its place.
    #[cold]
    pub(crate) fn record_elsewhere(&self, id: u64, values: &Record<'_>) {
        let is_more = self.table.with(id, |open| {
            let mut plain = PlainVisitor::new(open.meaning, Later, open.manner(), &mut open.reading);
            values.record(&mut plain);
            plain.is_more()
        });
        if is_more == Some(true) {
            self.record_more(id, values);
        }
    }

    /// Adds values that have to be formatted, and places the span anew. Formatting runs the value's own code, which may
    /// well trace: not while the span's place is held.
    #[cold]
    pub(crate) fn record_more(&self, id: u64, values: &Record<'_>) {
        let Some((meaning, manner)) = self.table.with(id, |open| (open.meaning, open.manner())) else {
            return;
        };
        let mut texts = TextVisitor::new(meaning);
        values.record(&mut texts);
        // The slot was unlocked while values were formatted. If the span closed meanwhile, nothing is added.
        self.table.with(id, |open| {
            texts.add_to(manner, &mut open.reading);
            self.reconsider(id, open);
        });
    }

    /// Corrects the placing of a span that recorded its operation or its stage after its creation.
    fn reconsider(&self, id: u64, open: &mut Open) {
        if !open.is_container
            && open.reading.operation().is_some_and(|operation| self.is_container(operation))
        {
            open.is_container = true;
            open.is_call = false;
            open.reading.make_inclusive();
            if open.collects() {
                open.place.collector = id;
            }
            // Relaxed: see `glance` in `placing`. After the place was written, under the slot's lock: a thread that caches the old
            // place caches it with the old epoch.
            self.epoch.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(stage) =
            open.reading.named(Naming::Stage).filter(|_| open.meaning.has_stage && open.is_stage)
            && open.place.stage.replace(StageId::intern(stage, open.outer)).map(StageId::name) != Some(stage)
        {
            open.place.limited = open.outer_limited.with(self.options.limits.only(Some(stage)));
            // Relaxed, as above.
            self.epoch.fetch_add(1, Ordering::Relaxed);
        }
    }
}
