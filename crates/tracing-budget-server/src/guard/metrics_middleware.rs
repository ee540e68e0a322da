//! Counts and times requests.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;

pub(crate) async fn measure(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let started = Instant::now();
    let response = next.run(request).await;
    // Clients choose paths and methods freely. Unbounded label values would exhaust memory, here and in Prometheus.
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let method = if matches!(method.as_str(), "GET" | "HEAD" | "POST" | "OPTIONS") {
        method.as_str()
    } else {
        "other"
    };
    app.metrics().count_request(method, route, response.status().as_u16(), started.elapsed());
    response
}
