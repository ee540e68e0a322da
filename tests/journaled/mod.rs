//! Directories with journals, and what a process would leave there if it died now.

#![allow(dead_code, clippy::unwrap_used, reason = "not every test file needs all of it, and a test may")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use tracing_budget::{
    RunSummary,
    journal::{Recovery, recover},
};

/// A directory of this test run alone, which does not exist yet; removed when it is dropped.
pub(crate) struct Fresh {
    path: PathBuf,
    is_owned: bool,
}

impl Fresh {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("journal-{}-{}", std::process::id(), NEXT.fetch_add(1, SeqCst));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        Self { path, is_owned: true }
    }

    /// A directory that this value does not remove.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), is_owned: false }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The journals in it.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        files.sort();
        files
    }

    /// The text of the only journal in it.
    pub(crate) fn text(&self) -> String {
        let files = self.files();
        assert_eq!(files.len(), 1, "{files:?}");
        fs::read_to_string(&files[0]).unwrap()
    }

    /// What would be here if the processes died now: copies of the files, without their locks.
    pub(crate) fn crashed(&self) -> Self {
        let copy = Self::new();
        fs::create_dir_all(&copy.path).unwrap();
        for file in self.files() {
            fs::copy(&file, copy.path.join(file.file_name().unwrap())).unwrap();
        }
        copy
    }

    pub(crate) fn recover(&self) -> Recovery {
        recover(&self.path).unwrap()
    }

    /// The runs that a crash would leave now; each adds up.
    pub(crate) fn lost_now(&self) -> Vec<RunSummary> {
        let found = self.crashed().recover();
        assert!(found.unreadable().is_empty(), "{found:#?}");
        assert!(found.journals().iter().all(|journal| journal.skipped().is_empty()), "{found:#?}");
        let runs: Vec<_> = found.runs().cloned().collect();
        for run in &runs {
            run.check().unwrap_or_else(|error| panic!("{error}\n{run}"));
        }
        runs
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if self.is_owned {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
