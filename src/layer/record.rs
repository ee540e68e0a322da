//! What a span records after its creation.

use tracing_core::span::Record;

use super::core::Core;
use super::span_state::SpanState;
use super::span_table::Lookup;
use super::visit::{Later, PlainVisitor, TextVisitor};

impl Core {
    /// Adds what a span records to its reading.
    // Not inlined: generic callers of every subscriber type would each get a copy of the visitor.
    #[inline(never)]
    pub(crate) fn record(&self, found: Lookup<'_>, id: u64, values: &Record<'_>) {
        let is_more = self.spans.at(found, id, |state| {
            let how = state.span.kind.accumulate();
            let mut plain = PlainVisitor::new(state.flags.schema, Later, how, &mut state.span.reading);
            values.record(&mut plain);
            plain.is_more()
        });
        if is_more == Some(true) {
            self.record_more(id, values);
        }
    }

    /// Adds values that have to be formatted, and places the span anew. Formatting runs the value's own code, which may
    /// trace: not while the span's slot is locked.
    #[cold]
    fn record_more(&self, id: u64, values: &Record<'_>) {
        let known = self.spans.with(id, |state| (state.flags.schema, state.span.kind.accumulate()));
        let Some((schema, how)) = known else { return };
        let mut texts = TextVisitor::new(schema);
        values.record(&mut texts);
        // The slot was unlocked while values were formatted. If the span closed meanwhile, nothing is added.
        let is_ended = self.spans.with(id, |state| {
            texts.add_to(how, &mut state.span.reading);
            self.place_again(id, state);
            state.is_ended()
        });
        if is_ended == Some(true) {
            self.end_explicit(id);
        }
    }

    /// Corrects the place of a span that recorded its operation, its stage or a name after its creation.
    fn place_again(&self, id: u64, state: &mut SpanState) {
        let before = (state.span.place, state.span.sums());
        self.place_late(state.flags, &mut state.span);
        if (state.span.place, state.span.sums()) != before {
            self.inherit(state, id);
            self.spans.next_epoch();
        }
    }
}
