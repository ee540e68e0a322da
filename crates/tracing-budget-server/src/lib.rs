//! The HTTP API and the dashboard, over a run history.
//!
//! Here live what answers requests, what keeps strangers out, and the hub that tells listeners of runs in flight. What a
//! question about runs *means* is the history's business: nothing here computes figures, and nothing here knows SQL,
//! `tracing` or prices.
//!
//! # Whose path is whose
//!
//! No path answers both machines and people. Machines have `/projects` and all below it, `POST /runs`, `/live`,
//! `/metrics`, `/healthz` and `/openapi.json`, which answer JSON, server-sent events or the text of Prometheus, whatever
//! the request accepts. Everything else is a page for people.
//!
//! Only errors look at `Accept`: they are problem details (RFC 9457), and a page that says the same to a client that asks
//! for `text/html`.
//!
//! # Who may ask
//!
//! The server listens on the loopback interface and answers whoever reaches it there, if he asks for a host that is this
//! machine: a page of another site that has its name resolve to 127.0.0.1 does not. Elsewhere it only listens with a token,
//! which every request must then bring as `Authorization: Bearer …`, except for `/healthz`. A browser brings it once, as
//! `/?token=…`, and gets a cookie for as long as the server runs. There is no TLS: beyond a machine of one's own, a proxy
//! that has it belongs in front.
//!
//! Scripts of other sites read nothing unless [`ServeOptions::allow_origin`] lets them, and write nothing.
//!
//! # Problems
//!
//! What the `type` of a problem leads to. Its `detail` names the thing, the value, and what was expected.
//!
//! ## Bad request
//!
//! 400. The path or the query cannot be read, or asks for what does not fit together.
//!
//! ## Token needed
//!
//! 401. The request brought no token, or another one.
//!
//! ## Foreign origin
//!
//! 403. A page of another site would write.
//!
//! ## No such path
//!
//! 404. There is nothing at this path.
//!
//! ## No such project
//!
//! 404. No run of this project was ever stored: its name may be misspelt.
//!
//! ## No such run
//!
//! 404. The project has no run of this id.
//!
//! ## Wrong method
//!
//! 405. The path takes other methods; `Allow` lists them.
//!
//! ## Body too large
//!
//! 413. The body is larger than [`ServeOptions::max_body_bytes`].
//!
//! ## Not JSON
//!
//! 415. The `Content-Type` of the body is not `application/json`.
//!
//! ## Foreign host
//!
//! 421. The request is for a host that this server does not answer for.
//!
//! ## Not a run
//!
//! 422. The body is no summary of a run, or one that cannot be stored.
//!
//! ## Busy
//!
//! 503. Others hold the store, or as many listen as may; to be tried again.
//!
//! ## Too slow
//!
//! 503. The answer took longer than [`ServeOptions::timeout`].
//!
//! ## Store failed
//!
//! 500. The store cannot be read or written.
//!
//! ## Failed
//!
//! 500. The server is at fault.

mod address;
mod api;
mod app;
mod assets;
mod charts;
mod counters;
mod error;
mod guard;
mod live;
mod options;
mod pages;
mod problem;
mod router;
mod serve;
mod totals;

pub use error::ServeError;
pub use options::ServeOptions;
pub use serve::{Running, Server, run};

// The README's code is compiled, and run where it is not marked otherwise.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
