//! The token that every request must carry, in a header or as a session cookie.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::pages;
use crate::problem::{Problem, ProblemKind};

/// Paths without a token: health checks of load balancers, and the files of the page with the token form. Neither contains
/// data of runs.
const OPEN: [&str; 2] = ["/healthz", "/assets/"];

const COOKIE: &str = "tracing_budget_session";

pub(crate) async fn check_access(State(app): State<App>, request: Request, next: Next) -> Response {
    let keys = app.keys();
    if !keys.needed() || is_open(request.uri().path()) {
        return next.run(request).await;
    }
    if let Some(token) = token_in_link(request.method(), request.uri()) {
        return if keys.is_token(&token) {
            set_session(keys.session())
        } else {
            refused(Some("in the link"))
        };
    }
    match bearer(request.headers()) {
        Some(token) if keys.is_token(token) => next.run(request).await,
        Some(_) => refused(Some("in the header")),
        None if cookies(request.headers()).any(|value| keys.is_session(value)) => next.run(request).await,
        None => refused(None),
    }
}

fn is_open(path: &str) -> bool {
    let [probe, assets] = OPEN;
    path == probe || path.starts_with(assets)
}

fn refused(place: Option<&str>) -> Response {
    let detail = match place {
        Some(place) => format!("the token {place} does not match this server's token"),
        None => "expected the header Authorization: Bearer TOKEN; in a browser, open /?token=TOKEN once"
            .to_owned(),
    };
    Problem::new(ProblemKind::TokenNeeded, detail).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

fn token_in_link(method: &Method, uri: &Uri) -> Option<String> {
    if method != Method::GET || uri.path() != "/" {
        return None;
    }
    let pairs: Vec<(String, String)> = serde_html_form::from_str(uri.query()?).ok()?;
    pairs.into_iter().find(|(name, _)| name == "token").map(|(_, token)| token)
}

/// Answers with a page that refreshes to `/`, not with a redirect: after a redirect that began on another site, browsers do
/// not send a `SameSite=Strict` cookie, and the user would see the token form again.
fn set_session(session: &str) -> Response {
    let mut response = pages::session_page().into_response();
    let cookie = format!("{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
