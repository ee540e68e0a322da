//! Bringing lines to the file, and what happens when it does not take them.

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::file::JournalFile;
use super::frame::Frame;
use super::line::{Head, Line};
use super::reader::Journaled;
use super::record::{Entry, Record};
use super::stats::JournalStats;
use crate::sink::{OpenError, say};

/// Lines that a disk may keep waiting, in bytes: some ten thousand calls. Beyond, they are lost.
const MAX_PENDING: usize = 4 << 20;

/// From here on, in bytes, a file that no run needs is begun anew.
const IDLE_SIZE: u64 = 64 << 10;

/// From here on, in bytes, a file is rewritten with what its runs come to. It takes some twenty milliseconds then, and
/// comes once in some thousand calls.
const FULL_SIZE: u64 = 2 << 20;

/// The file and what is on its way there.
pub(super) struct Output {
    file: JournalFile,
    head: Vec<u8>,
    /// Whole lines that are not in the file yet, or of the first one the rest.
    pending: Vec<u8>,
    pending_records: u64,
    size: u64,
    /// Where its last whole line ends.
    whole: u64,
    /// At which size the file is to be made smaller if no run needs it, and if some do.
    idle_at: u64,
    full_at: u64,
    /// Runs that the file is needed for.
    open: HashSet<u64>,
    stats: JournalStats,
    /// Records that were lost and are not in the file as such.
    untold: u64,
    said: bool,
    failed_since_flush: bool,
}

impl Output {
    pub(super) fn create(directory: &Path, frame: &Frame) -> Result<Self, OpenError> {
        let mut head = Vec::new();
        Line::Journal(Box::new(Head::of(frame))).write(&mut head);
        let file = JournalFile::create(directory, &head)?;
        let stats = JournalStats { path: file.path().to_owned(), ..JournalStats::default() };
        let size = head.len() as u64;
        Ok(Self {
            file,
            head,
            pending: Vec::new(),
            pending_records: 0,
            size,
            whole: size,
            idle_at: IDLE_SIZE,
            full_at: FULL_SIZE,
            open: HashSet::new(),
            stats,
            untold: 0,
            said: false,
            failed_since_flush: false,
        })
    }

    pub(super) fn stats(&self) -> JournalStats {
        JournalStats { open_runs: self.open.len() as u64, ..self.stats.clone() }
    }

    pub(super) fn recovered(&mut self, runs: u64) {
        self.stats.recovered += runs;
    }

    /// Puts a record behind those that wait.
    pub(super) fn add(&mut self, entry: Entry) {
        match entry.what {
            Record::Began(_) => drop(self.open.insert(entry.run)),
            Record::Delivered | Record::Forgotten => drop(self.open.remove(&entry.run)),
            _ => {}
        }
        self.stats.records += 1;
        if self.untold > 0 {
            let reason = self.stats.last_error.clone().unwrap_or_default();
            Line::Lost { records: self.untold, reason }.write(&mut self.pending);
            self.untold = 0;
        }
        Line::from(entry).write(&mut self.pending);
        self.pending_records += 1;
    }

    /// Counts records that came to nothing before they were lines.
    pub(super) fn lose(&mut self, records: u64, reason: &str) {
        self.stats.records += records;
        self.lost(records);
        self.fail(reason.to_owned());
    }

    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Writes what waits. What the file does not take waits on, up to a bound.
    pub(super) fn write(&mut self) {
        match self.write_pending() {
            Ok(()) => {
                self.stats.written += std::mem::take(&mut self.pending_records);
                self.stats.is_failing = false;
                if self.size >= if self.open.is_empty() { self.idle_at } else { self.full_at } {
                    self.shrink();
                }
            }
            Err(error) => {
                self.stats.is_failing = true;
                self.fail(format!("{}: {error}", self.file.path().display()));
                if self.pending.len() > MAX_PENDING {
                    self.drop_pending();
                }
            }
        }
    }

    fn write_pending(&mut self) -> io::Result<()> {
        let mut written = 0;
        let outcome = loop {
            match self.pending.get(written..) {
                None | Some([]) => break Ok(()),
                Some(rest) => match self.file.append(rest) {
                    Ok(0) => break Err(ErrorKind::WriteZero.into()),
                    Ok(count) => written += count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => break Err(error),
                },
            }
        };
        if let Some(end) = self.pending[..written].iter().rposition(|byte| *byte == b'\n') {
            self.whole = self.size + end as u64 + 1;
        }
        self.pending.drain(..written);
        self.size += written as u64;
        outcome
    }

    fn drop_pending(&mut self) {
        self.pending.clear();
        // The first of them may be in the file in part, and a later one must not go on in its line.
        if self.whole < self.size {
            match self.file.cut(self.whole) {
                Ok(()) => self.size = self.whole,
                Err(_) => self.pending.push(b'\n'),
            }
        }
        let records = std::mem::take(&mut self.pending_records);
        self.lost(records);
    }

    fn lost(&mut self, records: u64) {
        self.stats.lost += records;
        self.untold += records;
    }

    fn fail(&mut self, reason: String) {
        self.failed_since_flush = true;
        if !std::mem::replace(&mut self.said, true) {
            say(&format!(
                "the journal cannot be written, so a kill now would lose what it should have kept; the runs go on: {reason}"
            ));
        }
        self.stats.last_error = Some(reason);
    }

    /// Makes the file smaller.
    fn shrink(&mut self) {
        let is_idle = self.open.is_empty();
        match self.shrunk(is_idle).and_then(|text| self.file.replace(&text).map(|()| text.len() as u64)) {
            Ok(size) => {
                (self.size, self.whole) = (size, size);
                self.idle_at = IDLE_SIZE.max(size * 2);
                self.full_at = FULL_SIZE.max(size * 4);
            }
            Err(reason) => {
                // It is whole as it is; the next attempt comes when it has doubled.
                self.idle_at = self.size * 2;
                self.full_at = self.size * 2;
                self.fail(format!("{} could not be made smaller: {reason}", self.file.path().display()));
            }
        }
    }

    fn shrunk(&self, is_idle: bool) -> io::Result<Vec<u8>> {
        let mut text = self.head.clone();
        if !is_idle {
            let whole = self.file.text()?;
            let journaled = Journaled::read(&whole).map_err(io::Error::other)?;
            text.extend(journaled.map(Journaled::compact).unwrap_or_default());
        }
        Ok(text)
    }

    /// Writes what waits, and brings all to the disk; why not, if it fails now or has failed since the last time.
    pub(super) fn flush(&mut self) -> Result<(), String> {
        self.write();
        if let Err(error) = self.file.sync() {
            self.fail(format!("{}: {error}", self.file.path().display()));
        }
        if !std::mem::replace(&mut self.failed_since_flush, false) {
            return Ok(());
        }
        let reason = self.stats.last_error.clone().unwrap_or_default();
        let (waiting, lost) = (self.pending_records, self.stats.lost);
        Err(format!("{reason} ({waiting} records wait, {lost} are lost)"))
    }

    /// Writes what waits; the file stays if a run needs it.
    pub(super) fn close(mut self) -> JournalStats {
        self.write();
        let waiting = std::mem::take(&mut self.pending_records);
        self.stats.lost += waiting;
        let stats = self.stats();
        let path = self.file.path().to_owned();
        let closed = if self.open.is_empty() { self.file.discard() } else { self.file.sync() };
        if let Err(error) = closed {
            say(&format!("the journal {} could not be closed: {error}", path.display()));
        }
        stats
    }
}
