//! The real server on sample runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use tracing_budget::{RunSummary, summary::Timestamp};
use tracing_budget_browser_tests::{failed, month};
use tracing_budget_history::{Heartbeat, Put, Sqlite, Store};
use tracing_budget_server::{Running, ServeOptions, Server};

/// A server on a history of its own; both are gone when this is dropped.
pub(crate) struct Site {
    server: Option<Running>,
    store: Arc<Sqlite>,
    directory: PathBuf,
    pub(crate) now: Timestamp,
}

impl Site {
    /// On a history without any run.
    pub(crate) fn empty() -> Self {
        Self::with(ServeOptions::new())
    }

    /// On a month of runs, the last of which failed.
    pub(crate) fn seeded() -> Self {
        let site = Self::empty();
        let mut runs: Vec<RunSummary> = month(site.now).into_iter().map(|sample| sample.run).collect();
        runs.push(failed(site.now));
        let puts: Vec<Put<'_>> = runs.iter().map(Put::new).collect();
        site.store.put_all(&puts).expect("the samples are stored");
        site
    }

    pub(crate) fn with(options: ServeOptions) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory =
            std::env::temp_dir().join(format!("tracing-budget-site-{}-{number}", std::process::id()));
        let store = Arc::new(Sqlite::open(directory.join("runs.db")).expect("a new history"));
        let options = options.address(([127, 0, 0, 1], 0)).poll_every(Duration::from_millis(50));
        let shown = Arc::clone(&store) as Arc<dyn Store>;
        // On its own thread: the server has its own runtime, which cannot start inside a test's runtime.
        let server = thread::spawn(move || Server::bind(&options, shown).expect("a free port").start());
        let server = server.join().expect("the server starts");
        Self { server: Some(server), store, directory, now: SystemTime::now().into() }
    }

    /// The address of a page.
    pub(crate) fn at(&self, path: &str) -> String {
        let server = self.server.as_ref().expect("it runs until it is dropped");
        format!("http://{}{path}", server.address())
    }

    /// Stores a run as its process would, with a heartbeat.
    pub(crate) fn put(&self, run: &RunSummary) {
        let heartbeat = Heartbeat { at: SystemTime::now().into(), every: Duration::from_secs(600) };
        self.store.put_all(&[Put::new(run).part("1").heartbeat(heartbeat)]).expect("the run is stored");
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.server.take());
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
