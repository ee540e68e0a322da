//! The open spans that matter, by their ids.
//!
//! A table of our own rather than the registry's extensions: an extension costs a boxed insert and two locks a
//! span, and a look at a parent's costs as much again.

use std::sync::atomic::{AtomicU64, Ordering};

use super::callsite::Meaning;
use super::clock::Moment;
use super::reading::{Manner, Reading};
use super::root::{RootPart, RunState};
use super::slots::{self, Room, Slot, Slots};
use super::stats::count;
use crate::ledger::StageId;
use crate::limit::Stages;

/// An open span that matters.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) meaning: &'static Meaning,
    /// Its run, its root, and the stage that it is in or is.
    pub(crate) place: Place,
    /// The stage around a stage; what its row names as its parent.
    pub(crate) outer: Option<StageId>,
    /// The nearest span around it that has to know what is settled below it; 0 for none.
    pub(crate) outer_collector: u64,
    /// The stages around a stage that have a limit.
    pub(crate) outer_limited: Stages,
    pub(crate) is_stage: bool,
    pub(crate) is_call: bool,
    /// An operation that contains calls, and is not a call itself: `invoke_agent` and its like.
    pub(crate) is_container: bool,
    /// Its parent is a logical one, which the registry does not keep open for it.
    pub(crate) is_adopted: bool,
    /// It is a root, is adopted, or is a gate.
    pub(crate) is_concerned: bool,
    pub(crate) started: Moment,
    pub(crate) reading: Reading,
    /// What only a root has.
    pub(crate) root: Option<RootPart>,
}

/// The run, root and stage of a span, which its descendants share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The run's number, unique in the process.
    pub(crate) run: u64,
    /// The root span.
    pub(crate) root: u64,
    /// The nearest stage, the span itself included.
    pub(crate) stage: Option<StageId>,
    /// The nearest span, itself included, that has to know what is settled below it; 0 for none.
    pub(crate) collector: u64,
    /// The root contains calls and is not one itself, so that its figures may be a mere repetition.
    pub(crate) in_container: bool,
    /// The stages around, the span itself included, that have a limit.
    pub(crate) limited: Stages,
}

impl Place {
    /// No place yet.
    pub(crate) const NOWHERE: Self =
        Self { run: 0, root: 0, stage: None, collector: 0, in_container: false, limited: Stages::NONE };
}

impl Open {
    /// A span of which nothing is known yet.
    pub(crate) fn blank(meaning: &'static Meaning) -> Self {
        Self {
            meaning,
            place: Place::NOWHERE,
            outer: None,
            outer_limited: Stages::NONE,
            outer_collector: 0,
            is_stage: false,
            is_call: false,
            is_container: false,
            is_adopted: false,
            is_concerned: false,
            started: Moment::default(),
            reading: Reading::default(),
            root: None,
        }
    }

    pub(crate) fn manner(&self) -> Manner {
        if self.is_call { Manner::Call } else { Manner::Sum }
    }

    /// Whether it only repeats the figures of other roots: an agent without a parent and without children.
    pub(crate) fn repeats(&self) -> bool {
        self.is_container && self.root.as_ref().is_some_and(|root| !root.has_children)
    }

    /// Leaves a span with nothing more to book behind, and returns its reading.
    pub(crate) fn take(&mut self) -> Self {
        let root = self.root.as_ref().map(|root| {
            let (adopted, has_children) = (root.adopted, root.has_children);
            RootPart { adopted, has_children, state: RunState::Finished, early: None }
        });
        let rest = Self { is_stage: false, is_call: false, reading: Reading::default(), root, ..*self };
        std::mem::replace(self, rest)
    }

    /// Whether it has to know what is settled below it.
    pub(crate) fn collects(&self) -> bool {
        self.meaning.is_inclusive && !self.is_call || self.meaning.has_gate
    }
}

/// What is kept of a span. The box of an [`Open`] stays where it is when its span has closed, blank, for the next span that
/// comes there: to make one would cost more than all that is done with it.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    open: Option<Box<Open>>,
    /// The span does not matter itself, and this is the nearest one around it that does: looked up once, so that a deep
    /// stack of spans is not walked for every call at its bottom. 0 for a span that matters; else there is no box.
    through: u64,
    /// Spans that matter and were kept here, and have closed.
    closed: u64,
}

/// Where a span was found.
pub(crate) type Found<'a> = slots::Found<'a, Kept>;

/// The open spans of one layer.
///
/// Closures that run on a span hold its slot's lock. They must not run user code, which may trace and lock the same slot, and
/// must not wait for another span: ids are reused, so its slot may be the same one (deadlock).
#[derive(Debug)]
pub(crate) struct Table {
    slots: Slots<Kept>,
    /// Closed spans that matter and were in a map, as their slot was taken.
    closed_elsewhere: AtomicU64,
    /// Spans with an id that was reused before they had closed.
    vanished: AtomicU64,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { slots: Slots::new(), closed_elsewhere: AtomicU64::new(0), vanished: AtomicU64::new(0) }
    }

    /// Where a span is. Most are nowhere, and this is all that they cost.
    // Inlined: see `Slots::find`.
    #[inline]
    pub(crate) fn look_for(&self, span: u64) -> Found<'_> {
        self.slots.find(span)
    }

    /// The place of a span that opens, if it is free.
    // Inlined: see `Slots::room`.
    #[inline(always)]
    pub(crate) fn room(&self, span: u64) -> Option<Room<'_, Kept>> {
        self.slots.room(span)
    }

    /// Keeps a span that opens, if `fill` returns `true`. `fill` gets a blank one.
    pub(crate) fn open(
        &self,
        span: u64,
        meaning: &'static Meaning,
        fill: impl FnOnce(&mut Open) -> bool,
    ) -> bool {
        self.slots.keep(span, |kept, was_kept| {
            if was_kept {
                self.forget(kept);
            }
            let open = match &mut kept.open {
                Some(open) => open,
                none => none.insert(new_box(meaning)),
            };
            open.meaning = meaning;
            fill(open)
        })
    }

    /// Forgets a span with an id that was reused before the layer saw it close.
    #[cold]
    fn forget(&self, kept: &mut Kept) {
        if kept.through == 0 {
            count(&self.vanished);
        }
        (kept.open, kept.through) = (None, 0);
    }

    /// Remembers through which span one that does not matter is reached.
    pub(crate) fn insert_through(&self, span: u64, through: u64) {
        self.slots.keep(span, |kept, was_kept| {
            if !was_kept {
                (kept.open, kept.through) = (None, through);
            }
            true
        });
    }

    /// Runs `act` on an open span that matters, where it was found.
    // Inlined: see `Slots::at`.
    #[inline]
    pub(crate) fn at<T>(&self, found: Found<'_>, span: u64, act: impl FnOnce(&mut Open) -> T) -> Option<T> {
        self.slots.at(found, span, |kept| kept.matters().map(act)).flatten()
    }

    /// Runs `act` on an open span that matters.
    // Inlined: a find and a lock; the closures are small.
    #[inline]
    pub(crate) fn with<T>(&self, span: u64, act: impl FnOnce(&mut Open) -> T) -> Option<T> {
        self.at(self.slots.find(span), span, act)
    }

    /// Runs `act` on an open span that matters, if it is in its slot and the slot is not locked. It may be called while a slot is
    /// locked, even if that is the same one.
    pub(crate) fn try_with<T>(&self, span: u64, act: impl FnOnce(&mut Open) -> T) -> Option<T> {
        match self.slots.find(span) {
            Found::Here(place) => place.try_with(span, |kept| kept.matters().map(act)).flatten(),
            _ => None,
        }
    }

    /// What is known of a span: itself where it matters, or through which other it is reached.
    // Inlined: it runs for every step up a chain of spans.
    #[inline]
    pub(crate) fn find<T>(&self, span: u64, act: impl FnOnce(&mut Open) -> T) -> Option<Result<T, u64>> {
        let known = |kept: &mut Kept| match kept.matters() {
            Some(open) => Ok(act(open)),
            None => Err(kept.through),
        };
        self.slots.at(self.slots.find(span), span, known)
    }

    /// Forgets a span that closes, if `settle` could settle it where it lies and left it blank. Returns whether there is nothing
    /// left to be done for it.
    // Inlined into its only caller: the closure is the whole fast path of closing.
    #[inline(always)]
    pub(crate) fn close_at(
        &self,
        place: &Slot<Kept>,
        span: u64,
        settle: impl FnOnce(&mut Open) -> bool,
    ) -> bool {
        place.free_if(span, |kept| match kept.matters() {
            Some(open) => {
                let is_settled = settle(open);
                // Counted in the slot, under its lock: one counter per table would be a cache line that all threads write.
                kept.closed += u64::from(is_settled);
                is_settled
            }
            None => {
                kept.through = 0;
                true
            }
        })
    }

    /// Takes out a span that closes. `keep` runs under the slot's lock and may store the span elsewhere, so that no lookup finds
    /// it in neither place.
    pub(crate) fn remove(
        &self,
        span: u64,
        keep: impl FnOnce(Box<Open>) -> Option<Box<Open>>,
    ) -> Option<Box<Open>> {
        // Before the removal: afterwards nothing shows where the span was.
        let is_elsewhere = matches!(self.slots.find(span), Found::Elsewhere);
        let removed = self.slots.free(span, |kept| {
            if std::mem::take(&mut kept.through) != 0 {
                return None;
            }
            let open = kept.open.take().and_then(keep);
            kept.closed += u64::from(open.is_some());
            open
        });
        let removed = removed.flatten();
        if is_elsewhere && removed.is_some() {
            count(&self.closed_elsewhere);
        }
        removed
    }

    /// Gives a blank box back to the place that it was taken from.
    pub(crate) fn give_back(&self, span: u64, open: Box<Open>) {
        self.slots.at_free(span, |kept| kept.open = Some(open));
    }

    /// Runs `act` on every open span that matters, one at a time.
    pub(crate) fn for_each(&self, mut act: impl FnMut(u64, &mut Open)) {
        self.slots.for_each(|span, kept| {
            if let Some(open) = kept.matters() {
                act(span, open);
            }
        });
    }

    /// How many spans that matter were opened, how many of them were closed, and how many are open.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        // Relaxed: statistics for an audit.
        let (mut open, mut closed) = (0, self.closed_elsewhere.load(Ordering::Relaxed));
        self.slots.for_all(|is_taken, kept| {
            open += u64::from(is_taken && kept.through == 0);
            closed += kept.closed;
        });
        (open + closed + self.vanished.load(Ordering::Relaxed), closed, open)
    }

    /// How many spans are remembered.
    pub(crate) fn len(&self) -> usize {
        let mut len = 0;
        self.slots.for_each(|_, _| len += 1);
        len
    }
}

impl Room<'_, Kept> {
    /// What was a span before, if there ever was one here.
    // Inlined: one load.
    #[inline(always)]
    pub(crate) fn blank(&mut self) -> Option<&mut Open> {
        self.left().open.as_deref_mut()
    }
}

impl Kept {
    /// The span, if it matters.
    // Inlined: one load.
    #[inline(always)]
    pub(crate) fn matters(&mut self) -> Option<&mut Open> {
        self.open.as_deref_mut()
    }
}

#[cold]
fn new_box(meaning: &'static Meaning) -> Box<Open> {
    Box::new(Open::blank(meaning))
}
