//! The store: its connections, and the trait.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::SystemTime;

use etcetera::BaseStrategy as _;
use rusqlite::{Connection, Transaction};

use super::error::SqlError;
use super::files::{Change, OpenFiles};
use super::writer::{self, Writer};
use super::{aggregate, file, list, read, remove, verify, write};
use crate::health::{Health, HealthQuery};
use crate::series::{Series, SeriesQuery};
use crate::stats::{GateStats, ModelStats, Overview, ProjectRow, ProjectTotals, StageStats};
use crate::time_partition::{DAY, HOUR};
use crate::{
    Cancel, Filter, Page, Prune, Put, RunPage, RunRow, Scope, Sort, Store, StoreError, Stored, Verification,
};
use tracing_budget::summary::{RunSummary, Timestamp};

/// A run history in one SQLite file, which any number of processes may read and write at once.
///
/// One thread at a time writes through a store; readers have connections of their own and never wait. A stored run
/// survives the death of the process. A power cut may lose the last transactions, never half of one.
///
/// What is acknowledged is in the file at the path. If that was removed, replaced or emptied while it was open, it is opened again,
/// and created where it is missing; see [`reopened`](Self::reopened). A file that is no history, was cut, or has a newer schema by now
/// is not written.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    writer: Mutex<Writer>,
    readers: Mutex<Vec<Reader>>,
    reopened: AtomicU64,
    is_read_only: bool,
}

/// A connection that reads.
#[derive(Debug)]
struct Reader {
    connection: Connection,
    files: OpenFiles,
    /// Whether it sees what others write later. Without a log beside the file it may not.
    is_lasting: bool,
}

/// Maximum number of idle readers. Each has file handles and a cache of 2 MB; further ones are closed after use.
const READERS_KEPT: usize = 8;

/// Runs that are pruned in one transaction: it holds up other writers, and on a full disk what it overwrites is in memory.
const PRUNED_AT_ONCE: usize = 1_000;

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
        let writer = Mutex::new(Writer::open(&path)?);
        Ok(Self { path, writer, readers: Mutex::default(), reopened: AtomicU64::new(0), is_read_only: false })
    }

    /// Opens the run history in this file, which must be there. One that cannot be written, as in a read-only directory or on a
    /// full disk, can be read.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and if there is no such file, or one without a byte.
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let given = path.as_ref();
        if file::is_absent(given)? {
            return Err(StoreError::Missing { path: given.to_owned() });
        }
        let unwritable = match Self::open(given) {
            Err(
                error @ (StoreError::ReadOnly { .. }
                | StoreError::Full { .. }
                | StoreError::Unreadable { .. }
                | StoreError::Database { .. }),
            ) => error,
            opened => return opened,
        };
        let Ok(path) = std::path::absolute(given) else { return Err(unwritable) };
        // The first error has the reason why it cannot be written, which is what a user can mend.
        match file::check_read_only(&path) {
            Ok(()) => {}
            Err(older @ StoreError::Migrate { .. }) => return Err(older),
            Err(_) => return Err(unwritable),
        }
        // Without room for the index of a log, SQLite reports an I/O error instead of a full disk.
        let is_full = matches!(unwritable, StoreError::Full { .. } | StoreError::Database { .. });
        let writer = Mutex::new(Writer::ReadOnly { reason: unwritable.to_string(), is_full });
        Ok(Self { path, writer, readers: Mutex::default(), reopened: AtomicU64::new(0), is_read_only: true })
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

    /// How often the file was opened again because it had been removed, replaced or emptied, or its log had been. What was stored
    /// before is where that file is, and may be lost. Each time is reported on stderr.
    #[must_use]
    pub fn reopened(&self) -> u64 {
        // Relaxed: a figure for people, which orders nothing.
        self.reopened.load(Ordering::Relaxed)
    }

    /// Whether users other than the owner and the group can read the file. One that this crate creates they cannot.
    #[must_use]
    pub fn is_readable_by_others(&self) -> bool {
        file::is_readable_by_others(&self.path)
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
        let mut reader = self.reader()?;
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
            reader.connection.progress_handler(1_000, Some(move || cancel.flag()));
        }
        let answer = reader.connection.transaction().map_err(SqlError::from).and_then(|moment| {
            file::refuse_newer(&moment)?;
            query(&moment)
        });
        if cancel.is_some() {
            reader.connection.progress_handler(0, None::<fn() -> bool>);
        }
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS_KEPT && reader.is_lasting {
            readers.push(reader);
        }
        answer.map_err(|error| error.at(&self.path, "be read"))
    }

    /// An idle reader of the file that is at the path now, or a new one.
    fn reader(&self) -> Result<Reader, StoreError> {
        loop {
            let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut reader) = kept else { break };
            if reader.files.change(&self.path)?.is_none() {
                return Ok(reader);
            }
            writer::abandon(reader.connection);
        }
        // Before a new reader: the writer removes the log of a file that was replaced, which SQLite would read as that of the
        // new one. A writer that is in a transaction looks at its files when it is done.
        match self.writer.try_lock() {
            Ok(mut writer) => writer.leave_changed(&self.path, |found| self.note(found))?,
            Err(TryLockError::Poisoned(writer)) => {
                writer.into_inner().leave_changed(&self.path, |found| self.note(found))?;
            }
            Err(TryLockError::WouldBlock) => {}
        }
        if file::is_absent(&self.path)? {
            return Err(StoreError::Missing { path: self.path.clone() });
        }
        let (connection, is_lasting) =
            if self.is_read_only { file::read_only(&self.path)? } else { file::reader(&self.path)? };
        let files = OpenFiles::at(&self.path)?;
        let files = files.ok_or_else(|| StoreError::Missing { path: self.path.clone() })?;
        Ok(Reader { connection, files, is_lasting })
    }

    fn writing<T>(
        &self,
        change: impl FnMut(&Transaction<'_>) -> Result<T, SqlError>,
    ) -> Result<T, StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write(&self.path, change, |found| self.note(found))
    }

    /// Removes runs. On a full disk, where a log has no room, they are removed in place; see [`file::in_place`].
    fn removing<T>(
        &self,
        mut remove: impl FnMut(&Transaction<'_>) -> Result<T, SqlError>,
    ) -> Result<T, StoreError> {
        let full = match self.writing(&mut remove) {
            Err(error) => error,
            done => return done,
        };
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        match (&full, &*writer) {
            (StoreError::ReadOnly { .. }, Writer::ReadOnly { is_full: true, .. }) => {}
            // Only the last connection may leave the log.
            (StoreError::Full { .. } | StoreError::Database { .. }, _) => *writer = Writer::Closed,
            // In place a killed process may damage the file, so nothing but a full disk is a reason for it.
            _ => return Err(full),
        }
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let Ok(mut connection) = file::in_place(&self.path) else { return Err(full) };
        let removed = writer::transact(&mut connection, &mut remove);
        // If there is no room for it, the next process that opens the file does it.
        let _ = connection.pragma_update(None, "journal_mode", "WAL");
        removed.map_err(|_| full)
    }

    /// Reports that other files are at the path than those that were open.
    fn note(&self, found: Change) {
        self.reopened.fetch_add(1, Ordering::Relaxed);
        let line = format!(
            "tracing-budget: the run history {:?} {} while it was open; it is opened again, and later runs are stored there\n",
            self.path,
            found.as_str()
        );
        // Not `eprintln!`, which panics where stderr is closed.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

impl Sqlite {
    /// Compares the sums by hour and by day with the documents of the runs, and checks the documents.
    ///
    /// Reads every ended run, an hour at a time. Other processes may write meanwhile.
    ///
    /// ```
    /// # let directory = std::env::temp_dir().join(format!("tracing-budget-doc-verify-{}", std::process::id()));
    /// let store = tracing_budget_history::Sqlite::open(directory.join("runs.db"))?;
    /// let verification = store.verify()?;
    /// assert!(verification.is_sound());
    /// assert_eq!(verification.wrong, 0);
    /// # drop(store);
    /// # std::fs::remove_dir_all(directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn verify(&self) -> Result<Verification, StoreError> {
        self.compare_all(|_| Ok(false))
    }

    /// As [`verify`](Self::verify), and rebuilds the sums that differ, an hour or a day in one transaction.
    ///
    /// A process that is killed meanwhile leaves what it has repaired; the next call does the rest. Readers see each sum
    /// as it was or as it should be, and no sum is missing in between.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written.
    pub fn repair(&self) -> Result<Verification, StoreError> {
        self.compare_all(|span| self.writing(|transaction| verify::rebuild(transaction, span)).map(|()| true))
    }

    fn compare_all(
        &self,
        repair: impl Fn(verify::Span) -> Result<bool, StoreError>,
    ) -> Result<Verification, StoreError> {
        let mut found = Verification::default();
        // Returns whether the roll-ups are right now.
        let mut one = |span| {
            let wrong_before = found.wrong;
            // A transaction of its own for each: one for all would keep SQLite from emptying its log meanwhile.
            let is_right = self.reading(|moment| verify::compare(moment, span, &mut found))?;
            let is_repaired = !is_right && repair(span)?;
            if is_repaired {
                found.repaired += found.wrong - wrong_before;
            }
            Ok::<bool, StoreError>(is_right || is_repaired)
        };
        let of_day = |day, hours_are_right| match hours_are_right {
            true => verify::Span::Day(day),
            false => verify::Span::DayOfRuns(day),
        };
        let mut hours_are_right = true;
        let mut next = self.reading(|moment| verify::next_hour(moment, i64::MIN))?;
        let mut day = next.map(|hour| hour.div_euclid(DAY) * DAY);
        while let (Some(hour), Some(of)) = (next, day) {
            if hour >= of + DAY {
                one(of_day(of, hours_are_right))?;
                hours_are_right = true;
                day = Some(hour.div_euclid(DAY) * DAY);
            }
            hours_are_right &= one(verify::Span::Hour(hour))?;
            next = self.reading(|moment| verify::next_hour(moment, hour + HOUR))?;
        }
        if let Some(of) = day {
            one(of_day(of, hours_are_right))?;
        }
        Ok(found)
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
        self.removing(|transaction| remove::delete(transaction, run_ids))
    }

    fn prune(&self, prune: &Prune) -> Result<u64, StoreError> {
        if prune.dry_run {
            return self.reading(|moment| remove::prune(moment, prune, now(), usize::MAX));
        }
        let mut pruned = 0;
        loop {
            let now_pruned =
                self.removing(|transaction| remove::prune(transaction, prune, now(), PRUNED_AT_ONCE))?;
            pruned += now_pruned;
            if now_pruned < PRUNED_AT_ONCE as u64 {
                return Ok(pruned);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn full() -> SqlError {
        let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
        SqlError::Database(rusqlite::Error::SqliteFailure(full, None))
    }

    /// The error of a full disk is injected: CI has no disk of its own that could be filled.
    #[test]
    fn a_full_disk_is_pruned_without_a_file_beside_the_history() {
        let name = format!("tracing-budget-history-full-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let store = Sqlite::open(directory.join("runs.db")).expect("a history");
        for number in 0..20 {
            let at = Timestamp::from_unix_ms(number).expect("a time");
            let mut run = RunSummary::new(format!("r{number}"), at);
            run.status = tracing_budget::summary::Status::Completed;
            store.put(&run).expect("stored");
        }
        assert_eq!(store.summary(&Scope::new()).expect("sums").runs, 20);
        let files = || fs::read_dir(&directory).expect("a directory").count();
        let mut attempts = 0;
        let old = Prune::keep_last(5);
        let pruned = store.removing(|transaction| {
            attempts += 1;
            if attempts == 1 {
                return Err(full());
            }
            let mode: String = transaction.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
            let pruned = remove::prune(transaction, &old, now(), usize::MAX)?;
            assert_eq!((mode.as_str(), files()), ("memory", 1), "a file beside the history has no room");
            Ok(pruned)
        });
        assert_eq!((pruned.expect("pruned"), attempts), (15, 2));
        assert_eq!(store.summary(&Scope::new()).expect("sums").runs, 5);
        assert!(store.verify().expect("compared").is_sound());
        // It is written with a log again, and an error that stays is that of the disk.
        store.put(&RunSummary::new("later", now())).expect("stored");
        assert!(matches!(store.removing(|_| Err::<(), _>(full())), Err(StoreError::Full { .. })));
        drop(store);
        fs::remove_dir_all(directory).expect("removed");
    }
}
