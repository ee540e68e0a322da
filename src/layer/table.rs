//! The open spans that matter, by their ids.
//!
//! A table of our own rather than the registry's extensions: an extension costs a boxed insert and two locks a
//! span, and a look at a parent's costs as much again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::callsite::Meaning;
use super::clock::Moment;
use super::reading::{Manner, Reading};
use super::root::RootPart;
use super::sketch::Sketch;
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
    pub(crate) started: Moment,
    pub(crate) reading: Reading,
    /// What only a root has.
    pub(crate) root: Option<Box<RootPart>>,
}

/// Where a span stands, which all inside it share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The run's number, unique in its layer.
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

type Shard = HashMap<u64, Slot, FastHash>;

/// The open spans of one layer. No user's code may run while one of its guards is held.
#[derive(Debug)]
pub(crate) struct Table {
    shards: Box<[Padded]>,
    spans: Sketch,
    roots: Sketch,
}

/// A shard on cache lines of its own, as threads write their neighbours' all the time.
#[repr(align(128))]
#[derive(Debug, Default)]
struct Padded(Mutex<Shard>);

impl Table {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Padded::default()).collect();
        Self { shards, spans: Sketch::new(), roots: Sketch::new() }
    }

    #[inline]
    fn shard(&self, span: u64) -> MutexGuard<'_, Shard> {
        let shard = (FastHash.hash_one(span) >> 32) as usize % SHARDS;
        self.shards[shard].0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    pub(crate) fn insert(&self, span: u64, open: Box<Open>) {
        self.spans.add(span);
        if open.root.is_some() {
            self.roots.add(span);
        }
        if let Some(Slot::Through(_)) = self.shard(span).insert(span, Slot::Open(open)) {
            self.spans.remove(span);
        }
    }

    /// Remembers through which span one that does not matter is reached.
    pub(crate) fn insert_through(&self, span: u64, through: u64) {
        if let Entry::Vacant(free) = self.shard(span).entry(span) {
            self.spans.add(span);
            free.insert(Slot::Through(through));
        }
    }

    /// Runs `act` on an open span that matters.
    #[inline]
    pub(crate) fn with<T>(&self, span: u64, act: impl FnOnce(&mut Open) -> T) -> Option<T> {
        if !self.spans.may_have(span) {
            return None;
        }
        match self.shard(span).get_mut(&span) {
            Some(Slot::Open(open)) => Some(act(open)),
            _ => None,
        }
    }

    /// Runs `act` on an open span if it is a root.
    #[inline]
    pub(crate) fn with_root<T>(&self, span: u64, act: impl FnOnce(&mut Open) -> T) -> Option<T> {
        if !self.roots.may_have(span) {
            return None;
        }
        self.with(span, |open| open.root.is_some().then(|| act(open))).flatten()
    }

    /// What is known of a span: itself where it matters, or through which other it is reached.
    #[inline]
    pub(crate) fn find<T>(&self, span: u64, act: impl FnOnce(&mut Open) -> T) -> Option<Result<T, u64>> {
        if !self.spans.may_have(span) {
            return None;
        }
        match self.shard(span).get_mut(&span)? {
            Slot::Open(open) => Some(Ok(act(open))),
            Slot::Through(through) => Some(Err(*through)),
        }
    }

    #[inline]
    pub(crate) fn remove(&self, span: u64) -> Option<Box<Open>> {
        if !self.spans.may_have(span) {
            return None;
        }
        let slot = self.shard(span).remove(&span)?;
        self.spans.remove(span);
        match slot {
            Slot::Open(open) => {
                if open.root.is_some() {
                    self.roots.remove(span);
                }
                Some(open)
            }
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
