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
use tracing_budget_history::stats::ProjectRow;
use tracing_budget_history::{Scope, Store};

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
/// The totals are read from the store at most every ten seconds.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "server",
    responses((status = 200, description = "The metrics.", body = String, content_type = OPEN_METRICS))
)]
pub(crate) async fn metrics(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let read = app.read(|store| {
        let with_totals = |project: ProjectRow| {
            let overview = store.summary(&Scope::new().project(&project.project))?;
            Ok::<_, Problem>((project, overview))
        };
        store.projects()?.into_iter().map(with_totals).collect::<Result<Vec<_>, Problem>>()
    });
    let projects = app.totals().get_or_read(read).await?;
    let live = LiveFigures { listeners: app.live().subscribers(), polls: app.live().polls() };
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], app.metrics().text(&live, &projects)))
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
