//! A sink that writes one JSON file for each run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::file_name::file_stem;
use super::sync_batch::{SyncBatch, SyncFile};
use super::{OpenError, Sink, SinkError, private};
use crate::summary::RunSummary;

/// Writes each run to `{run_id}.json` in a directory.
///
/// A file is whole or absent: it is written under a temporary name, and then given its own. It is there for every program at
/// once, and survives the process. It survives a power failure after at most a second, and after a flush or the guard's drop:
/// files are synced to the disk in batches, on a thread of their own. One that was not synced may then be absent, or empty.
/// [`sync_each_file`](Self::sync_each_file) syncs each before its run counts as taken.
///
/// An existing file is never overwritten: another run with the same id becomes `{run_id}-2.json`, `-3` and so on. An id that
/// is not a safe file name is escaped (`../x` becomes `%2e.%2fx.json`); the document keeps the id unchanged. Files that a killed
/// process leaves behind begin with a dot and end with `.tmp`.
///
/// Files are made for their owner alone (mode 0600). A directory that another program removed is made again for the next run; a flush
/// reports the files that went with it before they were synced.
///
/// Clones write to the same directory and share [`last_path`](Self::last_path).
///
/// ```
/// use tracing_budget::sink::JsonDir;
///
/// # let directory = std::env::temp_dir().join("tracing-budget-doc-json-dir");
/// let files = JsonDir::new(&directory)?;
/// let given_to_the_layer = files.clone();
/// assert_eq!(files.last_path(), None); // until a run has ended and the guard is flushed
/// # Ok::<(), tracing_budget::sink::OpenError>(())
/// ```
#[derive(Clone, Debug)]
pub struct JsonDir {
    directory: PathBuf,
    last: Arc<Mutex<Option<PathBuf>>>,
    batch: SyncBatch,
    syncs_each_file: bool,
}

impl JsonDir {
    /// Creates the directory if it does not exist, and writes and removes a file in it.
    ///
    /// A relative path is resolved now: a later change of the current directory has no effect.
    ///
    /// # Errors
    ///
    /// If the directory cannot be created, or a file in it cannot be written.
    pub fn new(directory: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open(directory.as_ref(), Arc::new(File::sync_all))
    }

    /// Like [`new`](Self::new), with a function for the file system's sync.
    pub(crate) fn open(given: &Path, sync: SyncFile) -> Result<Self, OpenError> {
        let create = |reason| OpenError::CreateDirectory { path: given.to_owned(), reason };
        let directory = std::path::absolute(given).map_err(create)?;
        fs::create_dir_all(&directory).map_err(create)?;
        Temporary::write(&directory, b"{}\n", |_| Ok(()))
            .map_err(|reason| OpenError::WriteDirectory { path: given.to_owned(), reason })?;
        let batch = SyncBatch::new(directory.clone(), sync);
        Ok(Self { directory, last: Arc::default(), batch, syncs_each_file: false })
    }

    /// Syncs each file to the disk before its run counts as taken.
    ///
    /// A run then survives a power failure as soon as it is delivered. A sync takes milliseconds, so that a program with many short
    /// runs may wait for them at its end, or while over a thousand wait.
    ///
    /// ```
    /// use tracing_budget::sink::JsonDir;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = std::env::temp_dir().join("tracing-budget-doc-json-dir");
    /// let builder = tracing_budget::layer().sink(JsonDir::new(&directory)?.sync_each_file());
    /// # builder.build::<tracing_subscriber::Registry>()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn sync_each_file(mut self) -> Self {
        self.syncs_each_file = true;
        self
    }

    /// The directory, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// The file of the run that was written last, by this sink or a clone of it.
    #[must_use]
    pub fn last_path(&self) -> Option<PathBuf> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The file that contains exactly this run, if it is in the directory.
    #[must_use]
    pub fn path_for(&self, run: &RunSummary) -> Option<PathBuf> {
        let document = document(run).ok()?;
        names(&run.run_id)
            .map(|name| self.directory.join(name))
            .take_while(|path| path.symlink_metadata().is_ok())
            .find(|path| holds(path, &document))
    }

    fn publish(&self, run_id: &str, document: &[u8], link: Link) -> io::Result<PathBuf> {
        let sync = |file: &File| if self.syncs_each_file { self.batch.sync(file) } else { Ok(()) };
        let temporary = match Temporary::write(&self.directory, document, sync) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(&self.directory)?;
                Temporary::write(&self.directory, document, sync)?
            }
            other => other?,
        };
        for name in names(run_id) {
            let path = self.directory.join(&name);
            // `holds`: the run was written in an earlier attempt that failed afterwards, in syncing the directory. Without this
            // case the next attempt would write it a second time.
            if link(&temporary.0, &path)? || holds(&path, document) {
                if self.syncs_each_file {
                    self.batch.sync_directory()?;
                    // Its directory may have been removed since, and then the next attempt makes it again.
                    path.symlink_metadata()?;
                } else {
                    self.batch.add(path.clone());
                }
                return Ok(path);
            }
        }
        Err(io::Error::new(ErrorKind::AlreadyExists, "every name for the run is taken"))
    }
}

impl Sink for JsonDir {
    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        let path = self.publish(&run.run_id, &document(run)?, link).map_err(|error| {
            SinkError::new(format!("no file written in {}: {error}", self.directory.display()))
        })?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
        Ok(())
    }

    /// Syncs the files that no batch has synced yet. Before that they survive the process, but not a power failure.
    fn flush(&mut self) -> Result<(), SinkError> {
        self.batch.flush()
    }
}

/// The run as indented JSON, because people open these files.
fn document(run: &RunSummary) -> serde_json::Result<Vec<u8>> {
    let mut document = serde_json::to_vec_pretty(run)?;
    document.push(b'\n');
    Ok(document)
}

/// The possible names of a run's file, in the order in which they are tried.
fn names(run_id: &str) -> impl Iterator<Item = String> {
    let stem = file_stem(run_id);
    (1..=u32::MAX).map(move |n| if n == 1 { format!("{stem}.json") } else { format!("{stem}-{n}.json") })
}

fn holds(path: &Path, document: &[u8]) -> bool {
    let same_size = path
        .symlink_metadata()
        .is_ok_and(|found| found.is_file() && usize::try_from(found.len()) == Ok(document.len()));
    same_size && fs::read(path).is_ok_and(|found| found == document)
}

/// Gives a finished file a name; `false` if the name is taken.
type Link = fn(from: &Path, to: &Path) -> io::Result<bool>;

/// Gives the file its name by a hard link.
fn link(from: &Path, to: &Path) -> io::Result<bool> {
    // The system refuses to link over an existing name, in one step. A check and a rename would be two, and another
    // process could create the file in between and lose it.
    match fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(_) => rename_under_claim(from, to),
    }
}

/// For file systems without hard links: only the process that creates the claim file may check the name and rename.
///
/// The claim of a process that was killed in between stays, and the name counts as taken.
fn rename_under_claim(from: &Path, to: &Path) -> io::Result<bool> {
    let Some(name) = to.file_name() else { return Err(ErrorKind::InvalidInput.into()) };
    let claim = to.with_file_name(format!(".{}.tmp", name.to_string_lossy()));
    match private(&mut OpenOptions::new()).write(true).create_new(true).open(&claim) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error),
    }
    let _claim = Temporary(claim);
    match to.symlink_metadata() {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == ErrorKind::NotFound => fs::rename(from, to).map(|()| true),
        Err(error) => Err(error),
    }
}

/// A file that is removed when this is dropped.
struct Temporary(PathBuf);

impl Temporary {
    /// Writes a new file, under a unique name that does not look like a run's, and syncs it by a function.
    fn write(
        directory: &Path,
        content: &[u8],
        sync: impl FnOnce(&File) -> io::Result<()>,
    ) -> io::Result<Self> {
        let path = directory.join(format!(".tracing-budget-{}.tmp", Uuid::now_v7().simple()));
        let mut file = private(&mut OpenOptions::new()).write(true).create_new(true).open(&path)?;
        let temporary = Self(path);
        file.write_all(content)?;
        sync(&file)?;
        Ok(temporary)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Fails if it was renamed, which is the normal case. Any other error has no effect on the run's file.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    /// Eight threads write different documents for one id. Each must be in the directory, whole, under its own name.
    fn race(directory: &str, link: Link) {
        let directory =
            std::env::temp_dir().join(format!("tracing-budget-{}-{directory}", std::process::id()));
        let files = JsonDir::new(&directory).unwrap_or_else(|error| panic!("{error}"));
        let begin = Barrier::new(8);
        thread::scope(|scope| {
            for thread in 0..8 {
                let (files, begin) = (&files, &begin);
                scope.spawn(move || {
                    for n in 0..25 {
                        // All start together each time, so that they try the same name.
                        begin.wait();
                        files
                            .publish("same", format!("{}", thread * 25 + n).as_bytes(), link)
                            .unwrap_or_else(|error| panic!("{error}"));
                    }
                });
            }
        });
        let paths: Vec<_> = fs::read_dir(&directory)
            .unwrap_or_else(|error| panic!("{error}"))
            .map(|entry| entry.map(|entry| entry.path()).unwrap_or_else(|error| panic!("{error}")))
            .collect();
        let mut documents: Vec<u32> =
            paths.iter().filter_map(|path| fs::read_to_string(path).ok()?.parse().ok()).collect();
        documents.sort_unstable();
        let _ = fs::remove_dir_all(&directory);
        assert_eq!(documents, (0..200).collect::<Vec<_>>());
        assert_eq!(paths.len(), 200);
        assert!(paths.iter().all(|path| path.extension().is_some_and(|end| end == "json")), "{paths:?}");
    }

    #[test]
    fn names_are_taken_once_with_hard_links() {
        race("links", link);
    }

    #[test]
    fn names_are_taken_once_without_hard_links() {
        race("claims", rename_under_claim);
    }
}
