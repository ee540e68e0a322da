//! What machines ask and are answered: one file a subject, and the OpenAPI document that is made from them.
//!
//! A handler reads the question, asks the store and answers; what figures mean is the history's business.

mod asked;
mod comparing;
mod deliver;
mod document;
mod figures;
mod live;
mod paths;
mod probes;
mod projects;
mod router;
mod runs;
pub(crate) mod shape;
mod when;

pub(super) use router::router;
