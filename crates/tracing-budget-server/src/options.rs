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
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self::new()
    }
}
