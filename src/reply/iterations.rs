//! The iterations of one reply of Anthropic's: what the sums at the top of its usage leave out.

use serde_json::{Map, Value};

use super::envelope::has_number;
use super::path::text;

/// Adds the compactions to the sums at the top, which leave them out: they are made by the same model, and billed
/// (<https://platform.claude.com/docs/en/build-with-claude/compaction>). Other iterations than messages have a model of their
/// own, so each is named in a warning.
pub(super) fn add_iterations(usage: &mut Map<String, Value>, warnings: &mut Vec<String>) {
    let Some(Value::Array(iterations)) = usage.remove("iterations") else { return };
    for iteration in iterations {
        let Value::Object(iteration) = iteration else { continue };
        match text(&iteration, &["type"]) {
            // The sums have these.
            Some("message") => {}
            Some("compaction") => add(usage, &iteration),
            kind => {
                let kind = kind.unwrap_or("without a type");
                let model =
                    text(&iteration, &["model"]).map(|model| format!(" by {model}")).unwrap_or_default();
                if has_number(&iteration) {
                    warnings.push(format!("an iteration of a reply, {kind}{model}, was not read"));
                }
            }
        }
    }
}

fn add(sum: &mut Map<String, Value>, other: &Map<String, Value>) {
    for (key, value) in other {
        match (sum.get_mut(key), value) {
            (Some(Value::Object(sum)), Value::Object(other)) => add(sum, other),
            (Some(sum), Value::Number(number)) => {
                let left = if sum.is_null() { Some(0.0) } else { sum.as_f64() };
                // A sum that is no number stays, and is refused where the counts are read.
                if let Some((left, right)) = left.zip(number.as_f64()) {
                    *sum = Value::from(left + right);
                }
            }
            (None, Value::Number(_) | Value::Object(_)) => drop(sum.insert(key.clone(), value.clone())),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn compactions_are_added_and_others_are_named() {
        let mut usage = json!({
            "input_tokens": 100,
            "output_tokens": 50,
            "cache_creation": {"ephemeral_5m_input_tokens": 1},
            "iterations": [
                {"type": "compaction", "input_tokens": 9000, "output_tokens": 700, "cache_read_input_tokens": 5,
                 "cache_creation": {"ephemeral_5m_input_tokens": 2}},
                {"type": "message", "input_tokens": 100, "output_tokens": 50},
                {"type": "advisor_message", "model": "claude-opus-5", "input_tokens": 10, "output_tokens": 20},
                {"input_tokens": 0},
                7,
            ],
        });
        let mut warnings = Vec::new();
        add_iterations(usage.as_object_mut().expect("an object"), &mut warnings);
        let expected = json!({
            "input_tokens": 9100.0, "output_tokens": 750.0, "cache_read_input_tokens": 5,
            "cache_creation": {"ephemeral_5m_input_tokens": 3.0},
        });
        assert_eq!(usage, expected);
        assert_eq!(warnings, ["an iteration of a reply, advisor_message by claude-opus-5, was not read"]);
    }
}
