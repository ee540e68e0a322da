//! All routes and the middleware in front of them.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::app::App;
use crate::error::ServeError;
use crate::options::ServeOptions;
use crate::{api, guard, pages};

/// Builds the router. A layer that is added later runs earlier: `guard::measure` sees every request first.
///
/// # Errors
///
/// If an allowed origin is malformed.
pub(crate) fn router(app: App) -> Result<Router, ServeError> {
    let options = app.options();
    let router = api::router(options)
        .merge(pages::router())
        .fallback(guard::no_such_path)
        .layer(RequestBodyLimitLayer::new(options.body_bytes))
        // axum's own limit of 2 MB would apply besides, below the one that is documented.
        .layer(DefaultBodyLimit::disable())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, options.timeout))
        .layer(from_fn_with_state(app.clone(), guard::check_origin))
        .layer(from_fn_with_state(app.clone(), guard::check_access));
    // Outside of `access`: a browser's preflight request carries no token, and would be refused with 401.
    let router = match cors(options)? {
        Some(cors) => router.layer(cors),
        None => router,
    };
    let router = router
        .layer(from_fn_with_state(app.clone(), guard::check_host))
        .layer(from_fn(guard::render_errors))
        .layer(from_fn_with_state(app.clone(), guard::measure));
    Ok(guard::security_headers(router).with_state(app))
}

fn cors(options: &ServeOptions) -> Result<Option<CorsLayer>, ServeError> {
    let origins: Result<Vec<HeaderValue>, ServeError> =
        options.origins.iter().map(|text| origin(text)).collect();
    let origins = origins?;
    Ok((!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
            .expose_headers([header::LOCATION])
    }))
}

fn origin(text: &str) -> Result<HeaderValue, ServeError> {
    let error = || ServeError::Origin { origin: text.to_owned() };
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or_else(error)?;
    if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte)) {
        return Err(error());
    }
    HeaderValue::from_str(text).map_err(|_| error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_a_scheme_and_a_host() {
        for text in ["https://example.org", "http://localhost:3000", "http://[::1]:8080"] {
            assert!(origin(text).is_ok(), "{text}");
        }
        for text in ["*", "null", "example.org", "https://", "https://example.org/", "https://a.example b"] {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
