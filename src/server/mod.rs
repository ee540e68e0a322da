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
//! `/?token=…`, and gets a cookie for as long as the server runs.

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
