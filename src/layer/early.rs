//! The queue of what closes before the price book is read, in the first tenth of a second of a program.
//!
//! # Invariants
//!
//! - In the order of their closes. What closes while the worker settles others waits behind them.
//! - Lock order: the queue, then a slot. The worker holds neither while it settles.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::happened::Happened;

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

/// What waits.
#[derive(Debug)]
pub(crate) enum Early {
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

    /// The same, no longer than a time.
    pub(crate) fn wait_for(&self, timeout: Duration) {
        let mut waiting = self.waiting.lock();
        self.ended.wait_while_for(&mut waiting, |_| !self.is_over(), timeout);
    }

    /// Where to wait; none if that is over.
    pub(crate) fn place(&self) -> Option<MutexGuard<'_, VecDeque<Early>>> {
        let mut waiting = self.waiting.lock();
        while waiting.len() >= MOST && !self.is_over() {
            self.ended.wait(&mut waiting);
        }
        (!self.is_over()).then_some(waiting)
    }

    /// The next that waits; `None` ends the wait.
    pub(crate) fn next(&self) -> Option<Early> {
        let mut waiting = self.waiting.lock();
        let next = waiting.pop_front();
        if next.is_none() {
            self.is_over.store(true, Ordering::Release);
            self.ended.notify_all();
        }
        next
    }
}
