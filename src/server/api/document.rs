//! The OpenAPI document: what the code says of itself, with what holds for every question.

use axum::body::Bytes;
use axum::http::{HeaderName, header};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::when;
use crate::server::live::{Changed, Ended, Flight, Gone, RunState, StageChanged};
use crate::server::options::ServeOptions;
use crate::server::problem::Problem;

/// What stands around the questions.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "tracing-budget",
        description = "Where the tokens, the money and the time of LLM pipelines went. Unknown is null, never 0. Errors are \
                       problem details (RFC 9457).",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem, Flight, RunState, StageChanged, Changed, Ended, Gone)),
    tags(
        (name = "runs", description = "Runs, one by one."),
        (name = "figures", description = "Figures over many runs."),
        (name = "live", description = "Runs in flight."),
        (name = "server", description = "The server itself.")
    )
)]
pub(super) struct Document;

/// The JSON Schema of the document that a run leaves behind.
const RUN: &str = include_str!("../../../schema/run-summary.v1.schema.json");

/// What its parts are called here.
const PARTS: &[(&str, &str)] = &[
    ("budget", "BudgetSummary"),
    ("limits", "Limits"),
    ("stage", "StageRow"),
    ("model", "ModelRow"),
    ("operation", "OperationRow"),
    ("gate", "GateVerdict"),
];

pub(super) type Served = ([(HeaderName, &'static str); 1], Bytes);

/// The document as it is answered.
pub(super) fn served(document: utoipa::openapi::OpenApi, options: &ServeOptions) -> Served {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["components"]["schemas"].as_object_mut().into_iter().for_each(add_run);
    add_faults(&mut document, options.token.is_some());
    bound_parameters(&mut document, options);
    let text = serde_json::to_vec_pretty(&document).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], text.into())
}

/// One source for the shape of a run: the schema that its files are checked against.
fn add_run(schemas: &mut Map<String, Value>) {
    let mut text = RUN.to_owned();
    for (there, here) in PARTS {
        text = text.replace(&format!("#/$defs/{there}\""), &format!("#/components/schemas/{here}\""));
    }
    let mut run: Value = serde_json::from_str(&text).unwrap_or_default();
    let Some(shape) = run.as_object_mut() else { return };
    let parts = shape.remove("$defs").unwrap_or_default();
    for key in ["$schema", "$id"] {
        shape.remove(key);
    }
    for (there, here) in PARTS {
        schemas.insert((*here).to_owned(), parts[*there].clone());
    }
    schemas.insert("RunSummary".to_owned(), run);
}

/// Faults that any question may meet, and what each says.
const FAULTS: &[(&str, &str)] = &[
    ("400", "The request cannot be read, or asks for what does not fit together."),
    ("401", "A token is needed, and this is none or another."),
    ("403", "A page of another site may not write."),
    ("404", "There is no such project or run."),
    ("413", "The body is larger than this server takes."),
    ("415", "The body does not say that it is JSON."),
    ("421", "The server does not answer for that host."),
    ("422", "The body is not a run."),
    ("500", "The store cannot be read or written."),
    ("503", "The store is busy, or the answer took too long; try again."),
];

/// What an operation can meet: bodies only where one is taken, paths only where one is named.
fn add_faults(document: &mut Value, token: bool) {
    for (status, description) in FAULTS {
        let schema = json!({"$ref": "#/components/schemas/Problem"});
        document["components"]["responses"][format!("Problem{status}")] =
            json!({"description": description, "content": {"application/problem+json": {"schema": schema}}});
    }
    document["components"]["securitySchemes"]["token"] = json!({"type": "http", "scheme": "bearer"});
    if token {
        document["security"] = json!([{"token": []}]);
    }
    for (path, operations) in document["paths"].as_object_mut().into_iter().flatten() {
        for (_, operation) in operations.as_object_mut().into_iter().flatten() {
            let takes_body = operation.get("requestBody").is_some();
            for (status, _) in FAULTS {
                let meets = match *status {
                    "403" | "413" | "415" | "422" => takes_body,
                    "404" => path.contains('{'),
                    _ => true,
                };
                if meets {
                    operation["responses"][*status] =
                        json!({"$ref": format!("#/components/responses/Problem{status}")});
                }
            }
        }
    }
}

/// What types do not say: how a time is written, and how long a page of this server may be.
fn bound_parameters(document: &mut Value, options: &ServeOptions) {
    for operation in
        document["paths"].as_object_mut().into_iter().flatten().flat_map(|(_, path)| path.as_object_mut())
    {
        for parameter in operation
            .values_mut()
            .filter_map(|operation| operation.get_mut("parameters")?.as_array_mut())
            .flatten()
        {
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            let schema = &mut parameter["schema"];
            match name.as_str() {
                "since" | "until" => schema["pattern"] = when::PATTERN.into(),
                "limit" => schema["maximum"] = options.page_runs.into(),
                _ => {}
            }
            // A parameter that is left out is left out: there is no text for null in a query.
            if let Some(types) = schema.get_mut("type") {
                let first = types.as_array().and_then(|types| types.first()).cloned();
                if let Some(first) = first {
                    *types = first;
                }
            }
        }
    }
}
