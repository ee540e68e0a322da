//! A journal's file: its name, its lock, and its removal.
//!
//! The operating system releases the lock when the process ends, however it ends. The lock belongs to the open file, so two
//! layers of one process do not recover each other's journals either.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::sink::{OpenError, private};

const PREFIX: &str = "journal-";
const SUFFIX: &str = ".jsonl";

/// A journal's file, open and locked.
#[derive(Debug)]
pub(crate) struct JournalFile {
    path: PathBuf,
    file: File,
}

/// What another program did to a file that is open here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    Removed,
    /// Its name is that of another file now.
    Replaced,
    /// It is shorter than what was written.
    CutShort,
}

impl Damage {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "was removed by another program",
            Self::Replaced => "was replaced by another program",
            Self::CutShort => "was cut short by another program",
        }
    }
}

/// The outcome of an attempt to lock the journal of a dead process.
pub(super) enum Claim {
    Locked(JournalFile),
    /// Its process lives, or another process is recovering it.
    InUse,
    /// The file was removed or is empty.
    Gone,
}

impl JournalFile {
    /// Creates a locked file for this process that begins with `header`.
    pub(super) fn create(directory: &Path, header: &[u8]) -> Result<Self, OpenError> {
        let create = |reason| OpenError::CreateDirectory { path: directory.to_owned(), reason };
        let absolute = std::path::absolute(directory).map_err(create)?;
        fs::create_dir_all(&absolute).map_err(create)?;
        // The process id is for people. Process ids are reused, so the UUID keeps two files apart.
        let name = format!("{PREFIX}{}-{}{SUFFIX}", Uuid::now_v7(), std::process::id());
        Self::create_as(absolute.join(name), header).map_err(|error| match error {
            CreateError::Write(reason) => OpenError::WriteDirectory { path: directory.to_owned(), reason },
            CreateError::Lock(reason) => OpenError::LockFile { path: directory.to_owned(), reason },
        })
    }

    /// Creates a file under a temporary name, and renames it once it is locked and has its header. Under its own name from the
    /// start, another process could lock it first and recover it.
    fn create_as(path: PathBuf, header: &[u8]) -> Result<Self, CreateError> {
        // Another extension, so that `journals_in` of another process does not list it.
        let temporary = path.with_extension("tmp");
        let mut file = private(&mut OpenOptions::new())
            .read(true)
            // The system moves each write to the end, also after `cut` made the file shorter.
            .append(true)
            // Never an existing file: it would be the journal of another process.
            .create_new(true)
            .open(&temporary)
            .map_err(CreateError::Write)?;
        let made = lock(&file).map_err(CreateError::Lock).and_then(|()| {
            file.write_all(header).and_then(|()| fs::rename(&temporary, &path)).map_err(CreateError::Write)
        });
        match made {
            Ok(()) => Ok(Self { path, file }),
            Err(error) => {
                // Best effort: a file that stays is no journal by its name, and the first error is the one to report.
                let _ = fs::remove_file(&temporary);
                Err(error)
            }
        }
    }

    /// Replaces the file by one with other contents.
    pub(super) fn replace(&mut self, text: &[u8]) -> io::Result<()> {
        let Self { file, .. } = Self::create_as(self.path.clone(), text).map_err(CreateError::into_io)?;
        let old = std::mem::replace(&mut self.file, file);
        // A process that opened the old file before the rename can lock it now. Empty, it counts as gone; otherwise its
        // runs would be delivered twice.
        old.set_len(0)
    }

    /// Creates a file with a new name beside this one, with other contents, and takes its place. The old name is left alone: it
    /// may be that of another program's file now.
    pub(super) fn create_beside(&self, text: &[u8]) -> io::Result<Self> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        Self::create(directory, text).map_err(|error| match error {
            OpenError::CreateDirectory { reason, .. }
            | OpenError::WriteDirectory { reason, .. }
            | OpenError::AppendFile { reason, .. }
            | OpenError::LockFile { reason, .. } => reason,
        })
    }

    /// What another program did to the file, if it should have this size at least. Two calls of `stat`.
    pub(super) fn damage(&self, size: u64) -> Option<Damage> {
        match self.path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Some(Damage::Removed),
            // The directory is not a directory any more.
            Err(error) if error.kind() == ErrorKind::NotADirectory => return Some(Damage::Removed),
            // Not known: the outcome of a write counts.
            Err(_) => return None,
            Ok(_) if !self.has_its_name() => return Some(Damage::Replaced),
            Ok(_) => {}
        }
        let is_short = self.len().is_ok_and(|len| len < size);
        is_short.then_some(Damage::CutShort)
    }

    /// Whether the file of this name is this one, and not one that another program put in its place.
    fn has_its_name(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let identity =
                |found: io::Result<fs::Metadata>| found.map(|found| (found.dev(), found.ino())).ok();
            identity(self.path.metadata()) == identity(self.file.metadata())
        }
        #[cfg(not(unix))]
        self.path.exists()
    }

    /// Locks the file of a dead process.
    pub(super) fn claim(path: &Path) -> io::Result<Claim> {
        // Opening a pipe would wait for its other end.
        match fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Claim::Gone),
            Ok(found) if !found.is_file() => return Err(io::Error::other("it is not a file")),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        let mut is_read_only = false;
        let file = match OpenOptions::new().read(true).append(true).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Claim::Gone),
            // Reading needs no writing. Not at first: NFS has no exclusive lock for a file that is open for reading alone.
            Err(error)
                if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) =>
            {
                is_read_only = true;
                File::open(path)?
            }
            other => other?,
        };
        // Never a lock that waits: the owner may live for days.
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(Claim::InUse),
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => {}
        }
        let locked = Self { path: path.to_owned(), file };
        // A process that recovered it between our open and our lock left it empty.
        if locked.len()? == 0 {
            if !is_read_only {
                locked.discard()?;
            }
            return Ok(Claim::Gone);
        }
        Ok(Claim::Locked(locked))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> io::Result<u64> {
        self.file.metadata().map(|metadata| metadata.len())
    }

    /// Appends to the file. Returns the number of bytes that were written, which may be fewer than given.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    /// Truncates the file to a size.
    pub(super) fn cut(&mut self, size: u64) -> io::Result<()> {
        self.file.set_len(size)
    }

    /// The whole contents.
    pub(super) fn text(&self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        // By its handle: the name may be gone, or another file's. The position does not matter to what is appended.
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut text)?;
        Ok(text)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        // The size is synced as well. `sync_all` would add the modification time, which has no use here.
        self.file.sync_data()
    }

    /// Removes the file. It is emptied first, because another process may have opened it and can lock it once this one
    /// closes: an empty file counts as gone.
    pub(super) fn discard(self) -> io::Result<()> {
        self.file.set_len(0)?;
        // Another program's file of this name is not ours to remove.
        if !self.has_its_name() {
            return Ok(());
        }
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

enum CreateError {
    Write(io::Error),
    Lock(io::Error),
}

impl CreateError {
    fn into_io(self) -> io::Error {
        match self {
            Self::Write(error) | Self::Lock(error) => error,
        }
    }
}

fn lock(file: &File) -> io::Result<()> {
    file.try_lock().map_err(|error| match error {
        TryLockError::Error(error) => error,
        TryLockError::WouldBlock => ErrorKind::WouldBlock.into(),
    })
}

/// The journals in a directory, oldest first. A directory that does not exist has none.
pub(super) fn journals_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            found.push(path);
        }
    }
    // The UUID in a name begins with the time, so names sort by age.
    found.sort();
    Ok(found)
}
