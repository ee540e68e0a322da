//! Whether the server is well, and what it counts.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::counters::HubFigures;
use crate::problem::{Kind, Problem};
use tracing_budget_history::Store;

/// The server answers and can read its store.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Well {
    /// Always `ok`.
    status: &'static str,
}

/// Whether the server answers and can read its store. Asks for no token, and tells no more.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "server",
    security(()),
    responses((status = 200, description = "All is well.", body = Well))
)]
pub(crate) async fn healthz(State(app): State<App>) -> Result<Json<Well>, Problem> {
    let read = app.ask(|store: &dyn Store| store.row("")).await;
    // What is wrong names files, which is nobody's business who brought no token.
    read.map_err(|_| Problem::new(Kind::Busy, "the store cannot be read"))?;
    Ok(Json(Well { status: "ok" }))
}

/// What the server counts of itself and what its projects come to, in the text format of OpenMetrics.
///
/// The figures of projects are asked of the store at most every ten seconds.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "server",
    responses((status = 200, description = "The figures.", body = String, content_type = OPEN_METRICS))
)]
pub(crate) async fn metrics(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let projects = app.totals().get(&app).await?;
    let hub = HubFigures { listeners: app.live().listeners(), looks: app.live().looks() };
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], app.counters().text(&hub, &projects)))
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
