//! A body as JSON: one document, the events of a stream, or lines of JSON.

use serde_json::Value;

use super::error::ResponseError;

/// The documents in a body: one, or those of a stream's events (`data: {..}`) or lines.
pub(super) fn documents(body: &[u8]) -> Result<Vec<Value>, ResponseError> {
    let whole = match serde_json::from_slice(body) {
        Ok(whole) => return Ok(vec![whole]),
        Err(error) => ResponseError::NotJson { reason: error.to_string() },
    };
    let Ok(text) = std::str::from_utf8(body) else { return Err(whole) };
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        let line = match line.split_once(':') {
            Some(("data", data)) => data.trim(),
            // The other fields of an event, and comments.
            Some(("event" | "id" | "retry" | "", _)) => continue,
            _ => line,
        };
        // The end of a stream, in OpenAI's words.
        if line.is_empty() || line == "[DONE]" {
            continue;
        }
        match serde_json::from_str::<Value>(line) {
            Ok(document) if document.is_object() || document.is_array() => found.push(document),
            _ => return Err(whole),
        }
    }
    // A body of nothing but the end of a stream is one without a reply, and so is an event without data.
    if found.is_empty() && text.trim().is_empty() { Err(whole) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_one_document_or_the_events_of_a_stream_or_lines() {
        let of = |body: &str| documents(body.as_bytes());
        assert_eq!(of(r#"{"a": 1}"#), Ok(vec![json!({"a": 1})]));
        let events = "event: x\ndata: {\"a\": 1}\n\n: comment\nid: 7\ndata:{\"a\":2}\r\n\r\ndata: [DONE]\n\n";
        assert_eq!(of(events), Ok(vec![json!({"a": 1}), json!({"a": 2})]));
        assert_eq!(of("{\"a\": 1}\n{\"a\": 2}\n"), Ok(vec![json!({"a": 1}), json!({"a": 2})]));
        assert_eq!(of("data: [DONE]"), Ok(vec![]));
        for body in ["{", "", "<html>", "{\"a\": 1}\n<html>", "data: 7"] {
            assert!(matches!(of(body), Err(ResponseError::NotJson { .. })), "{body}");
        }
        assert!(documents(&[0xff, 0xfe]).is_err());
    }
}
