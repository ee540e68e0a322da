//! Counts what is answered.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;

pub(crate) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let begun = Instant::now();
    let response = next.run(request).await;
    // Anybody can ask for any path, and by any word for a method.
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let method = if matches!(method.as_str(), "GET" | "HEAD" | "POST" | "OPTIONS") {
        method.as_str()
    } else {
        "other"
    };
    app.counters().answered(method, route, response.status().as_u16(), begun.elapsed());
    response
}
