//! What closes before the price book is read, in the first tenth of a second of a program: it waits, and the worker settles it.
//!
//! A span waits as one does with an adopted span inside that is still open (A9), so that the spans around it and its run wait for it
//! in turn. Only what settles it knows prices.
//!
//! # Invariants
//!
//! - In the order of their closes. What closes while the worker settles others waits behind them.
//! - Lock order: the queue, then a slot. The worker holds neither while it settles.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::core::Core;
use super::event::{Happened, Occurrence};
use crate::attribution::SpanKind;

/// So many wait. A program that closes more before the book is read waits for it on its own threads: the search among spans that wait
/// is a linear one.
const MOST: usize = 1_000;

/// Whether prices are known, and what waits for them.
#[derive(Debug, Default)]
pub(crate) struct EarlyCloses {
    is_over: AtomicBool,
    waiting: Mutex<VecDeque<Early>>,
    ended: Condvar,
}

#[derive(Debug)]
enum Early {
    Span { id: u64, run: u64 },
    Event(Box<Happened>),
}

impl EarlyCloses {
    /// Whether prices are known.
    // Inlined: one load at the close of every span that matters.
    #[inline(always)]
    pub(crate) fn is_over(&self) -> bool {
        // Acquire pairs with the Release in `end`: who finds it over finds everything settled that came before.
        self.is_over.load(Ordering::Acquire)
    }

    /// Ends the wait. Nothing waits any more.
    pub(crate) fn end(&self) {
        // Under the lock: who waits for this has it while it looks.
        let _waiting = self.waiting.lock();
        self.is_over.store(true, Ordering::Release);
        self.ended.notify_all();
    }

    /// Waits until prices are known and what came before is settled.
    // Inlined: a load, once it is over.
    #[inline]
    pub(crate) fn wait(&self) {
        if !self.is_over() {
            self.wait_on();
        }
    }

    #[cold]
    fn wait_on(&self) {
        let mut waiting = self.waiting.lock();
        while !self.is_over() {
            self.ended.wait(&mut waiting);
        }
    }

    /// Where to wait; none if that is over.
    fn place(&self) -> Option<MutexGuard<'_, VecDeque<Early>>> {
        let mut waiting = self.waiting.lock();
        while waiting.len() >= MOST && !self.is_over() {
            self.ended.wait(&mut waiting);
        }
        (!self.is_over()).then_some(waiting)
    }

    /// The next that waits; `None` ends the wait.
    fn next(&self) -> Option<Early> {
        let mut waiting = self.waiting.lock();
        let next = waiting.pop_front();
        if next.is_none() {
            self.is_over.store(true, Ordering::Release);
            self.ended.notify_all();
        }
        next
    }
}

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
        // Also if this panics: nobody may wait for ever.
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
