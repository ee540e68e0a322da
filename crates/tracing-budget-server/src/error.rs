//! Why a server does not start, or stopped.

use std::io;
use std::net::SocketAddr;

/// Why a server does not start, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Others could reach it, and nothing would keep them out.
    #[error(
        "will not listen on {address} without a token, as everybody who reaches it could read all runs: set a token, or \
         listen on 127.0.0.1"
    )]
    TokenRequired {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// A token that is easily guessed, or that no header can hold.
    #[error("the token {reason}, expected at least 16 characters, none of them a blank or beyond ASCII")]
    Token {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text that is no origin.
    #[error(
        "{origin:?} is no origin, expected a scheme and a host such as https://example.org, without a path"
    )]
    Origin {
        /// The text.
        origin: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        reason: io::Error,
    },
    /// The threads of the server cannot be started.
    #[error("the server's threads cannot be started: {reason}")]
    Threads {
        /// What the operating system said.
        reason: io::Error,
    },
    /// The server stopped by itself.
    #[error("the server stopped: {reason}")]
    Stopped {
        /// Why.
        reason: io::Error,
    },
}
