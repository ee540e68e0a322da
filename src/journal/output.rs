//! Writes records to the file as lines; keeps, counts and reports what the file does not take.

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::file::JournalFile;
use super::header::Header;
use super::reader::JournalReader;
use super::record::Record;
use crate::sink::{OpenError, print_diagnostic};

/// Most bytes of lines that wait for a file that cannot be written: some ten thousand calls. Records beyond it are lost,
/// because a disk that stays full must not take the program's memory as well.
const MAX_PENDING: usize = 4 << 20;

/// From this size in bytes on, a file that no run needs is rewritten with its header alone. A smaller one would be
/// rewritten after every few short runs.
const IDLE_SIZE: u64 = 64 << 10;

/// From this size in bytes on, a file is rewritten with the sums of its open runs. That takes some twenty milliseconds and
/// happens once in some thousand calls; without it, the file of a long run would grow without bound.
const FULL_SIZE: u64 = 2 << 20;

/// Figures of a layer's journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalStats {
    /// The file that is written.
    pub path: PathBuf,
    /// Records that runs gave to the journal.
    pub records: u64,
    /// Records in the file, which a kill of the process does not lose.
    pub written: u64,
    /// Records that never reached the file: it could not be written for too long, or was already closed.
    pub lost: u64,
    /// Runs that need the file: in flight, or not delivered to any sink yet.
    pub open_runs: u64,
    /// Runs of dead processes that were found when the layer was built.
    pub recovered: u64,
    /// Whether the last attempt to write the file failed.
    pub is_failing: bool,
    /// The error of the last failed attempt to write the file.
    pub last_error: Option<String>,
}

impl JournalStats {
    /// Records that are neither in the file nor lost.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.records.saturating_sub(self.written).saturating_sub(self.lost)
    }
}

/// The file, and the lines that are not in it yet.
pub(super) struct Output {
    file: JournalFile,
    /// The header's line, for rewriting the file.
    header: Vec<u8>,
    /// Whole lines that are not in the file yet; the first may be the rest of a line.
    pending: Vec<u8>,
    pending_records: u64,
    size: u64,
    /// Where the file's last whole line ends.
    whole: u64,
    /// The size from which on the file is rewritten while no run needs it.
    idle_at: u64,
    /// The size from which on the file is rewritten while runs need it.
    full_at: u64,
    /// Runs that need the file.
    open: HashSet<u64>,
    stats: JournalStats,
    /// Lost records that no `Lost` record in the file counts yet.
    unreported: u64,
    /// Whether a failure was reported on stderr.
    has_warned: bool,
    failed_since_flush: bool,
}

impl Output {
    pub(super) fn create(directory: &Path, header: &Header) -> Result<Self, OpenError> {
        let mut line = Vec::new();
        Record::Header(Box::new(header.clone())).write(&mut line);
        let file = JournalFile::create(directory, &line)?;
        let stats = JournalStats { path: file.path().to_owned(), ..JournalStats::default() };
        let size = line.len() as u64;
        Ok(Self {
            file,
            header: line,
            pending: Vec::new(),
            pending_records: 0,
            size,
            whole: size,
            idle_at: IDLE_SIZE,
            full_at: FULL_SIZE,
            open: HashSet::new(),
            stats,
            unreported: 0,
            has_warned: false,
            failed_since_flush: false,
        })
    }

    pub(super) fn stats(&self) -> JournalStats {
        JournalStats { open_runs: self.open.len() as u64, ..self.stats.clone() }
    }

    /// Counts runs of dead processes.
    pub(super) fn recovered(&mut self, runs: u64) {
        self.stats.recovered += runs;
    }

    /// Appends a record to the pending lines.
    pub(super) fn add(&mut self, record: &Record) {
        match record {
            Record::Started { run, .. } => drop(self.open.insert(*run)),
            Record::Delivered { run } | Record::Forgotten { run } => drop(self.open.remove(run)),
            _ => {}
        }
        self.stats.records += 1;
        // Before the record, so that a kill right after it leaves the loss in the file.
        if self.unreported > 0 {
            let reason = self.stats.last_error.clone().unwrap_or_default();
            Record::Lost { records: self.unreported, reason }.write(&mut self.pending);
            self.unreported = 0;
        }
        record.write(&mut self.pending);
        self.pending_records += 1;
    }

    /// Counts records that were refused before they reached this output.
    pub(super) fn refuse(&mut self, records: u64, reason: &str) {
        self.stats.records += records;
        self.count_lost(records);
        self.fail(reason.to_owned());
    }

    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Writes the pending lines. Lines that the file does not take stay pending, up to [`MAX_PENDING`].
    pub(super) fn write(&mut self) {
        match self.write_pending() {
            Ok(()) => {
                self.stats.written += std::mem::take(&mut self.pending_records);
                self.stats.is_failing = false;
                if self.size >= if self.open.is_empty() { self.idle_at } else { self.full_at } {
                    self.rewrite();
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
                    // A signal interrupted the call; nothing was written, and the next attempt works.
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => break Err(error),
                },
            }
        };
        // Also after an error: a full disk takes a part of the bytes, and those must not be written a second time.
        if let Some(end) = self.pending[..written].iter().rposition(|byte| *byte == b'\n') {
            self.whole = self.size + end as u64 + 1;
        }
        self.pending.drain(..written);
        self.size += written as u64;
        outcome
    }

    fn drop_pending(&mut self) {
        self.pending.clear();
        // The first pending line may be in the file in part. A later record would continue that line, and both would be
        // unreadable.
        if self.whole < self.size {
            match self.file.cut(self.whole) {
                Ok(()) => self.size = self.whole,
                Err(_) => self.pending.push(b'\n'),
            }
        }
        let records = std::mem::take(&mut self.pending_records);
        self.count_lost(records);
    }

    fn count_lost(&mut self, records: u64) {
        self.stats.lost += records;
        self.unreported += records;
    }

    /// Keeps the reason of a failure, and reports the first one on stderr.
    fn fail(&mut self, reason: String) {
        self.failed_since_flush = true;
        // Once: a full disk fails every write, and would fill the terminal as well.
        if !std::mem::replace(&mut self.has_warned, true) {
            print_diagnostic(&format!(
                "the journal cannot be written: {reason}; runs continue, but a kill now loses their latest records"
            ));
        }
        self.stats.last_error = Some(reason);
    }

    /// Rewrites the file with what its open runs come to.
    fn rewrite(&mut self) {
        let is_idle = self.open.is_empty();
        match self.compacted(is_idle).and_then(|text| self.file.replace(&text).map(|()| text.len() as u64)) {
            Ok(size) => {
                (self.size, self.whole) = (size, size);
                // Relative to what is left, or a file with large open runs would be rewritten on every write.
                self.idle_at = IDLE_SIZE.max(size * 2);
                self.full_at = FULL_SIZE.max(size * 4);
            }
            Err(reason) => {
                // The old file is whole. The next attempt waits until it has doubled, or each write would retry.
                self.idle_at = self.size * 2;
                self.full_at = self.size * 2;
                self.fail(format!("{} could not be rewritten: {reason}", self.file.path().display()));
            }
        }
    }

    fn compacted(&self, is_idle: bool) -> io::Result<Vec<u8>> {
        let mut text = self.header.clone();
        if !is_idle {
            // From the file, not from sums in memory: those would double what each open run needs, for a rare step.
            let whole = self.file.text()?;
            let journal = JournalReader::read(&whole).map_err(io::Error::other)?;
            text.extend(journal.map(JournalReader::compact).unwrap_or_default());
        }
        Ok(text)
    }

    /// Writes the pending lines, and syncs the file to the disk.
    ///
    /// # Errors
    ///
    /// The last error, if this fails or if a write has failed since the last flush.
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

    /// Writes the pending lines. Removes the file, unless a run needs it.
    pub(super) fn close(mut self) -> JournalStats {
        self.write();
        let waiting = std::mem::take(&mut self.pending_records);
        self.stats.lost += waiting;
        let stats = self.stats();
        let path = self.file.path().to_owned();
        let closed = if self.open.is_empty() { self.file.discard() } else { self.file.sync() };
        if let Err(error) = closed {
            print_diagnostic(&format!("the journal {} could not be closed: {error}", path.display()));
        }
        stats
    }
}
