//! Errors of the database, before and after the store adds the file to them.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use rusqlite::ErrorCode;

use crate::StoreError;
use tracing_budget::summary::ReadError;

/// Time to wait for other writers. Longer than any batch takes on a slow disk; shorter than a person waits for a
/// program that hangs.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a query or a change failed; the store adds the path of its file.
#[derive(Debug)]
pub(super) enum SqlError {
    /// The database failed.
    Database(rusqlite::Error),
    /// A stored document cannot be read.
    Document { run_id: String, reason: ReadError },
    /// An error that needs no path, or has one.
    Store(StoreError),
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Document { run_id, reason } => {
                write!(f, "the summary of run {run_id:?} cannot be read: {reason}")
            }
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl SqlError {
    /// Adds the file and the action that failed.
    pub(super) fn at(self, path: &Path, action: &'static str) -> StoreError {
        match self {
            Self::Database(error) => failure(path, action, &error),
            Self::Document { run_id, reason } => {
                StoreError::Document { path: path.to_owned(), run_id, reason }
            }
            Self::Store(error) => error,
        }
    }
}

/// Returns the database's error with the file and, where there is one, the remedy.
pub(super) fn failure(path: &Path, action: &'static str, error: &rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    let reason = error.to_string();
    // The index of the log found no room: SQLite has no code of a full disk for that.
    if error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE) {
        return StoreError::Full { path, reason };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Corrupt { path, reason },
        Some(ErrorCode::NotADatabase) => {
            StoreError::Foreign { path, found: "a file of another kind".to_owned() }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Busy { path, waited_seconds: BUSY_TIMEOUT.as_secs() }
        }
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly { path, reason },
        Some(ErrorCode::DiskFull) => StoreError::Full { path, reason },
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => StoreError::Unreadable { path, reason },
        _ => StoreError::Database { path, action, reason },
    }
}
