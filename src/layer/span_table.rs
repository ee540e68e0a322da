//! The open spans that matter, by their ids, and those that wait for spans inside them.
//!
//! A table of our own rather than the registry's extensions: an extension costs a boxed insert and two locks a
//! span, and a look at a parent's costs as much again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use tracing_core::dispatcher::{Dispatch, WeakDispatch};

use super::slots::{Found, Slots};
use super::span_state::SpanState;
use super::stats::count;
use crate::attribution::CallsiteFlags;

/// What is kept of a span. The box of a [`SpanState`] stays in its slot when its span has closed, blank, for the next span
/// that comes there: to make one would cost more than all that is done with it.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    state: Option<Box<SpanState>>,
    /// The span does not matter itself, and this is the nearest one around it that does: looked up once, so that a deep
    /// stack of spans is not walked for every call at its bottom. 0 for a span that matters; else there is no state.
    through: u64,
    /// Spans that matter and were kept here, and have closed.
    // Counted in the slot: one counter per table would be a cache line that all threads write.
    closed: u64,
}

/// Where a span was found.
pub(crate) type Lookup<'a> = Found<'a, Entry>;

/// A span that closed before spans inside it which the registry does not keep it open for (A9).
#[derive(Debug)]
pub(crate) struct Waiting {
    id: u64,
    pub(crate) state: Box<SpanState>,
    pub(crate) closed: Instant,
}

/// What became of a span that closes.
pub(crate) enum Taken {
    /// It does not matter.
    Nothing,
    /// Spans are open inside it that the registry does not keep it open for. It is still in the table.
    Waits,
    Closed(Box<SpanState>),
}

/// The open spans of one layer.
///
/// Closures that run on a span hold its slot's lock. They must not run user code, which may trace and lock the same slot, and
/// must not lock another slot: ids are reused, so it may be the same one (deadlock).
#[derive(Debug)]
pub(crate) struct SpanTable {
    /// Distinguishes layers in a thread's caches.
    pub(crate) layer: u32,
    /// The subscriber that the layer is a part of, to look through spans that a filter hides from the layer.
    pub(crate) subscriber: OnceLock<WeakDispatch>,
    /// Whether the layer is a part of a subscriber, known to it or not.
    is_installed: AtomicBool,
    slots: Slots<Entry>,
    waiting: Mutex<Vec<Waiting>>,
    /// Length of `waiting`: nearly always 0, and then no lock is taken.
    waiting_count: AtomicU64,
    /// Closed spans that matter and were in a map, as their slot was taken.
    closed_elsewhere: AtomicU64,
    /// Spans with an id that was reused before they had closed.
    vanished: AtomicU64,
    /// Grows whenever the position of a span changes after its creation, which invalidates every thread's cached ancestors. Never
    /// 0: an entry of a thread's cache has epoch 0 until it is filled.
    epoch: AtomicU64,
}

impl SpanTable {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self {
            // Relaxed: only the uniqueness of the number matters.
            layer: NEXT.fetch_add(1, Ordering::Relaxed),
            subscriber: OnceLock::new(),
            is_installed: AtomicBool::new(false),
            slots: Slots::new(),
            waiting: Mutex::default(),
            waiting_count: AtomicU64::new(0),
            closed_elsewhere: AtomicU64::new(0),
            vanished: AtomicU64::new(0),
            epoch: AtomicU64::new(1),
        }
    }

    /// Notes that the layer is a part of this subscriber.
    pub(crate) fn learn_subscriber(&self, dispatch: &Dispatch) {
        self.note_installed();
        // The first stays: a layer belongs to one subscriber.
        self.subscriber.get_or_init(|| dispatch.downgrade());
    }

    /// Notes that the layer is a part of a subscriber.
    pub(crate) fn note_installed(&self) {
        // Relaxed, as the load: a caller that relies on a subscriber is ordered after its start by other means.
        self.is_installed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_installed(&self) -> bool {
        self.is_installed.load(Ordering::Relaxed)
    }

    /// The epoch of positions.
    // Inlined: one load. Relaxed: a thread that learns of a changed position through anything that orders the two threads also sees
    // the new epoch. Without such an order, either position is right.
    #[inline]
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Invalidates cached ancestors, after a position was written under its slot's lock: a thread that caches the old position
    /// caches it with the old epoch.
    pub(crate) fn next_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// Where a span is. Most are nowhere, and this is all that they cost.
    // Inlined: see `Slots::find`.
    #[inline]
    pub(crate) fn look_for(&self, span: u64) -> Lookup<'_> {
        self.slots.find(span)
    }

    /// Keeps a span that opens, and runs `act` on its state, which is blank: the one in its slot, if there is one.
    // Always inlined: a lock and a few stores; a new box is out of line.
    #[inline(always)]
    pub(crate) fn open<T>(
        &self,
        span: u64,
        flags: CallsiteFlags,
        act: impl FnOnce(&mut SpanState) -> T,
    ) -> T {
        self.slots.keep(span, |entry, was_kept| {
            if was_kept && entry.through == 0 {
                // Its id was reused before the layer saw it close.
                count(&self.vanished);
                entry.state = None;
            }
            entry.through = 0;
            let state = entry.state.get_or_insert_with(|| self.new_state(span, flags));
            (state.flags, state.span.schema) = (flags, flags.schema);
            act(state)
        })
    }

    /// A state for a room that has none. Its lane is used from then on: most rooms have one, so that this is done once.
    #[cold]
    fn new_state(&self, span: u64, flags: CallsiteFlags) -> Box<SpanState> {
        self.slots.use_lane(span);
        Box::new(SpanState::blank(flags))
    }

    /// Remembers through which span one that does not matter is reached.
    pub(crate) fn insert_through(&self, span: u64, through: u64) {
        self.slots.use_lane(span);
        self.slots.keep(span, |entry, was_kept| {
            if !was_kept {
                entry.through = through;
            }
        });
    }

    /// Runs `act` on an open span that matters, where it was found.
    // Inlined: see `Slots::at`.
    #[inline]
    pub(crate) fn at<T>(
        &self,
        found: Lookup<'_>,
        span: u64,
        act: impl FnOnce(&mut SpanState) -> T,
    ) -> Option<T> {
        self.slots.at(found, span, |entry| entry.state().map(act)).flatten()
    }

    /// Runs `act` on an open span that matters.
    // Inlined: a find and a lock; the closures are small.
    #[inline]
    pub(crate) fn with<T>(&self, span: u64, act: impl FnOnce(&mut SpanState) -> T) -> Option<T> {
        self.at(self.slots.find(span), span, act)
    }

    /// Runs `act` on a span of a run that is open, or waits for spans inside it.
    pub(crate) fn with_open_or_waiting<T>(
        &self,
        span: u64,
        run: u64,
        act: impl FnOnce(&mut SpanState) -> T,
    ) -> Option<T> {
        self.with_open_or_waiting_that(span, |state| state.position.run == run, act)
    }

    /// The same for a span that more is known of than its run.
    pub(crate) fn with_open_or_waiting_that<T>(
        &self,
        span: u64,
        is_it: impl Fn(&SpanState) -> bool,
        act: impl FnOnce(&mut SpanState) -> T,
    ) -> Option<T> {
        let mut act = Some(act);
        let mut run_it =
            |state: &mut SpanState| if is_it(state) { act.take().map(|act| act(state)) } else { None };
        // The slot first: a span moves from its slot to the list under the slot's lock, so it cannot be missed.
        if let Some(Some(done)) = self.with(span, &mut run_it) {
            return Some(done);
        }
        // Acquire pairs with the Release in `take_or_wait`: the thread that found the slot empty also sees the count.
        if self.waiting_count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut waiting = self.waiting.lock();
        let found = waiting.iter_mut().find(|waiting| waiting.id == span && is_it(&waiting.state));
        found.and_then(|waiting| run_it(&mut waiting.state))
    }

    /// What is known of a span: itself where it matters, or through which other it is reached.
    // Inlined: it runs for every step up a chain of spans.
    #[inline]
    pub(crate) fn find<T>(&self, span: u64, act: impl FnOnce(&mut SpanState) -> T) -> Option<Result<T, u64>> {
        let known = |entry: &mut Entry| match entry.state() {
            Some(state) => Ok(act(state)),
            None => Err(entry.through),
        };
        self.slots.at(self.slots.find(span), span, known)
    }

    /// Takes out a span that closes, unless it waits for spans inside it. A span that does not matter is forgotten.
    // Inlined into `close`, its only caller on the hot path.
    #[inline]
    pub(crate) fn take(&self, found: Lookup<'_>, span: u64) -> Taken {
        let taken = self.slots.free_if(found, span, |entry| {
            entry.through = 0;
            match entry.state.take() {
                None => (Taken::Nothing, true),
                Some(state) if state.waits_for > 0 => {
                    entry.state = Some(state);
                    (Taken::Waits, false)
                }
                Some(state) => {
                    entry.closed += 1;
                    (Taken::Closed(state), true)
                }
            }
        });
        let taken = taken.unwrap_or(Taken::Nothing);
        if matches!((&taken, found), (Taken::Closed(_), Found::Elsewhere)) {
            count(&self.closed_elsewhere);
        }
        taken
    }

    /// Moves a span that closes to those that wait, or takes it out if it waits for nothing any more.
    ///
    /// Under the slot's lock (lock order: slot, then the list): a span inside that closes meanwhile finds it in one of the two.
    pub(crate) fn take_or_wait(&self, span: u64, closed: Instant) -> Option<Box<SpanState>> {
        let found = self.slots.find(span);
        let state = self.slots.free_if(found, span, |entry| {
            let state = entry.state.take();
            entry.closed += u64::from(state.is_some());
            let kept = state.and_then(|state| {
                if state.waits_for == 0 {
                    return Some(state);
                }
                self.waiting.lock().push(Waiting { id: span, state, closed });
                // Release: see `with_open_or_waiting`.
                self.waiting_count.fetch_add(1, Ordering::Release);
                None
            });
            (kept, true)
        });
        state.flatten()
    }

    /// Gives a blank state back to the slot that it was found in.
    // Inlined: a lock and a store.
    #[inline]
    pub(crate) fn give_back(&self, found: Lookup<'_>, state: Box<SpanState>) {
        found.at_free(|entry| entry.state = Some(state));
    }

    /// Takes out a waiting span with nothing left to wait for.
    pub(crate) fn take_waiting(&self, id: u64, run: u64) -> Option<Waiting> {
        self.take_if(|waiting| {
            waiting.id == id && waiting.state.position.run == run && waiting.state.waits_for == 0
        })
    }

    fn take_if(&self, is_it: impl FnMut(&Waiting) -> bool) -> Option<Waiting> {
        let mut waiting = self.waiting.lock();
        let at = waiting.iter().position(is_it)?;
        let taken = waiting.swap_remove(at);
        self.waiting_count.fetch_sub(1, Ordering::Release);
        Some(taken)
    }

    /// When the waiting spans of a run were opened, and their ids.
    pub(crate) fn waiting(&self, run: u64) -> Vec<(Instant, u64)> {
        let waiting = self.waiting.lock();
        let of_run = waiting.iter().filter(|waiting| waiting.state.position.run == run);
        of_run.map(|waiting| (waiting.state.started, waiting.id)).collect()
    }

    /// Whether any waiting span is what is looked for.
    pub(crate) fn any_waiting(&self, is_it: impl Fn(&SpanState) -> bool) -> bool {
        self.waiting.lock().iter().any(|waiting| is_it(&waiting.state))
    }

    /// Takes out a waiting span of a run that is finished, whatever it waits for.
    pub(crate) fn take_unfinished(&self, id: u64, run: u64) -> Option<Waiting> {
        self.take_if(|waiting| waiting.id == id && waiting.state.position.run == run)
    }

    /// Takes out all waiting spans of a run.
    pub(crate) fn take_all_waiting(&self, run: u64) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock();
        let (taken, left): (Vec<_>, Vec<_>) =
            waiting.drain(..).partition(|waiting| waiting.state.position.run == run);
        *waiting = left;
        self.waiting_count.fetch_sub(taken.len() as u64, Ordering::Release);
        taken
    }

    /// Runs `act` on every open span that matters, one at a time.
    pub(crate) fn for_each(&self, mut act: impl FnMut(u64, &mut SpanState)) {
        self.slots.for_each(|span, entry| {
            if let Some(state) = entry.state() {
                act(span, state);
            }
        });
    }

    /// How many spans that matter were opened, how many of them were closed, and how many are open.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        // Relaxed: statistics for an audit.
        let waiting = self.waiting_count.load(Ordering::Relaxed);
        let (mut open, mut closed) = (0, self.closed_elsewhere.load(Ordering::Relaxed));
        self.slots.for_all(|is_taken, entry| {
            open += u64::from(is_taken && entry.through == 0);
            closed += entry.closed;
        });
        let opened = open + closed + self.vanished.load(Ordering::Relaxed);
        (opened, closed.saturating_sub(waiting), open + waiting)
    }

    /// How many spans are remembered.
    pub(crate) fn len(&self) -> usize {
        let mut len = 0;
        self.slots.for_each(|_, _| len += 1);
        len
    }
}

impl Entry {
    /// The span, if it matters.
    // Inlined: one load.
    #[inline(always)]
    pub(crate) fn state(&mut self) -> Option<&mut SpanState> {
        if self.through == 0 { self.state.as_deref_mut() } else { None }
    }
}
