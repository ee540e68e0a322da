//! Why a store cannot be opened, or did not do what was asked.

use std::io;
use std::path::PathBuf;

use tracing_budget::summary::ReadError;

/// Why a store cannot be opened, or did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The platform has no directory for data, so there is no default place.
    #[error(
        "this user has no data directory (is HOME set?): say where the run history is, with --db or Sqlite::open"
    )]
    NoDataDirectory,
    /// The directory of the file is not there and cannot be made.
    #[error("the directory {path:?} for the run history cannot be created: {reason}")]
    CreateDirectory {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// The file is not there, and was not to be made.
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
        /// What the operating system or the database said.
        reason: String,
    },
    /// The file is there and is something else.
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
    /// An older file could not be brought to the present schema; it is as it was.
    #[error(
        "the run history {path:?} could not be brought from schema {from} to {to}, and is as it was: {reason}"
    )]
    Migrate {
        /// The file.
        path: PathBuf,
        /// Its schema.
        from: u32,
        /// The present schema.
        to: u32,
        /// What the database said.
        reason: String,
    },
    /// Others were writing for longer than anybody should wait.
    #[error("the run history {path:?} was busy for more than {waited_seconds} s: another process holds it")]
    Busy {
        /// The file.
        path: PathBuf,
        /// Seconds that were waited.
        waited_seconds: u64,
    },
    /// The database refused.
    #[error("the run history {path:?} could not {action}: {reason}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// What the database said.
        reason: String,
    },
    /// A stored document cannot be read back.
    #[error("the stored summary of run {run_id:?} in {path:?} cannot be read: {reason}")]
    Document {
        /// The file.
        path: PathBuf,
        /// The run.
        run_id: String,
        /// What is wrong with it.
        reason: ReadError,
    },
    /// A summary that is no run.
    #[error("run {run_id:?} cannot be stored: {reason}")]
    Refused {
        /// The run.
        run_id: String,
        /// Why not.
        reason: &'static str,
    },
    /// A cursor that this query did not give out.
    #[error("{cursor:?} is not a cursor of this list: {reason}")]
    Cursor {
        /// The cursor.
        cursor: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A series that has no meaning.
    #[error("there is no {measure} by {by}: {reason}")]
    Series {
        /// What was to be measured.
        measure: &'static str,
        /// By what.
        by: &'static str,
        /// What can be asked instead.
        reason: &'static str,
    },
    /// A run that is not there.
    #[error("there is no run {run_id:?} in the history")]
    NoSuchRun {
        /// The run.
        run_id: String,
    },
}
