//! Runs of processes that have died, found in their journals.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::file::{Claimed, JournalFile, journals_in};
use super::reader::Journaled;
use crate::summary::RunSummary;

/// Reads the journals of dead processes in a directory: their runs as far as they came, with status `interrupted`. A run
/// that had ended, and that no sink had yet, is told as it ended.
///
/// Journals of processes that live are left alone, the caller's own among them. What is returned is locked, so that nobody
/// else recovers it meanwhile, and stays where it is until it is [discarded](Recovery::discard): first put the runs where
/// they belong. A layer that is built with the same [`Builder::journal`](crate::Builder::journal) does all of that by
/// itself.
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
/// If the directory cannot be read. One that does not exist has no journals. A journal that cannot be read is in
/// [`Recovery::unreadable`].
pub fn recover(directory: impl AsRef<Path>) -> Result<Recovery, RecoverError> {
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

/// The journals of dead processes, locked and not read yet.
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
            Ok(Claimed::Ours(file)) => claims.files.push(file),
            Ok(Claimed::InUse) => claims.in_use += 1,
            Ok(Claimed::Gone) => {}
            Err(reason) => claims.unreadable.push((path, reason.to_string())),
        }
    }
    Ok(claims)
}

/// What [`recover`] has found. Dropping it leaves everything as it was.
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

    /// Journals that were left alone, as their processes live or somebody else is recovering them.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.in_use
    }

    /// Files that have a journal's name and could not be read, and why. They are left as they are.
    #[must_use]
    pub fn unreadable(&self) -> &[(PathBuf, String)] {
        &self.unreadable
    }

    /// Removes the journals, as their runs are where they belong.
    ///
    /// # Errors
    ///
    /// The first journal that cannot be removed; the others are.
    pub fn discard(self) -> io::Result<()> {
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
    /// Reads a journal; `None` if there is nothing in it. One that is not ours is left as it is.
    pub(crate) fn read(file: JournalFile) -> Result<Option<Self>, String> {
        let text = file.text().map_err(|reason| reason.to_string())?;
        let Some(mut journaled) = Journaled::read(&text).map_err(|reason| reason.to_string())? else {
            return Ok(None);
        };
        Ok(Some(Self {
            process: journaled.process,
            runs: journaled.summaries(),
            skipped: journaled.skipped,
            skipped_in_all: journaled.skipped_in_all,
            file,
        }))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The id that the process had.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.process
    }

    /// The runs that no sink had, oldest first.
    #[must_use]
    pub fn runs(&self) -> &[RunSummary] {
        &self.runs
    }

    /// Lines that could not be read, the first hundred of them. The last line of a process that was killed while it wrote
    /// is among them, cut short; nobody was told that it was there.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedLine] {
        &self.skipped
    }

    /// How many lines could not be read.
    #[must_use]
    pub fn skipped_in_all(&self) -> u64 {
        self.skipped_in_all
    }

    /// The lines that are damaged: all that could not be read but the last one, if that was cut short.
    pub(crate) fn damaged(&self) -> Vec<&SkippedLine> {
        self.skipped.iter().filter(|line| !line.is_cut_short).collect()
    }

    pub(crate) fn into_parts(mut self) -> (Vec<RunSummary>, Self) {
        (std::mem::take(&mut self.runs), self)
    }

    /// Removes the journal, as its runs are where they belong.
    ///
    /// # Errors
    ///
    /// If the file cannot be written or removed.
    pub fn discard(self) -> io::Result<()> {
        self.file.discard()
    }
}

/// A line of a journal that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
    /// It is the last line, and its process was killed while it wrote it: nobody was told that it was there.
    pub is_cut_short: bool,
}

impl fmt::Display for SkippedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// A directory whose journals cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("the journals in {path:?} cannot be listed: {reason}")]
pub struct RecoverError {
    path: PathBuf,
    reason: io::Error,
}
