//! The operations of the GenAI conventions: which are model calls, which contain them (A3).

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

/// Every known operation. OpenInference writes its kinds of spans in capitals.
const OPERATIONS: &[(&str, OperationKind)] = &[
    ("chat", Text),
    ("text_completion", Text),
    ("generate_content", Text),
    ("llm", Text),
    ("embeddings", Embeddings),
    ("embedding", Embeddings),
    ("rerank", Rerank),
    ("reranker", Rerank),
    ("image_generation", Image),
    ("generate_image", Image),
    ("speech", Speech),
    ("text_to_speech", Speech),
    ("audio_generation", Speech),
    ("transcription", Transcription),
    ("speech_to_text", Transcription),
    ("invoke_agent", Agent),
    ("agent", Agent),
    ("execute_tool", Tool),
    ("tool", Tool),
];

/// The kind of an operation, whatever the case of its letters.
pub(crate) fn kind_of(operation: &str) -> OperationKind {
    let known = OPERATIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(operation));
    known.map_or(OperationKind::Container, |(_, kind)| *kind)
}
