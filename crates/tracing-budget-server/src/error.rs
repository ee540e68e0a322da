//! Errors of starting and running a server.

use std::io;
use std::net::SocketAddr;

/// Why a server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is reachable from other machines, and no token is set.
    #[error(
        "cannot listen on {address} without a token: every machine that reaches this address could read all runs; set a \
         token, or listen on 127.0.0.1"
    )]
    TokenRequired {
        /// The address from the options.
        address: SocketAddr,
    },
    /// The token is too short, or cannot be sent in a header.
    #[error("the token {reason}: expected at least 16 ASCII characters without blanks")]
    Token {
        /// The defect, as a verb phrase.
        reason: &'static str,
    },
    /// The text is not an origin.
    #[error(
        "cannot allow the origin {origin:?}: expected a scheme and a host without a path, such as https://example.org"
    )]
    Origin {
        /// The text.
        origin: String,
    },
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The operating system's error.
        reason: io::Error,
    },
    /// The server's threads cannot be started.
    #[error("cannot start the server's threads: {reason}")]
    Threads {
        /// The operating system's error.
        reason: io::Error,
    },
    /// Serving failed.
    #[error("the server stopped: {reason}")]
    Stopped {
        /// The operating system's error.
        reason: io::Error,
    },
}
