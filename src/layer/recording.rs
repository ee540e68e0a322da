//! What a span records after its creation.

use std::sync::atomic::Ordering;

use tracing_core::span::Record;

use super::callsite::Meaning;
use super::core::Core;
use super::reading::Manner;
use super::table::Open;
use super::visit::{PlainVisitor, TextVisitor};

impl Core {
    /// Adds what a span records to its reading.
    #[inline(never)]
    pub(crate) fn record(&self, id: u64, values: &Record<'_>) {
        let left = self.table.with_known(id, |open| {
            let (meaning, manner) = (open.meaning, open.manner());
            let mut plain = PlainVisitor::new(meaning, manner, &mut open.reading);
            values.record(&mut plain);
            let left_text = plain.left_text;
            if plain.places {
                self.reconsider(id, open);
            }
            left_text.then_some((meaning, manner))
        });
        if let Some(Some((meaning, manner))) = left {
            self.record_texts(id, values, meaning, manner);
        }
    }

    /// Adds what has to be formatted. That runs the value's own code, which may well trace: not under the table's lock.
    #[cold]
    fn record_texts(&self, id: u64, values: &Record<'_>, meaning: &'static Meaning, manner: Manner) {
        let mut texts = TextVisitor::new(meaning);
        values.record(&mut texts);
        self.table.with(id, |open| {
            texts.tell(manner, &mut open.reading);
            self.reconsider(id, open);
        });
    }

    /// Takes back what was thought of a span before it told its operation or its stage.
    #[cold]
    fn reconsider(&self, id: u64, open: &mut Open) {
        if !open.is_container && open.reading.operation.is_some_and(|operation| self.is_container(operation))
        {
            open.is_container = true;
            open.is_call = false;
            open.reading.make_inclusive();
            if open.collects() {
                open.place.collector = id;
            }
            self.epoch.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(stage) = open.reading.stage.filter(|_| open.meaning.has_stage && open.is_stage)
            && open.place.stage.replace(stage) != Some(stage)
        {
            open.place.limited = open.outer_limited.with(self.options.limits.only(Some(stage)));
            self.epoch.fetch_add(1, Ordering::Relaxed);
        }
    }
}
