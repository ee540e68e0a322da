//! Connections: their maximum number, their timeouts and their end.
//!
//! A connection is *idle* while no request of it is answered: before the first request, between two, and while headers arrive.
//! At the maximum number of connections, a new one closes the one that is idle longest. So clients that send half of a request,
//! or nothing, cannot keep others out. A token does not help: it arrives with the headers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_io_timeout::TimeoutStream;

use crate::options::ServeOptions;

/// Time between two looks for an idle connection to close. Connections become idle without a signal, and an operating system that
/// is out of descriptors gives none either.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Serves connections until `end` completes. Then it closes idle connections, and waits for the others up to
/// [`ServeOptions::stop_timeout`], or until `at_once` completes. What is still open then is cut off.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    options: &ServeOptions,
    end: impl Future<Output = ()>,
    at_once: impl Future<Output = ()>,
) {
    let gate = Arc::new(Gate::new(options.connections));
    let mut connections = JoinSet::new();
    let mut end = pin!(end);
    loop {
        let (stream, permit) = tokio::select! {
            () = &mut end => break,
            next = next_connection(&listener, &gate) => next,
        };
        let slot = Arc::new(Slot::new(&gate));
        // Reaps the connections that ended, or the set would grow. Not as a branch above: it would cancel `next_connection`.
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(stream, router.clone(), slot, permit, options.client_timeout));
    }
    drop(listener);
    gate.stop();
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = sleep(options.stop_timeout) => {}
        () = at_once => {}
    }
    connections.shutdown().await;
}

/// Accepts a connection, and waits until it has a permit. Cancelling it drops a connection that was accepted and waits for a
/// permit, so only the end of the server may do that.
async fn next_connection(listener: &TcpListener, gate: &Gate) -> (TcpStream, OwnedSemaphorePermit) {
    let stream = loop {
        match listener.accept().await {
            Ok((stream, _)) => break stream,
            // The client is gone already.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::ConnectionReset
                        | io::ErrorKind::ConnectionRefused
                ) => {}
            // The process is out of descriptors, or the system of memory: a connection that is closed returns both.
            Err(_) => {
                gate.close_longest_idle();
                sleep(LOOK_AGAIN_AFTER).await;
            }
        }
    };
    (stream, gate.permit().await)
}

/// Serves one connection until it ends, is closed by the gate, or the server stops.
async fn connection(
    stream: TcpStream,
    router: Router,
    slot: Arc<Slot>,
    permit: OwnedSemaphorePermit,
    client_timeout: Duration,
) {
    let mut stream = TimeoutStream::new(stream);
    // A client that reads nothing: what is written waits in its socket, and its connection would be held for ever.
    stream.set_write_timeout(Some(client_timeout));
    let io = TokioIo::new(Box::pin(stream));
    let router = TowerToHyperService::new(router);
    let busy_slot = Arc::clone(&slot);
    let service = service_fn(move |request: Request<Incoming>| {
        let busy = Busy::new(&busy_slot);
        let response = router.call(request);
        async move {
            let response: Result<Response<Body>, Infallible> = response.await;
            response.map(|response| response.map(|body| BusyBody { body, _busy: busy }))
        }
    });
    let mut http = http1::Builder::new();
    // Also between two requests: hyper's timer starts when it begins to wait for headers.
    http.timer(TokioTimer::new()).header_read_timeout(client_timeout);
    {
        let mut connection = pin!(http.serve_connection(io, service));
        let mut stopping = slot.gate.stopping.subscribe();
        let mut stopping = pin!(stopping.wait_for(|stop| *stop));
        let mut is_stopping = false;
        loop {
            tokio::select! {
                // An error is the client's: it closed the connection, or was too slow.
                _ = connection.as_mut() => break,
                () = slot.close.notified() => break,
                _ = &mut stopping, if !is_stopping => {
                    is_stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
    // Only after the socket is closed: the permit counts descriptors.
    drop(permit);
}

/// The permits of connections, and those that are idle.
struct Gate {
    permits: Arc<Semaphore>,
    idle: Mutex<Idle>,
    stopping: tokio::sync::watch::Sender<bool>,
}

/// Idle connections, by the order in which they became idle.
#[derive(Default)]
struct Idle {
    next: u64,
    connections: BTreeMap<u64, Arc<Notify>>,
}

impl Gate {
    fn new(connections: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(connections)),
            idle: Mutex::default(),
            stopping: tokio::sync::watch::Sender::new(false),
        }
    }

    /// Returns a permit for a connection. Without one left, closes the connection that is idle longest; if all are busy, waits.
    async fn permit(&self) -> OwnedSemaphorePermit {
        loop {
            if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
                return permit;
            }
            self.close_longest_idle();
            tokio::select! {
                permit = Arc::clone(&self.permits).acquire_owned() => {
                    // The semaphore is never closed.
                    if let Ok(permit) = permit { return permit }
                }
                () = sleep(LOOK_AGAIN_AFTER) => {}
            }
        }
    }

    fn close_longest_idle(&self) {
        let first = self.idle.lock().unwrap_or_else(PoisonError::into_inner).connections.pop_first();
        if let Some((_, close)) = first {
            close.notify_one();
        }
    }

    /// Closes idle connections, and has the others closed after their request.
    fn stop(&self) {
        self.stopping.send_replace(true);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        for close in std::mem::take(&mut idle.connections).into_values() {
            close.notify_one();
        }
    }
}

/// A connection's place among the idle ones.
struct Slot {
    gate: Arc<Gate>,
    close: Arc<Notify>,
    /// Its key in [`Idle::connections`]; `None` while a request is answered.
    place: Mutex<Option<u64>>,
}

impl Slot {
    fn new(gate: &Arc<Gate>) -> Self {
        let slot = Self { gate: Arc::clone(gate), close: Arc::default(), place: Mutex::default() };
        slot.idle();
        slot
    }

    fn idle(&self) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        // Lock order: the place of a connection, then the list.
        let mut idle = self.gate.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.next += 1;
        let number = idle.next;
        idle.connections.insert(number, Arc::clone(&self.close));
        *place = Some(number);
    }

    fn busy(&self) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = place.take() {
            self.gate.idle.lock().unwrap_or_else(PoisonError::into_inner).connections.remove(&number);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.busy();
    }
}

/// Marks a connection as busy, from a request's headers to the end of the answer.
struct Busy(Arc<Slot>);

impl Busy {
    fn new(slot: &Arc<Slot>) -> Self {
        slot.busy();
        Self(Arc::clone(slot))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.idle();
    }
}

/// The body of an answer, which keeps its connection busy until it was sent.
struct BusyBody {
    body: Body,
    _busy: Busy,
}

impl HttpBody for BusyBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
