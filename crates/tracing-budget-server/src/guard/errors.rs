//! Every error is a problem, also those of the framework; people get it as a page.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::pages;
use crate::problem::{Kind, Problem};

/// What is asked for where nothing is.
pub(crate) async fn no_such_path(uri: Uri) -> Problem {
    Problem::new(Kind::NoSuchPath, format!("there is nothing at {:?}", uri.path()))
}

/// Brings errors into the shape that the client reads.
pub(crate) async fn shape(request: Request, next: Next) -> Response {
    let person = asks_for_a_page(request.headers());
    let asked = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let told = response.extensions().get::<Problem>().cloned();
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page || (told.is_some() && !person) {
        return response;
    }
    let problem = told.unwrap_or_else(|| bare(Kind::of(status), &asked));
    let mut shaped = if person { pages::problem(&problem).into_response() } else { problem.into_response() };
    *shaped.status_mut() = status;
    // What the error had to say beside its body: which methods there are, when to come back.
    for (name, value) in response.headers() {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH) {
            shaped.headers_mut().insert(name.clone(), value.clone());
        }
    }
    shaped
}

fn bare(kind: Kind, (method, path): &(Method, String)) -> Problem {
    let detail = match kind {
        Kind::WrongMethod => format!("{path:?} does not take {method}, expected one of the header Allow"),
        Kind::TooSlow => format!("the answer to {method} {path:?} took too long; ask for less, or later"),
        _ => format!("{method} {path:?} cannot be answered"),
    };
    Problem::new(kind, detail)
}

fn asks_for_a_page(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|accept| String::from_utf8_lossy(accept.as_bytes()).contains("text/html"))
}
