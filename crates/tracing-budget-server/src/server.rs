//! Binding, serving, stopping.

use std::fmt;
use std::future::{Future, pending};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tracing_budget_history::Store;

use crate::app::App;
use crate::connections;
use crate::error::ServeError;
use crate::keys::Keys;
use crate::live::poll_until_stopped;
use crate::options::ServeOptions;
use crate::router::router;

/// A server that is bound to its address and does not serve yet.
///
/// ```
/// use std::sync::Arc;
///
/// use tracing_budget_history::Sqlite;
/// use tracing_budget_server::{ServeOptions, Server};
///
/// # let directory = std::env::temp_dir().join(format!("tracing-budget-doc-server-{}", std::process::id()));
/// let store = Arc::new(Sqlite::open(directory.join("runs.db"))?);
/// let server = Server::bind(&ServeOptions::new().address(([127, 0, 0, 1], 0)), store)?.start();
/// println!("http://{}", server.address());
/// // … the pipeline …
/// server.stop()?;
/// # std::fs::remove_dir_all(directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    app: App,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Binds the address. Connections from now on wait in the operating system's queue and are answered once the server
    /// runs.
    ///
    /// # Errors
    ///
    /// If a token is missing or weak, an allowed origin is malformed, or the address cannot be bound.
    pub fn bind(options: &ServeOptions, store: Arc<dyn Store>) -> Result<Self, ServeError> {
        let keys = Keys::new(options)?;
        let (stop, stopping) = watch::channel(false);
        let options = options.clone().within_descriptors(max_descriptors());
        let address = options.address;
        let app = App::new(store, options, keys, stopping);
        let router = router(app.clone())?;
        let error = |reason| ServeError::Listen { address, reason };
        let listener = TcpListener::bind(address).map_err(error)?;
        listener.set_nonblocking(true).map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        Ok(Self { listener, address, router, app, stop })
    }

    /// The bound address; its port is the actual one if the options had port 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until Ctrl-C or SIGTERM, answers the requests that are in progress, and returns. It returns at most
    /// [`ServeOptions::stop_timeout`] and a second after the signal, whatever clients do. A second signal ends it at once.
    ///
    /// # Errors
    ///
    /// If the server's threads cannot be started, or serving failed.
    pub fn run(self) -> Result<(), ServeError> {
        // On a new thread: the caller may be inside another tokio runtime, where `block_on` panics.
        let thread = std::thread::spawn(move || {
            let (signals, mut received) = watch::channel(0);
            let mut again = received.clone();
            let first = async move {
                tokio::spawn(count_signals(signals));
                let _ = received.wait_for(|signals| *signals > 0).await;
            };
            let second = async move {
                let _ = again.wait_for(|signals| *signals > 1).await;
            };
            self.on_this_thread(first, second)
        });
        thread.join().unwrap_or(Ok(()))
    }

    /// Serves on its own threads until it is stopped or dropped.
    #[must_use]
    pub fn start(self) -> Running {
        let (address, stop) = (self.address, self.stop.clone());
        let mut stopping = stop.subscribe();
        let end = async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        let thread = std::thread::spawn(move || self.on_this_thread(end, pending()));
        Running { address, stop, thread: Some(thread) }
    }

    /// Serves on the caller's tokio runtime until `end` completes, then answers the requests that are in progress, for at most
    /// [`ServeOptions::stop_timeout`].
    ///
    /// # Errors
    ///
    /// If serving failed.
    pub async fn serve(self, end: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        self.serve_until(end, pending()).await
    }

    async fn serve_until(
        self,
        end: impl Future<Output = ()>,
        at_once: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let Self { listener, router, app, stop, .. } = self;
        let stopped = |reason| ServeError::Stopped { reason };
        let listener = tokio::net::TcpListener::from_std(listener).map_err(stopped)?;
        let end = async {
            end.await;
            stop.send_replace(true);
        };
        let poller = app.clone();
        tokio::spawn(async move { poll_until_stopped(&poller, poller.options().poll_every).await });
        connections::serve(listener, router, app.options(), end, at_once).await;
        Ok(())
    }

    fn on_this_thread(
        self,
        end: impl Future<Output = ()>,
        at_once: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let runtime = Builder::new_multi_thread().enable_all().thread_name("tracing-budget-server").build();
        let runtime = runtime.map_err(|reason| ServeError::Threads { reason })?;
        let served = runtime.block_on(self.serve_until(end, at_once));
        // A drop would wait for blocking tasks without a limit, such as a delivery that waits for the store's lock.
        runtime.shutdown_timeout(BLOCKING_TASKS_END_AFTER);
        served
    }
}

/// Time for reads and writes of the store of requests that were cut off. Reads are cancelled with their request.
const BLOCKING_TASKS_END_AFTER: Duration = Duration::from_secs(1);

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A running server. Stops when [`stop`](Self::stop) is called or this is dropped.
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Running {
    /// The bound address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers the requests that are in progress, then stops, at the latest [`ServeOptions::stop_timeout`] and a second later.
    ///
    /// # Errors
    ///
    /// If serving had failed before.
    pub fn stop(mut self) -> Result<(), ServeError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), ServeError> {
        self.stop.send_replace(true);
        // If the thread panicked, the panic message is already on stderr.
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap_or(Ok(())))
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Binds a server and serves until Ctrl-C or SIGTERM.
///
/// # Errors
///
/// If the server cannot start, or serving failed.
pub fn run(options: &ServeOptions, store: Arc<dyn Store>) -> Result<(), ServeError> {
    Server::bind(options, store)?.run()
}

/// Returns the number of descriptors that this process may open; `None` if it is unlimited or unknown.
fn max_descriptors() -> Option<u64> {
    #[cfg(unix)]
    {
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current
    }
    #[cfg(not(unix))]
    {
        None
    }
}

/// Counts Ctrl-C and SIGTERM.
async fn count_signals(signals: watch::Sender<u32>) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            loop {
                tokio::select! {
                    Ok(()) = tokio::signal::ctrl_c() => {}
                    Some(()) = terminated.recv() => {}
                    else => break,
                }
                signals.send_modify(|signals| *signals += 1);
            }
        }
    }
    while tokio::signal::ctrl_c().await.is_ok() {
        signals.send_modify(|signals| *signals += 1);
    }
    // Without signals, the server runs until its process is killed.
    std::future::pending::<()>().await;
}
