//! The next reply of the server, the same for every API.

use serde_json::{Map, Value, json};

use crate::{FINAL_TURN, TOOL_TURN, Tokens};

/// The answer, in the pieces in which it is streamed.
pub(crate) const ANSWER: [&str; 2] = ["It ", "is 42."];

/// One reply, decided by the tools and the messages of the request.
pub(crate) enum Turn {
    /// Use this tool, with these arguments.
    Tool { name: String, arguments: String },
    /// The answer.
    Final,
}

impl Turn {
    /// The reply to a request that offers this tool, if any: it is to be used once.
    pub(crate) fn next(tool: &Value, tool_has_answered: bool) -> Self {
        match tool["name"].as_str() {
            Some(name) if !tool_has_answered => Self::Tool {
                name: name.to_owned(),
                arguments: arguments_for(&tool["parameters"]).to_string(),
            },
            _ => Self::Final,
        }
    }

    pub(crate) fn tokens(&self) -> Tokens {
        match self {
            Self::Tool { .. } => TOOL_TURN,
            Self::Final => FINAL_TURN,
        }
    }
}

/// Some value for everything that a tool's schema requires.
fn arguments_for(schema: &Value) -> Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let arguments = properties.map(|(name, property)| {
        let value = match property["type"].as_str() {
            Some("integer" | "number") => json!(21),
            _ => json!("What is twice 21?"),
        };
        (name.clone(), value)
    });
    Value::Object(arguments.collect::<Map<_, _>>())
}
