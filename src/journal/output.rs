//! Writes records to the file as lines; keeps, counts and reports what the file does not take.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::file::{Damage, JournalFile};
use super::header::Header;
use super::reader::{JournalReader, NotAJournal};
use super::record::{Record, RunStart};
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

/// How long a file may be written before it is looked after: whether it is there, and whole. A look takes some microseconds, as
/// long as a write, so that one a second costs nothing. A flush, and a run that a sink gets next, look at once.
const LOOK: Duration = Duration::from_secs(1);

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
    /// Runs that need the file, with what names them: their lines may be cut off by another program.
    open: HashMap<u64, RunStart>,
    /// Records in the file, in as many lines.
    in_file: u64,
    /// When the file was last found there and whole.
    looked: Instant,
    /// Another program took the file away, and no other could be begun: what is written there is lost with this process.
    is_orphaned: bool,
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
            open: HashMap::new(),
            in_file: 0,
            looked: Instant::now(),
            is_orphaned: false,
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
            Record::Started { run, start, .. } => drop(self.open.insert(*run, start.name())),
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
        if self.looked.elapsed() >= LOOK { self.write_and_look() } else { self.write_lines() }
    }

    /// Writes the pending lines, into a new file if another program has removed, replaced or cut the old one.
    pub(super) fn write_and_look(&mut self) {
        // Also after a failure: a look a second is enough while the directory is gone.
        self.looked = Instant::now();
        if let Some(damage) = self.file.damage(self.size) {
            self.begin_anew(damage);
        }
        self.write_lines();
    }

    fn write_lines(&mut self) {
        if self.is_orphaned {
            return self.drop_beyond_room();
        }
        match self.write_pending() {
            Ok(()) => {
                let written = std::mem::take(&mut self.pending_records);
                self.in_file += written;
                self.stats.written += written;
                self.stats.is_failing = false;
                if self.size >= if self.open.is_empty() { self.idle_at } else { self.full_at } {
                    self.rewrite();
                }
            }
            Err(error) => {
                self.stats.is_failing = true;
                self.fail(format!("{}: {error}", self.file.path().display()));
                self.drop_beyond_room();
            }
        }
    }

    fn drop_beyond_room(&mut self) {
        if self.pending.len() > MAX_PENDING {
            self.drop_pending();
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

    /// Writes what the open runs come to into a new file, because another program damaged the old one. The lines that are still
    /// behind the handle are kept, and those that are not are counted as lost.
    fn begin_anew(&mut self, damage: Damage) {
        let reason = format!("{} {}", self.file.path().display(), damage.as_str());
        let begun = self.salvaged(&reason).and_then(|(text, lost)| {
            let file = self.file.create_beside(&text)?;
            Ok((file, text, lost))
        });
        match begun {
            Ok((file, text, lost)) => {
                self.stats.path = file.path().to_owned();
                let old = std::mem::replace(&mut self.file, file);
                self.is_orphaned = false;
                // What is left of it would be a second journal of the same runs. Best effort: it is often gone already.
                let _ = old.discard();
                self.end_broken_line();
                self.set_size(text.len() as u64, lines(&text));
                self.stats.written = self.stats.written.saturating_sub(lost);
                self.stats.lost += lost;
                self.failed_since_flush |= lost > 0;
                // Each time, since it is a person or a program who does this, and not a disk that fails every write.
                print_diagnostic(&format!(
                    "the journal {reason}, and continues as {}; {lost} of its records are lost",
                    self.stats.path.display()
                ));
                self.stats.last_error = Some(reason);
            }
            Err(error) => {
                self.is_orphaned = true;
                self.stats.is_failing = true;
                self.fail(format!("{reason}, and no other can be begun: {error}"));
            }
        }
    }

    /// The lines of a new file: those of the old one that are left, and the names of runs with lines that are gone.
    fn salvaged(&self, reason: &str) -> io::Result<(Vec<u8>, u64)> {
        let text = self.file.text()?;
        // What was written after the file had been cut to nothing has no header.
        let body = text.strip_prefix(self.header.as_slice()).unwrap_or(&text);
        let read = |starts: &[u8]| {
            let text = [&self.header, starts, body].concat();
            JournalReader::read(&text)?.ok_or_else(|| NotAJournal::Header("it is empty".to_owned()))
        };
        let known = read(&[]).map_err(io::Error::other)?;
        let mut starts = Vec::new();
        for (run, start) in self.open.iter().filter(|(run, _)| !known.knows(**run)) {
            Record::Started { run: *run, at: start.started, start: Box::new(start.clone()) }
                .write(&mut starts);
        }
        let mut journal = read(&starts).map_err(io::Error::other)?;
        let lost = self.in_file.saturating_sub(lines(body));
        if lost > 0 {
            journal.lose(lost, reason);
        }
        Ok(([self.header.clone(), journal.compact()].concat(), lost))
    }

    /// Counts the pending line of which the beginning was in the old file alone.
    fn end_broken_line(&mut self) {
        if self.whole < self.size
            && let Some(end) = self.pending.iter().position(|byte| *byte == b'\n')
        {
            self.pending.drain(..=end);
            self.pending_records = self.pending_records.saturating_sub(1);
            self.count_lost(1);
        }
    }

    fn set_size(&mut self, size: u64, lines: u64) {
        (self.size, self.whole) = (size, size);
        // Without the header.
        self.in_file = lines.saturating_sub(1);
        // Relative to what is left, or a file with large open runs would be rewritten on every write.
        self.idle_at = IDLE_SIZE.max(size * 2);
        self.full_at = FULL_SIZE.max(size * 4);
    }

    /// Rewrites the file with what its open runs come to.
    fn rewrite(&mut self) {
        let is_idle = self.open.is_empty();
        // A rename would put this file in the place of another program's.
        if let Some(damage) = self.file.damage(self.size) {
            return self.begin_anew(damage);
        }
        match self.compacted(is_idle).and_then(|text| self.file.replace(&text).map(|()| text)) {
            Ok(text) => self.set_size(text.len() as u64, lines(&text)),
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
        self.write_and_look();
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
        self.write_and_look();
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

fn lines(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}
