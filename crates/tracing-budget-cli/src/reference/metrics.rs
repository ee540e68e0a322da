//! docs/metrics.md, out of the JSON Schema of the summary: every key that is described there is here.

use std::fmt::Write as _;

use serde_json::Value;

const SCHEMA: &str = include_str!("../../schema/run-summary.v1.schema.json");

const HEAD: &str = "\
# The figures

<!-- Written by `tracing-budget reference metrics` from schema/run-summary.v1.schema.json; a test holds it to both. -->

For a reader of a summary: what does each figure mean, in which unit, and when is it null?

What a run leaves behind, key by key: `target/budget/RUN.json`, `tracing-budget runs show RUN --format json`, and the
document that the history and its API give. The keys of newer versions are added, never renamed.

How to read them:

- **Null is unknown**, and never 0. A cost of 0 is free; a cost of null is one that nobody knows. In sums, what is unknown
  is left out and counted: `unpriced_calls` and `calls_without_usage` say how many calls are in no cost.
- **USD** are exact: whole pico-dollars inside, the nearest double in JSON. Rows add up to the totals to the last digit, by
  stage, by model and by operation.
- **Tokens**: `tokens_used` is input and output. Cached input is part of the input, reasoning part of the output: neither is
  added again.
- **Time** is wall time. A stage's time includes the stages inside it, and stages may run at once, so times do not add up to
  the run's.

Over many runs (`runs summary`, `stages`, `models`, `gates`, `runs health`):

| figure | unit | what it is |
|---|---|---|
| typical cost, tokens, time | USD, tokens, s | the median of the newest 1,000 runs that completed |
| P50, P95 | s | what 50 and 95 of 100 runs stay under, within 1 % |
| share | 0 to 1 | the part of the known cost of all rows |
| success rate, pass rate | 0 to 1 | of what was meant to run: cancelled runs, skipped gates are left out |
| usually, in `runs health` | as its figure | the median of the runs before; how far is far is told by their median distance from it (MAD) |
";

/// The parts of the document, in the order of their first mention, with what stands over them.
const PARTS: [(&str, &str); 9] = [
    ("budget", "`budget_summary`: the totals"),
    ("limits", "`budget_summary.limits`"),
    ("efficiency", "`efficiency`"),
    ("stage", "`budget_summary.per_agent.STAGE`: one stage"),
    ("stage_limits", "`budget_summary.per_agent.STAGE.limits`"),
    ("model", "`per_model.MODEL`: one model, of the run or of a stage"),
    ("operation", "`budget_summary.by_operation.OPERATION`: one operation"),
    ("gate", "`budget_summary.gate_verdicts[]`: what one gate said"),
    ("record", "`budget_summary.records[]`: one operation that was recorded directly"),
];

/// The page.
pub(super) fn page() -> anyhow::Result<String> {
    let schema: Value = serde_json::from_str(SCHEMA)?;
    let mut text = HEAD.to_owned();
    part(&mut text, "The run", &schema);
    let parts = schema["$defs"].as_object();
    let known = |name: &str| PARTS.iter().find(|(part, _)| *part == name);
    for (name, title) in PARTS {
        if let Some(found) = parts.and_then(|parts| parts.get(name)) {
            part(&mut text, title, found);
        }
    }
    for (name, other) in parts.into_iter().flatten().filter(|(name, _)| known(name).is_none()) {
        part(&mut text, &format!("`{name}`"), other);
    }
    Ok(text)
}

fn part(text: &mut String, title: &str, schema: &Value) {
    let _ = write!(text, "\n## {title}\n\n| key | unit | what it is | null |\n|---|---|---|---|\n");
    let Some(properties) = schema["properties"].as_object() else { return };
    // An object of JSON has no order of its own; the list of what is required has that of the document.
    let listed = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut names: Vec<&str> = listed.filter(|name| properties.contains_key(*name)).collect();
    let others: Vec<&str> =
        properties.keys().map(String::as_str).filter(|name| !names.contains(name)).collect();
    names.extend(others);
    for name in names {
        let property = &properties[name];
        let (what, null) = described(property);
        let _ = writeln!(text, "| `{name}` | {} | {what} | {null} |", unit(name, property));
    }
}

/// What a key is, and when it is null.
fn described(property: &Value) -> (String, String) {
    let said = property["description"].as_str().unwrap_or("").replace('|', "\\|");
    let nullable = types(property).contains(&"null");
    let (what, null) = match said.find("Null ") {
        Some(at) if nullable => (said[..at].trim(), said[at + "Null ".len()..].trim().trim_end_matches('.')),
        _ => (said.trim(), if nullable { "where it is unknown" } else { "never" }),
    };
    let mut what = if what.is_empty() { "see its part below".to_owned() } else { what.to_owned() };
    // What follows is about other values than null.
    let (null, more) = null.split_once("; ").unwrap_or((null, ""));
    if !more.is_empty() {
        let _ = write!(what, " {more}.");
    }
    (what, null.to_owned())
}

fn types(property: &Value) -> Vec<&str> {
    match &property["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn unit(name: &str, property: &Value) -> &'static str {
    let types = types(property);
    let is = |kind: &str| types.contains(&kind);
    match name {
        "usd_per_minute" => "USD/min",
        "tokens_per_minute" => "tokens/min",
        "schema_version" => "version",
        "share_of_cost" => "0 to 1",
        "roi" | "cost_to_value" => "multiple",
        "score" => "the gate's own",
        _ if !property["$ref"].is_null() || is("object") => "object",
        _ if is("array") => "list",
        _ if is("boolean") => "true, false",
        _ if !property["enum"].is_null() => "word",
        _ if name == "at" || name.ends_with("_at") => "time",
        _ if is("string") => "text",
        _ if name == "usd" || name.starts_with("usd_") || name.ends_with("_usd") => "USD",
        _ if name == "tokens" || name.contains("tokens_") || name.ends_with("_tokens") => "tokens",
        _ if name.ends_with("_seconds") => "s",
        _ if is("number") => "number",
        _ => "count",
    }
}
