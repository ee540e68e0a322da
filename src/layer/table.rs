//! The open spans that matter, by their ids.
//!
//! A table of our own rather than the registry's extensions: an extension costs a boxed insert and two locks a
//! span, and a look at a parent's costs as much again.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::callsite::Meaning;
use super::reading::{Manner, Reading};
use super::root::{RootPart, RunState};
use crate::ledger::{FastHash, Name};

/// More than the threads that a machine runs at once, so that two seldom want the same.
const SHARDS: usize = 64;

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
    pub(crate) is_stage: bool,
    pub(crate) is_call: bool,
    /// An operation that contains calls and is none: `invoke_agent` and its like.
    pub(crate) is_container: bool,
    /// Its parent is a logical one, which the registry does not keep open for it.
    pub(crate) is_adopted: bool,
    pub(crate) started: Instant,
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
}

impl Open {
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
// Nearly all are the large one, and a box for it would be an allocation a span.
#[expect(clippy::large_enum_variant)]
#[derive(Debug)]
pub(crate) enum Slot {
    Open(Open),
    /// It does not matter itself, and this is the nearest one around it that does: looked up once, so that a deep
    /// stack of spans is not walked for every call at its bottom.
    Through(u64),
}

type Shard = HashMap<u64, Slot, FastHash>;

/// The open spans of one layer. No user's code may run while one of its guards is held.
#[derive(Debug)]
pub(crate) struct Table {
    shards: Box<[Padded]>,
}

/// A shard on cache lines of its own, as threads write their neighbours' all the time.
#[repr(align(128))]
#[derive(Debug, Default)]
struct Padded(Mutex<Shard>);

impl Table {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Padded::default()).collect() }
    }

    #[inline]
    fn shard(&self, span: u64) -> MutexGuard<'_, Shard> {
        let shard = (FastHash.hash_one(span) >> 32) as usize % SHARDS;
        self.shards[shard].0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, span: u64, open: Open) {
        self.shard(span).insert(span, Slot::Open(open));
    }

    /// Remembers through which span one that does not matter is reached.
    pub(crate) fn insert_through(&self, span: u64, through: u64) {
        self.shard(span).entry(span).or_insert(Slot::Through(through));
    }

    /// Runs `act` on an open span that matters.
    #[inline]
    pub(crate) fn with<T>(&self, span: u64, act: impl FnOnce(&mut Open) -> T) -> Option<T> {
        match self.shard(span).get_mut(&span) {
            Some(Slot::Open(open)) => Some(act(open)),
            _ => None,
        }
    }

    /// What is known of a span: itself where it matters, or through which other it is reached.
    pub(crate) fn find<T>(&self, span: u64, act: impl FnOnce(&mut Open) -> T) -> Option<Result<T, u64>> {
        match self.shard(span).get_mut(&span)? {
            Slot::Open(open) => Some(Ok(act(open))),
            Slot::Through(through) => Some(Err(*through)),
        }
    }

    /// Takes a span out. `keep` may put it elsewhere before anybody can miss it.
    pub(crate) fn remove(&self, span: u64, keep: impl FnOnce(Open) -> Option<Open>) -> Option<Open> {
        let mut shard = self.shard(span);
        match shard.remove(&span)? {
            Slot::Open(open) => keep(open),
            Slot::Through(_) => None,
        }
    }

    /// Runs `act` on every open span that matters, a shard at a time.
    pub(crate) fn for_each(&self, mut act: impl FnMut(u64, &mut Open)) {
        for shard in &self.shards {
            let mut shard = shard.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (span, slot) in shard.iter_mut() {
                if let Slot::Open(open) = slot {
                    act(*span, open);
                }
            }
        }
    }

    /// How many spans are remembered.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }
}
