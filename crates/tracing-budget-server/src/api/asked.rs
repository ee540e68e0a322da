//! What a request asks: its path, its query and its body, with problems in place of the framework's texts.

use std::fmt::Display;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

use crate::problem::{Kind, Problem};

/// What stands in the path.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let named = Path::from_request_parts(parts, state).await;
        let Path(named) = named.map_err(|fault: PathRejection| {
            Problem::new(Kind::BadRequest, format!("the path cannot be read: {}", fault.body_text()))
        })?;
        Ok(Self(named))
    }
}

/// What stands in the query.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let asked = serde_html_form::from_str(parts.uri.query().unwrap_or_default());
        let asked = asked
            .map_err(|fault| Problem::new(Kind::BadRequest, format!("the query cannot be read: {fault}")))?;
        Ok(Self(asked))
    }
}

/// A body that says that it is JSON.
pub(crate) struct Json(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Json {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !says_json(request.headers()) {
            let found = request.headers().get(header::CONTENT_TYPE);
            let found = found.map_or("nothing".into(), |kind| String::from_utf8_lossy(kind.as_bytes()));
            let detail = format!("the Content-Type is {found}, expected application/json");
            return Err(Problem::new(Kind::NotJson, detail));
        }
        let body = Bytes::from_request(request, state).await;
        body.map(Self).map_err(|fault: BytesRejection| {
            Problem::new(Kind::of(fault.status()), format!("the body cannot be read: {}", fault.body_text()))
        })
    }
}

/// Also keeps out what a form of another site's page would send without asking.
fn says_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else {
        return false;
    };
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// A value that is read from text, whose error says what was expected.
pub(crate) fn text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: Display,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(D::Error::custom)
}

/// A whole number from 1 to `MOST`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpTo<const MOST: usize>(usize);

impl<const MOST: usize> UpTo<MOST> {
    pub(crate) const fn get(self) -> usize {
        self.0
    }
}

impl<const MOST: usize> FromStr for UpTo<MOST> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
        number
            .map(Self)
            .ok_or_else(|| format!("{text:?} is out of reach, expected a whole number from 1 to {MOST}"))
    }
}
