//! OpenAI's chat completions.

use serde_json::{Value, json};

use crate::Tokens;
use crate::turn::{ANSWER, Turn, reply_id};

/// The reply to one request.
pub(crate) struct Chat<'a> {
    request: &'a Value,
    turn: Turn,
    id: String,
}

impl<'a> Chat<'a> {
    pub(crate) fn new(request: &'a Value) -> Self {
        let messages = request["messages"].as_array();
        let tool_has_answered =
            messages.is_some_and(|messages| messages.iter().any(|message| message["role"] == "tool"));
        Self {
            request,
            turn: Turn::next(&request["tools"][0]["function"], tool_has_answered),
            id: reply_id("chatcmpl"),
        }
    }

    pub(crate) fn tokens(&self) -> Tokens {
        self.turn.tokens()
    }

    pub(crate) fn whole(&self) -> Value {
        let (message, reason) = match &self.turn {
            Turn::Tool { name, arguments } => (
                json!({"role": "assistant", "content": null, "tool_calls": [tool_call(name, arguments)]}),
                "tool_calls",
            ),
            Turn::Final => (json!({"role": "assistant", "content": ANSWER.concat()}), "stop"),
        };
        let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": reason});
        self.envelope("chat.completion", json!([choice]), self.usage())
    }

    /// Usage comes last, in a piece without a choice, and only if requested.
    pub(crate) fn pieces(&self) -> Vec<Value> {
        let (mut deltas, reason) = match &self.turn {
            Turn::Tool { name, arguments } => {
                let mut call = tool_call(name, arguments);
                call["index"] = json!(0);
                (vec![json!({"role": "assistant", "content": null, "tool_calls": [call]})], "tool_calls")
            }
            Turn::Final => (ANSWER.iter().map(|text| json!({"content": text})).collect(), "stop"),
        };
        deltas.push(json!({}));
        let last = deltas.len() - 1;
        let mut pieces: Vec<_> = deltas
            .into_iter()
            .enumerate()
            .map(|(at, delta)| {
                let reason = if at == last { json!(reason) } else { Value::Null };
                let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
                self.envelope("chat.completion.chunk", json!([choice]), Value::Null)
            })
            .collect();
        if self.request["stream_options"]["include_usage"] == true {
            pieces.push(self.envelope("chat.completion.chunk", json!([]), self.usage()));
        }
        pieces
    }

    fn envelope(&self, object: &str, choices: Value, usage: Value) -> Value {
        json!({
            "id": self.id,
            "object": object,
            "created": 1_767_225_600,
            "model": self.request["model"],
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
