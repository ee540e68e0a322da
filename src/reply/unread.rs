//! Counts that a shape does not know. They may be billed, so they are named and never dropped silently.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::counts::Counts;
use super::path::join;
use super::shapes::{SHAPES, Shape};

/// Beginnings of names, spelled without case and punctuation, that a bill may depend on.
const BEGINNINGS: [&str; 12] = [
    "cache",
    "reasoning",
    "thinking",
    "thought",
    "servertool",
    "iterations",
    "billedunits",
    "tool",
    "xtools",
    "plugins",
    "search",
    "grounding",
];
const ENDS: [&str; 12] = [
    "details",
    "tokens",
    "tokencount",
    "searches",
    "requests",
    "seconds",
    "characters",
    "images",
    "pages",
    "queries",
    "sourcesused",
    "credits",
];

/// A warning for each count above 0 that was not read, in the order of their paths.
pub(super) fn unread(place: &str, usage: &Map<String, Value>, counts: &Counts) -> Vec<String> {
    let mut warnings = BTreeSet::new();
    // Some gateways have each count twice, by the names of two shapes.
    let is_repeated = |path: &str, value: &Value| {
        let is_read = value.as_f64().is_some_and(|value| counts.read.contains(&value));
        is_read && SHAPES.iter().flat_map(Shape::fields).any(|field| field.path == path)
    };
    collect(usage, "", false, &counts.taken, &mut |path, value| {
        if is_repeated(path, value) {
            return;
        }
        warnings.insert(format!("{} of a reply is {value}, and was not read", join(place, path)));
    });
    warnings.into_iter().collect()
}

fn collect(
    map: &Map<String, Value>,
    before: &str,
    is_billed: bool,
    taken: &BTreeSet<String>,
    warn: &mut impl FnMut(&str, &Value),
) {
    for (name, value) in map {
        let path = join(before, name);
        let is_billed = is_billed || may_be_billed(name);
        if taken.contains(&path) {
            continue;
        }
        match value {
            Value::Number(number) if is_billed && number.as_f64() != Some(0.0) => warn(&path, value),
            Value::String(text) if is_billed && text.parse::<f64>().is_ok_and(|number| number != 0.0) => {
                warn(&path, value);
            }
            Value::Object(map) => collect(map, &path, is_billed, taken, warn),
            Value::Array(list) => {
                for (index, element) in list.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    if let Some(map) = element.as_object().filter(|_| !taken.contains(&path)) {
                        collect(map, &path, is_billed, taken, warn);
                    }
                }
            }
            _ => {}
        }
    }
}

fn may_be_billed(name: &str) -> bool {
    let name: String = name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_ascii_lowercase();
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_that_may_be_billed_are_named_with_their_path() {
        let usage = json!({
            "input_tokens": 1,
            "cache_frozen_input_tokens": 7,
            "output_tokens_details": {"dream_tokens": 3, "none": 0, "null": null},
            "queue_time": 0.5,
            "cache_type": "ephemeral",
            "tool_tokens": "7",
            "steps": [{"thoughtCount": 2}],
        });
        let of = |usage: &Value| {
            let usage = usage.as_object().expect("an object");
            let messages = SHAPES.iter().find(|shape| shape.name == "messages").expect("a shape");
            unread("usage", usage, &Counts::read(messages, usage).expect("counts"))
        };
        assert_eq!(
            of(&usage),
            [
                "usage.cache_frozen_input_tokens of a reply is 7, and was not read",
                "usage.output_tokens_details.dream_tokens of a reply is 3, and was not read",
                "usage.steps[0].thoughtCount of a reply is 2, and was not read",
                "usage.tool_tokens of a reply is \"7\", and was not read",
            ]
        );
        assert!(of(&json!({"input_tokens": 1})).is_empty());
        // The same count by a name of another shape, and another count by that name.
        assert!(of(&json!({"input_tokens": 130, "prompt_tokens": 130})).is_empty());
        assert_eq!(of(&json!({"input_tokens": 130, "prompt_tokens": 140})).len(), 1);
    }
}
