//! `schema/answers.json` describes the history's types: real values have exactly the fields that the file names.
//!
//! The history has no dependency on `utoipa`, so nothing derives these schemas. This test fails if a type has a field that
//! the file has not, if the file has a field that the type has not, and if a schema has met no value.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value, json};
use tracing_budget::{RunSummary, Status, Verdict};
use tracing_budget_history::compare::compare;
use tracing_budget_history::health::HealthQuery;
use tracing_budget_history::series::{Bucket, By, Measure, SeriesQuery};
use tracing_budget_history::{Filter, Page, Scope, Sort, Store};
use tracing_budget_server::ServeOptions;

use crate::harness::{TestServer, failed, run, seed};

const ANSWERS: &str = include_str!("../../schema/answers.json");
const PREFIX: &str = "#/components/schemas/";

struct Schemas {
    /// The file's schemas, made strict: no further fields, and none missing.
    strict: Map<String, Value>,
    /// Names of the schemas that a value was compared with.
    met: BTreeSet<String>,
}

impl Schemas {
    fn read() -> Self {
        let loose: Map<String, Value> = serde_json::from_str(ANSWERS).expect("JSON");
        let strict = loose.iter().map(|(name, schema)| {
            let mut schema = merged(schema, &loose);
            make_strict(&mut schema);
            (name.clone(), schema)
        });
        Self { strict: strict.collect(), met: BTreeSet::new() }
    }

    /// Compares a value with the schema of this name.
    fn check(&mut self, name: &str, value: &impl Serialize) {
        let value = serde_json::to_value(value).expect("JSON");
        let components = json!({"schemas": self.strict});
        let schema = json!({"$ref": format!("{PREFIX}{name}"), "components": components});
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(
            errors.is_empty(),
            "{name} and schema/answers.json differ:\n{}\n{value:#}",
            errors.join("\n")
        );
        self.mark(&json!({"$ref": format!("{PREFIX}{name}")}), &value);
    }

    /// Marks the schemas that a part of the value was compared with.
    fn mark(&mut self, schema: &Value, value: &Value) {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix(PREFIX)) {
            self.met.insert(name.to_owned());
            let target = self.strict[name].clone();
            return self.mark(&target, value);
        }
        for choice in ["anyOf", "oneOf"].iter().filter_map(|key| schema[*key].as_array()).flatten() {
            if !value.is_null() {
                self.mark(choice, value);
            }
        }
        for (field, value) in value.as_object().into_iter().flatten() {
            match &schema["properties"][field] {
                Value::Null => self.mark(&schema["additionalProperties"], value),
                property => self.mark(property, value),
            }
        }
        for value in value.as_array().into_iter().flatten() {
            self.mark(&schema["items"], value);
        }
    }
}

/// The schema with its `allOf` as one object: strictness of a part would refuse the fields of the other parts.
fn merged(schema: &Value, all: &Map<String, Value>) -> Value {
    let Some(parts) = schema["allOf"].as_array() else { return schema.clone() };
    let mut properties = Map::new();
    for part in parts {
        let part = match part["$ref"].as_str() {
            Some(path) => &all[path.trim_start_matches(PREFIX)],
            None => part,
        };
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
    }
    json!({"type": "object", "properties": properties})
}

fn make_strict(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            if let Some(properties) = keys.get("properties").and_then(Value::as_object) {
                let names: Vec<String> = properties.keys().cloned().collect();
                keys.insert("required".to_owned(), json!(names));
                keys.insert("additionalProperties".to_owned(), json!(false));
            }
            keys.values_mut().for_each(make_strict);
        }
        Value::Array(values) => values.iter_mut().for_each(make_strict),
        _ => {}
    }
}

/// The seeded runs, and some that cost and fail more than usual, so that health has findings of every kind that a project
/// can have.
fn runs() -> Vec<RunSummary> {
    let mut runs = seed();
    for number in 0..30 {
        runs.push(run(&format!("usual-{number}"), "spikes", 1_000 + number));
    }
    for number in 0..10 {
        let mut bad = failed(&format!("spike-{number}"), "spikes", number);
        let (budget, cost) = (&mut bad.budget_summary, Some("9.5".parse().expect("an amount")));
        budget.total.cost_usd = cost;
        let discovery = budget.per_agent.entry("discovery");
        discovery.figures.cost_usd = cost;
        discovery.per_model.values_mut().for_each(|row| row.figures.cost_usd = cost);
        budget.per_model.values_mut().for_each(|row| row.figures.cost_usd = cost);
        budget.by_operation.values_mut().for_each(|row| row.figures.cost_usd = cost);
        bad.duration_seconds = 2_500.0;
        runs.push(bad);
    }
    let mut flying = run("flying", "apprentice", 0);
    flying.status = Status::Running;
    flying.completed_at = None;
    runs.push(flying);
    runs
}

#[test]
fn the_file_has_exactly_the_fields_of_the_types() {
    let server = TestServer::empty(ServeOptions::new());
    let store = &server.store;
    for run in runs() {
        store.put(&run).expect("stored");
    }
    let mut schemas = Schemas::read();
    for project in store.projects().expect("readable") {
        schemas.check("ProjectRow", &project);
        let scope = Scope::new().project(&project.project);
        schemas.check("Overview", &store.summary(&scope).expect("readable"));
        for row in store.stages(&scope).expect("readable") {
            schemas.check("StageStats", &row);
        }
        for row in store.models(&scope).expect("readable") {
            schemas.check("ModelStats", &row);
        }
        for row in store.gates(&scope).expect("readable") {
            schemas.check("GateStats", &row);
        }
        schemas.check("Health", &store.health(&HealthQuery::new(scope.clone())).expect("readable"));
        for by in [By::Run, By::Stage, By::Model] {
            for bucket in [Bucket::Hour, Bucket::Day] {
                let query = SeriesQuery::new(scope.clone(), Measure::Cost).by(by).bucket(bucket);
                schemas.check("Series", &store.series(&query).expect("readable"));
            }
        }
    }
    let listed = store.list(&Filter::new(), Sort::default(), &Page::first(100)).expect("readable");
    for row in &listed.runs {
        schemas.check("RunRow", row);
    }
    let run = |id: &str| store.get(id).expect("readable").expect("stored");
    schemas.check("Comparison", &compare(&run("run-01"), &run("run-04")));
    schemas.check("Comparison", &compare(&run("usual-1"), &run("spike-1")));

    let all: BTreeSet<String> = schemas.strict.keys().cloned().collect();
    let unmet: Vec<&String> = all.difference(&schemas.met).collect();
    assert!(unmet.is_empty(), "schemas without a value: {unmet:?}");
}

/// Every word of the file is one of the type's, so a word that the type has lost fails here.
#[test]
fn the_file_has_only_words_of_the_types() {
    let schemas = Schemas::read();
    let words = |name: &str| schemas.strict[name]["enum"].as_array().cloned().unwrap_or_default();
    for (name, reads) in [
        ("Bucket", (|word| serde_json::from_value::<Bucket>(word).is_ok()) as fn(Value) -> bool),
        ("By", |word| serde_json::from_value::<By>(word).is_ok()),
        ("Measure", |word| serde_json::from_value::<Measure>(word).is_ok()),
        ("Status", |word| serde_json::from_value::<Status>(word).is_ok()),
    ] {
        assert!(!words(name).is_empty(), "{name} has words");
        for word in words(name) {
            assert!(reads(word.clone()), "{name} has no {word}");
        }
    }
    assert_eq!(serde_json::to_value(Verdict::Pass).expect("JSON"), "pass");
}

/// The comparison itself fails where it must.
#[test]
fn a_missing_field_and_a_further_one_are_found() {
    for change in ["missing", "further"] {
        let mut schemas = Schemas::read();
        let properties = schemas.strict["ProjectRow"]["properties"].as_object_mut().expect("fields");
        if change == "missing" {
            properties.remove("pipelines");
        } else {
            properties.insert("owner".to_owned(), json!({"type": "string"}));
        }
        make_strict(&mut schemas.strict["ProjectRow"]);
        let server = TestServer::seeded();
        let project = server.store.projects().expect("readable").remove(0);
        let checked =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| schemas.check("ProjectRow", &project)));
        assert!(checked.is_err(), "a {change} field is not found");
    }
}
