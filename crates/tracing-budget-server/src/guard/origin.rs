//! Refuses writes that a page of another site makes a browser send.

use axum::extract::{Request, State};
use axum::http::{Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::problem::{Problem, ProblemKind};

pub(crate) async fn check_origin(State(app): State<App>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN);
    let Some(origin) = origin.filter(|_| !request.method().is_safe()) else {
        return next.run(request).await;
    };
    let origin = String::from_utf8_lossy(origin.as_bytes());
    let own = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let same = origin.parse::<Uri>().is_ok_and(|origin| {
        origin
            .authority()
            .is_some_and(|authority| own.is_some_and(|own| authority.as_str().eq_ignore_ascii_case(own)))
    });
    if same || app.options().origins.iter().any(|known| *known == origin) {
        return next.run(request).await;
    }
    let detail = format!(
        "the origin is {origin:?}, expected this server's own or an allowed one; only those may write"
    );
    Problem::new(ProblemKind::ForeignOrigin, detail).into_response()
}
