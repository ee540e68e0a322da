//! The field names: one table, from which the tables of the docs are made.

use Convention::{Crate, Emitters, GenAi, OpenInference, Otel};
use FieldRole::*;
use Scope::{Inclusive, Own};

use super::accumulate::Accumulate;
use crate::ledger::Kind;

/// The role of a field. Its first byte is the variant, so that one load per value decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FieldRole {
    /// Nothing to us.
    Other,
    /// A token count.
    Usage(Kind, Scope),
    /// A further name of a token count that another field of the callsite has.
    AlsoUsage(Kind, Scope),
    /// Money in USD.
    Cost(Scope),
    /// A further name of a cost that another field of the callsite has.
    AlsoCost(Scope),
    /// The currency of a cost.
    Currency,
    /// A name: nearly every text that means something is one.
    Name(NameField),
    /// OpenInference's kind of span: another word for an operation.
    SpanKind,
    /// The provider's id of the response.
    ResponseId,
    /// The conversation or session of a call.
    Conversation,
    /// Why a response ended: a reason, or a list of them.
    FinishReasons,
    /// Seconds until the first token of a response.
    FirstToken,
    /// A name for the run's pipeline.
    Pipeline,
    OtelName,
    EventName,
    Gate,
    /// The name of an evaluation: a gate that does not block unless it has `blocking = true`.
    Evaluation,
    Verdict,
    Score,
    Blocking,
    Reason,
    /// A JSON object of further things that a gate recorded.
    Diagnostics,
    /// One more thing that a gate recorded.
    Diagnostic,
    /// `error`: a text, an error value, or a flag.
    Error,
    ErrorType,
    ErrorMessage,
    StatusCode,
    /// An event's text.
    Message,
    RunId,
    Project,
    /// `tag.*`: a label of the run.
    Tag,
    /// `count.*`: a domain counter of the run.
    Count,
    ValueUsd,
    Iteration,
    /// How many seconds a recorded operation took.
    Seconds,
    /// A JSON object of further things that were recorded with an operation.
    Meta,
    /// Why a figure of a recorded operation was not taken.
    Refusal,
    /// Counts of several units in one text, as this crate's own functions write them.
    Units,
    /// The end of an explicit run, whatever is open inside (A14).
    End,
}

impl FieldRole {
    /// Whether recording such a field after a span's creation may change its place.
    // Inlined: one comparison for most fields.
    #[inline]
    pub(crate) fn places(self, how: Accumulate) -> bool {
        match self {
            Name(name) => name.places(how),
            // An end is no place. It shares the way of places, which leads to work that must not be done under a slot's lock.
            SpanKind | End => true,
            _ => false,
        }
    }

    /// Whether only the record of a call has it: a span with nothing else is nothing to us. A web server's `session.id` must not
    /// make each of its spans one that matters.
    pub(crate) fn is_for_records(self) -> bool {
        match self {
            Conversation | FinishReasons | FirstToken => true,
            Name(name) => name.is_for_records(),
            _ => false,
        }
    }
}

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum NameField {
    Provider,
    /// The model that answered.
    ResponseModel,
    /// The model of the request.
    RequestModel,
    Operation,
    Stage,
    Agent,
    /// The tier that served the call.
    ServedTier,
    /// The tier of the request.
    RequestedTier,
    FinishReason,
    Prompt,
    PromptVersion,
}

impl NameField {
    pub(crate) const COUNT: usize = 11;

    /// Names that only the record of a call has.
    pub(crate) const FOR_RECORDS: [Self; 5] =
        [Self::ServedTier, Self::RequestedTier, Self::FinishReason, Self::Prompt, Self::PromptVersion];

    fn is_for_records(self) -> bool {
        Self::FOR_RECORDS.contains(&self)
    }

    /// Whether recording this name after a span's creation may change its place. A call passes neither provider nor model on.
    // Inlined: one comparison per text field.
    #[inline]
    pub(crate) fn places(self, how: Accumulate) -> bool {
        match self {
            Self::Operation | Self::Stage | Self::Agent => true,
            Self::Provider | Self::ResponseModel | Self::RequestModel => how != Accumulate::Newest,
            Self::ServedTier
            | Self::RequestedTier
            | Self::FinishReason
            | Self::Prompt
            | Self::PromptVersion => false,
        }
    }
}

/// What the usage in a field covers, on a span that is not itself a model call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The span's own: it adds to what is below. All of this crate's own short names.
    Own,
    /// That of everything inside the span, which its descendants may report again.
    Inclusive,
}

/// Where a name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Convention {
    /// This crate's own names.
    Crate,
    /// OpenTelemetry's GenAI conventions, up to v1.41 and `semantic-conventions-genai` v0.1.0.
    GenAi,
    /// OpenTelemetry's general conventions.
    Otel,
    /// OpenInference.
    OpenInference,
    /// Libraries, as they were observed: adk, agentkit, gemini-rust, langchain-rust, liter-llm, OpenLLMetry, Pydantic AI, rig, Sentry.
    Emitters,
}

const fn own(kind: Kind) -> FieldRole {
    Usage(kind, Own)
}

const fn all(kind: Kind) -> FieldRole {
    Usage(kind, Inclusive)
}

/// Every known name, with its role. `Other` is a name that is known and counts for nothing: it is no misspelt name of another.
pub(crate) static NAMES: &[(&str, FieldRole, Convention)] = &[
    // Input.
    ("input_tokens", own(Kind::Input), Crate),
    ("prompt_tokens", own(Kind::Input), Crate),
    ("gen_ai.usage.input_tokens", all(Kind::Input), GenAi),
    ("gen_ai.usage.prompt_tokens", all(Kind::Input), GenAi),
    ("gen_ai.aggregated_usage.input_tokens", all(Kind::Input), Emitters),
    ("llm.token_count.prompt", all(Kind::Input), OpenInference),
    ("usage.prompt_tokens", all(Kind::Input), Emitters),
    // Output.
    ("output_tokens", own(Kind::Output), Crate),
    ("completion_tokens", own(Kind::Output), Crate),
    ("gen_ai.usage.output_tokens", all(Kind::Output), GenAi),
    ("gen_ai.usage.completion_tokens", all(Kind::Output), GenAi),
    ("gen_ai.aggregated_usage.output_tokens", all(Kind::Output), Emitters),
    ("llm.token_count.completion", all(Kind::Output), OpenInference),
    ("usage.candidates_tokens", all(Kind::Output), Emitters),
    // Parts of the input.
    ("cache_read_tokens", own(Kind::CacheRead), Crate),
    ("gen_ai.usage.cache_read.input_tokens", all(Kind::CacheRead), GenAi),
    ("gen_ai.aggregated_usage.cache_read.input_tokens", all(Kind::CacheRead), Emitters),
    ("gen_ai.usage.cached_tokens", all(Kind::CacheRead), Emitters),
    ("gen_ai.usage.cache_read_tokens", all(Kind::CacheRead), Emitters),
    ("gen_ai.usage.cache_read_input_tokens", all(Kind::CacheRead), Emitters),
    ("gen_ai.usage.input_tokens.cached", all(Kind::CacheRead), Emitters),
    ("gen_ai.usage.cached_input_tokens", all(Kind::CacheRead), Emitters),
    ("llm.token_count.prompt_details.cache_read", all(Kind::CacheRead), OpenInference),
    ("usage.cached_content_tokens", all(Kind::CacheRead), Emitters),
    ("cache_write_tokens", own(Kind::CacheWrite), Crate),
    ("gen_ai.usage.cache_creation.input_tokens", all(Kind::CacheWrite), GenAi),
    ("gen_ai.usage.cache_write.input_tokens", all(Kind::CacheWrite), GenAi),
    ("gen_ai.aggregated_usage.cache_creation.input_tokens", all(Kind::CacheWrite), Emitters),
    ("gen_ai.aggregated_usage.cache_write.input_tokens", all(Kind::CacheWrite), Emitters),
    ("gen_ai.usage.cache_creation_tokens", all(Kind::CacheWrite), Emitters),
    ("gen_ai.usage.cache_creation_input_tokens", all(Kind::CacheWrite), Emitters),
    ("gen_ai.usage.input_tokens.cache_write", all(Kind::CacheWrite), Emitters),
    ("llm.token_count.prompt_details.cache_write", all(Kind::CacheWrite), OpenInference),
    ("cache_write_1h_tokens", own(Kind::CacheWrite1h), Crate),
    ("llm.token_count.prompt_details.cache_write_1h", all(Kind::CacheWrite1h), Emitters),
    ("audio_input_tokens", own(Kind::AudioInput), Crate),
    ("gen_ai.usage.audio.input_tokens", all(Kind::AudioInput), GenAi),
    ("gen_ai.usage.audio_input_tokens", all(Kind::AudioInput), Emitters),
    ("llm.token_count.prompt_details.audio", all(Kind::AudioInput), OpenInference),
    ("gen_ai.usage.text.input_tokens", all(Kind::TextInput), GenAi),
    ("gen_ai.usage.image.input_tokens", all(Kind::ImageInput), GenAi),
    ("gen_ai.usage.video.input_tokens", all(Kind::VideoInput), GenAi),
    ("gen_ai.usage.text.cache_read.input_tokens", all(Kind::TextCacheRead), GenAi),
    ("gen_ai.usage.image.cache_read.input_tokens", all(Kind::ImageCacheRead), GenAi),
    ("gen_ai.usage.audio.cache_read.input_tokens", all(Kind::AudioCacheRead), GenAi),
    ("gen_ai.usage.video.cache_read.input_tokens", all(Kind::VideoCacheRead), GenAi),
    ("gen_ai.usage.tool_use_prompt_tokens", all(Kind::ToolInput), Emitters),
    // Parts of the output.
    ("reasoning_tokens", own(Kind::Reasoning), Crate),
    ("gen_ai.usage.reasoning.output_tokens", all(Kind::Reasoning), GenAi),
    ("gen_ai.usage.reasoning_tokens", all(Kind::Reasoning), Emitters),
    ("gen_ai.usage.thinking_tokens", all(Kind::Reasoning), Emitters),
    ("gen_ai.usage.output_tokens.reasoning", all(Kind::Reasoning), Emitters),
    ("gen_ai.aggregated_usage.reasoning.output_tokens", all(Kind::Reasoning), Emitters),
    ("llm.token_count.completion_details.reasoning", all(Kind::Reasoning), OpenInference),
    ("usage.thoughts_tokens", all(Kind::Reasoning), Emitters),
    ("audio_output_tokens", own(Kind::AudioOutput), Crate),
    ("gen_ai.usage.audio.output_tokens", all(Kind::AudioOutput), GenAi),
    ("gen_ai.usage.audio_output_tokens", all(Kind::AudioOutput), Emitters),
    ("llm.token_count.completion_details.audio", all(Kind::AudioOutput), OpenInference),
    ("gen_ai.usage.text.output_tokens", all(Kind::TextOutput), GenAi),
    ("gen_ai.usage.image.output_tokens", all(Kind::ImageOutput), GenAi),
    ("gen_ai.usage.video.output_tokens", all(Kind::VideoOutput), GenAi),
    // Totals and other units.
    ("tokens", own(Kind::Tokens), Crate),
    ("total_tokens", all(Kind::Tokens), Crate),
    ("gen_ai.usage.total_tokens", all(Kind::Tokens), Emitters),
    ("llm.token_count.total", all(Kind::Tokens), OpenInference),
    ("usage.total_tokens", all(Kind::Tokens), Emitters),
    ("llm.usage.total_tokens", all(Kind::Tokens), Emitters),
    ("billed_requests", own(Kind::Requests), Crate),
    // Units that few calls have, by their keys in documents.
    ("cache_write_5m_tokens", own(Kind::CacheWrite5m), Crate),
    ("cache_write_12h_tokens", own(Kind::CacheWrite12h), Crate),
    ("input_text_tokens", own(Kind::TextInput), Crate),
    ("input_image_tokens", own(Kind::ImageInput), Crate),
    ("input_video_tokens", own(Kind::VideoInput), Crate),
    ("input_tool_tokens", own(Kind::ToolInput), Crate),
    ("input_text_tool_tokens", own(Kind::TextToolInput), Crate),
    ("input_audio_tool_tokens", own(Kind::AudioToolInput), Crate),
    ("input_image_tool_tokens", own(Kind::ImageToolInput), Crate),
    ("input_video_tool_tokens", own(Kind::VideoToolInput), Crate),
    ("cache_text_read_tokens", own(Kind::TextCacheRead), Crate),
    ("cache_audio_read_tokens", own(Kind::AudioCacheRead), Crate),
    ("cache_image_read_tokens", own(Kind::ImageCacheRead), Crate),
    ("cache_video_read_tokens", own(Kind::VideoCacheRead), Crate),
    ("cache_text_write_tokens", own(Kind::TextCacheWrite), Crate),
    ("cache_audio_write_tokens", own(Kind::AudioCacheWrite), Crate),
    ("cache_image_write_tokens", own(Kind::ImageCacheWrite), Crate),
    ("cache_video_write_tokens", own(Kind::VideoCacheWrite), Crate),
    ("cache_text_write_5m_tokens", own(Kind::TextCacheWrite5m), Crate),
    ("cache_audio_write_5m_tokens", own(Kind::AudioCacheWrite5m), Crate),
    ("cache_image_write_5m_tokens", own(Kind::ImageCacheWrite5m), Crate),
    ("cache_video_write_5m_tokens", own(Kind::VideoCacheWrite5m), Crate),
    ("cache_text_write_1h_tokens", own(Kind::TextCacheWrite1h), Crate),
    ("cache_audio_write_1h_tokens", own(Kind::AudioCacheWrite1h), Crate),
    ("cache_image_write_1h_tokens", own(Kind::ImageCacheWrite1h), Crate),
    ("cache_video_write_1h_tokens", own(Kind::VideoCacheWrite1h), Crate),
    ("output_text_tokens", own(Kind::TextOutput), Crate),
    ("output_image_tokens", own(Kind::ImageOutput), Crate),
    ("output_video_tokens", own(Kind::VideoOutput), Crate),
    ("output_text_reasoning_tokens", own(Kind::TextReasoning), Crate),
    ("output_audio_reasoning_tokens", own(Kind::AudioReasoning), Crate),
    ("output_image_reasoning_tokens", own(Kind::ImageReasoning), Crate),
    ("output_video_reasoning_tokens", own(Kind::VideoReasoning), Crate),
    ("output_citation_tokens", own(Kind::Citation), Crate),
    ("output_text_citation_tokens", own(Kind::TextCitation), Crate),
    ("output_audio_citation_tokens", own(Kind::AudioCitation), Crate),
    ("output_image_citation_tokens", own(Kind::ImageCitation), Crate),
    ("output_video_citation_tokens", own(Kind::VideoCitation), Crate),
    ("web_searches", own(Kind::WebSearches), Crate),
    ("social_searches", own(Kind::SocialSearches), Crate),
    ("storage_searches", own(Kind::StorageSearches), Crate),
    ("rerank_searches", own(Kind::RerankSearches), Crate),
    ("code_executions", own(Kind::CodeExecutions), Crate),
    ("input_characters", own(Kind::Characters), Crate),
    ("input_text_messages", own(Kind::TextMessages), Crate),
    ("input_pixels", own(Kind::Pixels), Crate),
    ("input_document_pages", own(Kind::Pages), Crate),
    ("input_annotated_document_pages", own(Kind::AnnotatedPages), Crate),
    ("audio_seconds", own(Kind::AudioMicros), Crate),
    ("input_audio_seconds", own(Kind::AudioInputMicros), Crate),
    ("output_audio_seconds", own(Kind::AudioOutputMicros), Crate),
    // Money.
    ("cost_usd", Cost(Own), Crate),
    ("gen_ai.usage.cost", Cost(Inclusive), Emitters),
    ("gen_ai.usage.cost.amount", Cost(Inclusive), Emitters),
    ("gen_ai.usage.cost_usd", Cost(Inclusive), Emitters),
    ("operation.cost", Cost(Inclusive), Emitters),
    ("llm.cost.total", Cost(Inclusive), OpenInference),
    ("gen_ai.usage.cost.currency", Currency, Emitters),
    // Names.
    ("provider", Name(NameField::Provider), Crate),
    ("gen_ai.provider.name", Name(NameField::Provider), GenAi),
    ("gen_ai.system", Name(NameField::Provider), GenAi),
    ("llm.provider", Name(NameField::Provider), OpenInference),
    ("llm.system", Name(NameField::Provider), OpenInference),
    ("gen_ai.response.model", Name(NameField::ResponseModel), GenAi),
    ("gen_ai.response.model_name", Name(NameField::ResponseModel), Emitters),
    ("llm.response.model_name", Name(NameField::ResponseModel), OpenInference),
    ("model", Name(NameField::RequestModel), Crate),
    ("gen_ai.request.model", Name(NameField::RequestModel), GenAi),
    ("llm.model_name", Name(NameField::RequestModel), OpenInference),
    ("llm.request.model_name", Name(NameField::RequestModel), OpenInference),
    ("embedding.model_name", Name(NameField::RequestModel), OpenInference),
    ("reranker.model_name", Name(NameField::RequestModel), OpenInference),
    ("operation", Name(NameField::Operation), Crate),
    ("gen_ai.operation.name", Name(NameField::Operation), GenAi),
    ("openinference.span.kind", SpanKind, OpenInference),
    ("stage", Name(NameField::Stage), Crate),
    ("agent", Name(NameField::Agent), Crate),
    ("gen_ai.agent.name", Name(NameField::Agent), GenAi),
    ("gen_ai.response.id", ResponseId, GenAi),
    // What only the record of a call has. `gen_ai.response.time_to_first_token` is not among them: some write seconds, others
    // nanoseconds.
    ("gen_ai.conversation.id", Conversation, GenAi),
    ("session.id", Conversation, Otel),
    ("gen_ai.prompt.name", Name(NameField::Prompt), GenAi),
    ("gen_ai.prompt.version", Name(NameField::PromptVersion), GenAi),
    ("llm.prompt_template.version", Name(NameField::PromptVersion), OpenInference),
    ("gen_ai.response.finish_reasons", FinishReasons, GenAi),
    ("gen_ai.response.finish_reason", FinishReasons, Emitters),
    ("gen_ai.response.time_to_first_chunk", FirstToken, GenAi),
    ("service_tier", Name(NameField::ServedTier), Crate),
    ("openai.response.service_tier", Name(NameField::ServedTier), GenAi),
    ("gen_ai.openai.response.service_tier", Name(NameField::ServedTier), GenAi),
    ("openai.request.service_tier", Name(NameField::RequestedTier), GenAi),
    ("gen_ai.openai.request.service_tier", Name(NameField::RequestedTier), GenAi),
    ("pipeline", Pipeline, Crate),
    ("otel.name", OtelName, Otel),
    ("event.name", EventName, Otel),
    // Gates.
    ("gate", Gate, Crate),
    ("gen_ai.evaluation.name", Evaluation, GenAi),
    ("verdict", Verdict, Crate),
    ("gen_ai.evaluation.score.label", Verdict, GenAi),
    ("score", Score, Crate),
    ("gen_ai.evaluation.score.value", Score, GenAi),
    ("blocking", Blocking, Crate),
    ("reason", Reason, Crate),
    ("gen_ai.evaluation.explanation", Reason, GenAi),
    ("diagnostics", Diagnostics, Crate),
    // Failures.
    ("error", Error, Otel),
    ("error.type", ErrorType, Otel),
    ("error.message", ErrorMessage, Otel),
    ("otel.status_description", ErrorMessage, Otel),
    ("otel.status_message", ErrorMessage, Otel),
    ("otel.status_code", StatusCode, Otel),
    ("message", Message, Otel),
    // The run.
    ("run_id", RunId, Crate),
    ("project", Project, Crate),
    ("value_usd", ValueUsd, Crate),
    ("iteration", Iteration, Crate),
    // Known, and of no account: a field with such a name is not a misspelt one of the others. The cost of a part is inside the
    // cost of its call.
    ("gen_ai.agent.id", Other, GenAi),
    ("gen_ai.agent.version", Other, GenAi),
    ("gen_ai.agent.description", Other, GenAi),
    ("gen_ai.data_source.id", Other, GenAi),
    ("gen_ai.embeddings.dimension.count", Other, GenAi),
    ("gen_ai.input.messages", Other, GenAi),
    ("gen_ai.output.messages", Other, GenAi),
    ("gen_ai.output.type", Other, GenAi),
    ("gen_ai.system_instructions", Other, GenAi),
    ("gen_ai.tool.definitions", Other, GenAi),
    ("gen_ai.memory.query.text", Other, GenAi),
    ("gen_ai.memory.record.count", Other, GenAi),
    ("gen_ai.memory.record.id", Other, GenAi),
    ("gen_ai.memory.records", Other, GenAi),
    ("gen_ai.memory.store.id", Other, GenAi),
    ("gen_ai.request.choice.count", Other, GenAi),
    ("gen_ai.request.encoding_formats", Other, GenAi),
    ("gen_ai.request.frequency_penalty", Other, GenAi),
    ("gen_ai.request.max_tokens", Other, GenAi),
    ("gen_ai.request.presence_penalty", Other, GenAi),
    ("gen_ai.request.seed", Other, GenAi),
    ("gen_ai.request.stop_sequences", Other, GenAi),
    ("gen_ai.request.stream", Other, GenAi),
    ("gen_ai.request.temperature", Other, GenAi),
    ("gen_ai.request.top_k", Other, GenAi),
    ("gen_ai.request.top_p", Other, GenAi),
    ("gen_ai.retrieval.documents", Other, GenAi),
    ("gen_ai.retrieval.query.text", Other, GenAi),
    ("gen_ai.token.cache", Other, GenAi),
    ("gen_ai.token.modality", Other, GenAi),
    ("gen_ai.token.phase", Other, GenAi),
    ("gen_ai.token.type", Other, GenAi),
    ("gen_ai.tool.call.arguments", Other, GenAi),
    ("gen_ai.tool.call.id", Other, GenAi),
    ("gen_ai.tool.call.result", Other, GenAi),
    ("gen_ai.tool.description", Other, GenAi),
    ("gen_ai.tool.name", Other, GenAi),
    ("gen_ai.tool.type", Other, GenAi),
    ("gen_ai.workflow.name", Other, GenAi),
    ("llm.cost.prompt", Other, OpenInference),
    ("llm.cost.completion", Other, OpenInference),
    ("llm.cost.prompt_details.input", Other, OpenInference),
    ("llm.cost.prompt_details.cache_read", Other, OpenInference),
    ("llm.cost.prompt_details.cache_write", Other, OpenInference),
    ("llm.cost.prompt_details.cache_input", Other, OpenInference),
    ("llm.cost.prompt_details.audio", Other, OpenInference),
    ("llm.cost.completion_details.output", Other, OpenInference),
    ("llm.cost.completion_details.reasoning", Other, OpenInference),
    ("llm.cost.completion_details.audio", Other, OpenInference),
    ("gen_ai.usage.input_cost", Other, Emitters),
    ("gen_ai.usage.output_cost", Other, Emitters),
];

/// The role of a field.
pub(crate) fn role_of(field: &str) -> FieldRole {
    match NAMES.iter().find(|(name, ..)| *name == field) {
        Some((_, role, _)) => *role,
        None if field.starts_with("tag.") => Tag,
        None if field.starts_with("count.") => Count,
        None => Other,
    }
}

/// The known name that is one edit away from a field that is not known itself.
pub(crate) fn misspelt(field: &str) -> Option<&'static str> {
    // Short names and single words are one edit away from too many others: `gate` from `date`, `operation` from `operations`.
    const SHORTEST: usize = 8;
    if field.len() < SHORTEST || role_of(field) != Other || NAMES.iter().any(|(name, ..)| *name == field) {
        return None;
    }
    let is_compound = |name: &str| name.len() >= SHORTEST && name.contains(['.', '_']);
    NAMES.iter().map(|(name, ..)| *name).find(|name| is_compound(name) && is_one_edit(name, field))
}

/// Whether one letter inserted, deleted or replaced, or two neighbours swapped, make one text the other.
fn is_one_edit(one: &str, two: &str) -> bool {
    let (one, two) = (one.as_bytes(), two.as_bytes());
    let (short, long) = if one.len() <= two.len() { (one, two) } else { (two, one) };
    let start = short.iter().zip(long).take_while(|(short, long)| short == long).count();
    let (short, long) = (&short[start..], &long[start..]);
    match long.len() - short.len() {
        0 => match (short, long) {
            ([], _) => false,
            ([_, short @ ..], [_, long @ ..]) if short == long => true,
            ([first, second, short @ ..], [other, next, long @ ..]) => {
                first == next && second == other && short == long
            }
            _ => false,
        },
        1 => short == &long[1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::generated::assert_table;
    use crate::ledger::Measure;

    /// What the names of a role mean, in the order of the page.
    fn meaning(name: &str, role: FieldRole) -> Option<(usize, &'static str)> {
        Some(match role {
            Usage(Kind::Input, _) => (0, "input tokens, cached ones included"),
            Usage(Kind::Output, _) => (1, "output tokens, reasoning included"),
            Usage(Kind::CacheRead, _) => (2, "input read from a cache"),
            Usage(Kind::CacheWrite, _) => (3, "input written to a cache"),
            Usage(Kind::CacheWrite1h, _) => (4, "of these, kept for an hour"),
            Usage(Kind::Reasoning, _) => (5, "reasoning"),
            Usage(Kind::AudioInput, _) => (6, "audio input"),
            Usage(Kind::AudioOutput, _) => (7, "audio output"),
            Usage(Kind::Requests, _) => (8, "requests that are billed by the piece"),
            Usage(Kind::Tokens, _) => {
                (9, "tokens with an unknown split; ignored where input or output is known")
            }
            Usage(kind, _) => match kind.measure() {
                Measure::Input | Measure::Output | Measure::Total => {
                    (44, "tokens by modality, lifetime or origin: parts of the input and of the output")
                }
                Measure::Extra => (45, "calls of built-in tools, which are billed beside tokens"),
                Measure::Content => {
                    (46, "what some models are billed by instead of tokens; times in seconds")
                }
            },
            Cost(_) => (10, "cost in USD; a call with one is not priced"),
            Currency => {
                (11, "currency of the cost; any other than USD is not converted, and the cost is unknown")
            }
            Name(NameField::Provider) => (12, "provider"),
            Name(NameField::ResponseModel) => (13, "model that answered"),
            Name(NameField::RequestModel) => (14, "model, where none that answered is recorded"),
            ResponseId => {
                (15, "the provider's id of a response; one response that is reported twice is one call")
            }
            FinishReasons | Name(NameField::FinishReason) => {
                (16, "why the response ended; in the record of a call")
            }
            FirstToken => (17, "seconds until the first token; in the record of a call"),
            Name(NameField::ServedTier) => (18, "tier that served a call, which decides its price"),
            Name(NameField::RequestedTier) => (19, "tier, where none that served is recorded"),
            Conversation => (20, "conversation or session; in the record of a call"),
            Name(NameField::Prompt) => (21, "name of the prompt; in the record of a call"),
            Name(NameField::PromptVersion) => (21, "version of the prompt; in the record of a call"),
            Name(NameField::Operation) | SpanKind => (22, "purpose of a call (`chat` by default)"),
            Name(NameField::Stage) => (23, "stage"),
            Name(NameField::Agent) => (24, "agent"),
            Gate => (25, "gate; every other field of its span is kept as a diagnostic"),
            Evaluation => (26, "gate that scores and does not block"),
            Verdict => (27, "verdict of a gate"),
            Score => (28, "score"),
            Reason => (29, "reason of the verdict"),
            Blocking => (30, "whether the gate fails its run"),
            Diagnostics => (31, "a JSON object of diagnostics"),
            Error => (32, "failure: a text, an error value or a flag"),
            ErrorType => (33, "failure: its type"),
            ErrorMessage => (34, "failure: its text"),
            StatusCode => (35, "failure, if it is `ERROR`"),
            Message => (36, "text of an event"),
            EventName => (37, "name of an event"),
            RunId => (38, "the run's id"),
            Project => (39, "the run's project"),
            Pipeline => (40, "the run's pipeline"),
            OtelName => (41, "the run's pipeline, where none is recorded"),
            ValueUsd => (42, "the run's value, summed"),
            Iteration => (43, "the run's iteration: the highest"),
            Other if name.contains(".usage.") => (47, "parts of the above; not read"),
            Other => return None,
            // These roles have no name of their own in the table.
            AlsoUsage(..) | AlsoCost(_) | Diagnostic | Tag | Count | Seconds | Meta | Refusal | Units
            | End => {
                panic!("{name} is {role:?}, which has no line in the page")
            }
        })
    }

    fn page_table() -> String {
        let mut lines: Vec<_> = NAMES.iter().filter_map(|(name, role, _)| meaning(name, *role)).collect();
        lines.sort_unstable();
        lines.dedup();
        let mut table = String::from(
            "| meaning | own names | OpenTelemetry | OpenInference | libraries |\n|---|---|---|---|---|\n",
        );
        for line in lines {
            let cell = |conventions: &[Convention]| {
                let is_in = |(name, role, from): &&(&str, FieldRole, Convention)| {
                    meaning(name, *role) == Some(line) && conventions.contains(from)
                };
                let names: Vec<_> =
                    NAMES.iter().filter(is_in).map(|(name, ..)| format!("`{name}`")).collect();
                if names.is_empty() { " |".to_owned() } else { format!(" {} |", names.join(", ")) }
            };
            let cells = [cell(&[Crate]), cell(&[GenAi, Otel]), cell(&[OpenInference]), cell(&[Emitters])];
            let _ = writeln!(table, "| {} |{}", line.1, cells.concat());
        }
        table
    }

    #[test]
    fn the_page_of_fields_has_the_table() {
        assert_table("docs/fields.md", "src/attribution/names.rs", &page_table());
    }

    #[test]
    fn every_name_is_in_the_table_once() {
        for (at, (name, ..)) in NAMES.iter().enumerate() {
            assert!(!NAMES[..at].iter().any(|(other, ..)| other == name), "{name}");
        }
    }

    /// Only short names of this crate are a span's own figures; a sum of all below has a dot, or is a total.
    #[test]
    fn long_names_are_inclusive_and_short_names_are_not() {
        for (name, role, _) in NAMES {
            if let Usage(_, scope) | Cost(scope) = role {
                let is_inclusive = name.contains('.') || *name == "total_tokens";
                assert_eq!(*scope == Inclusive, is_inclusive, "{name}");
            }
        }
    }

    #[test]
    fn a_name_one_edit_away_is_found() {
        for (field, expected) in [
            ("gen_ai.usage.input_token", Some("gen_ai.usage.input_tokens")),
            ("input_tokens", None),
            ("inptu_tokens", Some("input_tokens")),
            ("output_tokenz", Some("output_tokens")),
            ("ouput_tokens", Some("output_tokens")),
            ("cost__usd", Some("cost_usd")),
            ("gen_ai.usage.video.input_tokens", None),
            ("iterations", None),
            ("providers", None),
            ("count.input_tokens", None),
            ("date", None),
            ("something_else", None),
        ] {
            assert_eq!(misspelt(field), expected, "{field}");
        }
    }
}
