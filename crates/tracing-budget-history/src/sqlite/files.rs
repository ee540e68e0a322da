//! Which files are at the path of a history: noticing that they were removed, replaced or cut while they are open.
//!
//! A connection keeps its files when their names are gone, and would store runs where no process finds them. So the writer looks
//! at the names before each transaction, and once more before it answers that a run is stored.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// A file, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

/// A file and its length at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: FileId,
    pub(super) length: u64,
}

/// Returns the file at this path, if there is one.
pub(super) fn look(path: &Path) -> Result<Option<Seen>, StoreError> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some(Seen { id: id(&found), length: found.len() })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::Unreadable { path: path.to_owned(), reason: error.to_string() }),
    }
}

#[cfg(unix)]
fn id(file: &fs::Metadata) -> FileId {
    use std::os::unix::fs::MetadataExt as _;
    FileId { device: file.dev(), inode: file.ino() }
}

/// Windows neither removes nor replaces a file that SQLite has open.
#[cfg(not(unix))]
fn id(_: &fs::Metadata) -> FileId {
    FileId { device: 0, inode: 0 }
}

/// The file beside a database with this ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// What became of the files that a connection has open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The database has no name any more.
    Removed,
    /// Another file has its name.
    Replaced,
    /// It has no byte any more.
    Emptied,
    /// The log beside it, or its index, was removed or replaced.
    LogRemoved,
}

impl Change {
    /// The change as a part of a sentence about the history.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "was removed",
            Self::Replaced => "was replaced",
            Self::Emptied => "was emptied",
            Self::LogRemoved => "lost the log beside it",
        }
    }
}

/// The files of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenFiles {
    database: Seen,
    log: Option<FileId>,
    index: Option<FileId>,
}

impl OpenFiles {
    /// The files at this path, right after a connection opened them; `None` if they are gone already.
    pub(super) fn at(path: &Path) -> Result<Option<Self>, StoreError> {
        let Some(database) = look(path)? else { return Ok(None) };
        let beside = |ending| Ok::<_, StoreError>(look(&beside(path, ending))?.map(|seen| seen.id));
        Ok(Some(Self { database, log: beside("-wal")?, index: beside("-shm")? }))
    }

    /// Returns what has changed since the last call.
    ///
    /// # Errors
    ///
    /// If the file was cut: what is left is no history that could be written.
    pub(super) fn change(&mut self, path: &Path) -> Result<Option<Change>, StoreError> {
        let Some(now) = Self::at(path)? else { return Ok(Some(Change::Removed)) };
        if now.database.id != self.database.id {
            return Ok(Some(Change::Replaced));
        }
        if now.database.length < self.database.length {
            if now.database.length == 0 {
                return Ok(Some(Change::Emptied));
            }
            // A `VACUUM` of another process makes it shorter as well, and its header has the new length.
            check_length(path)?;
        }
        // SQLite makes both files with the first transaction, and keeps them while a connection is open.
        if self.log.is_some() && now.log != self.log || self.index.is_some() && now.index != self.index {
            return Ok(Some(Change::LogRemoved));
        }
        *self = now;
        Ok(None)
    }

    /// Removes the log of a database that is gone. SQLite would take it for that of the file that has the name now, and
    /// write its pages there.
    pub(super) fn remove_log(&self, path: &Path) {
        for (ending, id) in [("-wal", self.log), ("-shm", self.index)] {
            let name = beside(path, ending);
            // Another file than the one that this connection had belongs to the new database.
            if id.is_some() && look(&name).is_ok_and(|seen| seen.map(|seen| seen.id) == id) {
                let _ = fs::remove_file(name);
            }
        }
    }
}

/// Fails if a file is shorter than its header states.
pub(super) fn check_length(path: &Path) -> Result<(), StoreError> {
    let unreadable =
        |reason: std::io::Error| StoreError::Unreadable { path: path.to_owned(), reason: reason.to_string() };
    let mut header = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?.len();
    file.take(HEADER).read_to_end(&mut header).map_err(unreadable)?;
    match expected_length(&header) {
        Some(expected) if found >= expected => Ok(()),
        expected => {
            let reason = format!("it has {found} bytes of {}", expected.unwrap_or(HEADER));
            Err(StoreError::Corrupt { path: path.to_owned(), reason })
        }
    }
}

/// Bytes of SQLite's header.
pub(super) const HEADER: u64 = 100;

/// The length of a file by its header: the size of a page times their number. `None` if the header is cut.
fn expected_length(header: &[u8]) -> Option<u64> {
    let number = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let page_size = match u64::from(number(16)? >> 16) {
        1 => 65_536,
        size => size,
    };
    Some(page_size * u64::from(number(28)?))
}
