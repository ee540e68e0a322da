//! A server on loopback with OpenAI's and Anthropic's protocols, and with a token usage that is known beforehand.
//!
//! A request that offers a tool, unused so far, gets a call of that tool: 100 tokens of input, 40 of them cached, and 10 of
//! output. Every other request gets an answer: 130, 64 and 20. The server adds up what it has answered, so that a budget can
//! be compared with it. It runs on plain threads, because these have no active subscriber and need no runtime.

mod chat;
mod http;
mod messages;
mod responses;
mod turn;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::{Add, AddAssign};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What a model call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Input tokens, cached ones included.
    pub input: u64,
    /// Input tokens that came from the cache.
    pub cached: u64,
    /// Output tokens.
    pub output: u64,
}

impl Add for Tokens {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            input: self.input + other.input,
            cached: self.cached + other.cached,
            output: self.output + other.output,
        }
    }
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Usage of the reply that calls a tool.
pub const TOOL_TURN: Tokens = Tokens { input: 100, cached: 40, output: 10 };

/// Usage of the reply that answers.
pub const FINAL_TURN: Tokens = Tokens { input: 130, cached: 64, output: 20 };

/// Of the cached input of a reply in Anthropic's protocol, this part was read from the cache; the rest was written to it.
pub const CACHE_READ: u64 = 30;

/// What the server has answered so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// Replies with a usage that reached the client.
    pub calls: u64,
    /// What they used together.
    pub tokens: Tokens,
}

/// How the server treats a request for a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Streams {
    /// To its end, the usage last.
    #[default]
    Whole,
    /// The first words, then silence until the client hangs up: no usage is ever sent.
    Stalled,
}

/// The server. Its threads end with the process.
#[derive(Debug)]
pub struct Server {
    origin: String,
    base_url: String,
    answered: Arc<Mutex<Answered>>,
}

impl Server {
    /// Starts a server on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// When loopback has no port to give.
    pub fn start() -> io::Result<Self> {
        Self::start_with(Streams::Whole)
    }

    /// Starts a server that treats requests for a stream in the given way.
    ///
    /// # Errors
    ///
    /// When loopback has no port to give.
    pub fn start_with(streams: Streams) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let origin = format!("http://{}", listener.local_addr()?);
        let base_url = format!("{origin}/v1");
        let answered = Arc::new(Mutex::new(Answered::default()));
        let tally = Arc::clone(&answered);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let tally = Arc::clone(&tally);
                // A client that hangs up is the client's affair.
                thread::spawn(move || http::serve(connection, streams, &tally).ok());
            }
        });
        Ok(Self { origin, base_url, answered })
    }

    /// Where the API is, for example `http://127.0.0.1:40123/v1`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The server's address without a path, for clients that add the version themselves.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What was answered so far.
    #[must_use]
    pub fn answered(&self) -> Answered {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address of an API that refuses connections: a port that was free a moment ago.
///
/// # Errors
///
/// When loopback has no port to give.
pub fn refusing_base_url() -> io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(format!("http://{}/v1", listener.local_addr()?))
}
