//! A server's life: it listens, serves, and stops.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use tokio::runtime::Builder;
use tokio::sync::watch;

use super::app::App;
use super::error::ServeError;
use super::guard::Keys;
use super::options::ServeOptions;
use super::router::router;
use tracing_budget_history::Store;

/// A server that listens and does not answer yet.
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
    /// Listens: whoever connects from now on is answered when the server runs.
    ///
    /// # Errors
    ///
    /// If the options do not fit together, or the address cannot be listened on.
    pub fn bind(options: &ServeOptions, store: Arc<dyn Store>) -> Result<Self, ServeError> {
        let keys = Keys::new(options)?;
        let (stop, stopping) = watch::channel(false);
        let app = App::new(store, options.clone(), keys, stopping);
        let router = router(app.clone())?;
        let fault = |reason| ServeError::Listen { address: options.address, reason };
        let listener = TcpListener::bind(options.address).map_err(fault)?;
        listener.set_nonblocking(true).map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        Ok(Self { listener, address, router, app, stop })
    }

    /// Where it listens: with the port that was taken where any would do.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process is told to end (Ctrl-C, SIGTERM); then answers what was asked before, and comes back.
    ///
    /// # Errors
    ///
    /// If the server's threads cannot be started, or it stopped by itself.
    pub fn run(self) -> Result<(), ServeError> {
        // On a thread of its own, as the caller's may be one of another runtime.
        let thread = std::thread::spawn(move || self.on_this_thread(told_to_end()));
        thread.join().unwrap_or(Ok(()))
    }

    /// Serves on its own threads until it is stopped or dropped.
    #[must_use]
    pub fn start(self) -> Running {
        let (address, stop) = (self.address, self.stop.clone());
        let mut asked = stop.subscribe();
        let end = async move {
            let _ = asked.wait_for(|stop| *stop).await;
        };
        let thread = std::thread::spawn(move || self.on_this_thread(end));
        Running { address, stop, thread: Some(thread) }
    }

    /// Serves on the caller's tokio runtime until `end`; then answers what was asked before.
    ///
    /// # Errors
    ///
    /// If the server stopped by itself.
    pub async fn serve(self, end: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        let Self { listener, router, app, stop, .. } = self;
        let stopped = |reason| ServeError::Stopped { reason };
        let listener = tokio::net::TcpListener::from_std(listener).map_err(stopped)?;
        let end = async move {
            end.await;
            stop.send_replace(true);
        };
        tokio::spawn(async move { app.live().watch(&app, app.options().look_every).await });
        axum::serve(listener, router).with_graceful_shutdown(end).await.map_err(stopped)
    }

    fn on_this_thread(self, end: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        let runtime = Builder::new_multi_thread().enable_all().thread_name("tracing-budget-server").build();
        runtime.map_err(|reason| ServeError::Threads { reason })?.block_on(self.serve(end))
    }
}

/// A server that answers, until it is stopped or dropped.
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers what was asked before, then stops.
    ///
    /// # Errors
    ///
    /// If the server had stopped by itself.
    pub fn stop(mut self) -> Result<(), ServeError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), ServeError> {
        self.stop.send_replace(true);
        // A thread that panicked has said so.
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap_or(Ok(())))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Serves until the process is told to end.
///
/// # Errors
///
/// If the server cannot start, or stopped by itself.
pub fn run(options: &ServeOptions, store: Arc<dyn Store>) -> Result<(), ServeError> {
    Server::bind(options, store)?.run()
}

async fn told_to_end() {
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
