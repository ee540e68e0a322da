//! Adopted spans (A9): the spans around them that sum what is inside, and their root, wait for them.

use std::time::Instant;

use super::core::Core;
use super::position::Position;
use super::span_state::SpanState;
use super::span_table::Waiting;

impl Core {
    /// An adopted span, or one that waits itself, is open inside a span: that one waits for it if it closes first.
    pub(crate) fn adopt(&self, around: Position) {
        let keeper = keeper_of(around);
        self.spans.with_open_or_waiting(keeper, around.run, |state| state.waits_for += 1);
    }

    /// Such a span has closed. Accounts for the span that waited for it, if that waits for nothing else.
    pub(crate) fn release(&self, around: Position) {
        let (id, run) = (keeper_of(around), around.run);
        let left = self.spans.with_open_or_waiting(id, run, |state| {
            state.waits_for = state.waits_for.saturating_sub(1);
            state.waits_for
        });
        self.settle_released(left, id, run);
    }

    /// What an early close waits for has come.
    pub(crate) fn release_early(&self, id: u64, run: u64) {
        // Another span may have the id by now, and be open.
        let is_it = |state: &SpanState| state.position.run == run && state.is_early;
        let left = self.spans.with_open_or_waiting_that(id, is_it, |state| {
            (state.waits_for, state.is_early) = (state.waits_for.saturating_sub(1), false);
            state.waits_for
        });
        self.settle_released(left, id, run);
    }

    /// Accounts for a span that waited, if it waits for nothing else.
    fn settle_released(&self, left: Option<u32>, id: u64, run: u64) {
        if left == Some(0)
            && let Some(Waiting { mut state, closed, .. }) = self.spans.take_waiting(id, run)
        {
            self.settle_late(&mut state, closed);
            // What waits is inside the span around it until now.
            if !state.span.is_root && !state.is_adopted {
                self.release(outer_of(&state));
            }
        }
    }

    /// A span closes while spans are open inside it that the registry does not keep it open for.
    #[cold]
    pub(crate) fn wait(&self, id: u64) {
        let outer = self.spans.with(id, |state| {
            state.note_panic();
            (outer_of(state), state.span.is_root || state.is_adopted)
        });
        let Some((outer, is_counted)) = outer else { return };
        // Before it moves: the span around would otherwise be released before it waits, and wait for ever. An adopted span is
        // waited for already.
        if !is_counted {
            self.adopt(outer);
        }
        let now = Instant::now();
        if let Some(mut state) = self.spans.take_or_wait(id, now) {
            // What it waited for has closed meanwhile.
            self.settle_late(&mut state, now);
            if !is_counted {
                self.release(outer);
            }
        }
    }
}

/// The span that waits for a span at this position.
fn keeper_of(around: Position) -> u64 {
    if around.aggregate != 0 { around.aggregate } else { around.root }
}

/// The position around a span.
pub(crate) fn outer_of(state: &SpanState) -> Position {
    Position { aggregate: state.outer_aggregate, ..state.position }
}
