//! A sink that appends one line of JSON for each run to a file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::{OpenError, Sink, SinkError, private};
use crate::summary::RunSummary;

/// How long a run waits for another process that appends. One line takes some microseconds; a process that was stopped in the
/// middle of one must not hold up the others' runs for ever.
const PATIENCE: Duration = Duration::from_secs(2);

/// Appends each run to a file, as one line of compact JSON.
///
/// Each line is one write to the end of the file, under a lock (`flock`), so several processes may share it. A last line that a
/// crash or a full disk cut short stays, and the next run begins on a new line: readers should skip lines that are no document.
/// The file is opened for each run, so it may be moved away or removed at any time, and the next run makes a new one. It is made
/// for its owner alone (mode 0600); an existing file keeps its mode.
///
/// The path may be a device such as `/dev/stdout`, or a named pipe: a run waits until a program reads it, as for any sink that
/// takes its time.
///
/// ```
/// use tracing_budget::sink::JsonLines;
///
/// # let directory = std::env::temp_dir().join("tracing-budget-doc-json-lines");
/// let lines = JsonLines::new(directory.join("runs.jsonl"))?;
/// # Ok::<(), tracing_budget::sink::OpenError>(())
/// ```
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    /// The file of the last run, if it is not synced: its name may be another file's by the next flush.
    unsynced: Option<File>,
}

impl JsonLines {
    /// Creates the file, and the directories above it, if they do not exist.
    ///
    /// A relative path is resolved now: a later change of the current directory has no effect.
    ///
    /// # Errors
    ///
    /// If the file's directory cannot be created, or the file cannot be opened for appending.
    pub fn new(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let given = path.as_ref();
        let append = |reason| OpenError::AppendFile { path: given.to_owned(), reason };
        let path = std::path::absolute(given).map_err(append)?;
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)
                .map_err(|reason| OpenError::CreateDirectory { path: directory.to_owned(), reason })?;
        }
        let lines = Self { path, unsynced: None };
        // Opening a pipe waits for its reader, which may start later.
        if !is_pipe(&lines.path) {
            lines.open().map_err(append)?;
        }
        Ok(lines)
    }

    /// The file, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn open(&self) -> io::Result<File> {
        if is_pipe(&self.path) {
            // Without `read`: this process would be the pipe's reader itself, and a line that no other reads would be lost.
            return OpenOptions::new().append(true).open(&self.path);
        }
        let open = || private(&mut OpenOptions::new()).read(true).append(true).create(true).open(&self.path);
        match (open(), self.path.parent()) {
            // The directory was removed since the sink was created, by a clean build for example.
            (Err(error), Some(directory)) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(directory)?;
                open()
            }
            (opened, _) => opened,
        }
    }

    fn append(&mut self, document: &[u8]) -> io::Result<()> {
        let mut file = self.open()?;
        let is_file = file.metadata()?.is_file();
        // Until the file is closed. Without it the last byte may be one in the middle of another process's line, and a line break
        // there would be a blank line; and two that find a line cut short would both end it.
        if is_file {
            lock(&file)?;
        }
        // Two more for the line breaks before and after.
        let mut line = Vec::with_capacity(document.len() + 2);
        if is_file && ends_within_a_line(&mut file)? {
            line.push(b'\n');
        }
        line.extend_from_slice(document);
        line.push(b'\n');
        let written = loop {
            match file.write(&line) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        // No second write for the rest: it could land behind a line of a process that knows no lock.
        if written < line.len() {
            let reason = format!("only {written} of {} bytes were written", line.len());
            return Err(io::Error::new(ErrorKind::WriteZero, reason));
        }
        if is_file {
            if is_removed(&file)? {
                return Err(io::Error::new(ErrorKind::NotFound, "the file was removed while it was written"));
            }
            let _ = file.unlock();
            self.keep_for_flush(file)?;
        }
        Ok(())
    }

    /// Keeps the file for the next flush. Syncs the one before it, if that was moved away meanwhile.
    fn keep_for_flush(&mut self, file: File) -> io::Result<()> {
        match self.unsynced.replace(file) {
            Some(before) if self.unsynced.as_ref().is_some_and(|file| !are_same(file, &before)) => {
                before.sync_data()
            }
            _ => Ok(()),
        }
    }

    fn named(&self, error: &io::Error) -> SinkError {
        SinkError::new(format!("{}: {error}", self.path.display()))
    }
}

impl Sink for JsonLines {
    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        let document = serde_json::to_vec(run)?;
        self.append(&document).map_err(|error| self.named(&error))
    }

    /// Syncs the file to the disk. Before that its lines survive the process, but not a power failure.
    fn flush(&mut self) -> Result<(), SinkError> {
        if let Some(file) = &self.unsynced {
            file.sync_data().map_err(|error| self.named(&error))?;
            self.unsynced = None;
        }
        Ok(())
    }
}

/// Locks the file, and waits a bounded time for another process. The lock ends with the file, also if this process is killed.
fn lock(file: &File) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_micros(50);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            // A file system without locks. Its lines are whole all the same, as each is one write.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                let reason = format!("another process has locked it for over {PATIENCE:?}");
                return Err(io::Error::new(ErrorKind::TimedOut, reason));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(pause),
        }
        // Two milliseconds at most, as a line takes less; the first pauses are shorter, so that eight processes take turns.
        pause = (pause * 2).min(Duration::from_millis(2));
    }
}

/// Whether the file's last line has no end.
fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Whether the file has no name any more: what is written to it is gone once it is closed.
#[cfg(unix)]
fn is_removed(file: &File) -> io::Result<bool> {
    Ok(std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) == 0)
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same form as on Unix")]
fn is_removed(_: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(unix)]
fn are_same(one: &File, two: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |file: &File| file.metadata().map(|found| (found.dev(), found.ino())).ok();
    identity(one) == identity(two)
}

#[cfg(not(unix))]
fn are_same(_: &File, _: &File) -> bool {
    // Not known: each file is synced once more.
    false
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &Path) -> bool {
    false
}
