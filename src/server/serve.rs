//! A server's life: it listens, serves, and stops.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::app::App;
use super::error::ServeError;
use super::guard::Keys;
use super::options::ServeOptions;
use super::router::router;
use crate::history::Store;

/// A server that listens and does not answer yet.
pub struct Server {
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    app: App,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Listens, on threads of its own: whoever connects from now on is answered when the server runs.
    ///
    /// # Errors
    ///
    /// If the options do not fit together, or the address cannot be listened on.
    pub fn bind(options: &ServeOptions, store: Arc<dyn Store>) -> Result<Self, ServeError> {
        let keys = Keys::new(options)?;
        let (stop, stopping) = watch::channel(false);
        let app = App::new(store, options.clone(), keys, stopping);
        let router = router(app.clone())?;
        let runtime = Builder::new_multi_thread()
            .enable_all()
            .thread_name("tracing-budget-server")
            .build()
            .map_err(|reason| ServeError::Threads { reason })?;
        let fault = |reason| ServeError::Listen { address: options.address, reason };
        let listener = runtime.block_on(TcpListener::bind(options.address)).map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        Ok(Self { runtime, listener, address, router, app, stop })
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
    /// If the server stopped by itself.
    pub fn run(self) -> Result<(), ServeError> {
        let Self { runtime, listener, router, app, stop, .. } = self;
        runtime.block_on(serve(listener, router, app, stop, told_to_end()))
    }

    /// Serves on its own threads until it is stopped or dropped.
    #[must_use]
    pub fn start(self) -> Running {
        let Self { runtime, listener, address, router, app, stop } = self;
        let ask = stop.clone();
        let mut asked = stop.subscribe();
        let thread = std::thread::spawn(move || {
            let end = async move {
                let _ = asked.wait_for(|stop| *stop).await;
            };
            runtime.block_on(serve(listener, router, app, stop, end))
        });
        Running { address, stop: ask, thread: Some(thread) }
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

async fn serve(
    listener: TcpListener,
    router: Router,
    app: App,
    stop: watch::Sender<bool>,
    end: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let end = async move {
        end.await;
        stop.send_replace(true);
    };
    tokio::spawn(async move { app.live().watch(&app, app.options().look_every).await });
    axum::serve(listener, router)
        .with_graceful_shutdown(end)
        .await
        .map_err(|reason| ServeError::Stopped { reason })
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
