//! What closes before the price book is read waits, and the worker settles it.
//!
//! A span waits as one does with an adopted span inside that is still open (A9), so that the spans around it and its run wait for it
//! in turn.

use std::time::Instant;

use super::core::Core;
use super::early::{Early, EarlyCloses};
use super::happened::{Happened, Occurrence};
use crate::attribution::SpanKind;

impl Core {
    /// Has a span wait that closes before prices are known.
    #[cold]
    pub(crate) fn keep_early(&self, id: u64) {
        let Some(mut waiting) = self.early.place() else { return };
        let kept = self.spans.with(id, |state| {
            (state.waits_for, state.is_early) = (state.waits_for + 1, true);
            // These are no amounts, and those of an event that comes later are newer.
            let attributes = state.span.reading.remarks.as_mut().and_then(|remarks| remarks.run.take());
            (
                state.position.run,
                matches!(state.span.kind, SpanKind::Call(_)) && !state.span.is_root,
                attributes,
            )
        });
        let Some((run, is_inner_call, attributes)) = kept else { return };
        waiting.push_back(Early::Span { id, run });
        drop(waiting);
        if let Some(attributes) = attributes {
            self.runs.with_details(run, |details| details.record_attributes(*attributes));
        }
        if is_inner_call {
            // Known as a run in flight from now on, as it would be with the call booked.
            self.begin(run);
        }
    }

    /// The same for an event, which is returned if it does not wait.
    #[cold]
    pub(crate) fn keep_early_event(&self, event: Happened) -> Option<Happened> {
        let Some(mut waiting) = self.early.place() else { return Some(event) };
        let position = event.position;
        // What completes a call makes no run accountable: the call has.
        let is_accountable = !matches!(
            &event.what,
            Occurrence::Usage { schema, reading, .. } if schema.is_details(reading)
        );
        self.adopt(position);
        waiting.push_back(Early::Event(Box::new(event)));
        drop(waiting);
        if is_accountable {
            self.begin(position.run);
        }
        None
    }

    /// Settles what waits, on the worker's thread, once the price book is read.
    pub(crate) fn settle_early(&self) {
        // Also if this panics: nothing may wait for ever.
        let _ended = EndWhenDropped(&self.early);
        while let Some(early) = self.early.next() {
            match early {
                Early::Span { id, run } => self.release_early(id, run),
                Early::Event(event) => {
                    let position = event.position;
                    self.book_happened(*event);
                    self.release(position);
                }
            }
        }
    }

    /// Has a run with limits or a journal begin with prices known, and returns when that was: what it spends is charged and journaled
    /// as it closes. Before its time begins, so that the wait is in no stage's time.
    #[cold]
    pub(crate) fn begin_with_prices(&self) -> Option<Instant> {
        let is_watched = !self.options.limits.is_empty() || self.delivery.journal.is_some();
        (is_watched && !self.early.is_over()).then(|| {
            self.early.wait();
            Instant::now()
        })
    }
}

struct EndWhenDropped<'a>(&'a EarlyCloses);

impl Drop for EndWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
