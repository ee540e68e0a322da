//! Placeholders for types of other crates: each refers to the OpenAPI component of the same name.
//!
//! The components are in `schema/answers.json` and in the JSON Schema of the summary; `api/openapi.rs` adds both. So the
//! history's types need no dependency on `utoipa`. The test `answers_schema` compares the components with real values.

use std::borrow::Cow;

use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

macro_rules! shapes {
    ($($name:ident),* $(,)?) => {$(
        #[derive(Debug)]
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                Ref::from_schema_name(stringify!($name)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )*};
}

shapes!(
    Bucket, By, Comparison, GateStats, Health, Measure, ModelStats, Overview, ProjectRow, RunSummary, Series,
    StageRow, StageStats, Status, Timestamp, Usd,
);
