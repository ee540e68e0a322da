//! The dashboard: pages for people, rendered on the server. Each page has a file.
//!
//! A handler reads the URL, reads all data of the page from the store in one call, and renders it with plain functions.
//!
//! # Invariants
//!
//! - Every page works without scripts. One script refreshes pages that change, another stores the browser's time zone.
//! - Every view has a URL: forms use GET, and nothing is kept on the server between requests.
//! - A colour never carries a meaning alone: there is a sign or a word beside it.
//! - No SQL, no arithmetic of figures: the history and `tracing_budget::present` do both.
//! - No inline styles or scripts: the content security policy forbids them.

mod badges;
mod compare;
mod error_page;
mod form;
mod format;
mod layout;
mod link;
mod live;
mod query;
mod row_page;
mod run;
mod run_calls;
mod run_header;
mod run_tables;
mod runs;
mod trends;
mod zone;

use axum::Router;
use axum::routing::get;

pub(super) use error_page::{error_page, session_page};

use crate::app::App;
use crate::assets;

/// All pages and the files that they use.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/", get(runs::show))
        .route("/runs/{run_id}", get(run::show))
        .route("/compare", get(compare::show))
        .route("/now", get(live::show))
        .route("/trends", get(trends::show))
        .route("/assets/{name}", get(assets::serve))
}
