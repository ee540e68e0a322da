//! Why a sink could not be opened, or did not take a run.

use std::error::Error;
use std::path::PathBuf;
use std::{fmt, io};

/// Why a sink did not take a run.
///
/// It reads as the error within reads. `?` makes one from [`io::Error`] and [`serde_json::Error`];
/// [`SinkError::new`] from any other error or from a text.
#[derive(Debug)]
pub struct SinkError(Box<dyn Error + Send + Sync>);

impl SinkError {
    /// Wraps an error or a text.
    ///
    /// ```
    /// use tracing_budget::sink::SinkError;
    ///
    /// assert_eq!(SinkError::new("the queue said no").to_string(), "the queue said no");
    /// assert_eq!(SinkError::new("a".parse::<u8>().unwrap_err()).to_string(), "invalid digit found in string");
    /// ```
    pub fn new(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }

    /// The error within.
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
    /// What is behind the error within, whose own text is already this error's.
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

/// Why a place for runs cannot be used; found when the sink is made, not when the first run ends.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory is not there and cannot be made.
    #[error("the directory {path:?} cannot be created: {reason}")]
    CreateDirectory {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// The directory is there, and a file in it cannot be written.
    #[error("no file can be written in the directory {path:?}: {reason}")]
    WriteDirectory {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// The file cannot be opened to append to it.
    #[error("the file {path:?} cannot be opened for appending: {reason}")]
    AppendFile {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// The file system has no locks, without which two live processes could not tell whose journal is whose.
    #[error("no file can be locked in the directory {path:?}: {reason}")]
    LockFile {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
}
