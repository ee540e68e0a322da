//! The dashboard: pages for people, made on the server, one file or folder a page.
//!
//! A handler reads its address, asks the store at once for all that the page shows, and draws it by plain functions. Nothing
//! here knows SQL, and no page needs a script: the only one there is has pages that change asked for again.

mod compare;
mod empty;
mod fields;
mod figures;
mod frame;
mod layout;
mod link;
mod live;
mod query;
mod router;
mod run;
mod runs;
mod signs;
mod trends;
mod why;

pub(super) use frame::{problem, welcome};
pub(super) use router::router;
