//! The dashboard: pages for people, made on the server.

mod frame;
mod router;

pub(super) use frame::{problem, welcome};
pub(super) use router::router;
