//! Which question is where.

use axum::Router;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::{Document, served};
use super::{comparing, deliver, figures, live, probes, projects, runs};
use crate::app::App;
use crate::options::ServeOptions;

/// All that machines ask, with the document that says so.
pub(crate) fn router(options: &ServeOptions) -> Router<App> {
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(projects::projects))
        .routes(routes!(projects::project))
        .routes(routes!(runs::runs))
        .routes(routes!(runs::run))
        .routes(routes!(comparing::comparison))
        .routes(routes!(figures::stages))
        .routes(routes!(figures::models))
        .routes(routes!(figures::gates))
        .routes(routes!(figures::series))
        .routes(routes!(figures::health))
        .routes(routes!(deliver::deliver))
        .routes(routes!(live::live))
        .routes(routes!(probes::healthz))
        .routes(routes!(probes::metrics))
        .split_for_parts();
    let document = served(document, options);
    router.route("/openapi.json", get(move || async move { document }))
}
