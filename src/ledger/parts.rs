//! The parts of a run's ledger, one per thread, and the word that names their run and whether it takes more.
//!
//! # Invariants
//!
//! - A write is in the run's summary, or its caller knows that it is not: the word is read under the lock of the part, and a reader
//!   that sealed the run takes the lock of every part afterwards.
//! - A run's number is never used again, so a late write never reaches the next run in the same place.
//! - Only [`Room`](super::room::Room) changes the word, under the lock of the run's details. Writers only read it.

use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering, PARTS};

/// Bits of the word beside the run's number.
const FLAGS: u32 = 4;

/// The run takes nothing more.
pub(crate) const SEALED: u64 = 1;
/// More than the ledger has to know what is written: limits, or the journal.
pub(crate) const WATCHED: u64 = 2;
/// Something accountable has happened in the run.
pub(crate) const ACCOUNTABLE: u64 = 4;
/// The run waits for a call that a log line reported.
pub(crate) const EXPECTING: u64 = 8;

/// Parts of one run's ledger at a time. Pooled: the next run in the same place has another number.
#[derive(Debug)]
pub(crate) struct Parts<T> {
    /// The run's number and its flags; 0 for no run.
    word: AtomicU64,
    parts: Box<[Part<T>; PARTS]>,
}

// Two cache lines: processors fetch lines in pairs, so that parts of two threads on one pair would slow each other down.
#[repr(align(128))]
#[derive(Debug)]
struct Part<T>(Mutex<T>);

/// The run takes nothing more, or is another one by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sealed;

impl<T: Default> Parts<T> {
    pub(crate) fn new() -> Self {
        // Made where they stay: the array is too large to be built on the stack of a small thread.
        let parts: Vec<Part<T>> = (0..PARTS).map(|_| Part(Mutex::new(T::default()))).collect();
        let Ok(parts) = parts.try_into() else { unreachable!("there are as many as were made") };
        Self { word: AtomicU64::new(0), parts }
    }

    /// Begins a run with a number that was never used before.
    pub(super) fn open(&self, run: u64, flags: u64) {
        // Release: a thread that finds the number also sees what was prepared for the run.
        self.word.store(run << FLAGS | flags, Ordering::Release);
    }

    /// The flags of a run, or `None` if the place belongs to another.
    // Inlined: one load and a shift.
    #[inline]
    pub(crate) fn flags(&self, run: u64) -> Option<u64> {
        // Acquire pairs with the Release in `open` and `raise`.
        let word = self.word.load(Ordering::Acquire);
        (word >> FLAGS == run && run != 0).then_some(word & ((1 << FLAGS) - 1))
    }

    /// The number of the run in this place; 0 for none.
    pub(crate) fn run(&self) -> u64 {
        self.word.load(Ordering::Acquire) >> FLAGS
    }

    /// Raises a flag, and returns whether that was not raised before; `false` if the run is sealed. So of two threads that seal a run
    /// only one succeeds, and what it finds raised stays as it is.
    pub(super) fn raise(&self, flag: u64) -> bool {
        // Relaxed: the word only changes under the lock of the details, which the caller holds.
        let word = self.word.load(Ordering::Relaxed);
        let is_new = word & (flag | SEALED) == 0;
        if is_new {
            self.word.store(word | flag, Ordering::Release);
        }
        is_new
    }

    /// Lowers a flag. The caller holds the lock of the details.
    pub(super) fn lower(&self, flag: u64) {
        self.word.store(self.word.load(Ordering::Relaxed) & !flag, Ordering::Release);
    }

    /// A thread's part, with the flags of the run under the part's lock.
    // Inlined: a modulo, a compare-and-swap, a load and a test.
    #[inline(always)]
    pub(crate) fn write(&self, run: u64, thread: usize) -> Result<(MutexGuard<'_, T>, u64), Sealed> {
        let part = self.parts[thread % PARTS].0.lock();
        // Read under the lock: `seal` raises the flag, and the summary then takes every part's lock. A write is either before the
        // summary in the part's order of locks, or sees the flag. Read before the lock, an amount could be added to a part that
        // the summary has read already, and would be lost without a trace.
        match self.flags(run) {
            Some(flags) if flags & SEALED == 0 => Ok((part, flags)),
            _ => Err(Sealed),
        }
    }

    /// Runs `act` on each part, one after the other: with all locked at once, every thread that writes to the run would wait.
    pub(crate) fn for_each(&self, mut act: impl FnMut(&mut T)) {
        self.parts.iter().for_each(|part| act(&mut part.0.lock()));
    }

    /// Ends the use of this place by its run, unless one of these flags is raised: what is written from here on is late. `clear`
    /// empties each part. Returns `false`, without effect, if a flag is raised. The caller holds the lock of the details.
    pub(super) fn close(&self, unless: u64, mut clear: impl FnMut(&mut T)) -> bool {
        if self.word.load(Ordering::Relaxed) & unless != 0 {
            return false;
        }
        // Before the parts are cleared: a write that found the run before this store is in its part before the part is cleared, as
        // it holds the part's lock.
        self.word.store(0, Ordering::Release);
        self.for_each(&mut clear);
        true
    }
}
