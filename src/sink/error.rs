//! Errors of sinks: a run that was not taken, or a destination that cannot be used.

use std::error::Error;
use std::path::PathBuf;
use std::{fmt, io};

/// Why a sink did not take a run.
///
/// It displays as the error that it wraps. `?` converts [`io::Error`] and [`serde_json::Error`]; [`SinkError::new`] wraps any
/// other error or a text.
#[derive(Debug)]
pub struct SinkError(Box<dyn Error + Send + Sync>);

impl SinkError {
    /// Wraps an error or a text.
    ///
    /// ```
    /// use tracing_budget::sink::SinkError;
    ///
    /// assert_eq!(SinkError::new("the queue is full").to_string(), "the queue is full");
    /// assert_eq!(SinkError::new("a".parse::<u8>().unwrap_err()).to_string(), "invalid digit found in string");
    /// ```
    pub fn new(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }

    /// The wrapped error.
    #[must_use]
    pub fn get_ref(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for SinkError {
    /// The source of the wrapped error. The wrapped error itself is already this error's text: a report would print it
    /// twice.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl From<io::Error> for SinkError {
    fn from(error: io::Error) -> Self {
        Self::new(error)
    }
}

impl From<serde_json::Error> for SinkError {
    fn from(error: serde_json::Error) -> Self {
        Self::new(error)
    }
}

/// Why a destination cannot be used. It is found when the sink is created, not when the first run ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory does not exist and cannot be created.
    #[error("the directory {path:?} cannot be created: {reason}")]
    CreateDirectory {
        /// The directory.
        path: PathBuf,
        /// The operating system's error.
        reason: io::Error,
    },
    /// The directory exists, and no file in it can be written.
    #[error("no file can be written in the directory {path:?}: {reason}")]
    WriteDirectory {
        /// The directory.
        path: PathBuf,
        /// The operating system's error.
        reason: io::Error,
    },
    /// The file cannot be opened to append to it.
    #[error("the file {path:?} cannot be opened for appending: {reason}")]
    AppendFile {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        reason: io::Error,
    },
    /// The file system has no locks. Without them a process would recover the journal of a live one.
    #[error("no file can be locked in the directory {path:?}: {reason}")]
    LockFile {
        /// The directory.
        path: PathBuf,
        /// The operating system's error.
        reason: io::Error,
    },
}
