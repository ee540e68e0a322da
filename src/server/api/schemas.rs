//! Schemas of what other rooms have: amounts, times and words.

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::history::Amount;
use crate::ledger::{Usd, Verdict};
use crate::summary::{RunSummary, StageRow, Status, Timestamp};

fn object(kind: Type, description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind).description(Some(description))
}

impl PartialSchema for Usd {
    fn schema() -> RefOr<Schema> {
        object(Type::Number, "USD.").into()
    }
}

impl ToSchema for Usd {}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        object(Type::String, "RFC 3339, UTC, to the millisecond.")
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples([json!("2026-04-19T09:12:03.120Z")])
            .into()
    }
}

impl ToSchema for Timestamp {}

impl PartialSchema for Status {
    fn schema() -> RefOr<Schema> {
        let words = [
            Self::Running,
            Self::Completed,
            Self::Failed,
            Self::Cancelled,
            Self::Incomplete,
            Self::Interrupted,
            Self::NotRun,
        ];
        object(Type::String, "How a run or a stage stands.").enum_values(Some(words.map(Self::as_str))).into()
    }
}

impl ToSchema for Status {}

impl PartialSchema for Verdict {
    fn schema() -> RefOr<Schema> {
        object(Type::String, "pass, fail, warn, skipped or error; any other word stands as it was recorded.")
            .into()
    }
}

impl ToSchema for Verdict {}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        object(
            Type::Number,
            "A value in the unit of its measure: USD, a number of things, a part from 0 to 1, seconds.",
        )
        .into()
    }
}

impl ToSchema for Amount {}

// What these look like stands in the JSON Schema of the document, from where `document` takes it.
macro_rules! described_by_the_documents_schema {
    ($($type:ty),*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                Ref::from_schema_name(Self::name()).into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($type))
            }
        }
    )*};
}

described_by_the_documents_schema!(RunSummary, StageRow);
