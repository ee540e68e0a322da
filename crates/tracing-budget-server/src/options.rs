//! A server's options.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Address, access and limits of a server.
///
/// ```
/// use tracing_budget_server::ServeOptions;
///
/// let local = ServeOptions::new(); // 127.0.0.1:7417, no token
/// let shared = ServeOptions::new().address(([0, 0, 0, 0], 7417)).token("kept in a secret store, not here");
/// ```
#[derive(Clone, Debug)]
pub struct ServeOptions {
    pub(crate) address: SocketAddr,
    pub(crate) token: Option<Token>,
    pub(crate) hosts: Vec<String>,
    pub(crate) origins: Vec<String>,
    pub(crate) body_bytes: usize,
    pub(crate) page_runs: usize,
    pub(crate) timeout: Duration,
    pub(crate) readers: usize,
    pub(crate) poll_every: Duration,
    pub(crate) listeners: usize,
    pub(crate) heartbeat: Duration,
    pub(crate) connections: usize,
    pub(crate) client_timeout: Duration,
    pub(crate) stop_timeout: Duration,
}

/// A secret that `Debug` does not print.
#[derive(Clone)]
pub(crate) struct Token(pub(crate) String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl ServeOptions {
    /// The default port.
    pub const PORT: u16 = 7417;

    /// The defaults: 127.0.0.1:7417, no token.
    #[must_use]
    pub fn new() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, Self::PORT).into(),
            token: None,
            hosts: Vec::new(),
            origins: Vec::new(),
            // A run with 1,000 kept calls is about 0.5 MiB.
            body_bytes: 4 << 20,
            page_runs: 200,
            timeout: Duration::from_secs(30),
            readers: 8,
            poll_every: Duration::from_millis(500),
            listeners: 1_000,
            heartbeat: Duration::from_secs(15),
            // Above `listeners`, so that streams leave room for requests, and below the descriptors that a service usually has.
            connections: 2_000,
            client_timeout: Duration::from_secs(30),
            // Orchestrators kill after 10 s or later.
            stop_timeout: Duration::from_secs(5),
        }
    }

    /// Address to listen on; port 0 chooses a free one. An address outside the loopback interface needs a token.
    #[must_use]
    pub fn address(mut self, address: impl Into<SocketAddr>) -> Self {
        self.address = address.into();
        self
    }

    /// Token that every request must carry: at least 16 ASCII characters without blanks.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Token(token.into()));
        self
    }

    /// Host name to accept in the `Host` header besides `localhost` and loopback addresses, such as the name of a proxy in
    /// front of the server. Without any, a server on the loopback interface accepts only those, and a server on another
    /// address accepts all names.
    #[must_use]
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Origin (`https://example.org`) with scripts that may read and write the API; by default none may.
    #[must_use]
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Maximum size of a delivered document in bytes; default 4 MiB.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.body_bytes = bytes;
        self
    }

    /// Maximum number of runs per page of a list, 1 to 1,000; default 200.
    #[must_use]
    pub fn max_page_runs(mut self, runs: usize) -> Self {
        self.page_runs = runs.clamp(1, 1_000);
        self
    }

    /// Maximum time until an answer begins; default 30 s. Live streams may last longer.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Maximum number of concurrent reads of the store, at least 1; default 8.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// Interval at which the store is polled for runs in flight while a client subscribes, at least 10 ms; default 500 ms.
    #[must_use]
    pub fn poll_every(mut self, interval: Duration) -> Self {
        self.poll_every = interval.max(Duration::from_millis(10));
        self
    }

    /// Maximum number of open live streams; default 1,000.
    #[must_use]
    pub fn max_listeners(mut self, listeners: usize) -> Self {
        self.listeners = listeners;
        self
    }

    /// Interval of the comments that keep a quiet live stream open, at least 10 ms; default 15 s.
    #[must_use]
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.heartbeat = interval.max(Duration::from_millis(10));
        self
    }

    /// Maximum number of open connections, at least 1; default 2,000. A process that may have fewer than that many descriptors
    /// gets three quarters of them as connections, and live streams at most three quarters of the connections.
    ///
    /// At the maximum, a new connection closes the one that has been without a request for longest, such as one with half of
    /// its headers sent. If every connection has a request that is being answered, new ones wait.
    ///
    /// ```
    /// use tracing_budget_server::ServeOptions;
    ///
    /// let small = ServeOptions::new().max_connections(200);
    /// ```
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Lowers the number of connections to what a process with this many descriptors can serve. Files of the store need the rest,
    /// and an operating system that is out of descriptors refuses those too.
    pub(crate) fn within_descriptors(mut self, descriptors: Option<u64>) -> Self {
        let share = descriptors.and_then(|descriptors| usize::try_from(descriptors / 4 * 3).ok());
        self.connections = self.connections.min(share.unwrap_or(usize::MAX)).max(1);
        // Streams do not end by themselves. With all connections, they would keep requests out.
        self.listeners = self.listeners.min((self.connections / 4 * 3).max(1));
        self
    }

    /// Maximum time that the server waits for a client: for the whole headers of a request, for the next request of an open
    /// connection, and for the client to read more of an answer. At least 10 ms; default 30 s. The connection is closed then.
    /// A body that arrives too slowly is ended by [`timeout`](Self::timeout).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use tracing_budget_server::ServeOptions;
    ///
    /// let strict = ServeOptions::new().client_timeout(Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn client_timeout(mut self, timeout: Duration) -> Self {
        self.client_timeout = timeout.max(Duration::from_millis(10));
        self
    }

    /// Maximum time for requests in progress when the server stops; default 5 s. Live streams and connections without a request
    /// are closed at once, and what is open after this time is cut off.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use tracing_budget_server::ServeOptions;
    ///
    /// let patient = ServeOptions::new().stop_timeout(Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_files_and_streams_leave_connections_for_requests() {
        let usual = ServeOptions::new().within_descriptors(Some(1_024));
        assert_eq!((usual.connections, usual.listeners), (768, 576));
        for descriptors in [None, Some(20_000)] {
            let many = ServeOptions::new().within_descriptors(descriptors);
            assert_eq!((many.connections, many.listeners), (2_000, 1_000));
        }
        let few = ServeOptions::new().max_connections(1).within_descriptors(Some(2));
        assert_eq!((few.connections, few.listeners), (1, 1));
    }
}
