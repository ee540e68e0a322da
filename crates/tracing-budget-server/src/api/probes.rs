//! Health check and metrics of the server.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::metrics::LiveFigures;
use crate::problem::{Problem, ProblemKind};
use tracing_budget_history::Store;

/// Answer of the health check.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServerHealth {
    /// Always `ok`.
    status: &'static str,
}

/// Checks that the server answers and can read its store. Needs no token.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "server",
    security(()),
    responses((status = 200, description = "The server can read its store.", body = ServerHealth))
)]
pub(crate) async fn healthz(State(app): State<App>) -> Result<Json<ServerHealth>, Problem> {
    let read = app.read(|store: &dyn Store| store.row("")).await;
    // The store's error names files, which a client without a token must not see.
    read.map_err(|_| Problem::new(ProblemKind::Busy, "cannot read the store"))?;
    Ok(Json(ServerHealth { status: "ok" }))
}

/// Metrics of the server and totals of its projects, in the OpenMetrics text format.
///
/// The totals are read from the store at most every ten seconds. The 100 projects with the most runs have series of their own; one
/// with the label `(other)` sums up all further ones.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "server",
    responses((status = 200, description = "The metrics.", body = String, content_type = OPEN_METRICS))
)]
pub(crate) async fn metrics(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let read = app.read(|store| store.project_totals(PROJECTS));
    let projects = app.totals().get_or_read(read).await?;
    let live = LiveFigures { listeners: app.live().subscribers(), polls: app.live().polls() };
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], app.metrics().text(&live, &projects)))
}

/// Projects with series of their own. Labels without a bound exhaust the memory of Prometheus.
const PROJECTS: usize = 100;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
