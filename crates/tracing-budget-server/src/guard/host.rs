//! Refuses what pages of other sites could make a browser send: requests for foreign hosts, and writes.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::problem::{Problem, ProblemKind};

/// Refuses requests for foreign hosts: a page of another site with a name that resolves to this machine (DNS rebinding).
pub(crate) async fn check_host(State(app): State<App>, request: Request, next: Next) -> Response {
    let options = app.options();
    let open = !options.address.ip().is_loopback() && options.hosts.is_empty();
    let requested = host(request.uri(), request.headers());
    let known = requested.as_deref().is_some_and(|requested| {
        is_loopback(requested) || options.hosts.iter().any(|known| known.eq_ignore_ascii_case(requested))
    });
    if open || known {
        return next.run(request).await;
    }
    let detail = match requested {
        Some(requested) => format!("the host is {requested:?}, expected localhost or an allowed host"),
        None => "the request has no header Host, expected one".to_owned(),
    };
    Problem::new(ProblemKind::ForeignHost, detail).into_response()
}

/// Refuses writes that a page of another site makes a browser send.
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

/// The host of a request, in lower case and without its port.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let authority = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => headers.get(header::HOST)?.to_str().ok()?,
    };
    Some(without_port(authority).to_ascii_lowercase())
}

/// `[::1]:80` is `::1`.
fn without_port(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    authority.split(':').next().unwrap_or(authority)
}

/// Whether a host is this machine, whatever DNS answers for its name.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn from_header(value: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static(value));
        host(&Uri::from_static("/"), &headers)
    }

    #[test]
    fn ports_and_brackets_are_not_part_of_a_host() {
        assert_eq!(from_header("LocalHost:7417").as_deref(), Some("localhost"));
        assert_eq!(from_header("127.0.0.1").as_deref(), Some("127.0.0.1"));
        assert_eq!(from_header("[::1]:7417").as_deref(), Some("::1"));
        assert_eq!(host(&Uri::from_static("/"), &HeaderMap::new()), None);
    }

    #[test]
    fn an_absolute_target_overrides_the_header() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        let uri = Uri::from_static("http://evil.example/projects");
        assert_eq!(host(&uri, &headers).as_deref(), Some("evil.example"));
    }

    #[test]
    fn only_loopback_is_loopback() {
        for host in ["localhost", "127.0.0.1", "127.1.2.3", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "0.0.0.0", ""]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
