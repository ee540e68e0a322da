//! Errors as every client reads them: problem details, [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use tracing_budget_history::StoreError;

/// What was wrong with a request, or with its answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Which kind of problem; the address of its description.
    #[serde(rename = "type")]
    #[schema(value_type = String, format = "uri")]
    kind: Kind,
    /// The kind, in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong in this very case, and what was expected.
    detail: String,
}

/// The kinds of problems there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    BadRequest,
    NotARun,
    TokenNeeded,
    ForeignOrigin,
    NoSuchPath,
    NoSuchProject,
    NoSuchRun,
    WrongMethod,
    BodyTooLarge,
    NotJson,
    ForeignHost,
    Busy,
    TooSlow,
    StoreFailed,
    Failed,
}

impl Kind {
    const fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "Bad request",
            Self::NotARun => "Not a run",
            Self::TokenNeeded => "Token needed",
            Self::ForeignOrigin => "Foreign origin",
            Self::NoSuchPath => "No such path",
            Self::NoSuchProject => "No such project",
            Self::NoSuchRun => "No such run",
            Self::WrongMethod => "Wrong method",
            Self::BodyTooLarge => "Body too large",
            Self::NotJson => "Not JSON",
            Self::ForeignHost => "Foreign host",
            Self::Busy => "Busy",
            Self::TooSlow => "Too slow",
            Self::StoreFailed => "Store failed",
            Self::Failed => "Failed",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::NotARun => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TokenNeeded => StatusCode::UNAUTHORIZED,
            Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::NoSuchPath | Self::NoSuchProject | Self::NoSuchRun => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::ForeignHost => StatusCode::MISDIRECTED_REQUEST,
            Self::Busy | Self::TooSlow => StatusCode::SERVICE_UNAVAILABLE,
            Self::StoreFailed | Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What a bare status of the framework means.
    pub(super) fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::UNPROCESSABLE_ENTITY => Self::NotARun,
            StatusCode::UNAUTHORIZED => Self::TokenNeeded,
            StatusCode::FORBIDDEN => Self::ForeignOrigin,
            StatusCode::NOT_FOUND => Self::NoSuchPath,
            StatusCode::METHOD_NOT_ALLOWED => Self::WrongMethod,
            StatusCode::PAYLOAD_TOO_LARGE => Self::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::NotJson,
            StatusCode::MISDIRECTED_REQUEST => Self::ForeignHost,
            StatusCode::SERVICE_UNAVAILABLE => Self::TooSlow,
            other if other.is_server_error() => Self::Failed,
            _ => Self::BadRequest,
        }
    }
}

impl Serialize for Kind {
    /// The address of the kind's description in the documentation of [`server`](crate::server).
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let anchor = self.title().to_ascii_lowercase().replace(' ', "-");
        let page = "https://docs.rs/tracing-budget/latest/tracing_budget/server/index.html";
        serializer.collect_str(&format_args!("{page}#{anchor}"))
    }
}

impl Problem {
    /// A problem of this kind; `detail` names the thing, the value, and what was expected.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, title: kind.title(), status: kind.status().as_u16(), detail: detail.into() }
    }

    /// The kind, in words.
    pub(crate) fn title(&self) -> &'static str {
        self.title
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// What is wrong in this very case.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::NoSuchRun { .. } => Kind::NoSuchRun,
            StoreError::Cursor { .. } | StoreError::Series { .. } => Kind::BadRequest,
            StoreError::Refused { .. } => Kind::NotARun,
            StoreError::Busy { .. } => Kind::Busy,
            _ => Kind::StoreFailed,
        };
        Self::new(kind, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.kind {
            Kind::TokenNeeded => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Kind::Busy | Kind::TooSlow => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        // The layer that looks at what the client accepts finds it there.
        response.extensions_mut().insert(self);
        response
    }
}
