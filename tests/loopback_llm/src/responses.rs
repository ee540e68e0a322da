//! OpenAI's responses, which newer clients ask for first.

use serde_json::{Value, json};

use crate::Tokens;
use crate::turn::{ANSWER, Turn, reply_id};

/// The reply to one request.
pub(crate) struct Responses<'a> {
    request: &'a Value,
    turn: Turn,
    id: String,
}

impl<'a> Responses<'a> {
    pub(crate) fn new(request: &'a Value) -> Self {
        let items = request["input"].as_array();
        let tool_has_answered =
            items.is_some_and(|items| items.iter().any(|item| item["type"] == "function_call_output"));
        Self { request, turn: Turn::next(&request["tools"][0], tool_has_answered), id: reply_id("resp") }
    }

    pub(crate) fn tokens(&self) -> Tokens {
        self.turn.tokens()
    }

    pub(crate) fn whole(&self) -> Value {
        let Tokens { input, cached, output } = self.tokens();
        let usage = json!({
            "input_tokens": input,
            "input_tokens_details": {"cached_tokens": cached},
            "output_tokens": output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input + output,
        });
        self.response("completed", json!([self.item()]), usage)
    }

    /// Every piece states its type; the last is the whole reply, with the usage in it.
    pub(crate) fn pieces(&self) -> Vec<Value> {
        let mut pieces = vec![
            json!({"type": "response.created", "response": self.response("in_progress", json!([]), Value::Null)}),
        ];
        match &self.turn {
            Turn::Tool { .. } => {
                pieces.push(
                    json!({"type": "response.output_item.added", "output_index": 0, "item": self.item()}),
                );
            }
            Turn::Final => pieces.extend(ANSWER.map(|text| {
                json!({
                    "type": "response.output_text.delta",
                    "item_id": "msg_loopback",
                    "output_index": 0,
                    "content_index": 0,
                    "delta": text,
                })
            })),
        }
        pieces.push(json!({"type": "response.output_item.done", "output_index": 0, "item": self.item()}));
        pieces.push(json!({"type": "response.completed", "response": self.whole()}));
        for (number, piece) in pieces.iter_mut().enumerate() {
            piece["sequence_number"] = json!(number);
        }
        pieces
    }

    fn item(&self) -> Value {
        match &self.turn {
            Turn::Tool { name, arguments } => json!({
                "type": "function_call",
                "id": "fc_loopback",
                "call_id": "call_loopback",
                "name": name,
                "arguments": arguments,
                "status": "completed",
            }),
            Turn::Final => json!({
                "type": "message",
                "id": "msg_loopback",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": ANSWER.concat(), "annotations": []}],
            }),
        }
    }

    fn response(&self, status: &str, output: Value, usage: Value) -> Value {
        json!({
            "id": self.id,
            "object": "response",
            "created_at": 1_767_225_600,
            "status": status,
            "error": null,
            "incomplete_details": null,
            "instructions": null,
            "max_output_tokens": null,
            "model": self.request["model"],
            "output": output,
            "tools": [],
            "usage": usage,
        })
    }
}
