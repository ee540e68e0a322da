//! Names for the schemas of types that other crates own: each type here refers to a component of the same name.
//!
//! The components themselves are in `schema/answers.json` and in the JSON Schema of the summary; `document` adds both. The
//! history's types stay free of this crate's description language that way.

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
