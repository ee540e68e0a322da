//! Why a store cannot be opened, or failed.

use std::io;
use std::path::PathBuf;

use tracing_budget::summary::ReadError;

/// Why a store cannot be opened, or an operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The platform has no directory for data, so there is no default path.
    #[error(
        "cannot find the run history: expected a data directory of the user, got none (is HOME set?); pass a path with --db or Sqlite::open"
    )]
    NoDataDirectory,
    /// The directory of the file is missing and cannot be created.
    #[error("the directory {path:?} for the run history cannot be created: {reason}")]
    CreateDirectory {
        /// The directory.
        path: PathBuf,
        /// The error of the operating system.
        reason: io::Error,
    },
    /// The file is missing, and the caller did not want it created.
    #[error("there is no run history at {path:?} yet: it begins with the first run that is stored there")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("the run history {path:?} cannot be opened: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system or the database.
        reason: String,
    },
    /// The file can be read and not written.
    #[error("the run history {path:?} can be read and not written: {reason}")]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// The error of the operating system or the database.
        reason: String,
    },
    /// The disk is full.
    #[error(
        "the run history {path:?} cannot be written, as its disk is full ({reason}); `tracing-budget runs prune` makes room in it"
    )]
    Full {
        /// The file.
        path: PathBuf,
        /// The error of the database.
        reason: String,
    },
    /// The file is not a run history.
    #[error(
        "{path:?} is not a run history but {found}; it was not touched: name another file, or move this one away"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What the file is.
        found: String,
    },
    /// The file is damaged.
    #[error(
        "the run history {path:?} is damaged ({reason}); it was not touched: move it away to begin anew, or save what \
         is left with: sqlite3 {path:?} .recover"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A newer version of this crate wrote the file.
    #[error(
        "the run history {path:?} has schema {found}, this version reads up to {supported}; it was not touched: \
         upgrade tracing-budget, or name another file"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema of the file.
        found: u32,
        /// The newest schema that can be read.
        supported: u32,
    },
    /// An older file could not be migrated to the current schema; it is unchanged.
    #[error(
        "the run history {path:?} could not be brought from schema {from} to {to}, and is as it was: {reason}"
    )]
    Migrate {
        /// The file.
        path: PathBuf,
        /// Its schema.
        from: u32,
        /// The current schema.
        to: u32,
        /// The error of the database.
        reason: String,
    },
    /// Other processes held the file for longer than the timeout.
    #[error("the run history {path:?} was busy for more than {waited_seconds} s: another process holds it")]
    Busy {
        /// The file.
        path: PathBuf,
        /// The timeout in seconds.
        waited_seconds: u64,
    },
    /// The database reported an error.
    #[error("the run history {path:?} could not {action}: {reason}")]
    Database {
        /// The file.
        path: PathBuf,
        /// The operation that failed.
        action: &'static str,
        /// The error of the database.
        reason: String,
    },
    /// A stored document cannot be parsed.
    #[error("the stored summary of run {run_id:?} in {path:?} cannot be read: {reason}")]
    Document {
        /// The file.
        path: PathBuf,
        /// The run.
        run_id: String,
        /// What is wrong with it.
        reason: ReadError,
    },
    /// A summary that cannot be a run of a history.
    #[error("run {run_id:?} cannot be stored: {reason}")]
    Refused {
        /// The run.
        run_id: String,
        /// The field at fault, its value, and what was expected.
        reason: String,
    },
    /// A sum that 64 bits do not hold: a stored run has absurd figures, or the roll-ups are wrong.
    #[error(
        "the sum of {figure} is unknown, as it is beyond 64 bits: a run with absurd figures is stored; find it with \
         `tracing-budget store verify`, and delete it"
    )]
    Sum {
        /// The column of the roll-ups.
        figure: &'static str,
    },
    /// A cursor of another list, or not a cursor.
    #[error("{cursor:?} is not a cursor of this list: {reason}")]
    Cursor {
        /// The cursor.
        cursor: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A series that is not defined.
    #[error("there is no {measure} by {by}: {reason}")]
    Series {
        /// The measure.
        measure: &'static str,
        /// The dimension.
        by: &'static str,
        /// The alternative.
        reason: &'static str,
    },
    /// No run has this id.
    #[error("there is no run {run_id:?} in the history")]
    NoSuchRun {
        /// The run.
        run_id: String,
    },
}
