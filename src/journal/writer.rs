//! The journal of one layer: the queue of records, and the thread that writes them to the file.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::MutexGuard as OutputGuard;

use super::header::Header;
use super::output::{JournalStats, Output};
use super::record::Record;
use crate::sink::{OpenError, Process, print_diagnostic};

/// Most records that wait for the journal's thread: some thirty megabytes. Further ones are lost and counted, because the
/// pipeline must not wait for the disk.
const MAX_WAITING: usize = 1 << 16;

/// From this number of waiting records on, the thread writes at once. Otherwise a burst within one pause would reach
/// [`MAX_WAITING`].
const EAGER: usize = 1 << 12;

/// The least time that a flush or a close gives the disk, also where the sinks took all of theirs. Milliseconds are enough for a
/// disk that answers at all, and without them what the sinks held up would not be written.
const LEAST: Duration = Duration::from_secs(1);

/// How long a question for the statistics waits for a write that is under way.
const STATS_WAIT: Duration = Duration::from_millis(100);

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
    is_closing: AtomicBool,
    process: Process,
    /// The statistics when they were last read, for a disk that does not answer.
    known: Mutex<JournalStats>,
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
    /// The final statistics once the journal is closed. Held while the file is written, which a disk that hangs makes for ever:
    /// no other thread than the writer's own may wait for it without a time limit. `std`'s lock has none.
    output: parking_lot::Mutex<Result<Output, JournalStats>>,
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
            output: parking_lot::Mutex::new(Ok(Output::create(directory, header)?)),
        });
        let known = shared.output().as_ref().map_or_else(Clone::clone, Output::stats);
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
        let (thread, known) = (Mutex::new(thread), Mutex::new(known));
        Ok(Self {
            shared,
            thread,
            is_closing: AtomicBool::new(false),
            process: Process::default(),
            known,
            bound,
            origin,
        })
    }

    /// Nanoseconds since the header's origin.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Writes a record, or queues it for the thread.
    pub(super) fn append(&self, record: Record) {
        match self.bound {
            // A fork shares the file with the process that it comes from, and its lines would be read as that one's.
            JournalBound::EveryRecord if self.process.is_another() => self.shared.waiting().refused += 1,
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

    /// Syncs all records to the disk. Waits no longer than the timeout, or a second if that is shorter.
    ///
    /// # Errors
    ///
    /// Why records are not on the disk, or were lost since the last flush.
    pub(crate) fn flush(&self, timeout: Duration) -> Result<(), String> {
        let timeout = timeout.max(LEAST);
        let flushed = self.within(timeout, |shared| {
            let mut output = shared.output();
            shared.take_waiting(&mut output);
            output.as_mut().map_or(Ok(()), Output::flush)
        });
        flushed.unwrap_or_else(|| Err(format!("the disk has not answered within {timeout:?}")))
    }

    /// The journal's figures. While the disk does not answer, those of the last call.
    pub(crate) fn stats(&self) -> JournalStats {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Lock order: `output`, then `waiting`. Both are held, or a record on its way between them would be counted twice
        // or not at all.
        let output = self.shared.output.try_lock_for(STATS_WAIT);
        match &output {
            Some(output) => *known = output.as_ref().map_or_else(Clone::clone, Output::stats),
            None => {
                known.is_failing = true;
                known.last_error = Some(format!("{}: the disk does not answer", known.path.display()));
            }
        }
        let waiting = self.shared.waiting();
        let mut stats = known.clone();
        stats.records += waiting.records.len() as u64 + waiting.refused;
        stats.lost += waiting.refused;
        stats
    }

    /// Writes what waits and closes the file; removes it if no run needs it. Waits no longer than the timeout, or a second if that
    /// is shorter. What the disk has not taken by then stays in memory.
    pub(crate) fn close(&self, timeout: Duration) {
        // The drop of the last owner closes as well, and must not wait a second time for a disk that hangs.
        if self.is_closing.swap(true, SeqCst) {
            return;
        }
        self.shared.waiting().is_closed = true;
        self.shared.wake.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if self.process.is_another() {
            return self.leave(thread);
        }
        let timeout = timeout.max(LEAST);
        let closed = self.within(timeout, move |shared| {
            // Joined without `output` or `waiting` held: the thread takes both before it ends.
            if let Some(thread) = thread {
                let _ = thread.join();
            }
            let mut output = shared.output();
            shared.take_waiting(&mut output);
            let closed = std::mem::replace(&mut *output, Err(JournalStats::default()));
            *output = Err(closed.map_or_else(|stats| stats, Output::close));
        });
        if closed.is_none() {
            let (records, path) = (self.stats().waiting(), self.stats().path);
            print_diagnostic(&format!(
                "timed out after {timeout:?} waiting for the journal {}; records still waiting: {records}",
                path.display()
            ));
        }
    }

    /// Closes the file without a write, in a fork of the process that it belongs to. An open file would keep its lock beyond the
    /// end of that process.
    fn leave(&self, thread: Option<JoinHandle<()>>) {
        // Its drop would detach a thread that this process does not have.
        std::mem::forget(thread);
        let stats = self.stats();
        // A lock that was held when the process was forked stays so.
        if let Some(mut output) = self.shared.output.try_lock() {
            *output = Err(stats);
        }
    }

    /// Does I/O on a thread of its own; `None` if that is not done within the timeout. No call of a file system has one.
    fn within<T: Send + 'static>(
        &self,
        timeout: Duration,
        work: impl FnOnce(&Shared) -> T + Send + 'static,
    ) -> Option<T> {
        let deadline = Instant::now() + timeout;
        // Of many calls only one has a thread that hangs: the others give up here.
        drop(self.shared.output.try_lock_for(timeout)?);
        let (answer, answered) = sync_channel(1);
        let shared = Arc::clone(&self.shared);
        let work = Arc::new(Mutex::new(Some(work)));
        let spawned = {
            let work = Arc::clone(&work);
            let name = thread::Builder::new().name("tracing-budget-journal-io".to_owned());
            name.spawn(move || {
                let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(work) = work {
                    let _ = answer.send(work(&shared));
                }
            })
        };
        if spawned.is_err() {
            // Without threads there is no other place: the records matter more than the time.
            let work = work.lock().unwrap_or_else(PoisonError::into_inner).take()?;
            return Some(work(&self.shared));
        }
        answered.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close(Duration::ZERO);
    }
}

impl Shared {
    /// The output's lock, which a panic leaves as it is: the journal's job is to outlive panics.
    fn output(&self) -> OutputGuard<'_, Result<Output, JournalStats>> {
        self.output.lock()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self, record: Record) {
        let mut waiting = self.waiting();
        // Counted here, and not at the output: a disk that hung when the journal was closed still holds that.
        if waiting.is_closed || waiting.records.len() >= MAX_WAITING {
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
        let output = match output {
            Ok(output) => output,
            Err(closed) => {
                let late = records.len() as u64 + refused;
                (closed.records, closed.lost) = (closed.records + late, closed.lost + late);
                return;
            }
        };
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

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    /// A write that never returns holds the output: no flush, close, question or late record waits for it.
    #[test]
    fn a_disk_that_hangs_holds_up_no_way_out() {
        for bound in [JournalBound::Every(Duration::from_secs(3_600)), JournalBound::EveryRecord] {
            let directory = std::env::temp_dir().join(format!("tracing-budget-hung-{}", std::process::id()));
            let header = Header::new(SystemTime::now());
            let journal = Journal::open(&directory, bound, &header, Instant::now());
            let journal = journal.unwrap_or_else(|error| panic!("{error}"));
            let held = journal.shared.output.lock();
            thread::scope(|scope| {
                let ways_out = scope.spawn(|| {
                    let error = journal.flush(Duration::ZERO).expect_err("the disk hangs");
                    assert!(error.contains("has not answered within 1s"), "{error}");
                    journal.close(Duration::ZERO);
                    journal.close(Duration::ZERO);
                    if bound != JournalBound::EveryRecord {
                        journal.append(Record::Delivered { run: 1 });
                    }
                    let stats = journal.stats();
                    assert!(stats.is_failing && stats.path.starts_with(&directory), "{stats:?}");
                    assert_eq!(stats.lost, u64::from(bound != JournalBound::EveryRecord));
                });
                let begun = Instant::now();
                // Far more than the three seconds; only a failure takes so long.
                while !ways_out.is_finished() && begun.elapsed() < Duration::from_secs(60) {
                    thread::sleep(Duration::from_millis(10));
                }
                assert!(ways_out.is_finished(), "it waits for the disk");
                drop(held);
            });
            drop(journal);
            let _ = std::fs::remove_dir_all(&directory);
        }
    }
}
