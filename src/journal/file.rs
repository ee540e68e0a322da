//! A journal's file: its name, its lock, and its end.
//!
//! The lock is the operating system's and goes with the process, however that ends. It belongs to the open file, so two
//! layers of one process do not take each other's journals either.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::sink::OpenError;

const PREFIX: &str = "journal-";
const SUFFIX: &str = ".jsonl";

/// A journal's file, open and locked.
#[derive(Debug)]
pub(crate) struct JournalFile {
    path: PathBuf,
    file: File,
}

/// What became of a file that somebody wanted to take over.
pub(super) enum Claimed {
    Ours(JournalFile),
    /// Its process lives, or somebody else is recovering it.
    InUse,
    /// It is gone, or there is nothing in it.
    Gone,
}

impl JournalFile {
    /// Makes a file for this process and locks it; its first bytes are `head`.
    pub(super) fn create(directory: &Path, head: &[u8]) -> Result<Self, OpenError> {
        let create = |reason| OpenError::CreateDirectory { path: directory.to_owned(), reason };
        let absolute = std::path::absolute(directory).map_err(create)?;
        fs::create_dir_all(&absolute).map_err(create)?;
        // The process's id is for people. Ids are used again, so it is the other part that tells two files apart.
        let name = format!("{PREFIX}{}-{}{SUFFIX}", Uuid::now_v7(), std::process::id());
        Self::create_as(absolute.join(name), head).map_err(|error| match error {
            NotMade::Write(reason) => OpenError::WriteDirectory { path: directory.to_owned(), reason },
            NotMade::Lock(reason) => OpenError::LockFile { path: directory.to_owned(), reason },
        })
    }

    /// Makes a file. It has its name only once it is locked and has its head, or whoever looks for journals of dead
    /// processes could take it for one.
    fn create_as(path: PathBuf, head: &[u8]) -> Result<Self, NotMade> {
        let temporary = path.with_extension("tmp");
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create_new(true)
            .open(&temporary)
            .map_err(NotMade::Write)?;
        let made = lock(&file).map_err(NotMade::Lock).and_then(|()| {
            file.write_all(head).and_then(|()| fs::rename(&temporary, &path)).map_err(NotMade::Write)
        });
        match made {
            Ok(()) => Ok(Self { path, file }),
            Err(error) => {
                let _ = fs::remove_file(&temporary);
                Err(error)
            }
        }
    }

    /// Puts a file with other contents in this one's place.
    pub(super) fn replace(&mut self, text: &[u8]) -> io::Result<()> {
        let Self { file, .. } = Self::create_as(self.path.clone(), text).map_err(NotMade::into_io)?;
        let old = std::mem::replace(&mut self.file, file);
        // Whoever had opened it before it was replaced gets its lock now.
        old.set_len(0)
    }

    /// Takes over the file of a process that has died.
    pub(super) fn claim(path: &Path) -> io::Result<Claimed> {
        let file = match OpenOptions::new().read(true).append(true).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Claimed::Gone),
            other => other?,
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(Claimed::InUse),
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => {}
        }
        let ours = Self { path: path.to_owned(), file };
        // Whoever has recovered it a moment ago left it empty.
        if ours.len()? == 0 {
            ours.discard()?;
            return Ok(Claimed::Gone);
        }
        Ok(Claimed::Ours(ours))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        self.file.metadata().map(|found| found.len())
    }

    /// Adds to the end; how many bytes, which may be fewer than were given.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    /// Takes off what is beyond a size.
    pub(super) fn cut(&mut self, size: u64) -> io::Result<()> {
        self.file.set_len(size)
    }

    /// All that is in it.
    pub(super) fn text(&self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        File::open(&self.path)?.read_to_end(&mut text)?;
        Ok(text)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Removes the file. Empty first: another process may have opened it already, and gets the lock next.
    pub(super) fn discard(self) -> io::Result<()> {
        self.file.set_len(0)?;
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

enum NotMade {
    Write(io::Error),
    Lock(io::Error),
}

impl NotMade {
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

/// The journals in a directory, oldest first. One that does not exist has none.
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
    // Their names begin with the time.
    found.sort();
    Ok(found)
}
