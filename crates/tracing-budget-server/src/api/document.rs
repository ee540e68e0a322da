//! The OpenAPI document: what the code says of itself, with what holds for every question.

use axum::body::Bytes;
use axum::http::{HeaderName, header};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::when;
use crate::live::{Changed, Ended, Flight, Gone, RunState, StageChanged};
use crate::options::ServeOptions;
use crate::problem::Problem;

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
const RUN: &str = include_str!("../../schema/run-summary.v1.schema.json");

/// The schemas of the history's answers, by name.
const ANSWERS: &str = include_str!("../../schema/answers.json");

/// What its parts are called here, where it is not their own name in capitals.
const PARTS: &[(&str, &str)] = &[
    ("budget", "BudgetSummary"),
    ("stage", "StageRow"),
    ("model", "ModelRow"),
    ("operation", "OperationRow"),
    ("gate", "GateVerdict"),
];

fn part(there: &str) -> String {
    if let Some((_, here)) = PARTS.iter().find(|(part, _)| *part == there) {
        return (*here).to_owned();
    }
    let words = there.split(['_', '-']);
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

pub(super) type Served = ([(HeaderName, &'static str); 1], Bytes);

/// The document as it is answered.
pub(super) fn served(document: utoipa::openapi::OpenApi, options: &ServeOptions) -> Served {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.extend(serde_json::from_str::<Map<String, Value>>(ANSWERS).unwrap_or_default());
        add_run(schemas);
        add_delivered(schemas);
    }
    document["paths"]["/runs"]["post"]["requestBody"]["content"]["application/json"]["schema"] =
        json!({"$ref": "#/components/schemas/DeliveredRunSummary"});
    add_faults(&mut document, options.token.is_some());
    bound_parameters(&mut document, options);
    let text = serde_json::to_vec_pretty(&document).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], text.into())
}

/// One source for the shape of a run: the schema that its files are checked against.
fn add_run(schemas: &mut Map<String, Value>) {
    let mut run: Value = serde_json::from_str(RUN).unwrap_or_default();
    let Some(shape) = run.as_object_mut() else { return };
    for key in ["$schema", "$id"] {
        shape.remove(key);
    }
    let parts = shape.remove("$defs").unwrap_or_default();
    for (there, mut schema) in parts.as_object().cloned().unwrap_or_default() {
        rename_parts(&mut schema);
        schemas.insert(part(&there), schema);
    }
    rename_parts(&mut run);
    schemas.insert("RunSummary".to_owned(), run);
}

fn rename_parts(schema: &mut Value) {
    // A format holds for texts only, which some readers of the document do not see beside a null.
    if schema["format"].is_string() && schema["type"].is_array() {
        let format = schema["format"].take();
        let description = schema["description"].take();
        *schema = json!({"description": description, "anyOf": [{"type": "string", "format": format}, {"type": "null"}]});
    }
    match schema {
        Value::Object(keys) => keys.iter_mut().for_each(|(key, value)| match (key.as_str(), &value) {
            ("$ref", Value::String(path)) => {
                *value = format!("#/components/schemas/{}", part(path.trim_start_matches("#/$defs/"))).into();
            }
            _ => rename_parts(value),
        }),
        Value::Array(values) => values.iter_mut().for_each(rename_parts),
        _ => {}
    }
}

/// What must stand in a document that is delivered; anything else that is left out stands for nothing recorded.
const NEEDED: &[(&str, &[&str])] = &[
    ("RunSummary", &["schema_version", "run_id", "status", "started_at"]),
    ("GateVerdict", &["seq", "gate_name", "verdict"]),
    ("Record", &["operation"]),
];

/// A run as it may be delivered: less must stand in it than in one that is answered.
fn add_delivered(schemas: &mut Map<String, Value>) {
    let mut delivered = Map::new();
    let mut wanted = vec!["RunSummary".to_owned()];
    while let Some(name) = wanted.pop() {
        let mut schema = schemas.get(&name).cloned().unwrap_or_default();
        let needed =
            NEEDED.iter().find(|(part, _)| *part == name).map_or(&[] as &[&str], |(_, needed)| needed);
        schema["required"] = json!(needed);
        refer_to_delivered(&mut schema, &mut wanted);
        delivered.insert(format!("Delivered{name}"), schema);
        wanted.retain(|name| !delivered.contains_key(&format!("Delivered{name}")));
    }
    let run = &mut delivered["DeliveredRunSummary"]["properties"];
    // Only a stage can be.
    run["status"]["enum"].as_array_mut().into_iter().for_each(|words| words.retain(|word| word != "not_run"));
    run["efficiency"] = json!({"description": "Passed over: it follows from the other figures."});
    schemas.append(&mut delivered);
}

fn refer_to_delivered(schema: &mut Value, wanted: &mut Vec<String>) {
    let fractional = schema["type"] == "number" || schema["type"] == json!(["number", "null"]);
    if let Some(keys) = schema.as_object_mut() {
        // What is written is never below nothing, nor longer than a line; what is read is taken as it comes.
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
                wanted.push(name);
            }
            _ => refer_to_delivered(value, wanted),
        }),
        Value::Array(values) => values.iter_mut().for_each(|value| refer_to_delivered(value, wanted)),
        _ => {}
    }
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
                    "401" => path != "/healthz",
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
                "tag" => schema["items"]["pattern"] = "^[^=]+=".into(),
                "sort" => schema["pattern"] = "^(started|cost|duration|tokens)(:(asc|desc))?$".into(),
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
