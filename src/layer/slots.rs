//! The slots that open spans are kept in, addressed by span id.
//!
//! A span id of the registry encodes a thread and a position in that thread's pages. The slot is computed from both, so a span
//! is found without a search. Up to 32 threads with spans of their own share no lock, and no cache line except at the edge of a
//! lane. Two spans with the same slot are possible: the second goes to a map of its lane.
//!
//! # Invariants
//!
//! - A span is in its slot or in its lane's map, never in both.
//! - Lock order: slot, then the lane's map. Never lock a second slot while one is held: span ids are reused, so the other span's
//!   slot may be the same one (deadlock).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};

use crate::ledger::FastHash;

/// Slots of one lane: the spans that one thread has open at once. Deep agents have about 20; the registry's first page has 32,
/// its second 64. A power of two, so that the modulo is a mask.
const NEAR: usize = 64;

/// Number of lanes: so many threads have slots of their own. A runtime has one thread per core, and few machines that run
/// pipelines have more than 32. A further thread shares a lane, which is slower and still correct.
const LANES: usize = 32;

/// Shift that turns the thread's number in a span id into the number of a lane. `sharded-slab` keeps that number from bit 38 on.
/// In a version that keeps it elsewhere, more spans would share slots; lookups would be slower and still correct.
const THREAD_TO_LANE: u32 = 38 - NEAR.ilog2();

/// The places of one layer.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    near: Box<[Slot<T>; LANES * NEAR]>,
    /// Number of spans in the maps of all lanes, because their slot was taken.
    others: AtomicUsize,
    lanes: [Lane<T>; LANES],
}

/// What there is of a lane beside its places.
// Two cache lines: processors fetch lines in pairs, so that lanes of two threads on one pair would slow each other down.
#[derive(Debug)]
#[repr(align(128))]
struct Lane<T> {
    /// Whether anything was ever kept here.
    is_used: AtomicBool,
    /// Spans that found their slot taken, by id.
    by_id: Mutex<HashMap<u64, T, FastHash>>,
}

/// A place, and what is kept there.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    /// The span that it is taken by; 0 for none.
    span: AtomicU64,
    kept: Mutex<T>,
}

impl<T: Default> Default for Slot<T> {
    fn default() -> Self {
        Self { span: AtomicU64::new(0), kept: Mutex::default() }
    }
}

/// Where a span may be.
#[derive(Debug)]
pub(crate) enum Found<'a, T> {
    /// At its place.
    Here(&'a Slot<T>),
    /// Not at its place, but there are others.
    Elsewhere,
    /// Not here.
    Nowhere,
}

impl<T> Clone for Found<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Found<'_, T> {}

impl<T> Found<'_, T> {
    /// Runs `act` on the content of the slot that a span was found in, if the slot is free by now.
    // Inlined: a lock and a test, for each span that matters.
    #[inline]
    pub(crate) fn at_free(self, act: impl FnOnce(&mut T)) {
        if let Self::Here(slot) = self {
            let mut kept = slot.kept.lock();
            // Relaxed: under the lock.
            if slot.span.load(Ordering::Relaxed) == 0 {
                act(&mut kept);
            }
        }
    }
}

/// The place of a span.
// Inlined: a shift, an exclusive or and a mask.
#[inline]
fn place(span: u64) -> usize {
    (span ^ span >> THREAD_TO_LANE) as usize % (LANES * NEAR)
}

impl<T: Default> Slots<T> {
    pub(crate) fn new() -> Self {
        // Through a `Vec`: the array is too large to be built on the stack of a small thread.
        let near: Vec<Slot<T>> = (0..LANES * NEAR).map(|_| Slot::default()).collect();
        let Ok(near) = near.try_into() else { unreachable!("there are as many as were made") };
        Self { near, others: AtomicUsize::new(0), lanes: std::array::from_fn(|_| Lane::new()) }
    }

    /// Where a span is. A span id reaches another thread only through something that orders the two threads, so a span that is
    /// kept is always found.
    // Inlined: this load and comparison is all that a span costs that is not in the table.
    #[inline]
    pub(crate) fn find(&self, span: u64) -> Found<'_, T> {
        let slot = &self.near[place(span)];
        // Acquire pairs with the Release in `keep` and `free_if`: a thread that sees the id, or sees it gone, also sees
        // what was written before. Relaxed would let it miss the figures of a span that has just closed.
        if slot.span.load(Ordering::Acquire) == span {
            return Found::Here(slot);
        }
        // Acquire for the same reason: pairs with the Release in `keep_other` and `free_other`.
        match self.others.load(Ordering::Acquire) {
            0 => Found::Nowhere,
            _ => Found::Elsewhere,
        }
    }

    fn lane(&self, span: u64) -> &Lane<T> {
        &self.lanes[place(span) / NEAR]
    }

    /// Runs `act` on what is kept of a span, where it was found.
    // Inlined: the closures are small, and only the overflow map is out of line.
    #[inline]
    pub(crate) fn at<R>(&self, found: Found<'_, T>, span: u64, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        match found {
            Found::Here(slot) => slot.with(span, act),
            Found::Elsewhere => self.elsewhere(span, act),
            Found::Nowhere => None,
        }
    }

    #[cold]
    fn elsewhere<R>(&self, span: u64, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.lane(span).by_id.lock().get_mut(&span).map(act)
    }

    /// Has walks over all spans visit the lane of a span: before the first span is kept in its room.
    pub(crate) fn use_lane(&self, span: u64) {
        // Release pairs with the Acquire in `used`, so that a walk over all spans does not skip this lane.
        self.lane(span).is_used.store(true, Ordering::Release);
    }

    /// Runs `act` on the room for a span, which is kept from then on. The argument of `act` is whether the room holds what was
    /// kept of the same span before.
    // Always inlined: for each span that opens and matters, a lock and two stores; the map of a lane is out of line.
    #[inline(always)]
    pub(crate) fn keep<R>(&self, span: u64, act: impl FnOnce(&mut T, bool) -> R) -> R {
        let place = place(span);
        let (slot, lane) = (&self.near[place], &self.lanes[place / NEAR]);
        let mut kept = slot.kept.lock();
        // Relaxed, here and in `is_other`: the slot's lock is held. Whether this very span is in the map is only decided by calls
        // for this span, which the subscriber orders.
        let taken_by = slot.span.load(Ordering::Relaxed);
        let is_other = || self.others.load(Ordering::Relaxed) != 0 && lane.by_id.lock().contains_key(&span);
        let has_slot = taken_by == span || taken_by == 0 && !is_other();
        let mut by_id;
        let (room, was_kept) = if has_slot {
            (&mut *kept, taken_by == span)
        } else {
            // While the slot is locked (lock order: slot, then map). Unlocked, the slot could be taken for this span in between,
            // and the span would be in both.
            by_id = lane.by_id.lock();
            self.other_room(&mut by_id, span)
        };
        // Once for both, so that it is inlined.
        let done = act(room, was_kept);
        if has_slot {
            // Release: see `find`.
            slot.span.store(span, Ordering::Release);
        }
        done
    }

    /// Runs `act` on what is kept of a span, where it was found, and frees its slot if `act` returns `true` beside its result.
    // Inlined: a lock and two stores for every span that matters; the map of a lane is out of line.
    #[inline]
    pub(crate) fn free_if<R>(
        &self,
        found: Found<'_, T>,
        span: u64,
        act: impl FnOnce(&mut T) -> (R, bool),
    ) -> Option<R> {
        match found {
            Found::Here(slot) => slot.free_if(span, act),
            Found::Elsewhere => self.free_other(self.lane(span), span, act),
            Found::Nowhere => None,
        }
    }

    /// Runs `act` on every span that is kept, one at a time.
    pub(crate) fn for_each(&self, mut act: impl FnMut(u64, &mut T)) {
        for (lane, near) in self.used() {
            for slot in near {
                // Acquire: see `find`. Empty slots are skipped without locking them.
                let span = slot.span.load(Ordering::Acquire);
                if span != 0
                    && let Some(mut kept) = slot.lock_if_of(span)
                {
                    act(span, &mut kept);
                }
            }
            // No slot is locked any more (lock order: slot, then map).
            lane.by_id.lock().iter_mut().for_each(|(span, kept)| act(*span, kept));
        }
    }

    /// Runs `act` on every slot, with whether it is taken.
    pub(crate) fn for_all(&self, mut act: impl FnMut(bool, &mut T)) {
        for (lane, near) in self.used() {
            for slot in near {
                let mut kept = slot.kept.lock();
                // Relaxed: under the lock.
                act(slot.span.load(Ordering::Relaxed) != 0, &mut kept);
            }
            lane.by_id.lock().values_mut().for_each(|kept| act(true, kept));
        }
    }

    /// The room for a span in the map, as its slot is taken, and whether it was kept there before.
    #[cold]
    fn other_room<'a>(&self, by_id: &'a mut HashMap<u64, T, FastHash>, span: u64) -> (&'a mut T, bool) {
        let was_kept = by_id.contains_key(&span);
        // Release: see `find`. While the map is locked, so that the count is never 0 while a span is in it.
        self.others.fetch_add(usize::from(!was_kept), Ordering::Release);
        (by_id.entry(span).or_default(), was_kept)
    }

    #[cold]
    fn free_other<R>(&self, lane: &Lane<T>, span: u64, act: impl FnOnce(&mut T) -> (R, bool)) -> Option<R> {
        let mut by_id = lane.by_id.lock();
        let (done, frees) = act(by_id.get_mut(&span)?);
        if frees {
            by_id.remove(&span);
            // Release: see `find`.
            self.others.fetch_sub(1, Ordering::Release);
        }
        Some(done)
    }

    fn used(&self) -> impl Iterator<Item = (&Lane<T>, &[Slot<T>])> {
        let all = self.lanes.iter().zip(self.near.chunks(NEAR));
        // Acquire: see `use_lane`. Most programs use few of the lanes, and a walk would otherwise visit all slots of the others.
        all.filter(|(lane, _)| lane.is_used.load(Ordering::Acquire))
    }
}

impl<T: Default> Lane<T> {
    fn new() -> Self {
        Self { is_used: AtomicBool::new(false), by_id: Mutex::default() }
    }
}

impl<T> Slot<T> {
    /// What is kept of a span, if it is still this span's.
    // Inlined: a compare-and-swap and a comparison.
    #[inline(always)]
    fn lock_if_of(&self, span: u64) -> Option<MutexGuard<'_, T>> {
        let kept = self.kept.lock();
        // Checked again under the lock, where Relaxed suffices: between `find` and the lock the span may have closed on another
        // thread, and the slot may belong to a new span.
        (self.span.load(Ordering::Relaxed) == span).then_some(kept)
    }

    /// Runs `act` on what is kept of a span, if it is still this span's.
    // Inlined, so that the closure works on registers of the caller.
    #[inline(always)]
    pub(crate) fn with<R>(&self, span: u64, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.lock_if_of(span).map(|mut kept| act(&mut kept))
    }

    /// Runs `act` on what is kept of a span, if it is still this span's, then frees its slot if `act` returns `true` beside its
    /// result.
    // Inlined for the same reason as `with`.
    #[inline(always)]
    fn free_if<R>(&self, span: u64, act: impl FnOnce(&mut T) -> (R, bool)) -> Option<R> {
        let mut kept = self.lock_if_of(span)?;
        let (done, frees) = act(&mut kept);
        if frees {
            // Release, and only after `act`: see `find`.
            self.span.store(0, Ordering::Release);
        }
        Some(done)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// The id of a span as the registry makes it.
    fn id(thread: u64, at: u64, generation: u64) -> u64 {
        (generation << 51 | thread << 38 | at) + 1
    }

    #[test]
    fn threads_have_places_of_their_own() {
        let mut places: Vec<_> = (0..LANES as u64)
            .flat_map(|thread| (0..NEAR as u64).map(move |at| place(id(thread, at, thread))))
            .collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), LANES * NEAR);
    }

    proptest! {
        #[test]
        fn they_are_a_map(
            steps in prop::collection::vec((0..70_u64, 0..20_u64, 0..3_u64, 0..3_u8), 0..400),
        ) {
            let (slots, mut map) = (Slots::<usize>::new(), HashMap::new());
            for (step, (thread, at, generation, what)) in steps.into_iter().enumerate() {
                let span = id(thread * 16, at * at * at, generation);
                match what {
                    0 => {
                        slots.use_lane(span);
                        let was_kept = slots.keep(span, |kept, was_kept| {
                            *kept = step;
                            was_kept
                        });
                        prop_assert_eq!(was_kept, map.insert(span, step).is_some());
                    }
                    _ => {
                        let freed = slots.free_if(slots.find(span), span, |kept| (*kept, true));
                        prop_assert_eq!(freed, map.remove(&span));
                    }
                }
            }
            for (span, kept) in &map {
                prop_assert_eq!(slots.at(slots.find(*span), *span, |kept| *kept), Some(*kept));
            }
            let mut all = HashMap::new();
            slots.for_each(|span, kept| {
                all.insert(span, *kept);
            });
            prop_assert_eq!(all, map);
        }
    }
}
