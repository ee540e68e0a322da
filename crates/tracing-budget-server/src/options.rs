//! What a server is told.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Where a server listens, whom it answers, and how much it does for one request.
///
/// ```
/// use tracing_budget_server::ServeOptions;
///
/// let local = ServeOptions::new(); // 127.0.0.1:7417, no token
/// let shared = ServeOptions::new().address(([0, 0, 0, 0], 7417)).token("kept in a secret store, not here");
/// ```
#[derive(Clone, Debug)]
pub struct ServeOptions {
    pub(super) address: SocketAddr,
    pub(super) token: Option<Token>,
    pub(super) hosts: Vec<String>,
    pub(super) origins: Vec<String>,
    pub(super) body_bytes: usize,
    pub(super) page_runs: usize,
    pub(super) timeout: Duration,
    pub(super) readers: usize,
    pub(super) look_every: Duration,
    pub(super) listeners: usize,
    pub(super) heartbeat: Duration,
}

/// A secret, which no `Debug` shows.
#[derive(Clone)]
pub(super) struct Token(pub(super) String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl ServeOptions {
    /// The port unless set.
    pub const PORT: u16 = 7417;

    /// On 127.0.0.1, without a token.
    #[must_use]
    pub fn new() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, Self::PORT).into(),
            token: None,
            hosts: Vec::new(),
            origins: Vec::new(),
            body_bytes: 4 << 20,
            page_runs: 200,
            timeout: Duration::from_secs(30),
            readers: 8,
            look_every: Duration::from_millis(500),
            listeners: 1_000,
            heartbeat: Duration::from_secs(15),
        }
    }

    /// Listens here; port 0 takes any that is free. An address that is not of the loopback interface needs a token.
    #[must_use]
    pub fn address(mut self, address: impl Into<SocketAddr>) -> Self {
        self.address = address.into();
        self
    }

    /// Demands this token of every request: at least 16 characters, none of them a blank or beyond ASCII.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Token(token.into()));
        self
    }

    /// Also answers requests for this host name, as a proxy in front of the server may pass on. Without any, a server on
    /// the loopback interface answers for `localhost` and loopback addresses only, one elsewhere for all.
    #[must_use]
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Lets scripts of this origin (`https://example.org`) read the API; none may unless said here.
    #[must_use]
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Takes documents of at most this many bytes; 4 MiB unless set.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.body_bytes = bytes;
        self
    }

    /// Lists at most this many runs a page, 1 to 1,000; 200 unless set.
    #[must_use]
    pub fn max_page_runs(mut self, runs: usize) -> Self {
        self.page_runs = runs.clamp(1, 1_000);
        self
    }

    /// Gives an answer up after this long; 30 s unless set. Live streams last until they end.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Asks the store at most this many things at once; 8 unless set.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// Looks for news of runs in flight this often while anybody listens; 500 ms unless set, at least 10 ms.
    #[must_use]
    pub fn look_every(mut self, interval: Duration) -> Self {
        self.look_every = interval.max(Duration::from_millis(10));
        self
    }

    /// Keeps at most this many live streams open; 1,000 unless set.
    #[must_use]
    pub fn max_listeners(mut self, listeners: usize) -> Self {
        self.listeners = listeners;
        self
    }

    /// Sends a comment down a live stream on which nothing has happened for this long; 15 s unless set.
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
