//! Errors as problem details, [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use tracing_budget_history::{RunIdError, StoreError};

/// An error of a request or of its answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The kind of problem: the URL of its description.
    #[serde(rename = "type")]
    #[schema(value_type = String, format = "uri")]
    kind: ProblemKind,
    /// The kind's title.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The thing, its value, and what was expected.
    detail: String,
}

/// The kinds of problems. Each has a section in the documentation of the crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
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

impl ProblemKind {
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

    /// The kind for a status that the framework set without a body of ours.
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

/// The crate's page at docs.rs.
const PAGE: &str = "https://docs.rs/tracing-budget-server/latest/tracing_budget_server/index.html";

impl Serialize for ProblemKind {
    /// The URL of the kind's section on the crate's page at docs.rs.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let anchor = self.title().to_ascii_lowercase().replace(' ', "-");
        serializer.collect_str(&format_args!("{PAGE}#{anchor}"))
    }
}

impl Problem {
    /// Creates a problem; `detail` names the thing, its value, and what was expected.
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, title: kind.title(), status: kind.status().as_u16(), detail: detail.into() }
    }

    /// The kind's title.
    pub(crate) fn title(&self) -> &'static str {
        self.title
    }

    pub(crate) fn kind(&self) -> ProblemKind {
        self.kind
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// The thing, its value, and what was expected.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::NoSuchRun { .. } => ProblemKind::NoSuchRun,
            StoreError::Cursor { .. } | StoreError::Series { .. } => ProblemKind::BadRequest,
            StoreError::Refused { .. } => ProblemKind::NotARun,
            StoreError::Busy { .. } => ProblemKind::Busy,
            _ => ProblemKind::StoreFailed,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<RunIdError> for Problem {
    fn from(error: RunIdError) -> Self {
        match error {
            RunIdError::Store(error) => error.into(),
            RunIdError::Ambiguous { .. } => Self::new(ProblemKind::BadRequest, error.to_string()),
            _ => Self::new(ProblemKind::NoSuchRun, error.to_string()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.kind {
            ProblemKind::TokenNeeded => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            ProblemKind::Busy | ProblemKind::TooSlow => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        // `guard::errors` reads the problem from here and renders it as a page for clients that accept text/html.
        response.extensions_mut().insert(self);
        response
    }
}
