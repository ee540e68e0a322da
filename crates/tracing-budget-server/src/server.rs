//! Binding, serving, stopping.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tracing_budget_history::Store;

use crate::app::App;
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
        let app = App::new(store, options.clone(), keys, stopping);
        let router = router(app.clone())?;
        let error = |reason| ServeError::Listen { address: options.address, reason };
        let listener = TcpListener::bind(options.address).map_err(error)?;
        listener.set_nonblocking(true).map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        Ok(Self { listener, address, router, app, stop })
    }

    /// The bound address; its port is the actual one if the options had port 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until Ctrl-C or SIGTERM, answers the requests that are in progress, and returns.
    ///
    /// # Errors
    ///
    /// If the server's threads cannot be started, or serving failed.
    pub fn run(self) -> Result<(), ServeError> {
        // On a new thread: the caller may be inside another tokio runtime, where `block_on` panics.
        let thread = std::thread::spawn(move || self.on_this_thread(shutdown_signal()));
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
        let thread = std::thread::spawn(move || self.on_this_thread(end));
        Running { address, stop, thread: Some(thread) }
    }

    /// Serves on the caller's tokio runtime until `end` completes, then answers the requests that are in progress.
    ///
    /// # Errors
    ///
    /// If serving failed.
    pub async fn serve(self, end: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        let Self { listener, router, app, stop, .. } = self;
        let stopped = |reason| ServeError::Stopped { reason };
        let listener = tokio::net::TcpListener::from_std(listener).map_err(stopped)?;
        let end = async move {
            end.await;
            stop.send_replace(true);
        };
        tokio::spawn(async move { poll_until_stopped(&app, app.options().poll_every).await });
        axum::serve(listener, router).with_graceful_shutdown(end).await.map_err(stopped)
    }

    fn on_this_thread(self, end: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        let runtime = Builder::new_multi_thread().enable_all().thread_name("tracing-budget-server").build();
        runtime.map_err(|reason| ServeError::Threads { reason })?.block_on(self.serve(end))
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

    /// Answers the requests that are in progress, then stops.
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

async fn shutdown_signal() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}
