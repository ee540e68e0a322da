//! The room of a run: what few spans record of it, under one lock, and its ledger in parts. When its run has been delivered, the
//! room is used by another.
//!
//! # Invariants
//!
//! - Lock order: details, then a part. Never a part, then the details.
//! - A run becomes accountable, ends, and leaves its room under the lock of the details, so each happens once and in this order. The
//!   number in the details is that in the word of the parts, except while the room is being opened, when no thread knows it.
//! - Details and parts that are read together are those of one run: the room cannot be closed while its details are locked.

use super::parts::{ACCOUNTABLE, EXPECTING, Parts, SEALED, Sealed};
use super::sync::{Mutex, MutexGuard};

/// What few spans record of a run.
pub(crate) trait RunDetails: Default {
    /// The number of the run that these are of; 0 for none.
    fn run(&self) -> u64;
}

/// A room for a run in flight.
#[derive(Debug)]
pub(crate) struct Room<D, P> {
    /// The ledger, and the word with the number of the run that the room belongs to.
    pub(crate) parts: Parts<P>,
    details: Mutex<D>,
}

/// A thread's part of a run, with the run's flags and its journal.
pub(crate) type Write<'a, P, J> = (MutexGuard<'a, P>, u64, Option<J>);

impl<D: RunDetails, P: Default> Room<D, P> {
    pub(crate) fn new() -> Self {
        Self { parts: Parts::new(), details: Mutex::new(D::default()) }
    }

    /// Gives the room to a run, with a number that was never used before.
    pub(crate) fn open(&self, run: u64, flags: u64, prepare: impl FnOnce(&mut D)) {
        prepare(&mut self.details.lock());
        // Last: a thread that finds the number also finds what was prepared.
        self.parts.open(run, flags);
    }

    /// The details of a run; `None` if the room belongs to another by now.
    pub(crate) fn details(&self, run: u64) -> Option<MutexGuard<'_, D>> {
        let details = self.details.lock();
        if details.run() == run { Some(details) } else { None }
    }

    /// The details of a run that has not ended. It cannot end while they are locked.
    pub(crate) fn open_details(&self, run: u64) -> Option<MutexGuard<'_, D>> {
        let details = self.details(run)?;
        let is_open = self.parts.flags(run).is_some_and(|flags| flags & SEALED == 0);
        if is_open { Some(details) } else { None }
    }

    /// Makes a run accountable. Returns its details if it was not, and has not ended.
    ///
    /// The flag is raised before a journal takes what the parts have, and the details stay locked until it has: a write that
    /// does not see the flag is in its part by then, and one that sees it waits for the journal.
    pub(crate) fn begin(&self, run: u64) -> Option<MutexGuard<'_, D>> {
        let details = self.details(run)?;
        if self.parts.raise(ACCOUNTABLE) { Some(details) } else { None }
    }

    /// Ends a run: it takes nothing more. Returns its details if it had not ended: of two threads that end a run, only one
    /// delivers it.
    pub(crate) fn seal(&self, run: u64) -> Option<MutexGuard<'_, D>> {
        let details = self.details(run)?;
        if self.parts.raise(SEALED) { Some(details) } else { None }
    }

    /// A thread's part, with the flags of the run, and its journal if it has one.
    pub(crate) fn write<J>(
        &self,
        run: u64,
        thread: usize,
        is_journaled: bool,
        journal: impl Fn(&D) -> Option<J>,
    ) -> Result<Write<'_, P, J>, Sealed> {
        loop {
            // Before the part is locked (lock order). Without a journal, no thread waits for another here.
            let found =
                if is_journaled { self.details(run).and_then(|details| journal(&details)) } else { None };
            let (part, flags) = self.parts.write(run, thread)?;
            if is_journaled && found.is_none() && flags & ACCOUNTABLE != 0 {
                // The run became accountable after the journal was looked up: what is written without it would be in no record.
                continue;
            }
            return Ok((part, flags, found));
        }
    }

    /// Has writers look for what a run waits for, unless a part has it already. `wait` keeps what that is; `has` is whether a part
    /// has it; `met` takes it out, and returns whether the run waits for more.
    pub(crate) fn expect(
        &self,
        run: u64,
        wait: impl FnOnce(&mut D),
        has: impl Fn(&P) -> bool,
        met: impl FnOnce(&mut D) -> bool,
    ) {
        let Some(mut details) = self.details(run) else { return };
        wait(&mut details);
        self.parts.raise(EXPECTING);
        // After the flag was raised: a write that does not see the flag is in its part by then.
        let mut is_met = false;
        self.parts.for_each(|part| is_met |= has(part));
        if is_met && !met(&mut details) {
            self.parts.lower(EXPECTING);
        }
    }

    /// Takes out what a run waits for, once it was written. `met` returns whether the run waits for more.
    pub(crate) fn meet(&self, run: u64, met: impl FnOnce(&mut D) -> bool) {
        let Some(mut details) = self.details(run) else { return };
        if !met(&mut details) {
            self.parts.lower(EXPECTING);
        }
    }

    /// Runs `act` on each part of a run, and returns its details; `None` if the room belongs to another by now.
    ///
    /// The details are locked first and stay so: otherwise the room could be closed and taken by another run in between, and
    /// the figures would be of both.
    pub(crate) fn read(&self, run: u64, act: impl FnMut(&mut P)) -> Option<MutexGuard<'_, D>> {
        let details = self.details(run)?;
        self.parts.for_each(act);
        Some(details)
    }

    /// Ends the use of the room by a run, unless it has one of these flags. Returns whether it did.
    ///
    /// Under the lock of the details, so that only one caller closes it, and none while its figures are read.
    pub(crate) fn close(
        &self,
        run: u64,
        unless: u64,
        clear_part: impl FnMut(&mut P),
        clear: impl FnOnce(&mut D),
    ) -> bool {
        let Some(mut details) = self.details(run) else { return false };
        let is_closed = self.parts.close(unless, clear_part);
        if is_closed {
            clear(&mut details);
        }
        is_closed
    }
}
