//! State shared by all handlers.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{Semaphore, watch};
use tracing_budget::summary::Timestamp;
use tracing_budget_history::Store;

use crate::keys::Keys;
use crate::live::Broadcaster;
use crate::metrics::{Metrics, ProjectTotalsCache};
use crate::options::ServeOptions;
use crate::problem::{Problem, ProblemKind};

/// State shared by all handlers: the store, the options, the clock and the shutdown signal. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    options: ServeOptions,
    keys: Keys,
    live: Broadcaster,
    metrics: Metrics,
    totals: ProjectTotalsCache,
    readers: Arc<Semaphore>,
    writer: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl App {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        options: ServeOptions,
        keys: Keys,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let readers = Arc::new(Semaphore::new(options.readers));
        // One permit: SQLite has one writer at a time. Writers have a semaphore of their own, because deliveries that wait
        // for the database lock would otherwise use up the permits of all readers.
        let writer = Arc::new(Semaphore::new(1));
        let live = Broadcaster::new(options.listeners);
        Self {
            shared: Arc::new(Shared {
                store,
                options,
                keys,
                live,
                metrics: Metrics::new(),
                totals: ProjectTotalsCache::default(),
                readers,
                writer,
                stopping,
            }),
        }
    }

    pub(crate) fn options(&self) -> &ServeOptions {
        &self.shared.options
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    /// Events of runs in flight.
    pub(crate) fn live(&self) -> &Broadcaster {
        &self.shared.live
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    pub(crate) fn totals(&self) -> &ProjectTotalsCache {
        &self.shared.totals
    }

    /// The current time.
    pub(crate) fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    /// Reads from the store on a blocking thread; at most [`ServeOptions::readers`] reads run at once.
    ///
    /// # Errors
    ///
    /// The store's error as a problem.
    pub(crate) async fn read<T: Send + 'static, E: Into<Problem> + Send + 'static>(
        &self,
        query: impl FnOnce(&dyn Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem> {
        self.on_store(&self.shared.readers, query).await
    }

    /// Writes to the store on a blocking thread; one write at a time.
    ///
    /// # Errors
    ///
    /// The store's error as a problem.
    pub(crate) async fn write<T: Send + 'static, E: Into<Problem> + Send + 'static>(
        &self,
        change: impl FnOnce(&dyn Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem> {
        self.on_store(&self.shared.writer, change).await
    }

    async fn on_store<T: Send + 'static, E: Into<Problem> + Send + 'static>(
        &self,
        permits: &Arc<Semaphore>,
        work: impl FnOnce(&dyn Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem> {
        let closed = |_| Problem::new(ProblemKind::Failed, "the server is stopping");
        let permit = Arc::clone(permits).acquire_owned().await.map_err(closed)?;
        let store = Arc::clone(&self.shared.store);
        let work = move || {
            // Moved into the blocking task, which also runs on after the request was cancelled (timeout, closed connection).
            // If the future held the permit, cancelled requests would free permits while their queries still run.
            let _permit = permit;
            work(store.as_ref())
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(answer) => answer.map_err(Into::into),
            Err(_) => Err(Problem::new(
                ProblemKind::Failed,
                "the store panicked; the server's stderr has the panic message",
            )),
        }
    }

    /// Completes when the server stops. Streams without an end of their own wait for this too: a graceful shutdown would
    /// otherwise wait for them forever.
    pub(crate) async fn stopping(&self) {
        let mut stopping = self.shared.stopping.clone();
        // An error means that the sender was dropped, and so the server has stopped.
        let _ = stopping.wait_for(|stop| *stop).await;
    }
}
