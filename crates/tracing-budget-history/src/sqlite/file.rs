//! Opening a file: what is accepted, what is refused, and the migration.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::error::{BUSY_TIMEOUT, SqlError, failure};
use super::files;
use super::schema::{APPLICATION_ID, VERSION, migrations};
use crate::StoreError;

/// Opens or creates a run history; any other file is left unchanged.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    if let Some(directory) = path.parent() {
        create_private_directory(directory)
            .map_err(|reason| StoreError::CreateDirectory { path: directory.to_owned(), reason })?;
    }
    if !check_header(path)? {
        check_tables(path)?;
    }
    create_private(path)
        .map_err(|reason| StoreError::Unreadable { path: path.to_owned(), reason: reason.to_string() })?;
    let failed = |error: rusqlite::Error| failure(path, "be opened", &error);
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    migrate(path, &mut connection)?;
    // Only after the migration: the first transaction must be in the file itself, not in a log beside it. Otherwise the
    // header lacks the application id, and the next open refuses the file.
    use_log(&connection).map_err(failed)?;
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
    // A batch of runs touches the same megabytes of indices again and again. The cache (in KiB) holds them in memory;
    // the log is written into the file every 8,192 pages of 4 KiB, which is 32 MB, instead of every 1,000.
    connection.pragma_update(None, "cache_size", -32_768).map_err(failed)?;
    connection.pragma_update(None, "wal_autocheckpoint", 8_192).map_err(failed)?;
    Ok(connection)
}

/// Creates the missing ones of these directories, for the user only: a history names projects, models and errors.
fn create_private_directory(directory: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Creates a missing file, for the user only. SQLite gives the files beside it the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Whether users other than the owner and the group can read a file.
#[cfg(unix)]
pub(super) fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}

/// Windows gives files the rights of their directory, and a user's directories are the user's.
#[cfg(not(unix))]
pub(super) fn is_readable_by_others(_: &Path) -> bool {
    false
}

/// Has changes written to a log beside the file. SQLite does not wait for another process that does the same: it fails at once,
/// whatever the timeout of the connection.
fn use_log(connection: &Connection) -> rusqlite::Result<()> {
    let started = Instant::now();
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
                    && started.elapsed() < BUSY_TIMEOUT =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

/// A further connection to a file that is open already, for reading. Returns with it whether it sees what is written later.
pub(super) fn reader(path: &Path) -> Result<(Connection, bool), StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "query_only", true).map_err(|error| failure(path, "be opened", &error))?;
    Ok((connection, true))
}

/// A connection to a file that cannot be written, or has no room for a log beside it. Returns with it whether it sees what is
/// written later.
pub(super) fn read_only(path: &Path) -> Result<(Connection, bool), StoreError> {
    let is_read = |connection: &Connection| version(connection).is_ok();
    // If another process writes it, its log and the index of that are there.
    if let Some(connection) = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok().filter(is_read) {
        return Ok((connection, true));
    }
    if log_length(path) == 0 {
        return Ok((by_address(path, "immutable=1")?, false));
    }
    // The log cannot be read through an index beside it, as none can be made. In exclusive mode the index is in memory, and without
    // locks nothing is written. No process writes: it would have made the index.
    #[cfg(unix)]
    if let Ok(connection) = by_address(path, "mode=ro&vfs=unix-none")
        && connection.pragma_update(None, "locking_mode", "EXCLUSIVE").is_ok()
        && is_read(&connection)
    {
        return Ok((connection, false));
    }
    let reason = "its newest runs are in the log beside it, which cannot be read there; copy it with its -wal to another directory";
    Err(StoreError::Unreadable { path: path.to_owned(), reason: reason.to_owned() })
}

/// Checks that a file can be read without being written.
pub(super) fn check_read_only(path: &Path) -> Result<(), StoreError> {
    check_header(path)?;
    let (connection, _) = read_only(path)?;
    let from = version(&connection).map_err(|error| failure(path, "be read", &error))?;
    if from == VERSION {
        return Ok(());
    }
    let reason = "it cannot be written".to_owned();
    Err(StoreError::Migrate { path: path.to_owned(), from, to: VERSION, reason })
}

/// A connection that changes the file in place, with what it overwrites in memory: on a full disk there is no room for a log. No other
/// connection may have the file open.
pub(super) fn in_place(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error: rusqlite::Error| failure(path, "be written", &error);
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(Duration::from_secs(2)).map_err(failed)?;
    // First, so that no index of the log is made in a file.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(failed)?;
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(failed)?;
    connection.pragma_update(None, "journal_mode", "MEMORY").map_err(failed)?;
    connection.set_transaction_behavior(TransactionBehavior::Exclusive);
    Ok(connection)
}

/// Whether there is no history at this path: no file, or one without a byte.
pub(super) fn is_absent(path: &Path) -> Result<bool, StoreError> {
    Ok(files::look(path)?.is_none_or(|seen| seen.length == 0))
}

/// Fails if a newer version has migrated the file since it was opened.
pub(super) fn refuse_newer(transaction: &Transaction<'_>) -> Result<(), SqlError> {
    let found: u32 = transaction.prepare_cached("PRAGMA user_version")?.query_row([], |row| row.get(0))?;
    if found <= VERSION {
        return Ok(());
    }
    let path = transaction.path().map(PathBuf::from).unwrap_or_default();
    Err(SqlError::Store(StoreError::Newer { path, found, supported: VERSION }))
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| failure(path, "be opened", &error))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| failure(path, "be opened", &error))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Reads the header without SQLite, which may change the files that it opens. Returns whether the file is new.
fn check_header(path: &Path) -> Result<bool, StoreError> {
    let unreadable =
        |reason: std::io::Error| StoreError::Unreadable { path: path.to_owned(), reason: reason.to_string() };
    let foreign = |found: &str| StoreError::Foreign { path: path.to_owned(), found: found.to_owned() };
    let mut header = Vec::new();
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(unreadable(error)),
        Ok(file) if file.metadata().map_err(unreadable)?.is_dir() => return Err(foreign("a directory")),
        Ok(file) => file.take(files::HEADER).read_to_end(&mut header).map_err(unreadable)?,
    };
    if header.is_empty() {
        return Ok(true);
    }
    if header.len() < 100 || !header.starts_with(b"SQLite format 3\0") {
        return Err(foreign("a file of another kind"));
    }
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if number(68) != APPLICATION_ID {
        return Err(foreign("a database of another program"));
    }
    if number(60) > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found: number(60), supported: VERSION });
    }
    // While there is a log beside it, pages may be there and not here yet.
    if log_length(path) == 0 {
        files::check_length(path)?;
    }
    Ok(false)
}

/// Checks the version and reads from each table, without writing.
fn check_tables(path: &Path) -> Result<(), StoreError> {
    let connection = quiet(path)?;
    let failed = |error: rusqlite::Error| failure(path, "be read", &error);
    let found = version(&connection).map_err(failed)?;
    if found > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found, supported: VERSION });
    }
    let tables: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .map_err(failed)?;
    for table in tables {
        // `EXISTS` also of an empty table; the name is one that the schema has.
        let first = format!("SELECT EXISTS (SELECT 1 FROM \"{}\")", table.replace('"', "\"\""));
        connection.query_row(&first, [], |row| row.get::<_, bool>(0)).map_err(failed)?;
    }
    Ok(())
}

/// A connection that writes nothing. Without a log no process has the file open, so `immutable` is safe, and SQLite
/// creates no files beside it.
fn quiet(path: &Path) -> Result<Connection, StoreError> {
    if log_length(path) > 0 {
        return connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    }
    by_address(path, "immutable=1")
}

/// A connection for reading with these parameters of SQLite's addresses.
fn by_address(path: &Path, parameters: &str) -> Result<Connection, StoreError> {
    let mut address = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => address.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => address.push(char::from(byte)),
            byte => address.push_str(&format!("%{byte:02x}")),
        }
    }
    address.push('?');
    address.push_str(parameters);
    connect(Path::new(&address), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
}

/// Length of the log beside a file; its pages are not in the file yet.
fn log_length(path: &Path) -> u64 {
    fs::metadata(files::beside(path, "-wal")).map_or(0, |log| log.len())
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn migrate(path: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| failure(path, "be read", &error);
    // Exclusive: of two processes one migrates, and the other waits and finds it done.
    connection.set_transaction_behavior(TransactionBehavior::Exclusive);
    let from = version(connection).map_err(failed)?;
    let migrated = migrations().to_latest(connection);
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    match migrated {
        Ok(()) => Ok(()),
        Err(_) if version(connection).map_err(failed)? == VERSION => Ok(()),
        Err(error) => {
            let reason = error.to_string();
            Err(StoreError::Migrate { path: path.to_owned(), from, to: VERSION, reason })
        }
    }
}
