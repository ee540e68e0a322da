//! Error bodies: problem documents, also for the framework's own errors, and pages for clients that accept `text/html`.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::pages;
use crate::problem::{Problem, ProblemKind};

/// Answers paths without a route.
pub(crate) async fn no_such_path(uri: Uri) -> Problem {
    Problem::new(ProblemKind::NoSuchPath, format!("there is nothing at {:?}", uri.path()))
}

/// Replaces the body of an error with a problem document or a page.
pub(crate) async fn render_errors(request: Request, next: Next) -> Response {
    let wants_page = accepts_html(request.headers());
    let method_and_path = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let known = response.extensions().get::<Problem>().cloned();
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page || (known.is_some() && !wants_page) {
        return response;
    }
    let problem = known.unwrap_or_else(|| problem_of_framework(ProblemKind::of(status), &method_and_path));
    let mut rendered =
        if wants_page { pages::error_page(&problem).into_response() } else { problem.into_response() };
    *rendered.status_mut() = status;
    // Keep the other headers: `Allow` lists the methods, and `Retry-After` the seconds to wait.
    for (name, value) in response.headers() {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH) {
            rendered.headers_mut().insert(name.clone(), value.clone());
        }
    }
    rendered
}

fn problem_of_framework(kind: ProblemKind, (method, path): &(Method, String)) -> Problem {
    let detail = match kind {
        ProblemKind::WrongMethod => {
            format!("{path:?} does not allow {method}, expected one of the methods in the header Allow")
        }
        ProblemKind::TooSlow => {
            format!("{method} {path:?} timed out; request a shorter window or fewer runs, or try again")
        }
        _ => format!("cannot answer {method} {path:?}"),
    };
    Problem::new(kind, detail)
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|accept| String::from_utf8_lossy(accept.as_bytes()).contains("text/html"))
}
