//! The operations of the GenAI conventions: which are model calls, which contain them (A3).

use crate::ledger::Symbol;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperationKind {
    /// Text generation under its three names: one thing for a call inside a call (A5).
    Text,
    Embeddings,
    Rerank,
    Image,
    Speech,
    Transcription,
    /// An agent's run.
    Agent,
    /// A tool that a model called.
    Tool,
    /// Any other: it contains calls, and never is one itself.
    Container,
}

use OperationKind::{Agent, Embeddings, Image, Rerank, Speech, Text, Tool, Transcription};

/// Every known operation: the conventions' names, then those of libraries.
const OPERATIONS: &[(&str, OperationKind)] = &[
    ("chat", Text),
    ("text_completion", Text),
    ("generate_content", Text),
    ("embeddings", Embeddings),
    ("invoke_agent", Agent),
    ("execute_tool", Tool),
    // rig: streams, and Gemini's interactions.
    ("chat_streaming", Text),
    ("generate_content_streaming", Text),
    ("interactions", Text),
    ("interactions_streaming", Text),
    ("rerank", Rerank),
    ("image_generation", Image),
    ("audio_generation", Speech),
    ("transcription", Transcription),
    // liter-llm.
    ("chat_stream", Text),
    ("image_generate", Image),
    ("speech", Speech),
    ("transcribe", Transcription),
    // Others.
    ("call_llm", Text),
    ("generate_image", Image),
    ("text_to_speech", Speech),
    ("speech_to_text", Transcription),
];

/// OpenInference's kinds of spans, and the operations that they are in the GenAI conventions.
const SPAN_KINDS: [(&str, &str); 5] = [
    ("LLM", "chat"),
    ("EMBEDDING", "embeddings"),
    ("RERANKER", "rerank"),
    ("AGENT", "invoke_agent"),
    ("TOOL", "execute_tool"),
];

/// The operation that a kind of span is; one without a line in the table stays as it is, and is a container.
pub(crate) fn operation_of(span_kind: &str) -> &str {
    let known = SPAN_KINDS.iter().find(|(kind, _)| kind.eq_ignore_ascii_case(span_kind));
    known.map_or(span_kind, |(_, operation)| operation)
}

/// The kind of an operation, whatever the case of its letters.
pub(crate) fn kind_of(operation: &str) -> OperationKind {
    let known = OPERATIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(operation));
    known.map_or(OperationKind::Container, |(_, kind)| *kind)
}

/// The kind of a call by its operation: without one, and with one of the program's own, it is a text call.
pub(crate) fn call_kind(operation: Option<Symbol>) -> OperationKind {
    match operation.map_or(Text, |operation| kind_of(operation.as_str())) {
        Agent | Tool | OperationKind::Container => Text,
        kind => kind,
    }
}

/// Whether an event with this operation, or with none, is a model call, whatever else it records.
pub(crate) fn is_model_operation(operation: Option<Symbol>) -> bool {
    operation.is_none_or(|operation| {
        !matches!(kind_of(operation.as_str()), Agent | Tool | OperationKind::Container)
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::generated::assert_table;

    #[test]
    fn the_page_of_the_rules_has_the_model_operations() {
        let mut table = String::from("| thing | operations |\n|---|---|\n");
        for (kind, thing) in [
            (Text, "text"),
            (Embeddings, "embeddings"),
            (Rerank, "ranking"),
            (Image, "images"),
            (Speech, "speech"),
            (Transcription, "transcription"),
        ] {
            let is_thing = |(_, of): &&(&str, OperationKind)| *of == kind;
            let names: Vec<_> =
                OPERATIONS.iter().filter(is_thing).map(|(name, _)| format!("`{name}`")).collect();
            let _ = writeln!(table, "| {thing} | {} |", names.join(", "));
        }
        assert_table("docs/attribution.md", "src/attribution/operations.rs", &table);
    }

    #[test]
    fn an_operation_without_a_line_in_the_table_is_a_container() {
        for (operation, expected) in [
            ("chat", Text),
            ("chat_streaming", Text),
            (operation_of("LLM"), Text),
            (operation_of("reranker"), Rerank),
            (operation_of("AGENT"), Agent),
            (operation_of("GUARDRAIL"), OperationKind::Container),
            ("tool", OperationKind::Container),
            ("execute_tool", Tool),
            ("invoke_workflow", OperationKind::Container),
            ("create_agent", OperationKind::Container),
            ("CHAIN", OperationKind::Container),
            ("plan", OperationKind::Container),
        ] {
            assert_eq!(kind_of(operation), expected, "{operation}");
        }
    }

    #[test]
    fn every_operation_is_in_the_table_once() {
        for (at, (name, _)) in OPERATIONS.iter().enumerate() {
            assert!(!OPERATIONS[..at].iter().any(|(other, _)| other == name), "{name}");
        }
    }
}
