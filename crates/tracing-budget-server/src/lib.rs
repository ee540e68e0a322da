//! HTTP API, dashboard and live events over a run history.
//!
//! ```
//! use std::sync::Arc;
//!
//! use tracing_budget_history::Sqlite;
//! use tracing_budget_server::{ServeOptions, Server};
//!
//! # let directory = std::env::temp_dir().join(format!("tracing-budget-doc-lib-{}", std::process::id()));
//! let store = Arc::new(Sqlite::open(directory.join("runs.db"))?);
//! let options = ServeOptions::new(); // 127.0.0.1:7417, no token
//! # let options = options.address(([127, 0, 0, 1], 0));
//! let server = Server::bind(&options, store)?.start();
//! println!("dashboard: http://{}", server.address());
//! server.stop()?;
//! # std::fs::remove_dir_all(directory)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`run`] serves until Ctrl-C. [`Server::start`] serves on its own threads, beside a pipeline; [`Server::serve`] on the
//! caller's tokio runtime. The program `tracing-budget serve` does the same from a shell.
//!
//! | path | answers |
//! |---|---|
//! | `/`, `/runs/…`, `/compare`, `/trends`, `/now` | pages for people |
//! | `/projects` and below, `POST /runs` | JSON |
//! | `/live` | server-sent events of runs in flight |
//! | `/openapi.json` | the OpenAPI document |
//! | `/metrics`, `/healthz` | OpenMetrics text, health check |
//!
//! A path serves either people or programs, never both. Only errors depend on `Accept`: they are problem details
//! (RFC 9457), or a page for clients that accept `text/html`.
//!
//! # Access
//!
//! On the loopback interface, the server answers every request with this machine as its `Host`. This check stops DNS rebinding: a
//! request from another site's name that resolves to 127.0.0.1 is refused.
//!
//! On other addresses, the server needs a token. Every request except `/healthz` carries it as `Authorization: Bearer …`.
//! A browser opens `/?token=…` once and gets a cookie that is valid while the server runs. There is no TLS: use a proxy that
//! has it.
//!
//! Scripts of other sites can neither read nor write, unless [`ServeOptions::allow_origin`] allows their origin.
//!
//! # Invariants
//!
//! - Figures are computed by the history and formatted by `tracing_budget::present`, never here.
//! - No SQL, no `tracing`, no prices.
//! - No request blocks a thread of the runtime: the store is read and written on blocking threads, bounded by permits.
//!
//! # Problems
//!
//! Each section below is the target of a problem's `type`. The problem's `detail` names the thing, its value, and what was
//! expected.
//!
//! ## Bad request
//!
//! 400. The path or the query cannot be read, or its parameters contradict each other.
//!
//! ## Token needed
//!
//! 401. The token is missing or wrong.
//!
//! ## Foreign origin
//!
//! 403. A page of another site tried to write.
//!
//! ## No such path
//!
//! 404. The path has no route.
//!
//! ## No such project
//!
//! 404. The history has no run of this project. The name may be misspelt.
//!
//! ## No such run
//!
//! 404. The project has no run with this id.
//!
//! ## Wrong method
//!
//! 405. The path has other methods; the header `Allow` lists them.
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
//! 421. The host of the request is not allowed; see [`ServeOptions::allow_host`].
//!
//! ## Not a run
//!
//! 422. The body is not the summary of a run, or one that cannot be stored.
//!
//! ## Busy
//!
//! 503. Another process holds the store's lock, or the server has its maximum number of live streams. Try again.
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
//! 500. An error of the server itself.

mod api;
mod app;
mod assets;
mod charts;
mod connections;
mod error;
mod find_run;
mod guard;
mod keys;
mod live;
mod metrics;
mod options;
mod pages;
mod problem;
mod router;
mod schema;
mod segment;
mod server;

pub use error::ServeError;
pub use options::ServeOptions;
pub use server::{Running, Server, run};

// The README's code is compiled, and run where it is not marked otherwise.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
