//! The next reply of the server, the same for every API.

use std::sync::atomic::{AtomicU64, Ordering};

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

/// An id that no other reply of the process has, as providers give them: two records with one id are one call.
pub(crate) fn reply_id(kind: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // Relaxed: only the uniqueness of the number matters.
    format!("{kind}-loopback-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
