//! Whether the server is well.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::history::Store;
use crate::server::app::App;
use crate::server::problem::{Kind, Problem};

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
