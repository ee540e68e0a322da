//! Places for spans. The registry's ids say at which place of which thread's pages a span is kept, and a span of ours is kept
//! at a place of that number: so it is found without a search, and up to 32 threads that have spans of their own meet neither
//! at a lock nor, but for the edge of a lane, on a cache line.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, MutexGuard};

use crate::ledger::FastHash;

/// Places next to each other in a lane, for the spans that one thread has open at once.
const NEAR: usize = 64;

/// Lanes: the spans of so many threads have places of their own. A thread with more spans than a lane has places takes free
/// ones of other lanes.
const LANES: usize = 32;

/// What the registry's number of a thread is shifted by to be the number of a lane: it is kept from the 38th bit of a span's id
/// on. Were it kept elsewhere, spans would only be looked up by their ids more often.
const THREAD_TO_LANE: u32 = 38 - NEAR.ilog2();

/// The places of one layer.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    near: Box<[Slot<T>; LANES * NEAR]>,
    /// How many spans there are whose place was another's.
    others: AtomicUsize,
    lanes: [Lane<T>; LANES],
}

/// What there is of a lane beside its places.
#[derive(Debug)]
#[repr(align(128))]
struct Lane<T> {
    /// Whether anything was ever kept here.
    is_used: AtomicBool,
    /// Spans whose place was another's, by their ids.
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

/// The place of a span.
// Inlined: a shift, an exclusive or and a mask.
#[inline]
fn place(span: u64) -> usize {
    (span ^ span >> THREAD_TO_LANE) as usize % (LANES * NEAR)
}

impl<T: Default> Slots<T> {
    pub(crate) fn new() -> Self {
        let near: Vec<Slot<T>> = (0..LANES * NEAR).map(|_| Slot::default()).collect();
        let Ok(near) = near.try_into() else { unreachable!("there are as many as were made") };
        Self { near, others: AtomicUsize::new(0), lanes: std::array::from_fn(|_| Lane::new()) }
    }

    /// Where a span is. A span's id reaches another thread only by something that orders the two, so whoever asks for a
    /// span that is kept finds it.
    // Inlined: this load and comparison is all that a span costs that is not in the table.
    #[inline]
    pub(crate) fn find(&self, span: u64) -> Found<'_, T> {
        let slot = &self.near[place(span)];
        if slot.span.load(Ordering::Acquire) == span {
            return Found::Here(slot);
        }
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

    /// The place of a span, if it is free.
    // Inlined: a compare-and-swap and a load, for every span that opens.
    #[inline(always)]
    pub(crate) fn room(&self, span: u64) -> Option<Room<'_, T>> {
        let slot = &self.near[place(span)];
        let kept = slot.kept.lock();
        (slot.span.load(Ordering::Relaxed) == 0).then_some(Room { slot, kept })
    }

    /// Runs `act` on the room for a span, which is kept from then on if `act` says so. It is told whether the room is what was
    /// kept of the same span before.
    pub(crate) fn keep(&self, span: u64, act: impl FnOnce(&mut T, bool) -> bool) -> bool {
        let place = place(span);
        let (slot, lane) = (&self.near[place], &self.lanes[place / NEAR]);
        if !lane.is_used.load(Ordering::Relaxed) {
            lane.is_used.store(true, Ordering::Release);
        }
        let mut kept = slot.kept.lock();
        let taken_by = slot.span.load(Ordering::Relaxed);
        let is_other = || self.others.load(Ordering::Relaxed) != 0 && lane.by_id.lock().contains_key(&span);
        if taken_by == span || taken_by == 0 && !is_other() {
            let keeps = act(&mut kept, taken_by == span);
            slot.span.store(if keeps { span } else { 0 }, Ordering::Release);
            return keeps;
        }
        // With the place locked, so that a span is in one of the two.
        self.keep_other(lane, span, act)
    }

    /// Runs `act` on what is kept of a span, and gives its place free.
    pub(crate) fn free<R>(&self, span: u64, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        match self.find(span) {
            Found::Here(slot) => {
                let mut done = None;
                slot.free_if(span, |kept| {
                    done = Some(act(kept));
                    true
                });
                done
            }
            Found::Elsewhere => self.free_other(self.lane(span), span, act),
            Found::Nowhere => None,
        }
    }

    /// Runs `act` on every span that is kept, one at a time.
    pub(crate) fn for_each(&self, mut act: impl FnMut(u64, &mut T)) {
        for (lane, near) in self.used() {
            for slot in near {
                let span = slot.span.load(Ordering::Acquire);
                if span != 0
                    && let Some(mut kept) = slot.lock_if_of(span)
                {
                    act(span, &mut kept);
                }
            }
            lane.by_id.lock().iter_mut().for_each(|(span, kept)| act(*span, kept));
        }
    }

    /// Runs `act` on every place that there is; it is told whether it is taken.
    pub(crate) fn for_all(&self, mut act: impl FnMut(bool, &mut T)) {
        for (lane, near) in self.used() {
            for slot in near {
                let mut kept = slot.kept.lock();
                act(slot.span.load(Ordering::Relaxed) != 0, &mut kept);
            }
            lane.by_id.lock().values_mut().for_each(|kept| act(true, kept));
        }
    }

    /// Runs `act` on the room of a span's place, if nobody has taken it.
    pub(crate) fn at_free(&self, span: u64, act: impl FnOnce(&mut T)) {
        let slot = &self.near[place(span)];
        let mut kept = slot.kept.lock();
        if slot.span.load(Ordering::Relaxed) == 0 {
            act(&mut kept);
        }
    }

    /// Keeps a span whose place is another's.
    #[cold]
    fn keep_other(&self, lane: &Lane<T>, span: u64, act: impl FnOnce(&mut T, bool) -> bool) -> bool {
        let mut by_id = lane.by_id.lock();
        let before = by_id.len();
        let was_kept = by_id.contains_key(&span);
        let keeps = act(by_id.entry(span).or_default(), was_kept);
        if !keeps {
            by_id.remove(&span);
        }
        self.others.fetch_add(by_id.len().wrapping_sub(before), Ordering::Release);
        keeps
    }

    #[cold]
    fn free_other<R>(&self, lane: &Lane<T>, span: u64, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut by_id = lane.by_id.lock();
        let done = act(by_id.get_mut(&span)?);
        by_id.remove(&span);
        self.others.fetch_sub(1, Ordering::Release);
        Some(done)
    }

    fn used(&self) -> impl Iterator<Item = (&Lane<T>, &[Slot<T>])> {
        let all = self.lanes.iter().zip(self.near.chunks(NEAR));
        all.filter(|(lane, _)| lane.is_used.load(Ordering::Acquire))
    }
}

impl<T: Default> Lane<T> {
    fn new() -> Self {
        Self { is_used: AtomicBool::new(false), by_id: Mutex::default() }
    }
}

/// A place that is free, until the next span has taken it.
pub(crate) struct Room<'a, T> {
    slot: &'a Slot<T>,
    kept: MutexGuard<'a, T>,
}

impl<T> Room<'_, T> {
    /// What the last span has left there.
    // Inlined: an address.
    #[inline(always)]
    pub(crate) fn left(&mut self) -> &mut T {
        &mut self.kept
    }

    /// Keeps what is there now as that of a span.
    // Inlined: a store and an unlock.
    #[inline(always)]
    pub(crate) fn take(self, span: u64) {
        self.slot.span.store(span, Ordering::Release);
    }
}

impl<T> Slot<T> {
    /// What is kept of a span, if it is still this span's.
    // Inlined: a compare-and-swap and a comparison.
    #[inline(always)]
    fn lock_if_of(&self, span: u64) -> Option<MutexGuard<'_, T>> {
        let kept = self.kept.lock();
        (self.span.load(Ordering::Relaxed) == span).then_some(kept)
    }

    /// Runs `act` on what is kept of a span, if it is still this span's.
    // Inlined, so that the closure works on registers of the caller.
    #[inline(always)]
    pub(crate) fn with<R>(&self, span: u64, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.lock_if_of(span).map(|mut kept| act(&mut kept))
    }

    /// Runs `act` on what is kept of a span, if it is still this span's and nobody else is there.
    pub(crate) fn try_with<R>(&self, span: u64, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut kept = self.kept.try_lock()?;
        (self.span.load(Ordering::Relaxed) == span).then(|| act(&mut kept))
    }

    /// Runs `act` on what is kept of a span, and gives its place free if `act` says so: only then, so that whoever does not
    /// find the span any more sees what `act` did. Returns whether there is nothing of it left.
    // Inlined for the same reason as `with`.
    #[inline(always)]
    pub(crate) fn free_if(&self, span: u64, act: impl FnOnce(&mut T) -> bool) -> bool {
        let Some(mut kept) = self.lock_if_of(span) else { return true };
        let frees = act(&mut kept);
        if frees {
            self.span.store(0, Ordering::Release);
        }
        frees
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
                        let keeps = slots.keep(span, |kept, was_kept| {
                            assert_eq!(was_kept, map.contains_key(&span));
                            *kept = step;
                            true
                        });
                        prop_assert!(keeps);
                        map.insert(span, step);
                    }
                    1 => prop_assert!(!slots.keep(id(thread, at, generation + 9), |_, _| false)),
                    _ => {
                        let freed = slots.free(span, |kept| *kept);
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
