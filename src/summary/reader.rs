//! Reading and writing the document as JSON.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::document::{RunSummary, SCHEMA_VERSION};
use super::status::Status;
use super::timestamp::Timestamp;
use crate::ledger::Usd;

/// The error of a text that is not a run summary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The text is not JSON.
    #[error("not JSON, at line {line}, column {column}: {reason}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// The parser's message.
        reason: String,
    },
    /// The document has a shape that this version does not know.
    #[error(
        "schema_version is {found}, expected at most {supported}: a newer tracing-budget wrote this summary"
    )]
    Newer {
        /// The version of the document.
        found: u64,
        /// The newest that can be read, [`SCHEMA_VERSION`].
        supported: u32,
    },
    /// A required key is missing.
    #[error("{key} is missing, expected {expected}")]
    Missing {
        /// The key, with those around it: `budget_summary.gate_verdicts[0].seq`.
        key: String,
        /// The expected value.
        expected: &'static str,
    },
    /// A key has a value of another shape than expected.
    #[error("{key} is {found}, expected {expected}")]
    Unexpected {
        /// The key, with those around it: `budget_summary.per_agent.review.calls`.
        key: String,
        /// The expected value.
        expected: &'static str,
        /// The value, as JSON, cut to 64 characters.
        found: String,
    },
    /// The document cannot be read for a reason that no single key has, such as a key given twice.
    #[error("not a run summary: {reason}")]
    Malformed {
        /// The parser's message.
        reason: String,
    },
}

impl RunSummary {
    /// Reads a summary from JSON text or its bytes. Missing optional keys mean that nothing was recorded. Unknown
    /// keys are ignored.
    ///
    /// ```
    /// use tracing_budget::RunSummary;
    ///
    /// let run = RunSummary::from_json(
    ///     r#"{"schema_version": 1, "run_id": "0193c0de", "status": "completed", "started_at": "2026-04-19T09:12:03Z"}"#,
    /// )?;
    /// assert_eq!(run.run_id, "0193c0de");
    ///
    /// let error = RunSummary::from_json(r#"{"schema_version": 1}"#).expect_err("no run");
    /// assert_eq!(error.to_string(), "run_id is missing, expected a text that is not empty");
    /// # Ok::<(), tracing_budget::summary::ReadError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReadError`] with the key at fault and its expected value.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, ReadError> {
        let json = json.as_ref();
        // The version first: any other error about a newer document would mislead.
        let head: Head = serde_json::from_slice(json).map_err(|error| explain(json, &error))?;
        check_version(head.schema_version.as_ref())?;
        let run: Self = serde_json::from_slice(json).map_err(|error| explain(json, &error))?;
        if run.run_id.trim().is_empty() {
            return Err(ReadError::Unexpected {
                key: "run_id".to_owned(),
                expected: Shape::Name.expected(),
                found: Value::String(run.run_id).to_string(),
            });
        }
        Ok(run)
    }

    /// Writes the summary as indented JSON that ends with a newline.
    ///
    /// ```
    /// use tracing_budget::RunSummary;
    ///
    /// let run = RunSummary::new("0193c0de", "2026-04-19T09:12:03Z".parse()?);
    /// assert_eq!(RunSummary::from_json(run.to_json()), Ok(run));
    /// # Ok::<(), tracing_budget::summary::TimestampError>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let written = serde_json::to_string_pretty(self);
        let mut json =
            written.expect("every key is a text and every value a JSON value, so it can be written");
        json.push('\n');
        json
    }
}

#[derive(Deserialize)]
struct Head {
    schema_version: Option<Value>,
}

fn check_version(version: Option<&Value>) -> Result<(), ReadError> {
    let Some(version) = version else {
        return Err(missing("schema_version", Shape::Version));
    };
    match version.as_u64() {
        Some(found) if found > u64::from(SCHEMA_VERSION) => {
            Err(ReadError::Newer { found, supported: SCHEMA_VERSION })
        }
        Some(1..) => Ok(()),
        _ => Err(unexpected("schema_version", Shape::Version, version)),
    }
}

/// Finds the key at fault. The parser buffers flattened rows, so its own error no longer names the key.
fn explain(json: &[u8], error: &serde_json::Error) -> ReadError {
    match serde_json::from_slice::<Value>(json) {
        Ok(document) => find_fault("", &document, RUN)
            .err()
            .unwrap_or_else(|| ReadError::Malformed { reason: error.to_string() }),
        Err(error) => {
            let message = error.to_string();
            let reason = message.split(" at line ").next().unwrap_or_default().to_owned();
            ReadError::Syntax { line: error.line(), column: error.column(), reason }
        }
    }
}

/// The shape of a key's value.
#[derive(Clone, Copy)]
enum Shape {
    Version,
    Name,
    Text,
    Status,
    Time,
    Count,
    Whole,
    /// A number that is not below 0.
    Amount,
    Number,
    Money,
    Bool,
    Texts,
    Object(&'static [Key]),
    /// An object that has the figures among its keys.
    Row(&'static [Key]),
    /// An object with a value of this shape under every name.
    Each(&'static Shape),
    /// A list with values of this shape.
    List(&'static Shape),
    /// Any object, whatever is in it.
    Anything,
    /// The shape, or null.
    Or(&'static Shape),
}

/// One key of an object, and whether it must be there.
struct Key(&'static str, bool, Shape);

const fn must(name: &'static str, shape: Shape) -> Key {
    Key(name, true, shape)
}

const fn may(name: &'static str, shape: Shape) -> Key {
    Key(name, false, shape)
}

const RUN: Shape = Shape::Object(&[
    must("schema_version", Shape::Version),
    must("run_id", Shape::Name),
    may("project", Shape::Text),
    may("pipeline", Shape::Text),
    must("status", Shape::Status),
    must("started_at", Shape::Time),
    may("completed_at", Shape::Or(&Shape::Time)),
    may("duration_seconds", Shape::Number),
    may("failed_stage", Shape::Or(&Shape::Text)),
    may("error_summary", Shape::Or(&Shape::Text)),
    may("failed_at", Shape::Or(&Shape::Time)),
    may("tags", Shape::Each(&Shape::Text)),
    may("counts", Shape::Each(&Shape::Whole)),
    may("value_usd", Shape::Or(&Shape::Money)),
    may("iterations", Shape::Or(&Shape::Count)),
    may("efficiency", EFFICIENCY),
    may("warnings", Shape::Texts),
    may("budget_summary", BUDGET),
]);

const BUDGET: Shape = Shape::Row(&[
    may(
        "limits",
        Shape::Object(&[may("usd", Shape::Or(&Shape::Money)), may("tokens", Shape::Or(&Shape::Count))]),
    ),
    may("usd_remaining", Shape::Or(&Shape::Money)),
    may("tokens_remaining", Shape::Or(&Shape::Whole)),
    may("exhausted", Shape::Bool),
    may("error_events", Shape::Count),
    may("per_agent", Shape::Each(&STAGE)),
    may("per_model", Shape::Each(&MODEL)),
    may("by_agent", Shape::Each(&AGENT)),
    may("by_operation", Shape::Each(&OPERATION)),
    may("gate_verdicts", Shape::List(&GATE)),
    may("records", Shape::List(&RECORD)),
    may("records_dropped", Shape::Count),
    may("calls", Shape::Or(&Shape::List(&CALL))),
    may("calls_left_out", Shape::Count),
]);

const CALL: Shape = Shape::Object(&[
    must("started_at", Shape::Time),
    may("duration_seconds", Shape::Or(&Shape::Number)),
    may("time_to_first_token_seconds", Shape::Or(&Shape::Number)),
    may("stage", Shape::Or(&Shape::Text)),
    may("agent", Shape::Or(&Shape::Text)),
    may("operation", Shape::Text),
    may("provider", Shape::Or(&Shape::Text)),
    may("model", Shape::Or(&Shape::Text)),
    may("model_requested", Shape::Or(&Shape::Text)),
    may("model_answered", Shape::Or(&Shape::Text)),
    may("tier", Shape::Or(&Shape::Text)),
    may("response_id", Shape::Or(&Shape::Text)),
    may("conversation", Shape::Or(&Shape::Text)),
    may("prompt_name", Shape::Or(&Shape::Text)),
    may("prompt_version", Shape::Or(&Shape::Text)),
    may("attempt", Shape::Count),
    must("status", Shape::Status),
    may("error", Shape::Or(&Shape::Text)),
    may("finish_reason", Shape::Or(&Shape::Text)),
    may("usage", UNITS),
    may("partial", Shape::Bool),
    may("cost_usd", Shape::Or(&Shape::Money)),
    may("price_source", Shape::Or(&Shape::Text)),
]);

const EFFICIENCY: Shape = Shape::Object(&[
    may("cost_per_iteration_usd", Shape::Or(&Shape::Money)),
    may("roi", Shape::Or(&Shape::Number)),
    may("cost_to_value", Shape::Or(&Shape::Number)),
    may("usd_per_minute", Shape::Or(&Shape::Number)),
    may("tokens_per_minute", Shape::Or(&Shape::Number)),
]);

const RECORD: Shape = Shape::Object(&[
    must("operation", Shape::Text),
    may("stage", Shape::Or(&Shape::Text)),
    may("cost_usd", Shape::Or(&Shape::Money)),
    may("duration_seconds", Shape::Or(&Shape::Number)),
    may("iteration", Shape::Or(&Shape::Count)),
    may("meta", Shape::Anything),
    may("at", Shape::Or(&Shape::Time)),
]);

const STAGE: Shape = Shape::Row(&[
    may("calls", Shape::Count),
    may("duration_seconds", Shape::Number),
    may("errors", Shape::Count),
    may("error_events", Shape::Count),
    may("status", Shape::Status),
    may("name", Shape::Or(&Shape::Text)),
    may("parent", Shape::Or(&Shape::Text)),
    may("started_at", Shape::Or(&Shape::Time)),
    may("share_of_cost", Shape::Or(&Shape::Number)),
    may("limits", Shape::Or(&STAGE_LIMITS)),
    may("attempts", Shape::List(&ATTEMPT)),
    may("attempts_left_out", Shape::Count),
    may("per_model", Shape::Each(&MODEL)),
]);

const ATTEMPT: Shape = Shape::Object(&[
    must("started_at", Shape::Time),
    may("duration_seconds", Shape::Number),
    must("status", Shape::Status),
    may("error", Shape::Or(&Shape::Text)),
]);

const STAGE_LIMITS: Shape = Shape::Object(&[
    may("usd", Shape::Or(&Shape::Money)),
    may("tokens", Shape::Or(&Shape::Count)),
    may("usd_remaining", Shape::Or(&Shape::Money)),
    may("tokens_remaining", Shape::Or(&Shape::Whole)),
    may("exhausted", Shape::Bool),
]);

const MODEL: Shape =
    Shape::Row(&[may("duration_seconds", Shape::Or(&Shape::Number)), may("price_sources", Shape::Texts)]);

const AGENT: Shape = Shape::Row(&[
    may("calls", Shape::Count),
    may("duration_seconds", Shape::Or(&Shape::Number)),
    may("errors", Shape::Count),
    may("called_by", Shape::Texts),
]);

const OPERATION: Shape =
    Shape::Row(&[may("calls", Shape::Count), may("duration_seconds", Shape::Or(&Shape::Number))]);

const GATE: Shape = Shape::Object(&[
    must("seq", Shape::Count),
    must("gate_name", Shape::Text),
    may("after_stage", Shape::Or(&Shape::Text)),
    must("verdict", Shape::Text),
    may("blocking", Shape::Bool),
    may("score", Shape::Or(&Shape::Number)),
    may("reason", Shape::Or(&Shape::Text)),
    may("diagnostics", Shape::Anything),
    may("at", Shape::Or(&Shape::Time)),
    may("duration_seconds", Shape::Or(&Shape::Number)),
    may("cost_usd", Shape::Or(&Shape::Money)),
]);

/// Counts by unit: those of times are seconds.
const UNITS: Shape = Shape::Each(&Shape::Or(&Shape::Amount));

/// The figures that stand among the other keys of totals and rows.
const FIGURES: &[Key] = &[
    may("tokens_used", Shape::Or(&Shape::Count)),
    may("cost_usd", Shape::Or(&Shape::Money)),
    may("llm_calls", Shape::Count),
    may("input_tokens", Shape::Count),
    may("output_tokens", Shape::Count),
    may("cache_read_tokens", Shape::Count),
    may("cache_write_tokens", Shape::Count),
    may("reasoning_tokens", Shape::Count),
    may("units", UNITS),
    may("unpriced_calls", Shape::Count),
    may("calls_without_usage", Shape::Count),
    may("partial_calls", Shape::Count),
];

impl Shape {
    const fn expected(self) -> &'static str {
        match self {
            Self::Version => "a whole number from 1",
            Self::Name => "a text that is not empty",
            Self::Text => "a text",
            Self::Status => "one of running, completed, failed, cancelled, incomplete, interrupted, not_run",
            Self::Time => "an RFC 3339 time such as 2026-04-19T09:12:03.120Z",
            Self::Count => "a whole number from 0",
            Self::Whole => "a whole number",
            Self::Amount => "a number from 0",
            Self::Number => "a number",
            Self::Money => "a number of USD below 1e26",
            Self::Bool => "true or false",
            Self::Texts => "a list of texts",
            Self::Object(_) | Self::Row(_) | Self::Each(_) | Self::Anything => "an object",
            Self::List(_) => "a list",
            Self::Or(Self::Text) => "a text or null",
            Self::Or(Self::Time) => "an RFC 3339 time such as 2026-04-19T09:12:03.120Z, or null",
            Self::Or(Self::Count) => "a whole number from 0, or null",
            Self::Or(Self::Amount) => "a number from 0, or null",
            Self::Or(Self::Whole) => "a whole number or null",
            Self::Or(Self::Money) => "a number of USD below 1e26, or null",
            Self::Or(Self::Object(_)) => "an object or null",
            Self::Or(Self::List(_)) => "a list or null",
            Self::Or(_) => "a number or null",
        }
    }

    /// Whether a value without others inside is of this shape.
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Version => {
                value.as_u64().is_some_and(|version| version > 0 && u32::try_from(version).is_ok())
            }
            Self::Name => value.as_str().is_some_and(|text| !text.trim().is_empty()),
            Self::Text => value.is_string(),
            Self::Status => Status::deserialize(value).is_ok(),
            Self::Time => value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok()),
            Self::Count => value.is_u64(),
            Self::Whole => value.is_i64(),
            Self::Amount => value.as_f64().is_some_and(|amount| amount >= 0.0),
            Self::Number => value.is_number(),
            Self::Money => value.as_f64().is_some_and(|usd| Usd::from_document(usd).is_some()),
            Self::Bool => value.is_boolean(),
            Self::Texts => value.as_array().is_some_and(|texts| texts.iter().all(Value::is_string)),
            Self::Or(shape) => value.is_null() || shape.fits(value),
            Self::Object(_) | Self::Row(_) | Self::Each(_) | Self::Anything => value.is_object(),
            Self::List(_) => value.is_array(),
        }
    }
}

/// The first key that does not hold what it should.
fn find_fault(path: &str, value: &Value, shape: Shape) -> Result<(), ReadError> {
    if !shape.fits(value) {
        let path = if path.is_empty() { "the document" } else { path };
        return Err(unexpected(path, shape, value));
    }
    match (shape, value) {
        (Shape::Object(keys), Value::Object(object)) => find_fault_in(path, object, keys),
        (Shape::Row(keys), Value::Object(object)) => {
            find_fault_in(path, object, keys)?;
            find_fault_in(path, object, FIGURES)
        }
        (Shape::Each(shape), Value::Object(object)) => {
            object.iter().try_for_each(|(name, value)| find_fault(&join(path, name), value, *shape))
        }
        (Shape::Or(shape), value) if !value.is_null() => find_fault(path, value, *shape),
        (Shape::List(shape), Value::Array(list)) => list
            .iter()
            .enumerate()
            .try_for_each(|(at, value)| find_fault(&format!("{path}[{at}]"), value, *shape)),
        _ => Ok(()),
    }
}

fn find_fault_in(path: &str, object: &Map<String, Value>, keys: &[Key]) -> Result<(), ReadError> {
    for Key(name, required, shape) in keys {
        match object.get(*name) {
            Some(value) => find_fault(&join(path, name), value, *shape)?,
            None if *required => return Err(missing(&join(path, name), *shape)),
            None => {}
        }
    }
    Ok(())
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn missing(key: &str, shape: Shape) -> ReadError {
    ReadError::Missing { key: key.to_owned(), expected: shape.expected() }
}

fn unexpected(key: &str, shape: Shape, value: &Value) -> ReadError {
    let json = value.to_string();
    let mut found: String = json.chars().take(64).collect();
    if found.len() < json.len() {
        found.push('…');
    }
    ReadError::Unexpected { key: key.to_owned(), expected: shape.expected(), found }
}
