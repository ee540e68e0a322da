//! The OpenAPI document: generated from the handlers, with the parts that all operations share.

use axum::body::Bytes;
use axum::http::{HeaderName, header};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::live::{CostMoved, RunEnded, RunGone, RunState, RunsInFlight, StageChanged};
use crate::options::ServeOptions;
use crate::problem::Problem;

/// The parts of the document beside the operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "tracing-budget",
        description = "Tokens, cost and time of LLM pipelines. Unknown is null, never 0. Errors are problem details (RFC 9457).",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem, RunsInFlight, RunState, StageChanged, CostMoved, RunEnded, RunGone)),
    tags(
        (name = "runs", description = "Single runs and lists of runs."),
        (name = "figures", description = "Figures over many runs."),
        (name = "live", description = "Runs in flight."),
        (name = "server", description = "The server itself.")
    )
)]
pub(super) struct Document;

/// The JSON Schema of a run's summary.
const RUN: &str = include_str!("../../schema/run-summary.v1.schema.json");

/// Schemas of the history's types, by name.
const ANSWERS: &str = include_str!("../../schema/answers.json");

/// Component names of the schema's `$defs` that differ from the same word in upper camel case.
const COMPONENT_NAMES: &[(&str, &str)] = &[
    ("budget", "BudgetSummary"),
    ("stage", "StageRow"),
    ("model", "ModelRow"),
    ("operation", "OperationRow"),
    ("gate", "GateVerdict"),
];

fn component_name(def: &str) -> String {
    if let Some((_, here)) = COMPONENT_NAMES.iter().find(|(part, _)| *part == def) {
        return (*here).to_owned();
    }
    let words = def.split(['_', '-']);
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

pub(super) type Served = ([(HeaderName, &'static str); 1], Bytes);

/// The document as the server answers it.
pub(super) fn served(document: utoipa::openapi::OpenApi, options: &ServeOptions) -> Served {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.extend(serde_json::from_str::<Map<String, Value>>(ANSWERS).unwrap_or_default());
        add_run(schemas);
        add_delivered(schemas);
    }
    document["paths"]["/runs"]["post"]["requestBody"]["content"]["application/json"]["schema"] =
        json!({"$ref": "#/components/schemas/DeliveredRunSummary"});
    add_problems(&mut document, options.token.is_some());
    constrain_parameters(&mut document, options);
    let text = serde_json::to_vec_pretty(&document).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], text.into())
}

/// Adds the schema of a run: the same file that the tests validate summaries against.
fn add_run(schemas: &mut Map<String, Value>) {
    let mut run: Value = serde_json::from_str(RUN).unwrap_or_default();
    let Some(shape) = run.as_object_mut() else { return };
    for key in ["$schema", "$id"] {
        shape.remove(key);
    }
    let defs = shape.remove("$defs").unwrap_or_default();
    for (def, mut schema) in defs.as_object().cloned().unwrap_or_default() {
        refer_to_components(&mut schema);
        schemas.insert(component_name(&def), schema);
    }
    refer_to_components(&mut run);
    schemas.insert("RunSummary".to_owned(), run);
}

fn refer_to_components(schema: &mut Value) {
    // A format applies to strings only. Some tools (schemathesis is one) apply it to the null as well, unless they are apart.
    if schema["format"].is_string() && schema["type"].is_array() {
        let format = schema["format"].take();
        let description = schema["description"].take();
        *schema = json!({"description": description, "anyOf": [{"type": "string", "format": format}, {"type": "null"}]});
    }
    match schema {
        Value::Object(keys) => keys.iter_mut().for_each(|(key, value)| match (key.as_str(), &value) {
            ("$ref", Value::String(path)) => {
                *value =
                    format!("#/components/schemas/{}", component_name(path.trim_start_matches("#/$defs/")))
                        .into();
            }
            _ => refer_to_components(value),
        }),
        Value::Array(values) => values.iter_mut().for_each(refer_to_components),
        _ => {}
    }
}

/// Required fields of a delivered document. A missing optional field means that nothing was recorded.
const REQUIRED: &[(&str, &[&str])] = &[
    ("RunSummary", &["schema_version", "run_id", "status", "started_at"]),
    ("GateVerdict", &["seq", "gate_name", "verdict"]),
    ("Record", &["operation"]),
];

/// Adds the schema of a delivered run, which requires fewer fields than the schema of an answered one.
fn add_delivered(schemas: &mut Map<String, Value>) {
    let mut delivered = Map::new();
    let mut pending = vec!["RunSummary".to_owned()];
    while let Some(name) = pending.pop() {
        let mut schema = schemas.get(&name).cloned().unwrap_or_default();
        let needed =
            REQUIRED.iter().find(|(part, _)| *part == name).map_or(&[] as &[&str], |(_, needed)| needed);
        schema["required"] = json!(needed);
        refer_to_delivered(&mut schema, &mut pending);
        delivered.insert(format!("Delivered{name}"), schema);
        pending.retain(|name| !delivered.contains_key(&format!("Delivered{name}")));
    }
    let run = &mut delivered["DeliveredRunSummary"]["properties"];
    // Only a stage can have the status `not_run`.
    run["status"]["enum"].as_array_mut().into_iter().for_each(|words| words.retain(|word| word != "not_run"));
    run["efficiency"] = json!({"description": "Ignored: it is calculated from the other figures."});
    schemas.append(&mut delivered);
}

fn refer_to_delivered(schema: &mut Value, pending: &mut Vec<String>) {
    let fractional = schema["type"] == "number" || schema["type"] == json!(["number", "null"]);
    if let Some(keys) = schema.as_object_mut() {
        // Bounds describe what is written. Reading accepts longer texts and any number.
        keys.remove("maxLength");
        if fractional {
            for bound in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
                keys.remove(bound);
            }
        }
    }
    match schema {
        Value::Object(keys) => keys.iter_mut().for_each(|(key, value)| match value.as_str() {
            Some(path) if key == "$ref" => {
                let name = path.rsplit('/').next().unwrap_or_default().to_owned();
                *value = format!("#/components/schemas/Delivered{name}").into();
                pending.push(name);
            }
            _ => refer_to_delivered(value, pending),
        }),
        Value::Array(values) => values.iter_mut().for_each(|value| refer_to_delivered(value, pending)),
        _ => {}
    }
}

/// Statuses of problems, with a description.
const PROBLEMS: &[(&str, &str)] = &[
    ("400", "The request cannot be read, or its parameters contradict each other."),
    ("401", "The token is missing or wrong."),
    ("403", "Pages of other sites must not write."),
    ("404", "The project or the run does not exist."),
    ("413", "The body is larger than the server's maximum."),
    ("415", "The Content-Type of the body is not JSON."),
    ("421", "The host of the request is not allowed."),
    ("422", "The body is not the summary of a run."),
    ("500", "The store cannot be read or written."),
    ("503", "The store is busy, or the answer took too long; try again."),
];

/// Adds to each operation the problems that it can answer: some need a body, some a parameter in the path.
fn add_problems(document: &mut Value, token: bool) {
    for (status, description) in PROBLEMS {
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
            for (status, _) in PROBLEMS {
                let possible = match *status {
                    "403" | "413" | "415" | "422" => takes_body,
                    "401" => path != "/healthz",
                    "404" => path.contains('{'),
                    _ => true,
                };
                if possible {
                    operation["responses"][*status] =
                        json!({"$ref": format!("#/components/responses/Problem{status}")});
                }
            }
        }
    }
}

/// Adds this server's maximum length of a page, and removes null from parameters.
fn constrain_parameters(document: &mut Value, options: &ServeOptions) {
    for operation in
        document["paths"].as_object_mut().into_iter().flatten().flat_map(|(_, path)| path.as_object_mut())
    {
        for parameter in operation
            .values_mut()
            .filter_map(|operation| operation.get_mut("parameters")?.as_array_mut())
            .flatten()
        {
            let is_limit = parameter["name"] == "limit";
            let schema = &mut parameter["schema"];
            if is_limit {
                schema["maximum"] = options.page_runs.into();
            }
            // Remove `null` from the type: a query has no text for it, a missing parameter is left out.
            if let Some(types) = schema.get_mut("type") {
                let first = types.as_array().and_then(|types| types.first()).cloned();
                if let Some(first) = first {
                    *types = first;
                }
            }
        }
    }
}
