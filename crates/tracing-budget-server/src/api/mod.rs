//! The HTTP API: one file per subject, and the OpenAPI document that is generated from them.
//!
//! A handler reads the parameters, reads from the store and answers JSON.
//!
//! # Invariants
//!
//! - Handlers compute no figures and know no SQL: the history does both.
//! - Unknown parameters are refused, so that a misspelt filter does not return everything.
//! - Errors are problem documents with the thing, its value, and what was expected.
//! - Every route is in the OpenAPI document, and `docs/api.md` is generated from that.

mod deliveries;
mod extract;
mod figures;
mod live;
mod openapi;
mod parameters;
mod probes;
mod projects;
mod runs;

use axum::Router;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::openapi::{Document, served};
use crate::app::App;
use crate::options::ServeOptions;

/// All operations, and the document that describes them.
pub(super) fn router(options: &ServeOptions) -> Router<App> {
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(projects::projects))
        .routes(routes!(projects::project))
        .routes(routes!(runs::runs))
        .routes(routes!(runs::run))
        .routes(routes!(runs::comparison))
        .routes(routes!(figures::stages))
        .routes(routes!(figures::models))
        .routes(routes!(figures::gates))
        .routes(routes!(figures::series))
        .routes(routes!(figures::health))
        .routes(routes!(deliveries::deliver))
        .routes(routes!(live::live))
        .routes(routes!(probes::healthz))
        .routes(routes!(probes::metrics))
        .split_for_parts();
    let document = served(document, options);
    router.route("/openapi.json", get(move || async move { document }))
}
