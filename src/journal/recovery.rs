//! Recovers the runs of dead processes from their journals.

use std::io;
use std::path::{Path, PathBuf};

use super::file::{Claim, JournalFile, journals_in};
use super::reader::{JournalReader, SkippedLine};
use crate::summary::RunSummary;

/// Reads the journals of dead processes in a directory. Each run has the figures that were booked before the kill, and
/// status `interrupted`. A run that had ended without a delivery keeps its own status.
///
/// Journals of live processes, including the caller's own, are left alone. The returned journals are locked, so no other
/// process recovers them meanwhile. They stay in the directory until [`Recovery::discard`]: store the runs first. A layer
/// that is built with the same [`Builder::journal`](crate::Builder::journal) does all of this by itself.
///
/// ```
/// # let directory = std::env::temp_dir().join("tracing-budget-doc-recover");
/// let found = tracing_budget::journal::recover(&directory)?;
/// for run in found.runs() {
///     println!("{run}");
/// }
/// found.discard()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If the directory cannot be read. A directory that does not exist has no journals. A journal that cannot be read is in
/// [`Recovery::unreadable`].
pub fn recover(directory: impl AsRef<Path>) -> Result<Recovery, RecoverError> {
    // All locks before the first read: reading takes time, and a second process would recover the rest meanwhile.
    let claims = claim_all(directory.as_ref())?;
    let Claims { files, in_use, mut unreadable } = claims;
    let mut journals = Vec::new();
    for file in files {
        let path = file.path().to_owned();
        match RecoveredJournal::read(file) {
            Ok(Some(journal)) => journals.push(journal),
            Ok(None) => {}
            Err(reason) => unreadable.push((path, reason)),
        }
    }
    Ok(Recovery { journals, in_use, unreadable })
}

/// The journals of dead processes, locked and not yet read.
#[derive(Default)]
pub(crate) struct Claims {
    files: Vec<JournalFile>,
    in_use: usize,
    unreadable: Vec<(PathBuf, String)>,
}

impl Claims {
    /// The files, and those that could not be opened.
    pub(crate) fn into_parts(self) -> (Vec<JournalFile>, Vec<(PathBuf, String)>) {
        (self.files, self.unreadable)
    }
}

/// Locks the journals of dead processes.
pub(crate) fn claim_all(directory: &Path) -> Result<Claims, RecoverError> {
    let failed = |reason| RecoverError { path: directory.to_owned(), reason };
    let mut claims = Claims::default();
    for path in journals_in(directory).map_err(failed)? {
        match JournalFile::claim(&path) {
            Ok(Claim::Locked(file)) => claims.files.push(file),
            Ok(Claim::InUse) => claims.in_use += 1,
            Ok(Claim::Gone) => {}
            // Not an error of the whole search: the other journals can still be recovered.
            Err(reason) => claims.unreadable.push((path, reason.to_string())),
        }
    }
    Ok(claims)
}

/// The journals that [`recover`] found. Dropping it leaves them as they were.
#[derive(Debug)]
pub struct Recovery {
    journals: Vec<RecoveredJournal>,
    in_use: usize,
    unreadable: Vec<(PathBuf, String)>,
}

impl Recovery {
    /// The journals, oldest first.
    #[must_use]
    pub fn journals(&self) -> &[RecoveredJournal] {
        &self.journals
    }

    /// The runs of all journals, oldest first.
    pub fn runs(&self) -> impl Iterator<Item = &RunSummary> {
        self.journals.iter().flat_map(|journal| &journal.runs)
    }

    /// Number of journals that were left alone: their processes live, or another process is recovering them.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.in_use
    }

    /// Files with a journal's name that could not be read, and why. They are left as they are.
    #[must_use]
    pub fn unreadable(&self) -> &[(PathBuf, String)] {
        &self.unreadable
    }

    /// Removes the journals. Call it once their runs are stored.
    ///
    /// # Errors
    ///
    /// The error of the first journal that cannot be removed. The others are removed all the same.
    pub fn discard(self) -> io::Result<()> {
        // Collected before the first error returns: a journal that stays would deliver its runs again.
        let outcomes: Vec<_> = self.journals.into_iter().map(RecoveredJournal::discard).collect();
        outcomes.into_iter().collect()
    }
}

/// The journal of one dead process.
#[derive(Debug)]
pub struct RecoveredJournal {
    file: JournalFile,
    process: u32,
    runs: Vec<RunSummary>,
    skipped: Vec<SkippedLine>,
    skipped_in_all: u64,
}

impl RecoveredJournal {
    /// Reads a journal; `None` if it is empty. A file in another format is left as it is.
    pub(crate) fn read(file: JournalFile) -> Result<Option<Self>, String> {
        let text = file.text().map_err(|reason| reason.to_string())?;
        let Some(mut reader) = JournalReader::read(&text).map_err(|reason| reason.to_string())? else {
            return Ok(None);
        };
        Ok(Some(Self {
            process: reader.process(),
            runs: reader.summaries(),
            skipped: reader.skipped,
            skipped_in_all: reader.skipped_in_all,
            file,
        }))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The id of the process that wrote it.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.process
    }

    /// The runs that were not delivered to any sink, oldest first.
    #[must_use]
    pub fn runs(&self) -> &[RunSummary] {
        &self.runs
    }

    /// The first hundred lines that could not be read. The last line of a process that was killed while it wrote is among
    /// them, cut short: its write had not returned.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedLine] {
        &self.skipped
    }

    /// Number of lines that could not be read.
    #[must_use]
    pub fn skipped_in_all(&self) -> u64 {
        self.skipped_in_all
    }

    /// Damaged lines: those that could not be read, without a last line that was cut short.
    pub(crate) fn damaged(&self) -> Vec<&SkippedLine> {
        self.skipped.iter().filter(|line| !line.is_cut_short).collect()
    }

    pub(crate) fn into_parts(mut self) -> (Vec<RunSummary>, Self) {
        (std::mem::take(&mut self.runs), self)
    }

    /// Removes the journal. Call it once its runs are stored.
    ///
    /// # Errors
    ///
    /// If the file cannot be written or removed.
    pub fn discard(self) -> io::Result<()> {
        self.file.discard()
    }
}

/// The journals of a directory cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("the journals in {path:?} cannot be listed: {reason}")]
pub struct RecoverError {
    path: PathBuf,
    reason: io::Error,
}
