//! What all handlers share.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{Semaphore, watch};

use super::counters::Counters;
use super::guard::Keys;
use super::live::Hub;
use super::options::ServeOptions;
use super::problem::{Kind, Problem};
use super::totals::Totals;
use tracing_budget::summary::Timestamp;
use tracing_budget_history::Store;

/// What all handlers share: the store, the options, the time, and whether the server is to stop.
#[derive(Clone)]
pub(crate) struct App {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    options: ServeOptions,
    keys: Keys,
    live: Hub,
    counters: Counters,
    totals: Totals,
    readers: Arc<Semaphore>,
    writer: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl App {
    pub(super) fn new(
        store: Arc<dyn Store>,
        options: ServeOptions,
        keys: Keys,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        // A store writes one thing after the other; those who wait for their turn must not keep readers waiting.
        let (readers, writer) = (Arc::new(Semaphore::new(options.readers)), Arc::new(Semaphore::new(1)));
        let live = Hub::new(options.listeners);
        let (counters, totals) = (Counters::new(), Totals::default());
        Self {
            shared: Arc::new(Shared {
                store,
                options,
                keys,
                live,
                counters,
                totals,
                readers,
                writer,
                stopping,
            }),
        }
    }

    pub(crate) fn options(&self) -> &ServeOptions {
        &self.shared.options
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    /// What happens to runs in flight.
    pub(crate) fn live(&self) -> &Hub {
        &self.shared.live
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    pub(crate) fn totals(&self) -> &Totals {
        &self.shared.totals
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    /// Asks the store, on a thread that may block; as many at once as the options allow.
    ///
    /// # Errors
    ///
    /// What the store said, as a problem.
    pub(crate) async fn ask<T: Send + 'static, E: Into<Problem> + Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem> {
        self.on_store(&self.shared.readers, question).await
    }

    /// Has the store write, on a thread that may block; one at a time.
    ///
    /// # Errors
    ///
    /// What the store said, as a problem.
    pub(crate) async fn tell<T: Send + 'static, E: Into<Problem> + Send + 'static>(
        &self,
        change: impl FnOnce(&dyn Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem> {
        self.on_store(&self.shared.writer, change).await
    }

    async fn on_store<T: Send + 'static, E: Into<Problem> + Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        work: impl FnOnce(&dyn Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem> {
        let gone = || Problem::new(Kind::Failed, "the server is stopping");
        let turn = Arc::clone(turns).acquire_owned().await.map_err(|_| gone())?;
        let store = Arc::clone(&self.shared.store);
        let work = move || {
            // Until the work is done, even if nobody waits for it any more.
            let _turn = turn;
            work(store.as_ref())
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(answer) => answer.map_err(Into::into),
            Err(_) => Err(Problem::new(Kind::Failed, "the store broke off; the server's log says where")),
        }
    }

    /// Comes back when the server is to stop: what streams without an end waits for this, too.
    pub(crate) async fn stopping(&self) {
        let mut stopping = self.shared.stopping.clone();
        // An error is that the server is gone altogether.
        let _ = stopping.wait_for(|stop| *stop).await;
    }
}
