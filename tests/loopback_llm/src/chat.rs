//! What the server answers, in the shape of OpenAI's chat completions.

use serde_json::{Map, Value, json};

use crate::{FINAL_TURN, TOOL_TURN, Tokens};

/// One reply, decided by what the request offers and what has been said.
pub(crate) enum Turn {
    /// Use this tool, with these arguments.
    Tool { name: String, arguments: String, model: Value },
    /// The answer.
    Final { model: Value },
}

impl Turn {
    pub(crate) fn for_request(request: &Value) -> Self {
        let model = request["model"].clone();
        let tool_has_answered = request["messages"]
            .as_array()
            .is_some_and(|messages| messages.iter().any(|message| message["role"] == "tool"));
        let tool = &request["tools"][0]["function"];
        match tool["name"].as_str() {
            Some(name) if !tool_has_answered => Self::Tool {
                name: name.to_owned(),
                arguments: arguments_for(&tool["parameters"]).to_string(),
                model,
            },
            _ => Self::Final { model },
        }
    }

    pub(crate) fn tokens(&self) -> Tokens {
        match self {
            Self::Tool { .. } => TOOL_TURN,
            Self::Final { .. } => FINAL_TURN,
        }
    }

    pub(crate) fn reply(&self) -> Value {
        let (message, reason) = match self {
            Self::Tool { name, arguments, .. } => (
                json!({"role": "assistant", "content": null, "tool_calls": [tool_call(name, arguments)]}),
                "tool_calls",
            ),
            Self::Final { .. } => (json!({"role": "assistant", "content": "It is 42."}), "stop"),
        };
        let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": reason});
        self.envelope("chat.completion", json!([choice]), self.usage())
    }

    /// The reply in pieces. Usage comes last, in a piece without a choice, and only if asked for.
    pub(crate) fn chunks(&self, include_usage: bool) -> Vec<Value> {
        let (deltas, reason) = match self {
            Self::Tool { name, arguments, .. } => {
                let mut call = tool_call(name, arguments);
                call["index"] = json!(0);
                (vec![json!({"role": "assistant", "content": null, "tool_calls": [call]})], "tool_calls")
            }
            Self::Final { .. } => {
                (vec![json!({"role": "assistant", "content": "It "}), json!({"content": "is 42."})], "stop")
            }
        };
        let mut pieces: Vec<_> = deltas.into_iter().map(|delta| (delta, Value::Null)).collect();
        pieces.push((json!({}), json!(reason)));
        let mut chunks: Vec<_> = pieces
            .into_iter()
            .map(|(delta, reason)| {
                let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
                self.envelope("chat.completion.chunk", json!([choice]), Value::Null)
            })
            .collect();
        if include_usage {
            chunks.push(self.envelope("chat.completion.chunk", json!([]), self.usage()));
        }
        chunks
    }

    fn envelope(&self, object: &str, choices: Value, usage: Value) -> Value {
        let (Self::Tool { model, .. } | Self::Final { model }) = self;
        json!({
            "id": "chatcmpl-loopback",
            "object": object,
            "created": 1_767_225_600,
            "model": model,
            "choices": choices,
            "usage": usage,
        })
    }

    fn usage(&self) -> Value {
        let Tokens { input, cached, output } = self.tokens();
        json!({
            "prompt_tokens": input,
            "completion_tokens": output,
            "total_tokens": input + output,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": 0},
        })
    }
}

fn tool_call(name: &str, arguments: &str) -> Value {
    json!({"id": "call_loopback", "type": "function", "function": {"name": name, "arguments": arguments}})
}

/// Some value for everything that a tool's schema asks for.
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
