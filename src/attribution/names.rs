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
    /// The provider's id of the response.
    ResponseId,
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
}

impl NameField {
    pub(crate) const COUNT: usize = 6;

    /// Whether recording this name after a span's creation may change its place. A call passes neither provider nor model on.
    // Inlined: one comparison per text field.
    #[inline]
    pub(crate) fn places(self, how: Accumulate) -> bool {
        match self {
            Self::Operation | Self::Stage | Self::Agent => true,
            Self::Provider | Self::ResponseModel | Self::RequestModel => how != Accumulate::Newest,
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
    /// Libraries, as they were observed.
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
    ("llm.token_count.prompt_details.cache_read", all(Kind::CacheRead), OpenInference),
    ("usage.cached_content_tokens", all(Kind::CacheRead), Emitters),
    ("cache_write_tokens", own(Kind::CacheWrite), Crate),
    ("gen_ai.usage.cache_creation.input_tokens", all(Kind::CacheWrite), GenAi),
    ("gen_ai.usage.cache_write.input_tokens", all(Kind::CacheWrite), GenAi),
    ("gen_ai.aggregated_usage.cache_creation.input_tokens", all(Kind::CacheWrite), Emitters),
    ("gen_ai.usage.cache_creation_tokens", all(Kind::CacheWrite), Emitters),
    ("gen_ai.usage.cache_creation_input_tokens", all(Kind::CacheWrite), Emitters),
    ("llm.token_count.prompt_details.cache_write", all(Kind::CacheWrite), OpenInference),
    ("cache_write_1h_tokens", own(Kind::CacheWrite1h), Crate),
    ("llm.token_count.prompt_details.cache_write_1h", all(Kind::CacheWrite1h), Emitters),
    ("audio_input_tokens", own(Kind::AudioInput), Crate),
    ("gen_ai.usage.audio.input_tokens", all(Kind::AudioInput), GenAi),
    ("gen_ai.usage.audio_input_tokens", all(Kind::AudioInput), Emitters),
    ("llm.token_count.prompt_details.audio", all(Kind::AudioInput), OpenInference),
    ("gen_ai.usage.text.input_tokens", Other, GenAi),
    ("gen_ai.usage.image.input_tokens", Other, GenAi),
    ("gen_ai.usage.video.input_tokens", Other, GenAi),
    ("gen_ai.usage.tool_use_prompt_tokens", Other, Emitters),
    // Parts of the output.
    ("reasoning_tokens", own(Kind::Reasoning), Crate),
    ("gen_ai.usage.reasoning.output_tokens", all(Kind::Reasoning), GenAi),
    ("gen_ai.usage.reasoning_tokens", all(Kind::Reasoning), Emitters),
    ("gen_ai.usage.thinking_tokens", all(Kind::Reasoning), Emitters),
    ("llm.token_count.completion_details.reasoning", all(Kind::Reasoning), OpenInference),
    ("usage.thoughts_tokens", all(Kind::Reasoning), Emitters),
    ("audio_output_tokens", own(Kind::AudioOutput), Crate),
    ("gen_ai.usage.audio.output_tokens", all(Kind::AudioOutput), GenAi),
    ("gen_ai.usage.audio_output_tokens", all(Kind::AudioOutput), Emitters),
    ("llm.token_count.completion_details.audio", all(Kind::AudioOutput), OpenInference),
    ("gen_ai.usage.text.output_tokens", Other, GenAi),
    ("gen_ai.usage.image.output_tokens", Other, GenAi),
    ("gen_ai.usage.video.output_tokens", Other, GenAi),
    // Totals and other units.
    ("tokens", own(Kind::Tokens), Crate),
    ("total_tokens", all(Kind::Tokens), Crate),
    ("gen_ai.usage.total_tokens", all(Kind::Tokens), Emitters),
    ("llm.token_count.total", all(Kind::Tokens), OpenInference),
    ("usage.total_tokens", all(Kind::Tokens), Emitters),
    ("billed_requests", own(Kind::Requests), Crate),
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
    ("model", Name(NameField::RequestModel), Crate),
    ("gen_ai.request.model", Name(NameField::RequestModel), GenAi),
    ("llm.model_name", Name(NameField::RequestModel), OpenInference),
    ("operation", Name(NameField::Operation), Crate),
    ("gen_ai.operation.name", Name(NameField::Operation), GenAi),
    ("openinference.span.kind", Name(NameField::Operation), OpenInference),
    ("stage", Name(NameField::Stage), Crate),
    ("agent", Name(NameField::Agent), Crate),
    ("gen_ai.agent.name", Name(NameField::Agent), GenAi),
    ("gen_ai.response.id", ResponseId, GenAi),
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
    // Known, and of no account: a field with such a name is not a misspelt one of the others.
    ("gen_ai.agent.id", Other, GenAi),
    ("gen_ai.agent.description", Other, GenAi),
    ("gen_ai.conversation.id", Other, GenAi),
    ("gen_ai.data_source.id", Other, GenAi),
    ("gen_ai.output.type", Other, GenAi),
    ("gen_ai.request.choice.count", Other, GenAi),
    ("gen_ai.request.max_tokens", Other, GenAi),
    ("gen_ai.request.temperature", Other, GenAi),
    ("gen_ai.request.top_p", Other, GenAi),
    ("gen_ai.request.top_k", Other, GenAi),
    ("gen_ai.request.seed", Other, GenAi),
    ("gen_ai.response.finish_reasons", Other, GenAi),
    ("gen_ai.response.time_to_first_chunk", Other, GenAi),
    ("gen_ai.tool.name", Other, GenAi),
    ("gen_ai.tool.type", Other, GenAi),
    ("gen_ai.tool.call.id", Other, GenAi),
    ("session.id", Other, Otel),
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
    // Short names are one edit away from too many words: `gate` from `date`, `model` from `mode`.
    const SHORTEST: usize = 8;
    let is_known = |(name, ..): &&(&str, FieldRole, Convention)| *name == field;
    if field.len() < SHORTEST || NAMES.iter().any(|entry| is_known(&entry)) {
        return None;
    }
    NAMES.iter().map(|(name, ..)| *name).find(|name| name.len() >= SHORTEST && is_one_edit(name, field))
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
    use super::*;

    #[test]
    fn every_name_is_there_once() {
        for (at, (name, ..)) in NAMES.iter().enumerate() {
            assert!(!NAMES[..at].iter().any(|(other, ..)| other == name), "{name}");
        }
    }

    #[test]
    fn a_name_one_edit_away_is_found() {
        for (field, expected) in [
            ("gen_ai.usage.input_token", Some("gen_ai.usage.input_tokens")),
            ("input_tokens", None),
            ("inptu_tokens", Some("input_tokens")),
            ("output_tokenz", Some("output_tokens")),
            ("date", None),
            ("something_else", None),
        ] {
            assert_eq!(misspelt(field), expected, "{field}");
        }
    }
}
