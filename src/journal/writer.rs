//! The journal of one layer: who brings the records to the file, and when.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::frame::Frame;
use super::output::Output;
use super::record::Entry;
use super::stats::JournalStats;
use crate::sink::OpenError;

/// Records that may wait for the journal's thread; some thirty megabytes. Beyond, they are lost, and counted.
const MAX_WAITING: usize = 1 << 16;

/// So many records are not kept waiting for the time to pass.
const EAGER: usize = 1 << 12;

/// What a killed process may lose of what it had spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JournalBound {
    /// Nothing: a record is in the file before the closing of its span, or the event, returns. Each costs one write to the
    /// page cache, some microseconds, on the thread of the pipeline; it is the only thing of this crate that
    /// does I/O there.
    EveryRecord,
    /// What was settled in about this time before the kill. A thread of the journal writes; the pipeline only hands over.
    /// Less than a millisecond counts as one.
    Every(Duration),
}

impl Default for JournalBound {
    /// The last 100 milliseconds.
    fn default() -> Self {
        Self::Every(Duration::from_millis(100))
    }
}

/// The journal of one layer.
pub(crate) struct Journal {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    bound: JournalBound,
    /// The moment of the frame's origin.
    origin: Instant,
}

struct Shared {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    /// None once it is closed. Taken before `waiting` by whoever takes both.
    output: Mutex<Result<Output, JournalStats>>,
}

/// Records that the thread has not taken yet.
#[derive(Default)]
struct Waiting {
    entries: Vec<Entry>,
    /// Records that found no room.
    refused: u64,
    /// The thread waits for a first record.
    is_asleep: bool,
    is_closed: bool,
}

impl Journal {
    /// Makes the journal's file, and starts its thread if it has one.
    ///
    /// # Errors
    ///
    /// If the directory or a file in it cannot be made or locked, or there is no thread.
    pub(crate) fn open(
        directory: &Path,
        bound: JournalBound,
        frame: &Frame,
        origin: Instant,
    ) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            wake: Condvar::new(),
            output: Mutex::new(Ok(Output::create(directory, frame)?)),
        });
        let thread = match bound {
            JournalBound::EveryRecord => None,
            JournalBound::Every(bound) => {
                let shared = Arc::clone(&shared);
                let name = thread::Builder::new().name("tracing-budget-journal".to_owned());
                let write = |reason| OpenError::WriteDirectory { path: directory.to_owned(), reason };
                // Half of it for waiting, the rest for being woken and for writing.
                let pause = bound.max(Duration::from_millis(1)) / 2;
                Some(name.spawn(move || shared.keep_writing(pause)).map_err(write)?)
            }
        };
        Ok(Self { shared, thread: Mutex::new(thread), bound, origin })
    }

    /// Nanoseconds since the frame's origin.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Takes a record.
    pub(super) fn append(&self, entry: Entry) {
        match self.bound {
            JournalBound::EveryRecord => match &mut *self.shared.output() {
                Ok(output) => {
                    output.add(entry);
                    output.write();
                }
                Err(closed) => refuse_after_the_end(closed),
            },
            JournalBound::Every(_) => self.shared.hand_over(entry),
        }
    }

    /// Counts runs that were found in journals of dead processes.
    pub(crate) fn recovered(&self, runs: u64) {
        match &mut *self.shared.output() {
            Ok(output) => output.recovered(runs),
            Err(closed) => closed.recovered += runs,
        }
    }

    /// Brings all records to the disk; why not, if they are not, or if records were lost since this was last asked.
    pub(crate) fn flush(&self) -> Result<(), String> {
        let mut output = self.shared.output();
        self.shared.take_waiting(&mut output);
        output.as_mut().map_or(Ok(()), Output::flush)
    }

    /// How it stands.
    pub(crate) fn stats(&self) -> JournalStats {
        let output = self.shared.output();
        let waiting = self.shared.waiting();
        let mut stats = output.as_ref().map_or_else(Clone::clone, Output::stats);
        stats.records += waiting.entries.len() as u64 + waiting.refused;
        stats.lost += waiting.refused;
        stats
    }

    /// Writes what waits and lets the file go: away, if no run needs it.
    pub(crate) fn close(&self) {
        self.shared.waiting().is_closed = true;
        self.shared.wake.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        let mut output = self.shared.output();
        self.shared.take_waiting(&mut output);
        let closed = std::mem::replace(&mut *output, Err(JournalStats::default()));
        *output = Err(closed.map_or_else(|stats| stats, Output::close));
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn output(&self) -> MutexGuard<'_, Result<Output, JournalStats>> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_over(&self, entry: Entry) {
        let mut waiting = self.waiting();
        if waiting.is_closed {
            drop(waiting);
            if let Err(closed) = &mut *self.output() {
                refuse_after_the_end(closed);
            }
            return;
        }
        if waiting.entries.len() >= MAX_WAITING {
            waiting.refused += 1;
            return;
        }
        waiting.entries.push(entry);
        if std::mem::take(&mut waiting.is_asleep) || waiting.entries.len() == EAGER {
            self.wake.notify_one();
        }
    }

    /// The thread's work.
    fn keep_writing(&self, pause: Duration) {
        let mut has_pending = false;
        loop {
            let mut waiting = self.waiting();
            while waiting.entries.is_empty() && !waiting.is_closed && !has_pending {
                waiting.is_asleep = true;
                waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            let more = |waiting: &mut Waiting| !waiting.is_closed && waiting.entries.len() < EAGER;
            let (waiting, _) =
                self.wake.wait_timeout_while(waiting, pause, more).unwrap_or_else(PoisonError::into_inner);
            let is_closed = waiting.is_closed;
            drop(waiting);
            if is_closed {
                // Whoever closes writes the rest.
                return;
            }
            let mut output = self.output();
            self.take_waiting(&mut output);
            if let Ok(output) = &mut *output {
                output.write();
                has_pending = output.has_pending();
            }
        }
    }

    /// Makes lines of what waits.
    fn take_waiting(&self, output: &mut Result<Output, JournalStats>) {
        let (entries, refused) = {
            let mut waiting = self.waiting();
            (std::mem::take(&mut waiting.entries), std::mem::take(&mut waiting.refused))
        };
        let Ok(output) = output else { return };
        entries.into_iter().for_each(|entry| output.add(entry));
        if refused > 0 {
            output.lose(refused, "more came than could be written");
        }
    }
}

/// A record that came after the guard was dropped.
fn refuse_after_the_end(closed: &mut JournalStats) {
    closed.records += 1;
    closed.lost += 1;
}
