//! State shared by all handlers.

use std::sync::Arc;
use std::time::SystemTime;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use tokio::sync::{Semaphore, watch};
use tracing_budget::summary::Timestamp;
use tracing_budget_history::{Cancel, Store};

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

    /// Reads from the store on a blocking thread; at most [`ServeOptions::readers`] reads run at once. A page or document of a large
    /// run takes longer to write than to read, so `query` does that too: on a thread of the runtime it would delay every request.
    ///
    /// Dropping the future cancels the read: a request that timed out gives its permit back at once.
    ///
    /// # Errors
    ///
    /// The store's error as a problem.
    pub(crate) async fn read<T: Send + 'static, E: Into<Problem> + Send + 'static>(
        &self,
        query: impl FnOnce(&dyn Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem> {
        let cancel = Cancel::new();
        let _when_dropped = CancelWhenDropped(cancel.clone());
        self.on_store(&self.shared.readers, move |store| cancel.scope(|| query(store))).await
    }

    /// Reads from the store as [`read`](Self::read), and writes the answer as JSON on the same thread.
    ///
    /// # Errors
    ///
    /// The store's error as a problem.
    pub(crate) async fn read_json<T: Serialize, E: Into<Problem> + Send + 'static>(
        &self,
        query: impl FnOnce(&dyn Store) -> Result<T, E> + Send + 'static,
    ) -> Result<JsonAnswer, Problem> {
        self.read(move |store| {
            let answer = query(store).map_err(Into::into)?;
            let json = serde_json::to_vec(&answer);
            json.map(JsonAnswer).map_err(|error| Problem::new(ProblemKind::Failed, error.to_string()))
        })
        .await
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

/// An answer as JSON.
pub(crate) struct JsonAnswer(Vec<u8>);

impl IntoResponse for JsonAnswer {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

/// Cancels a read when the request that waits for it is dropped. After its end, this has no effect.
struct CancelWhenDropped(Cancel);

impl Drop for CancelWhenDropped {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
