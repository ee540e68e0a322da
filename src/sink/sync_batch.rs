//! Syncs files to the disk in batches, on a thread of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::SinkError;

/// How long a file waits for its batch. A sync takes milliseconds, so that its share of a second is small; and a second is less
/// than most file systems take to write by themselves (30 s on Linux).
const DELAY: Duration = Duration::from_secs(1);
/// The most files that wait, some megabytes of names. More than a disk takes in a delay: it hangs then, and the sink waits for it.
const MOST_WAITING: usize = 65_536;
/// The most threads that sync one batch. A journaling file system commits for all that wait at once: on ext4 eight threads sync
/// 2,000 new files in a fortieth of one thread's time.
const MOST_THREADS: usize = 16;
/// The fewest files for each of these threads. Starting one takes some ten microseconds, less than a sync.
const FILES_PER_THREAD: usize = 8;

/// Syncs one file or directory.
pub(crate) type SyncFile = Arc<dyn Fn(&File) -> io::Result<()> + Send + Sync>;

/// Files of one directory that wait to be synced. Clones share them.
///
/// The thread lives while files wait. A file system that hangs holds up that thread and a flush, and no other call before
/// [`MOST_WAITING`] files wait.
#[derive(Clone)]
pub(super) struct SyncBatch {
    shared: Arc<Shared>,
}

struct Shared {
    directory: PathBuf,
    sync: SyncFile,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Files that are in no batch yet.
    waiting: Vec<PathBuf>,
    /// When the next batch begins, if files wait.
    due: Option<Instant>,
    is_running: bool,
    /// Files that were ever added, and those of them in finished batches: a flush waits until the second has reached the first.
    added: u64,
    done: u64,
    /// Files that could not be synced since the last flush, with the first error.
    failed: Option<(u64, String)>,
}

impl SyncBatch {
    pub(super) fn new(directory: PathBuf, sync: SyncFile) -> Self {
        Self {
            shared: Arc::new(Shared { directory, sync, state: Mutex::default(), changed: Condvar::new() }),
        }
    }

    /// Syncs a file at once.
    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        (self.shared.sync)(file)
    }

    /// Syncs the directory at once, which has the names of its files. Without it a power failure could lose a new name.
    pub(super) fn sync_directory(&self) -> io::Result<()> {
        self.shared.sync_directory()
    }

    /// Adds a file to the next batch, which begins within [`DELAY`].
    pub(super) fn add(&self, path: PathBuf) {
        let mut state = self.shared.state();
        while state.waiting.len() >= MOST_WAITING {
            state = self.shared.wait(state);
        }
        state.waiting.push(path);
        state.added += 1;
        // The oldest file decides: a later one does not put the batch off.
        state.due.get_or_insert_with(|| Instant::now() + DELAY);
        if state.is_running {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let spawned =
            thread::Builder::new().name("tracing-budget-sync".to_owned()).spawn(move || shared.work());
        // Without a thread the next flush syncs.
        state.is_running = spawned.is_ok();
    }

    /// Waits until every file that was added before is synced.
    ///
    /// # Errors
    ///
    /// If files could not be synced since the last flush.
    pub(super) fn flush(&self) -> Result<(), SinkError> {
        let mut state = self.shared.state();
        let goal = state.added;
        while state.done < goal {
            if state.is_running {
                if !state.waiting.is_empty() {
                    // Now, not at the end of the delay.
                    state.due = Some(Instant::now());
                    self.shared.changed.notify_all();
                }
                state = self.shared.wait(state);
            } else {
                // In the thread's place: of two at once, the one that is done first would end the other's wait.
                state.is_running = true;
                state = self.shared.sync_waiting(state);
                state.is_running = false;
            }
        }
        match state.failed.take() {
            None => Ok(()),
            Some((files, reason)) => Err(SinkError::new(format!(
                "{files} of its files may not survive a power failure, the first one {reason}"
            ))),
        }
    }

    /// Files that are in no finished batch.
    #[cfg(test)]
    pub(super) fn unsynced(&self) -> u64 {
        let state = self.shared.state();
        state.added - state.done
    }
}

impl std::fmt::Debug for SyncBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyncBatch").field("directory", &self.shared.directory).finish_non_exhaustive()
    }
}

impl Shared {
    /// Held for an addition or an exchange only, never while a file is synced: the sink must not wait for the disk.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// The work of the thread: batch after batch, each when it is due, until no file waits.
    fn work(&self) {
        let mut state = self.state();
        while let Some(due) = state.due {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state = self.sync_waiting(state);
            } else {
                state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        // Under the lock in which no file waits: the next one that is added starts a thread.
        state.is_running = false;
    }

    /// Syncs the files that wait, without the lock.
    fn sync_waiting<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let files = mem::take(&mut state.waiting);
        state.due = None;
        drop(state);
        // There is room again.
        self.changed.notify_all();
        let failed = self.sync_files(&files);
        let mut state = self.state();
        state.done += files.len() as u64;
        if let Some((files, reason)) = failed {
            state.failed.get_or_insert((0, reason)).0 += files;
        }
        self.changed.notify_all();
        state
    }

    /// Syncs files, then the directory. Returns the number of those that could not be synced, with the first error.
    fn sync_files(&self, files: &[PathBuf]) -> Option<(u64, String)> {
        let threads = (files.len() / FILES_PER_THREAD).clamp(1, MOST_THREADS);
        let shares = files.chunks(files.len().div_ceil(threads).max(1));
        let mut failed = thread::scope(|scope| {
            // The first share is this thread's own. Without a thread for another one this thread has it too.
            let mut shares = shares;
            let own = shares.next().unwrap_or_default();
            let others: Vec<_> = shares
                .map(|share| {
                    let sync = move || self.sync_share(share);
                    thread::Builder::new().spawn_scoped(scope, sync).map_err(|_| share)
                })
                .collect();
            let mut failed = self.sync_share(own);
            for other in others {
                let found = match other {
                    // A thread that panicked has printed why; its files count as not synced.
                    Ok(thread) => thread.join().unwrap_or_else(|_| vec!["the thread panicked".to_owned()]),
                    Err(share) => self.sync_share(share),
                };
                failed.extend(found);
            }
            failed
        });
        if let Err(error) = self.sync_directory() {
            failed.push(format!("{}: {error}", self.directory.display()));
        }
        // A file that is gone was taken by a program that wants it elsewhere, or not at all. A directory that is gone took along
        // files that no program has.
        if !files.is_empty() && !self.directory.exists() {
            let gone =
                || format!("{}: the directory was removed before they were synced", self.directory.display());
            failed.extend(std::iter::repeat_with(gone).take(files.len() - failed.len().min(files.len())));
        }
        Some((failed.len() as u64, failed.into_iter().next()?))
    }

    fn sync_share(&self, files: &[PathBuf]) -> Vec<String> {
        let failure = |path: &PathBuf| match self.sync_path(path) {
            // Removed by the program or its user, who do not want it any more.
            Err(error) if error.kind() != ErrorKind::NotFound => Some(format!("{}: {error}", path.display())),
            _ => None,
        };
        files.iter().filter_map(failure).collect()
    }

    fn sync_path(&self, path: &Path) -> io::Result<()> {
        // Windows syncs only what is open for writing.
        (self.sync)(&OpenOptions::new().read(true).append(cfg!(windows)).open(path)?)
    }

    fn sync_directory(&self) -> io::Result<()> {
        if cfg!(not(unix)) {
            return Ok(());
        }
        match File::open(&self.directory).and_then(|directory| (self.sync)(&directory)) {
            // File systems that cannot sync a directory keep names durable by themselves; a directory that was removed has none.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::NotFound
                ) =>
            {
                Ok(())
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

    use super::*;

    /// A directory with files, and a batch for it that syncs by a function.
    fn batch(
        name: &str,
        files: usize,
        sync: impl Fn(&File) -> io::Result<()> + Send + Sync + 'static,
    ) -> (SyncBatch, Vec<PathBuf>) {
        let directory = std::env::temp_dir().join(format!("tracing-budget-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap_or_else(|error| panic!("{error}"));
        let paths: Vec<_> = (0..files).map(|n| directory.join(n.to_string())).collect();
        for path in &paths {
            fs::write(path, "x").unwrap_or_else(|error| panic!("{error}"));
        }
        (SyncBatch::new(directory, Arc::new(sync)), paths)
    }

    fn is_directory(file: &File) -> bool {
        file.metadata().is_ok_and(|found| found.is_dir())
    }

    #[test]
    fn a_flush_syncs_each_file_once_and_the_directory_after_them() {
        for files in [0, 1, 7, 8, 9, 63, 64, 65, 100] {
            let synced = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
            let counted = Arc::clone(&synced);
            let (batch, paths) = batch(&format!("each-{files}"), files, move |file| {
                if is_directory(file) {
                    assert_eq!(counted.0.load(SeqCst), files, "a name is synced after its file");
                    counted.1.fetch_add(1, SeqCst);
                } else {
                    counted.0.fetch_add(1, SeqCst);
                }
                Ok(())
            });
            paths.into_iter().for_each(|path| batch.add(path));
            batch.flush().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(synced.0.load(SeqCst), files);
            assert_eq!(synced.1.load(SeqCst), usize::from(files > 0));
            assert_eq!(batch.unsynced(), 0);
        }
    }

    #[test]
    fn files_are_synced_without_a_flush() {
        let (batch, paths) = batch("delay", 20, |_| Ok(()));
        paths.into_iter().for_each(|path| batch.add(path));
        let begun = Instant::now();
        // Far more than the delay; only a failure takes so long.
        while batch.unsynced() > 0 && begun.elapsed() < DELAY * 60 {
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(batch.unsynced(), 0);
        // The thread has ended, or is about to: a later file starts one.
        batch.add(batch.shared.directory.join("0"));
        batch.flush().unwrap_or_else(|error| panic!("{error}"));
    }

    #[test]
    fn files_that_cannot_be_synced_are_in_one_report() {
        let broken = Arc::new(AtomicBool::new(true));
        let is_broken = Arc::clone(&broken);
        let (batch, paths) = batch("broken", 20, move |file| {
            if is_broken.load(SeqCst) && !is_directory(file) {
                return Err(io::Error::other("disk on fire"));
            }
            Ok(())
        });
        fs::remove_file(&paths[0]).unwrap_or_else(|error| panic!("{error}"));
        paths.iter().for_each(|path| batch.add(path.clone()));
        let error = batch.flush().expect_err("the disk is on fire").to_string();
        // One was removed, and is missed by no user.
        assert!(
            error.starts_with("19 of its files may not survive a power failure, the first one "),
            "{error}"
        );
        assert!(error.ends_with("/1: disk on fire"), "{error}");
        broken.store(false, SeqCst);
        batch.flush().unwrap_or_else(|error| panic!("{error}"));
        batch.add(paths[1].clone());
        batch.flush().unwrap_or_else(|error| panic!("{error}"));
    }
}
