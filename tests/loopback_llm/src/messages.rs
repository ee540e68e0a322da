//! Anthropic's messages. Its input excludes what was read from the cache and written to it.

use serde_json::{Value, json};

use crate::turn::{ANSWER, Turn, reply_id};
use crate::{CACHE_READ, Tokens};

/// The reply to one request.
pub(crate) struct Messages<'a> {
    request: &'a Value,
    turn: Turn,
    id: String,
}

impl<'a> Messages<'a> {
    pub(crate) fn new(request: &'a Value) -> Self {
        let contents = request["messages"].as_array().into_iter().flatten();
        let mut blocks = contents.flat_map(|message| message["content"].as_array().into_iter().flatten());
        let tool_has_answered = blocks.any(|block| block["type"] == "tool_result");
        let tool = &request["tools"][0];
        let tool = json!({"name": tool["name"], "parameters": tool["input_schema"]});
        Self { request, turn: Turn::next(&tool, tool_has_answered), id: reply_id("msg_01") }
    }

    /// With the cached input inside, as every summary has it.
    pub(crate) fn tokens(&self) -> Tokens {
        self.turn.tokens()
    }

    pub(crate) fn whole(&self) -> Value {
        let (content, reason) = match &self.turn {
            Turn::Tool { name, arguments } => {
                let input: Value = serde_json::from_str(arguments).unwrap_or_default();
                let call = json!({"type": "tool_use", "id": "toolu_loopback", "name": name, "input": input});
                (call, "tool_use")
            }
            Turn::Final => (json!({"type": "text", "text": ANSWER.concat()}), "end_turn"),
        };
        self.message(json!([content]), json!(reason), self.tokens().output)
    }

    /// The usage of the input comes first, that of the output last.
    pub(crate) fn pieces(&self) -> Vec<Value> {
        let mut pieces =
            vec![json!({"type": "message_start", "message": self.message(json!([]), Value::Null, 1)})];
        let reason = match &self.turn {
            Turn::Tool { name, arguments } => {
                let block = json!({"type": "tool_use", "id": "toolu_loopback", "name": name, "input": {}});
                pieces.push(json!({"type": "content_block_start", "index": 0, "content_block": block}));
                let delta = json!({"type": "input_json_delta", "partial_json": arguments});
                pieces.push(json!({"type": "content_block_delta", "index": 0, "delta": delta}));
                "tool_use"
            }
            Turn::Final => {
                let block = json!({"type": "text", "text": ""});
                pieces.push(json!({"type": "content_block_start", "index": 0, "content_block": block}));
                pieces.extend(ANSWER.map(|text| {
                    let delta = json!({"type": "text_delta", "text": text});
                    json!({"type": "content_block_delta", "index": 0, "delta": delta})
                }));
                "end_turn"
            }
        };
        pieces.push(json!({"type": "content_block_stop", "index": 0}));
        pieces.push(json!({
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": null},
            "usage": self.usage(self.tokens().output),
        }));
        pieces.push(json!({"type": "message_stop"}));
        pieces
    }

    fn usage(&self, output: u64) -> Value {
        let Tokens { input, cached, .. } = self.tokens();
        json!({
            "input_tokens": input - cached,
            "cache_read_input_tokens": CACHE_READ,
            "cache_creation_input_tokens": cached - CACHE_READ,
            "output_tokens": output,
        })
    }

    fn message(&self, content: Value, reason: Value, output: u64) -> Value {
        json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.request["model"],
            "content": content,
            "stop_reason": reason,
            "stop_sequence": null,
            "usage": self.usage(output),
        })
    }
}
