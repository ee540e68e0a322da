//! Which page is where.

use axum::Router;
use axum::routing::get;

use super::{compare, live, run, runs, trends};
use crate::app::App;
use crate::assets;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/", get(runs::show))
        .route("/runs/{run_id}", get(run::show))
        .route("/compare", get(compare::show))
        .route("/now", get(live::show))
        .route("/trends", get(trends::show))
        .route("/assets/{name}", get(assets::serve))
}
