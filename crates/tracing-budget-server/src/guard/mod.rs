//! Middleware in front of every handler: access, host, origin, security headers, error bodies, metrics.
//!
//! # Invariants
//!
//! - A request that fails a check never reaches a handler.
//! - Every error body is a problem document, or a page with the same content for clients that accept `text/html`.
//! - Secrets are compared in constant time (`keys.rs`).
//! - Nothing here knows runs, the store or a page's content.

mod access;
mod errors;
mod headers;
mod host;
mod metrics_middleware;

pub(super) use access::check_access;
pub(super) use errors::{no_such_path, render_errors};
pub(super) use headers::security_headers;
pub(super) use host::{check_host, check_origin};
pub(super) use metrics_middleware::measure;
