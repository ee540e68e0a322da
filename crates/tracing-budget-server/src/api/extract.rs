//! Extractors for path, query and body. Their errors are problem documents instead of the framework's texts.

use std::fmt::Display;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

use crate::problem::{Problem, ProblemKind};

/// The parameters in the path.
pub(crate) struct PathParams<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parameters = Path::from_request_parts(parts, state).await;
        let Path(parameters) = parameters.map_err(|error: PathRejection| {
            Problem::new(ProblemKind::BadRequest, format!("cannot read the path: {}", error.body_text()))
        })?;
        Ok(Self(parameters))
    }
}

/// The parameters in the query.
pub(crate) struct QueryParams<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        from_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// Deserialises a query string.
pub(super) fn from_query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    serde_html_form::from_str(query)
        .map_err(|error| Problem::new(ProblemKind::BadRequest, format!("cannot read the query: {error}")))
}

/// A body with the `Content-Type` of JSON.
pub(crate) struct JsonBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let found = request.headers().get(header::CONTENT_TYPE);
            let found = found.map_or("missing".into(), |kind| String::from_utf8_lossy(kind.as_bytes()));
            let detail = format!("the header Content-Type is {found}, expected application/json");
            return Err(Problem::new(ProblemKind::NotJson, detail));
        }
        let body = Bytes::from_request(request, state).await;
        body.map(Self).map_err(|error: BytesRejection| {
            let kind = ProblemKind::of(error.status());
            Problem::new(kind, format!("cannot read the body: {}", error.body_text()))
        })
    }
}

/// A form on another site's page can send other types without a preflight request, so this also keeps those out.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else {
        return false;
    };
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Deserialises a value by its `FromStr`; the error names what was expected.
pub(crate) fn from_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: Display,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(D::Error::custom)
}

/// A whole number from 1 to `MAX`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtMost<const MAX: usize>(usize);

impl<const MAX: usize> AtMost<MAX> {
    pub(crate) const fn get(self) -> usize {
        self.0
    }
}

impl<const MAX: usize> FromStr for AtMost<MAX> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().filter(|number| (1..=MAX).contains(number));
        number
            .map(Self)
            .ok_or_else(|| format!("{text:?} is out of range: expected a whole number from 1 to {MAX}"))
    }
}
