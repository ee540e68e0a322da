//! The connection that writes: one transaction at a time, into the files that have the history's name.

use std::mem;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction};

use super::error::SqlError;
use super::file;
use super::files::{Change, OpenFiles, beside, look};
use crate::StoreError;

/// The connection that writes.
#[derive(Debug)]
pub(super) enum Writer {
    /// Ready for a transaction.
    ///
    /// The files are in a box: a `Sqlite` in an enum of a caller would make its other variants as large.
    Open { connection: Connection, files: Box<OpenFiles> },
    /// Opened with the next transaction.
    Closed,
    /// The file was opened for reading, for this reason: a full disk, or another.
    ReadOnly { reason: String, is_full: bool },
}

/// How often a transaction is made anew because its files were changed under it. Once is an accident; a third time, some program
/// replaces them all the time.
const ATTEMPTS: usize = 3;

impl Writer {
    /// Opens or creates the history at this path.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = file::open(path)?;
        // Removed within this moment: the next transaction opens it again.
        Ok(OpenFiles::at(path)?
            .map_or(Self::Closed, |files| Self::Open { connection, files: Box::new(files) }))
    }

    /// Makes a change in one transaction. If the files are not those at the path any more, those that are there now are
    /// opened first; if that happens during the transaction, it is made again. `noticed` gets what became of the files.
    pub(super) fn write<T>(
        &mut self,
        path: &Path,
        mut change: impl FnMut(&Transaction<'_>) -> Result<T, SqlError>,
        mut noticed: impl FnMut(Change),
    ) -> Result<T, StoreError> {
        for _ in 0..ATTEMPTS {
            self.leave_changed(path, &mut noticed)?;
            if matches!(self, Self::Closed) {
                *self = Self::open(path)?;
            }
            let (connection, files) = match self {
                Self::Open { connection, files } => (connection, files),
                Self::Closed => continue,
                Self::ReadOnly { reason, .. } => {
                    return Err(StoreError::ReadOnly { path: path.to_owned(), reason: reason.clone() });
                }
            };
            let done = transact(connection, &mut change);
            // After the commit too: what went into a file without a name is not stored.
            let Some(found) = files.change(path)? else {
                return done.map_err(|error| error.at(path, "be written"));
            };
            self.leave(path, found);
            noticed(found);
        }
        let reason = "it was removed or replaced again and again".to_owned();
        Err(StoreError::Unreadable { path: path.to_owned(), reason })
    }

    /// Closes the connection if its files are not at the path any more.
    pub(super) fn leave_changed(
        &mut self,
        path: &Path,
        mut noticed: impl FnMut(Change),
    ) -> Result<(), StoreError> {
        if let Self::Open { files, .. } = self
            && let Some(found) = files.change(path)?
        {
            self.leave(path, found);
            noticed(found);
        }
        Ok(())
    }

    /// Closes a connection with files that are not at the path any more.
    fn leave(&mut self, path: &Path, found: Change) {
        let Self::Open { connection, files } = mem::replace(self, Self::Closed) else { return };
        let is_without_log = || look(&beside(path, "-wal")).is_ok_and(|log| log.is_none());
        if found == Change::LogRemoved && is_without_log() {
            // The database is the right one, and this connection alone can still read the log: its runs go into the database.
            let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
        abandon(connection);
        if found != Change::LogRemoved {
            files.remove_log(path);
        }
    }
}

/// Closes a connection without writing its log into the database: it would be written into a file that was emptied.
pub(super) fn abandon(connection: Connection) {
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
}

pub(super) fn transact<T>(
    connection: &mut Connection,
    change: &mut impl FnMut(&Transaction<'_>) -> Result<T, SqlError>,
) -> Result<T, SqlError> {
    let transaction = connection.transaction()?;
    file::refuse_newer(&transaction)?;
    let done = change(&transaction)?;
    transaction.commit()?;
    Ok(done)
}
