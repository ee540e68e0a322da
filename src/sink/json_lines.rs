//! A sink that appends one line of JSON for each run to a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{OpenError, Sink, SinkError};
use crate::summary::RunSummary;

/// Appends each run to a file, as one line of compact JSON.
///
/// Each line is one write to the end of the file, so several processes may share it. A last line that a crash or a full disk
/// cut short stays, and the next run begins on a new line. Readers should skip lines that are empty or not a document. The
/// file is opened for each run, so it may be moved away at any time.
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
    unsynced: bool,
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
        let lines = Self { path, unsynced: false };
        lines.open().map_err(append)?;
        Ok(lines)
    }

    /// The file, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn open(&self) -> io::Result<File> {
        let open = || OpenOptions::new().read(true).append(true).create(true).open(&self.path);
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
        // Two more for the line breaks before and after.
        let mut line = Vec::with_capacity(document.len() + 2);
        if ends_within_a_line(&mut file)? {
            line.push(b'\n');
        }
        line.extend_from_slice(document);
        line.push(b'\n');
        self.unsynced = true;
        let written = loop {
            match file.write(&line) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        // No second write for the rest: it could land behind another process's line.
        if written < line.len() {
            let reason = format!("only {written} of {} bytes were written", line.len());
            return Err(io::Error::new(ErrorKind::WriteZero, reason));
        }
        Ok(())
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
        if self.unsynced {
            sync(&self.path).map_err(|error| self.named(&error))?;
            self.unsynced = false;
        }
        Ok(())
    }
}

/// Whether the file's last line has no end. A pipe or a device has no last line.
fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    let found = file.metadata()?;
    if !found.is_file() || found.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn sync(path: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().append(true).open(path) {
        // Moved away or removed by another program, which now owns its lines.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    if file.metadata()?.is_file() { file.sync_data() } else { Ok(()) }
}
