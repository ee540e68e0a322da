//! The parameters that filter runs: the words of the history's grammar, which the command line and the dashboard share.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tracing_budget_history::grammar::{RunQuery, When, Word, WordError, Zone};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayBuilder, Object, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Required};

use crate::problem::{Problem, ProblemKind};

/// Zone of days, if a request has no `tz`. Not the server's local zone: the same URL would name other runs on another host.
pub(super) fn default_zone() -> Zone {
    Zone::utc()
}

/// The words of a list: all but `project`, which is in the path.
const LIST: &[&str] = &[
    "pipeline",
    "since",
    "until",
    "tz",
    "status",
    "tag",
    "stage",
    "model",
    "gate",
    "verdict",
    "min_cost_usd",
    "sort",
    "limit",
    "cursor",
];

/// The words of figures over many runs.
const WINDOW: &[&str] = &["pipeline", "since", "until", "tz"];

/// Filter, order and page of a list of runs.
pub(super) struct ListQuery(pub(super) RunQuery);

/// Filter by pipeline and start time.
pub(super) struct WindowQuery(pub(super) RunQuery);

impl<S: Sync> FromRequestParts<S> for ListQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(RunQuery::from_pairs_among(LIST, pairs(parts))?))
    }
}

impl<S: Sync> FromRequestParts<S> for WindowQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(RunQuery::from_pairs_among(WINDOW, pairs(parts))?))
    }
}

impl WindowQuery {
    /// Reads the words of the grammar beside those that the handler reads itself. `all` has both, for the message about an
    /// unknown word.
    pub(super) fn beside(
        own: &[&'static str],
        pairs: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problem> {
        let all: Vec<&'static str> = own.iter().chain(WINDOW).copied().collect();
        Ok(Self(RunQuery::from_pairs_among(&all, pairs)?))
    }
}

/// The names and values of the query string.
pub(super) fn pairs(parts: &Parts) -> Vec<(String, String)> {
    form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
}

impl From<WordError> for Problem {
    fn from(error: WordError) -> Self {
        Self::new(ProblemKind::BadRequest, error.to_string())
    }
}

impl IntoParams for ListQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        described(LIST, |word| match word {
            "limit" => "; default 50",
            "sort" => "; default started:desc",
            "tz" => "; default UTC",
            _ => "",
        })
    }
}

impl IntoParams for WindowQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        described(WINDOW, |word| match word {
            "since" => "; default 30d",
            "tz" => "; default UTC",
            _ => "",
        })
    }
}

/// Parameters of the OpenAPI document, with the grammar's own descriptions.
fn described(names: &[&str], default: impl Fn(&str) -> &'static str) -> Vec<Parameter> {
    let words = names.iter().filter_map(|name| RunQuery::WORDS.iter().find(|word| word.name == *name));
    let parameter = |word: &Word| {
        ParameterBuilder::new()
            .name(word.name)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(format!("{}{}.", word.description, default(word.name))))
            .schema(Some(schema_of(word)))
            .build()
    };
    words.map(parameter).collect()
}

fn schema_of(word: &Word) -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(SchemaType::from(Type::String));
    let one: RefOr<Schema> = match word.name {
        "since" | "until" => object(text().pattern(Some(When::PATTERN)).examples(["7d"])),
        "tz" => object(text().examples(["Europe/Berlin"])),
        "status" => Ref::from_schema_name("Status").into(),
        "tag" => object(text().pattern(Some("^[^=]+=")).examples(["branch=main"])),
        "sort" => {
            let pattern = "^(started|cost|duration|tokens)(:(asc|desc))?$";
            object(text().pattern(Some(pattern)).examples(["cost:desc"]))
        }
        "min_cost_usd" => object(ObjectBuilder::new().schema_type(SchemaType::from(Type::Number))),
        // The maximum is an option of the server; `openapi.rs` adds it.
        "limit" => object(ObjectBuilder::new().schema_type(SchemaType::from(Type::Integer)).minimum(Some(1))),
        _ => object(text()),
    };
    if word.repeatable { Schema::Array(ArrayBuilder::new().items(one).build()).into() } else { one }
}

fn object(builder: ObjectBuilder) -> RefOr<Schema> {
    Schema::Object(Object::from(builder)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_grammar_is_a_parameter() {
        let expected: Vec<&str> =
            RunQuery::WORDS.iter().map(|word| word.name).filter(|name| *name != "project").collect();
        assert_eq!(LIST, expected);
        assert!(WINDOW.iter().all(|word| RunQuery::SCOPE.contains(word)));
    }
}
