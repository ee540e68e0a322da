//! The store: its connections, and the trait.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use etcetera::BaseStrategy as _;
use rusqlite::{Connection, Transaction};

use super::error::SqlError;
use super::{aggregate, file, list, read, remove, write};
use crate::health::{Health, HealthQuery};
use crate::series::{Series, SeriesQuery};
use crate::stats::{GateStats, ModelStats, Overview, ProjectRow, ProjectTotals, StageStats};
use crate::{Cancel, Filter, Page, Prune, Put, RunPage, RunRow, Scope, Sort, Store, StoreError, Stored};
use tracing_budget::summary::{RunSummary, Timestamp};

/// A run history in one SQLite file, which any number of processes may read and write at once.
///
/// One thread at a time writes through a store; readers have connections of their own and never wait. A stored run
/// survives the death of the process. A power cut may lose the last transactions, never half of one.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

/// Maximum number of idle readers. Each has file handles and a cache of 2 MB; further ones are closed after use.
const READERS_KEPT: usize = 8;

impl Sqlite {
    /// Opens the run history in this file; creates the file, and the directories above it, if they are missing.
    ///
    /// A file with an older schema is migrated to the current one.
    ///
    /// # Errors
    ///
    /// If the file is not a run history, is damaged, or was written by a newer version: it is left unchanged. If it
    /// cannot be created or read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let given = path.as_ref();
        let path = std::path::absolute(given).map_err(|reason| StoreError::Unreadable {
            path: given.to_owned(),
            reason: reason.to_string(),
        })?;
        let writer = Mutex::new(file::open(&path)?);
        Ok(Self { path, writer, readers: Mutex::default() })
    }

    /// Opens the run history in this file, which must be there.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and if there is no such file.
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let given = path.as_ref();
        if !given.exists() {
            return Err(StoreError::Missing { path: given.to_owned() });
        }
        Self::open(given)
    }

    /// Opens the run history of this user; see [`default_path`](Self::default_path).
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and if the platform has no directory for data.
    pub fn open_default() -> Result<Self, StoreError> {
        Self::open(Self::default_path()?)
    }

    /// Where the run history of this user is: `tracing-budget/runs.db` in the platform's directory for data, such as
    /// `~/.local/share` or `~/Library/Application Support`.
    ///
    /// # Errors
    ///
    /// If the platform has no directory for data.
    pub fn default_path() -> Result<PathBuf, StoreError> {
        let platform = etcetera::base_strategy::choose_native_strategy();
        let directories = platform.map_err(|_| StoreError::NoDataDirectory)?;
        Ok(directories.data_dir().join("tracing-budget").join("runs.db"))
    }

    /// The file, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn reading<T>(
        &self,
        query: impl FnOnce(&Transaction<'_>) -> Result<T, SqlError>,
    ) -> Result<T, StoreError> {
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut reader = match kept {
            Some(reader) => reader,
            None => file::reader(&self.path)?,
        };
        // One transaction: without it, an answer of several queries would mix the states before and after a write.
        let cancel = Cancel::current();
        if Cancel::is_requested() {
            // The handler below is not called by short queries, of which one request may have hundreds.
            let interrupted = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT);
            let error = SqlError::Database(rusqlite::Error::SqliteFailure(interrupted, None));
            return Err(error.at(&self.path, "be read"));
        }
        if let Some(cancel) = cancel.clone() {
            // Often enough to end within a millisecond, and too rarely to cost anything.
            reader.progress_handler(1_000, Some(move || cancel.flag()));
        }
        let answer = reader.transaction().map_err(SqlError::from).and_then(|moment| query(&moment));
        if cancel.is_some() {
            reader.progress_handler(0, None::<fn() -> bool>);
        }
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS_KEPT {
            readers.push(reader);
        }
        answer.map_err(|error| error.at(&self.path, "be read"))
    }

    fn writing<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, SqlError>,
    ) -> Result<T, StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let done = writer.transaction().map_err(SqlError::from).and_then(|transaction| {
            let done = change(&transaction)?;
            transaction.commit()?;
            Ok(done)
        });
        done.map_err(|error| error.at(&self.path, "be written"))
    }
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

impl Store for Sqlite {
    fn put_all(&self, runs: &[Put<'_>]) -> Result<Vec<Stored>, StoreError> {
        self.writing(|transaction| write::put_all(transaction, runs, now()))
    }

    fn replace(&self, run: &RunSummary, reason: &str) -> Result<(), StoreError> {
        self.writing(|transaction| write::replace(transaction, run, reason, now()))
    }

    fn get(&self, run_id: &str) -> Result<Option<RunSummary>, StoreError> {
        self.reading(|moment| read::run(moment, run_id))
    }

    fn row(&self, run_id: &str) -> Result<Option<RunRow>, StoreError> {
        self.reading(|moment| list::row(moment, run_id, now()))
    }

    fn ids_beginning_with(&self, start: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        self.reading(|moment| list::ids_beginning_with(moment, start, limit))
    }

    fn ids_ending_with(&self, end: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        self.reading(|moment| list::ids_ending_with(moment, end, limit))
    }

    fn list(&self, filter: &Filter, sort: Sort, page: &Page) -> Result<RunPage, StoreError> {
        self.reading(|moment| list::page(moment, filter, sort, page, now()))
    }

    fn projects(&self) -> Result<Vec<ProjectRow>, StoreError> {
        self.reading(|moment| aggregate::projects(moment))
    }

    fn project_totals(&self, limit: usize) -> Result<Vec<ProjectTotals>, StoreError> {
        self.reading(|moment| aggregate::project_totals(moment, limit, now()))
    }

    fn summary(&self, scope: &Scope) -> Result<Overview, StoreError> {
        self.reading(|moment| aggregate::overview(moment, scope, now()))
    }

    fn series(&self, query: &SeriesQuery) -> Result<Series, StoreError> {
        query.check()?;
        self.reading(|moment| aggregate::series(moment, query))
    }

    fn stages(&self, scope: &Scope) -> Result<Vec<StageStats>, StoreError> {
        self.reading(|moment| aggregate::stages(moment, scope))
    }

    fn models(&self, scope: &Scope) -> Result<Vec<ModelStats>, StoreError> {
        self.reading(|moment| aggregate::models(moment, scope))
    }

    fn gates(&self, scope: &Scope) -> Result<Vec<GateStats>, StoreError> {
        self.reading(|moment| aggregate::gates(moment, scope))
    }

    fn health(&self, query: &HealthQuery) -> Result<Health, StoreError> {
        self.reading(|moment| aggregate::health(moment, query))
    }

    fn delete(&self, run_ids: &[&str]) -> Result<u64, StoreError> {
        self.writing(|transaction| remove::delete(transaction, run_ids))
    }

    fn prune(&self, prune: &Prune) -> Result<u64, StoreError> {
        self.writing(|transaction| remove::prune(transaction, prune, now()))
    }
}
