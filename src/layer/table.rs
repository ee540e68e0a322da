//! The open spans that matter, by their ids.
//!
//! A table of our own rather than the registry's extensions: an extension costs a boxed insert and two locks a
//! span, and a look at a parent's costs as much again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::callsite::Meaning;
use super::clock::Moment;
use super::hash::{IdHash, LANES};
use super::id_map::IdMap;
use super::reading::{Manner, Reading};
use super::root::{RootPart, RunState};
use super::sketch::Sketch;
use crate::ledger::Name;
use crate::limit::Stages;

/// Shards in a lane: a look at all spans, as for a snapshot, holds up no more than one of them at a time.
const SHARDS: usize = 4;

/// An open span that matters.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) meaning: &'static Meaning,
    /// Where it stands: its run, its root, the stage it is in or is.
    pub(crate) place: Place,
    /// The stage around it; what the row of a stage names as its parent.
    pub(crate) outer: Option<Name>,
    /// The nearest span around it that has to know what is settled below it; 0 for none.
    pub(crate) outer_collector: u64,
    /// The stages around it that have a limit.
    pub(crate) outer_limited: Stages,
    pub(crate) is_stage: bool,
    pub(crate) is_call: bool,
    /// An operation that contains calls and is none: `invoke_agent` and its like.
    pub(crate) is_container: bool,
    /// Its parent is a logical one, which the registry does not keep open for it.
    pub(crate) is_adopted: bool,
    pub(crate) started: Moment,
    pub(crate) reading: Reading,
    /// What only a root has.
    pub(crate) root: Option<RootPart>,
}

/// Where a span stands, which all inside it share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The run's number, unique in the process.
    pub(crate) run: u64,
    /// The root span.
    pub(crate) root: u64,
    /// The nearest stage, the span itself included.
    pub(crate) stage: Option<Name>,
    /// The nearest span, itself included, that has to know what is settled below it; 0 for none.
    pub(crate) collector: u64,
    /// The root contains calls and is none, so that its figures may be a mere repetition.
    pub(crate) in_container: bool,
    /// The stages around, the span itself included, that have a limit.
    pub(crate) limited: Stages,
}

impl Place {
    /// What stands for no place yet.
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
            started: Moment::default(),
            reading: Reading::default(),
            root: None,
        }
    }

    pub(crate) fn manner(&self) -> Manner {
        if self.is_call { Manner::Call } else { Manner::Sum }
    }

    /// Whether it only repeats what other roots have told: an agent without a parent and without children.
    pub(crate) fn repeats(&self) -> bool {
        self.is_container && self.root.as_ref().is_some_and(|root| !root.has_children)
    }

    /// Leaves behind a span that has nothing more to tell, and returns what it has told.
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

/// What is known of a span.
#[derive(Debug)]
pub(crate) enum Slot {
    /// The span, in a box that was another's before: moving it in and out of the table would cost more than all that is
    /// done with it there.
    Open(Box<Open>),
    /// It does not matter itself, and this is the nearest one around it that does: looked up once, so that a deep
    /// stack of spans is not walked for every call at its bottom.
    Through(u64),
}

/// The open spans of one layer. No user's code may run while one of its guards is held.
#[derive(Debug)]
pub(crate) struct Table {
    shards: Box<[Padded]>,
    sketch: Sketch,
}

/// A shard on cache lines of its own, as threads write their neighbours' all the time.
#[repr(align(128))]
#[derive(Debug, Default)]
struct Padded(Mutex<IdMap<Slot>>);

impl Padded {
    #[inline]
    fn lock(&self) -> MutexGuard<'_, IdMap<Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { shards: (0..LANES * SHARDS).map(|_| Padded::default()).collect(), sketch: Sketch::new() }
    }

    /// Whether a span may be remembered; most are not, and this is all that they cost.
    #[inline]
    pub(crate) fn may_have(&self, span: u64) -> bool {
        self.sketch.may_have(IdHash::of(span))
    }

    #[inline]
    fn shard(&self, span: IdHash) -> MutexGuard<'_, IdMap<Slot>> {
        self.shards[span.lane() * SHARDS + span.within(SHARDS)].lock()
    }

    #[inline]
    pub(crate) fn insert(&self, span: u64, open: Box<Open>) {
        let hash = IdHash::of(span);
        self.sketch.add(hash);
        let mut shard = self.shard(hash);
        shard.opened += 1;
        if shard.insert(span, hash, Slot::Open(open)).is_some() {
            self.sketch.remove(hash);
        }
    }

    /// Remembers through which span one that does not matter is reached.
    pub(crate) fn insert_through(&self, span: u64, through: u64) {
        let hash = IdHash::of(span);
        let mut shard = self.shard(hash);
        if shard.get_mut(span, hash).is_none() {
            self.sketch.add(hash);
            shard.insert(span, hash, Slot::Through(through));
        }
    }

    /// Runs `act` on an open span that matters, which [`may_have`](Self::may_have) has said that it may.
    #[inline]
    pub(crate) fn with_known<T>(&self, span: u64, act: impl FnOnce(&mut Open) -> T) -> Option<T> {
        let hash = IdHash::of(span);
        match self.shard(hash).get_mut(span, hash)? {
            Slot::Open(open) => Some(act(open)),
            Slot::Through(_) => None,
        }
    }

    /// Runs `act` on an open span that matters.
    #[inline]
    pub(crate) fn with<T>(&self, span: u64, act: impl FnOnce(&mut Open) -> T) -> Option<T> {
        self.find(span, act)?.ok()
    }

    /// What is known of a span: itself where it matters, or through which other it is reached.
    #[inline]
    pub(crate) fn find<T>(&self, span: u64, act: impl FnOnce(&mut Open) -> T) -> Option<Result<T, u64>> {
        let hash = IdHash::of(span);
        if !self.sketch.may_have(hash) {
            return None;
        }
        match self.shard(hash).get_mut(span, hash)? {
            Slot::Open(open) => Some(Ok(act(open))),
            Slot::Through(through) => Some(Err(*through)),
        }
    }

    /// Takes out a span that [`may_have`](Self::may_have) has said may be here. `keep` may put it elsewhere before anybody can miss it.
    #[inline]
    pub(crate) fn remove(
        &self,
        span: u64,
        keep: impl FnOnce(Box<Open>) -> Option<Box<Open>>,
    ) -> Option<Box<Open>> {
        let hash = IdHash::of(span);
        let mut shard = self.shard(hash);
        let removed = match shard.remove(span, hash)? {
            Slot::Open(open) => keep(open),
            Slot::Through(_) => None,
        };
        shard.closed += u64::from(removed.is_some());
        // Only now: whoever does not find the span in the sketch looks for it where `keep` has put it.
        self.sketch.remove(hash);
        removed
    }

    /// Runs `act` on every open span that matters, a shard at a time.
    pub(crate) fn for_each(&self, mut act: impl FnMut(u64, &mut Open)) {
        for shard in &self.shards {
            for (span, slot) in shard.lock().iter_mut() {
                if let Slot::Open(open) = slot {
                    act(span, open);
                }
            }
        }
    }

    /// How many spans that matter were opened, how many of them were closed, and how many are open.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let mut counts = (0, 0, 0);
        for shard in &self.shards {
            let mut shard = shard.lock();
            let open = shard.iter_mut().filter(|(_, slot)| matches!(slot, Slot::Open(_))).count();
            counts = (counts.0 + shard.opened, counts.1 + shard.closed, counts.2 + open as u64);
        }
        counts
    }

    /// How many spans are remembered.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}
