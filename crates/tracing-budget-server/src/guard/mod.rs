//! What stands before every handler: who may ask, what an answer's headers say, and that every error is a problem.
//!
//! Nothing here knows runs.

mod access;
mod errors;
mod headers;
mod host;
mod keys;
mod observe;
mod origin;

pub(super) use access::check as access;
pub(super) use errors::{no_such_path, shape};
pub(super) use headers::secure;
pub(super) use host::check as host;
pub(super) use keys::Keys;
pub(super) use observe::observe;
pub(super) use origin::check as origin;
