//! The journal of one layer: the queue of records, and the thread that writes them to the file.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::header::Header;
use super::output::{JournalStats, Output};
use super::record::Record;
use crate::sink::OpenError;

/// Most records that wait for the journal's thread: some thirty megabytes. Further ones are lost and counted, because the
/// pipeline must not wait for the disk.
const MAX_WAITING: usize = 1 << 16;

/// From this number of waiting records on, the thread writes at once. Otherwise a burst within one pause would reach
/// [`MAX_WAITING`].
const EAGER: usize = 1 << 12;

/// How much of what was spent a kill of the process may lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JournalBound {
    /// Nothing: a record is in the file before the closing of its span, or the event, returns. Each costs one write to the
    /// page cache, some microseconds, on the thread of the pipeline. No other part of this crate does I/O there.
    EveryRecord,
    /// What was booked within about this time before the kill. A thread of the journal writes; the pipeline only queues
    /// records. Less than a millisecond counts as one.
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
    /// The moment of the header's origin.
    origin: Instant,
}

/// State of the pipeline's threads and the journal's own thread.
///
/// Lock order: `output`, then `waiting`. The other order would deadlock with [`take_waiting`](Self::take_waiting), which takes
/// the second while it holds the first. It has to: records must reach the file in the order of the queue.
struct Shared {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    /// The final statistics once the journal is closed.
    output: Mutex<Result<Output, JournalStats>>,
}

/// Records that the thread has not taken yet.
#[derive(Default)]
struct Waiting {
    records: Vec<Record>,
    /// Records beyond [`MAX_WAITING`].
    refused: u64,
    /// The thread waits for a first record.
    is_asleep: bool,
    is_closed: bool,
}

impl Journal {
    /// Creates the journal's file, and starts its thread if the bound needs one.
    ///
    /// # Errors
    ///
    /// If the directory or a file in it cannot be created or locked, or no thread can be started.
    pub(crate) fn open(
        directory: &Path,
        bound: JournalBound,
        header: &Header,
        origin: Instant,
    ) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            wake: Condvar::new(),
            output: Mutex::new(Ok(Output::create(directory, header)?)),
        });
        let thread = match bound {
            JournalBound::EveryRecord => None,
            JournalBound::Every(bound) => {
                let shared = Arc::clone(&shared);
                let name = thread::Builder::new().name("tracing-budget-journal".to_owned());
                let write = |reason| OpenError::WriteDirectory { path: directory.to_owned(), reason };
                // Half of the bound for waiting, the rest for waking up and writing. No less than half a millisecond, or
                // the thread would spin.
                let pause = bound.max(Duration::from_millis(1)) / 2;
                Some(name.spawn(move || shared.keep_writing(pause)).map_err(write)?)
            }
        };
        Ok(Self { shared, thread: Mutex::new(thread), bound, origin })
    }

    /// Nanoseconds since the header's origin.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Writes a record, or queues it for the thread.
    pub(super) fn append(&self, record: Record) {
        match self.bound {
            JournalBound::EveryRecord => match &mut *self.shared.output() {
                Ok(output) => {
                    output.add(&record);
                    output.write();
                }
                Err(closed) => refuse(closed),
            },
            JournalBound::Every(_) => self.shared.queue(record),
        }
    }

    /// Writes all records that wait, without a sync. Lines that the file does not take stay pending, as ever.
    pub(super) fn write(&self) {
        let mut output = self.shared.output();
        self.shared.take_waiting(&mut output);
        if let Ok(output) = &mut *output {
            output.write_and_look();
        }
    }

    /// Counts runs that were found in journals of dead processes.
    pub(crate) fn recovered(&self, runs: u64) {
        match &mut *self.shared.output() {
            Ok(output) => output.recovered(runs),
            Err(closed) => closed.recovered += runs,
        }
    }

    /// Syncs all records to the disk.
    ///
    /// # Errors
    ///
    /// Why records are not on the disk, or were lost since the last flush.
    pub(crate) fn flush(&self) -> Result<(), String> {
        let mut output = self.shared.output();
        self.shared.take_waiting(&mut output);
        output.as_mut().map_or(Ok(()), Output::flush)
    }

    /// The journal's figures.
    pub(crate) fn stats(&self) -> JournalStats {
        // Lock order: `output`, then `waiting`. Both are held, or a record on its way between them would be counted twice
        // or not at all.
        let output = self.shared.output();
        let waiting = self.shared.waiting();
        let mut stats = output.as_ref().map_or_else(Clone::clone, Output::stats);
        stats.records += waiting.records.len() as u64 + waiting.refused;
        stats.lost += waiting.refused;
        stats
    }

    /// Writes what waits and closes the file; removes it if no run needs it.
    pub(crate) fn close(&self) {
        self.shared.waiting().is_closed = true;
        self.shared.wake.notify_all();
        // The thread is joined without `output` or `waiting` held: it takes both before it ends.
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
    /// The output's lock. A poisoned lock is taken all the same: the journal's job is to outlive panics.
    fn output(&self) -> MutexGuard<'_, Result<Output, JournalStats>> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self, record: Record) {
        let mut waiting = self.waiting();
        if waiting.is_closed {
            // Lock order: `waiting` is released before `output` is taken.
            drop(waiting);
            if let Err(closed) = &mut *self.output() {
                refuse(closed);
            }
            return;
        }
        if waiting.records.len() >= MAX_WAITING {
            waiting.refused += 1;
            return;
        }
        waiting.records.push(record);
        // Only the first record and the one that makes a burst wake the thread: a wake-up is a system call on the
        // pipeline's thread.
        if std::mem::take(&mut waiting.is_asleep) || waiting.records.len() == EAGER {
            self.wake.notify_one();
        }
    }

    /// The thread's loop: waits for a record, then for `pause`, then writes.
    fn keep_writing(&self, pause: Duration) {
        let mut has_pending = false;
        loop {
            let mut waiting = self.waiting();
            // Lines that a full disk refused are retried after each pause, also when no record comes.
            while waiting.records.is_empty() && !waiting.is_closed && !has_pending {
                waiting.is_asleep = true;
                waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            let more = |waiting: &mut Waiting| !waiting.is_closed && waiting.records.len() < EAGER;
            let (waiting, _) =
                self.wake.wait_timeout_while(waiting, pause, more).unwrap_or_else(PoisonError::into_inner);
            let is_closed = waiting.is_closed;
            // Lock order: `waiting` is released before `output` is taken.
            drop(waiting);
            if is_closed {
                // `close` writes the rest.
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

    /// Moves the waiting records to the output. The caller holds the output's lock, so no other thread writes in between.
    fn take_waiting(&self, output: &mut Result<Output, JournalStats>) {
        // Lock order: `output` (the caller's), then `waiting`, which is released before the lines are made: the pipeline
        // waits for it.
        let (records, refused) = {
            let mut waiting = self.waiting();
            (std::mem::take(&mut waiting.records), std::mem::take(&mut waiting.refused))
        };
        let Ok(output) = output else { return };
        records.iter().for_each(|record| output.add(record));
        if refused > 0 {
            output.refuse(refused, "records came faster than they could be written");
        }
    }
}

/// Counts a record that came after the journal was closed.
fn refuse(closed: &mut JournalStats) {
    closed.records += 1;
    closed.lost += 1;
}
