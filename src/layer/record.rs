//! What a span records after its creation.

use tracing_core::span::Record;

use super::core::Core;
use super::span_state::SpanState;
use super::span_table::Lookup;
use super::visit::{Later, PlainVisitor, TextVisitor};
use crate::attribution::Accumulate;

impl Core {
    /// Adds what a span records to its reading.
    // Not inlined: generic callers of every subscriber type would each get a copy of the visitor.
    #[inline(never)]
    pub(crate) fn record(&self, found: Lookup<'_>, id: u64, values: &Record<'_>) {
        let is_more = self.spans.at(found, id, |state| {
            let how = state.span.kind.accumulate();
            let mut plain = PlainVisitor::new(state.flags.schema, Later, how, &mut state.span.reading);
            values.record(&mut plain);
            // A call passes no model on, unless it is a stage too: that is placed again, whatever it recorded.
            plain.is_more() | (how == Accumulate::Newest && state.span.is_stage)
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
        let recorded = self.spans.with(id, |state| {
            texts.add_to(how, &mut state.span.reading);
            let is_moved = self.place_again(id, state);
            (state.is_ended(), is_moved.then_some(state.position.run))
        });
        let (is_ended, moved) = recorded.unwrap_or_default();
        if let Some(run) = moved {
            self.place_inside(id, run);
        }
        if is_ended {
            self.end_explicit(id);
        }
    }

    /// Corrects the place of a span that recorded its operation, its stage or a name after its creation. Returns whether the place
    /// is another one.
    fn place_again(&self, id: u64, state: &mut SpanState) -> bool {
        let before = (state.span.place, state.span.sums());
        self.place_late(state.flags, &mut state.span);
        let is_moved = (state.span.place, state.span.sums()) != before;
        if is_moved {
            self.inherit(state, id);
            self.spans.next_epoch();
        }
        is_moved
    }

    /// Moves what is open inside a span along with it: a late name counts for everything that is booked from then on.
    #[cold]
    fn place_inside(&self, moved: u64, run: u64) {
        // Collected first: no second slot may be locked while one is (deadlock).
        let mut spans = Vec::new();
        self.spans.for_each(|id, state| {
            if state.position.run == run && state.parent != 0 {
                spans.push((state.started, id, state.parent));
            }
        });
        // The outermost first, as those inside inherit from them.
        spans.sort_unstable();
        let mut moved = vec![moved];
        for (_, id, parent) in spans {
            if !moved.contains(&parent) {
                continue;
            }
            let around = self.spans.with(parent, |state| state.position).filter(|around| around.run == run);
            let Some(around) = around else { continue };
            self.spans.with(id, |state| {
                if state.position.run == run {
                    (state.span.outer, state.outer_limited) = (around.place, around.limited);
                    self.place_late(state.flags, &mut state.span);
                    self.inherit(state, id);
                }
            });
            moved.push(id);
        }
        self.spans.next_epoch();
    }
}
