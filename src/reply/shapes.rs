//! The shapes of usage objects: for each, the names of its counts.

use Count::{Input, Known, Output, Part, Total, Unit, Write5m};

use crate::ledger::Kind;

/// What a count in a usage object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    /// Input tokens.
    Input,
    /// Output tokens.
    Output,
    /// A part of the input or of the output.
    Part(Kind),
    /// Cache writes that are kept for five minutes: all that are not kept for an hour.
    Write5m,
    /// A unit that few calls have. Only these may have fractions.
    Unit(Kind),
    /// Tokens reported as a total.
    Total,
    /// Read elsewhere, or of no account for a cost: text tokens, for example, are what other modalities leave.
    Known,
}

/// One field of a shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// See [`find`](super::path::find).
    pub(super) path: &'static str,
    pub(super) count: Count,
    /// Whether it adds to the other fields of this count. Otherwise it is a further name of one figure, and the largest counts.
    pub(super) adds: bool,
}

/// How a shape counts a part that others count inside of its whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// Part of the whole, unless the reported total, or a part larger than its whole, shows otherwise.
    Inside,
    /// Beside the whole, always.
    Apart,
    /// Beside the whole, unless the reported total shows otherwise.
    ApartByDefault,
}

/// A vocabulary of counts.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    /// Other names for it, and the ends of the paths of its endpoints.
    pub(super) flavors: &'static [&'static str],
    pub(super) cached: Parts,
    pub(super) reasoning: Parts,
    /// Whether only a name selects it.
    pub(super) is_by_name_only: bool,
    pub(super) fields: &'static [&'static [Field]],
}

impl Shape {
    pub(super) fn fields(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().copied().flatten()
    }

    /// Whether a flavor, or the path of an endpoint, names this shape.
    fn is_called(&self, flavor: &str) -> bool {
        let path = flavor.split(['?', '#']).next().unwrap_or(flavor).trim_end_matches('/');
        [self.name].iter().chain(self.flavors).any(|name| {
            path.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with(['/', ':']))
        })
    }
}

/// The shapes that a flavor names; all that need no name for `default`. Empty if none has this name.
pub(super) fn called(flavor: Option<&str>) -> Vec<&'static Shape> {
    match flavor {
        None | Some("default") => SHAPES.iter().filter(|shape| !shape.is_by_name_only).collect(),
        Some(flavor) => SHAPES.iter().filter(|shape| shape.is_called(flavor)).collect(),
    }
}

/// The name of every shape.
pub(super) fn names() -> String {
    SHAPES.iter().map(|shape| shape.name).collect::<Vec<_>>().join(", ")
}

/// The name of the shape that a reply's `object` or `type` belongs to.
pub(super) fn of_kind(kind: &str) -> Option<&'static str> {
    const BEGINNINGS: [(&str, &str); 12] = [
        ("chat.completion", "chat"),
        ("text_completion", "chat"),
        ("thread.", "chat"),
        ("list", "chat"),
        ("response.", "responses"),
        ("realtime.", "responses"),
        ("transcript.", "responses"),
        ("image_generation.", "responses"),
        ("speech.", "responses"),
        ("turn.", "responses"),
        ("message_", "messages"),
        ("message-end", "cohere"),
    ];
    match kind {
        "response" => Some("responses"),
        "message" => Some("messages"),
        _ => BEGINNINGS.iter().find(|(beginning, _)| kind.starts_with(beginning)).map(|(_, shape)| *shape),
    }
}

const fn is(path: &'static str, count: Count) -> Field {
    Field { path, count, adds: false }
}

const fn plus(path: &'static str, count: Count) -> Field {
    Field { path, count, adds: true }
}

/// Units that a provider's own tools use, in any shape.
const TOOLS: &[Field] = &[
    is("server_tool_use.web_search_requests", Unit(Kind::WebSearches)),
    // Free, by Anthropic's page of the tool.
    is("server_tool_use.web_fetch_requests", Known),
    is("server_tool_use.code_execution_requests", Unit(Kind::CodeExecutions)),
    is("num_search_queries", Unit(Kind::WebSearches)),
    is("tool_calls_details.search_web.invocation", Unit(Kind::WebSearches)),
    is("num_server_side_tools_used", Known),
    is("server_side_tool_usage_details.web_search_calls", Unit(Kind::WebSearches)),
    is("server_side_tool_usage_details.x_search_calls", Unit(Kind::SocialSearches)),
    is("server_side_tool_usage_details.code_interpreter_calls", Unit(Kind::CodeExecutions)),
    is("server_side_tool_usage_details.file_search_calls", Unit(Kind::StorageSearches)),
    is("server_side_tool_usage_details.mcp_calls", Known),
    // The cost is read elsewhere, and its parts are inside of it.
    is("cost", Known),
    is("cost_details", Known),
    is("cost_in_usd_ticks", Known),
];

/// The two lifetimes of cache writes, as Anthropic names them.
const LIFETIMES: &[Field] = &[
    is("cache_creation.ephemeral_5m_input_tokens", Write5m),
    is("cache_creation.ephemeral_1h_input_tokens", Part(Kind::CacheWrite1h)),
];

/// OpenAI's chat completions, and the fields that others have added to them.
const CHAT: &[Field] = &[
    is("prompt_tokens", Input),
    is("completion_tokens", Output),
    is("total_tokens", Total),
    is("prompt_tokens_details.cached_tokens", Part(Kind::CacheRead)),
    // DeepSeek.
    is("prompt_cache_hit_tokens", Part(Kind::CacheRead)),
    is("prompt_cache_miss_tokens", Known),
    // Moonshot, xAI's older API, Mistral, LiteLLM and Databricks.
    is("cached_tokens", Part(Kind::CacheRead)),
    is("cached_prompt_text_tokens", Part(Kind::CacheRead)),
    is("num_cached_tokens", Part(Kind::CacheRead)),
    is("cache_read_input_tokens", Part(Kind::CacheRead)),
    is("cache_creation_input_tokens", Part(Kind::CacheWrite)),
    // OpenAI and OpenRouter; LiteLLM; Qwen.
    is("prompt_tokens_details.cache_write_tokens", Part(Kind::CacheWrite)),
    is("prompt_tokens_details.cache_creation_tokens", Part(Kind::CacheWrite)),
    is("prompt_tokens_details.cache_creation_input_tokens", Part(Kind::CacheWrite)),
    is("prompt_tokens_details.cache_creation_token_details.ephemeral_5m_input_tokens", Write5m),
    is(
        "prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens",
        Part(Kind::CacheWrite1h),
    ),
    // The crate genai.
    is("prompt_tokens_details.cache_creation_details.ephemeral_5m_tokens", Write5m),
    is("prompt_tokens_details.cache_creation_details.ephemeral_1h_tokens", Part(Kind::CacheWrite1h)),
    is("prompt_tokens_details.cache_creation.ephemeral_5m_input_tokens", Write5m),
    is("prompt_tokens_details.cache_creation.ephemeral_1h_input_tokens", Part(Kind::CacheWrite1h)),
    is("completion_tokens_details.reasoning_tokens", Part(Kind::Reasoning)),
    is("output_tokens_details.reasoning_tokens", Part(Kind::Reasoning)),
    is("reasoning_tokens", Part(Kind::Reasoning)),
    is("prompt_tokens_details.audio_tokens", Part(Kind::AudioInput)),
    is("completion_tokens_details.audio_tokens", Part(Kind::AudioOutput)),
    is("prompt_tokens_details.image_tokens", Unit(Kind::ImageInput)),
    is("completion_tokens_details.image_tokens", Unit(Kind::ImageOutput)),
    is("prompt_tokens_details.video_tokens", Unit(Kind::VideoInput)),
    is("completion_tokens_details.video_tokens", Unit(Kind::VideoOutput)),
    is("prompt_tokens_details.text_tokens", Known),
    is("completion_tokens_details.text_tokens", Known),
    // Counted in the completion, and billed as such.
    is("completion_tokens_details.accepted_prediction_tokens", Known),
    is("completion_tokens_details.rejected_prediction_tokens", Known),
    // Perplexity's deep research.
    is("citation_tokens", Unit(Kind::Citation)),
    // Mistral's Voxtral.
    is("prompt_audio_seconds", Unit(Kind::AudioInputMicros)),
    is("input_characters", Unit(Kind::Characters)),
    // Voyage's embeddings of images: their total has pixels in it, which are billed by a rate of their own.
    is("text_tokens", Input),
    is("image_pixels", Unit(Kind::Pixels)),
    is("video_pixels", Unit(Kind::Pixels)),
];

/// OpenAI's Responses, Realtime, images and transcriptions, and those who took over their names.
const RESPONSES: &[Field] = &[
    is("input_tokens", Input),
    is("output_tokens", Output),
    is("total_tokens", Total),
    is("input_tokens_details.cached_tokens", Part(Kind::CacheRead)),
    is("input_token_details.cached_tokens", Part(Kind::CacheRead)),
    // Qwen's own API; Perplexity; LangChain; Codex and rig.
    is("prompt_tokens_details.cached_tokens", Part(Kind::CacheRead)),
    is("input_tokens_details.cache_read_input_tokens", Part(Kind::CacheRead)),
    is("input_token_details.cache_read", Part(Kind::CacheRead)),
    is("cached_input_tokens", Part(Kind::CacheRead)),
    is("input_tokens_details.cache_write_tokens", Part(Kind::CacheWrite)),
    is("input_tokens_details.cache_creation_input_tokens", Part(Kind::CacheWrite)),
    is("input_token_details.cache_creation", Part(Kind::CacheWrite)),
    is("output_tokens_details.reasoning_tokens", Part(Kind::Reasoning)),
    is("output_token_details.reasoning_tokens", Part(Kind::Reasoning)),
    is("output_token_details.reasoning", Part(Kind::Reasoning)),
    is("reasoning_output_tokens", Part(Kind::Reasoning)),
    is("input_tokens_details.audio_tokens", Part(Kind::AudioInput)),
    is("input_token_details.audio_tokens", Part(Kind::AudioInput)),
    is("input_token_details.audio", Part(Kind::AudioInput)),
    is("output_tokens_details.audio_tokens", Part(Kind::AudioOutput)),
    is("output_token_details.audio_tokens", Part(Kind::AudioOutput)),
    is("output_token_details.audio", Part(Kind::AudioOutput)),
    is("input_tokens_details.image_tokens", Unit(Kind::ImageInput)),
    is("input_token_details.image_tokens", Unit(Kind::ImageInput)),
    is("output_tokens_details.image_tokens", Unit(Kind::ImageOutput)),
    is("output_token_details.image_tokens", Unit(Kind::ImageOutput)),
    is("input_tokens_details.cached_tokens_details.audio_tokens", Unit(Kind::AudioCacheRead)),
    is("input_tokens_details.cached_tokens_details.image_tokens", Unit(Kind::ImageCacheRead)),
    is("input_tokens_details.cached_tokens_details.text_tokens", Known),
    is("input_token_details.cached_tokens_details.audio_tokens", Unit(Kind::AudioCacheRead)),
    is("input_token_details.cached_tokens_details.image_tokens", Unit(Kind::ImageCacheRead)),
    is("input_token_details.cached_tokens_details.text_tokens", Known),
    is("input_tokens_details.text_tokens", Known),
    is("input_token_details.text_tokens", Known),
    is("output_tokens_details.text_tokens", Known),
    is("output_token_details.text_tokens", Known),
    // xAI's Realtime.
    is("billable_audio_seconds", Unit(Kind::AudioMicros)),
    is("input_text_messages", Unit(Kind::TextMessages)),
];

/// Anthropic's Messages: cached tokens are beside the input.
const MESSAGES: &[Field] = &[
    is("input_tokens", Input),
    is("output_tokens", Output),
    is("total_tokens", Total),
    is("cache_read_input_tokens", Part(Kind::CacheRead)),
    is("cache_creation_input_tokens", Part(Kind::CacheWrite)),
    is("output_tokens_details.thinking_tokens", Part(Kind::Reasoning)),
    is("output_tokens_details.reasoning_tokens", Part(Kind::Reasoning)),
];

/// What rig adds to the names of the Responses API, for all providers: every part is inside of its whole.
const RIG: &[Field] = &[
    is("cache_creation_input_tokens", Part(Kind::CacheWrite)),
    is("reasoning_tokens", Part(Kind::Reasoning)),
    is("tool_use_prompt_tokens", Known),
];

/// Bedrock's Converse: cached tokens are beside the input.
const CONVERSE: &[Field] = &[
    is("inputTokens", Input),
    is("outputTokens", Output),
    is("totalTokens", Total),
    is("cacheReadInputTokens", Part(Kind::CacheRead)),
    is("cacheReadInputTokenCount", Part(Kind::CacheRead)),
    is("cacheWriteInputTokens", Part(Kind::CacheWrite)),
    is("cacheWriteInputTokenCount", Part(Kind::CacheWrite)),
    is("cacheDetails[ttl=5m].inputTokens", Write5m),
    is("cacheDetails[ttl=1h].inputTokens", Part(Kind::CacheWrite1h)),
];

/// The metrics in the last event of a Bedrock stream, and in the headers of `InvokeModel`.
const INVOCATION: &[Field] = &[
    is("inputTokenCount", Input),
    is("outputTokenCount", Output),
    is("cacheReadInputTokenCount", Part(Kind::CacheRead)),
    is("cacheWriteInputTokenCount", Part(Kind::CacheWrite)),
];

/// Llama on Bedrock.
const LLAMA: &[Field] = &[is("prompt_token_count", Input), is("generation_token_count", Output)];

/// Replicate's metrics.
const REPLICATE: &[Field] = &[is("input_token_count", Input), is("output_token_count", Output)];

/// The fields of Vercel's AI SDK.
const AI_SDK: &[Field] = &[
    is("inputTokens", Input),
    is("outputTokens", Output),
    is("totalTokens", Total),
    is("cachedInputTokens", Part(Kind::CacheRead)),
    is("inputTokenDetails.cacheReadTokens", Part(Kind::CacheRead)),
    is("inputTokenDetails.cacheWriteTokens", Part(Kind::CacheWrite)),
    is("inputTokenDetails.noCacheTokens", Known),
    is("reasoningTokens", Part(Kind::Reasoning)),
    is("outputTokenDetails.reasoningTokens", Part(Kind::Reasoning)),
    is("outputTokenDetails.textTokens", Known),
];

/// Cursor's usage events, and Claude Code's usage by model.
const CURSOR: &[Field] = &[
    is("inputTokens", Input),
    is("outputTokens", Output),
    is("cacheReadTokens", Part(Kind::CacheRead)),
    is("cacheWriteTokens", Part(Kind::CacheWrite)),
];

/// Gemini, by its API and by the names of its Python library.
const GEMINI: &[Field] = &[
    is("promptTokenCount", Input),
    plus("toolUsePromptTokenCount", Input),
    is("candidatesTokenCount", Output),
    // The Live API.
    is("responseTokenCount", Output),
    plus("thoughtsTokenCount", Output),
    is("thoughtsTokenCount", Part(Kind::Reasoning)),
    is("cachedContentTokenCount", Part(Kind::CacheRead)),
    is("totalTokenCount", Total),
    plus("promptTokensDetails[modality=AUDIO].tokenCount", Part(Kind::AudioInput)),
    plus("toolUsePromptTokensDetails[modality=AUDIO].tokenCount", Part(Kind::AudioInput)),
    plus("promptTokensDetails[modality=IMAGE].tokenCount", Unit(Kind::ImageInput)),
    plus("promptTokensDetails[modality=DOCUMENT].tokenCount", Unit(Kind::ImageInput)),
    plus("toolUsePromptTokensDetails[modality=IMAGE].tokenCount", Unit(Kind::ImageInput)),
    plus("toolUsePromptTokensDetails[modality=DOCUMENT].tokenCount", Unit(Kind::ImageInput)),
    plus("promptTokensDetails[modality=VIDEO].tokenCount", Unit(Kind::VideoInput)),
    plus("toolUsePromptTokensDetails[modality=VIDEO].tokenCount", Unit(Kind::VideoInput)),
    plus("candidatesTokensDetails[modality=AUDIO].tokenCount", Part(Kind::AudioOutput)),
    plus("responseTokensDetails[modality=AUDIO].tokenCount", Part(Kind::AudioOutput)),
    plus("candidatesTokensDetails[modality=IMAGE].tokenCount", Unit(Kind::ImageOutput)),
    plus("candidatesTokensDetails[modality=DOCUMENT].tokenCount", Unit(Kind::ImageOutput)),
    plus("candidatesTokensDetails[modality=VIDEO].tokenCount", Unit(Kind::VideoOutput)),
    plus("cacheTokensDetails[modality=AUDIO].tokenCount", Unit(Kind::AudioCacheRead)),
    plus("cacheTokensDetails[modality=IMAGE].tokenCount", Unit(Kind::ImageCacheRead)),
    plus("cacheTokensDetails[modality=DOCUMENT].tokenCount", Unit(Kind::ImageCacheRead)),
    plus("cacheTokensDetails[modality=VIDEO].tokenCount", Unit(Kind::VideoCacheRead)),
    is("promptTokensDetails[modality=TEXT].tokenCount", Known),
    is("toolUsePromptTokensDetails[modality=TEXT].tokenCount", Known),
    is("candidatesTokensDetails[modality=TEXT].tokenCount", Known),
    is("responseTokensDetails[modality=TEXT].tokenCount", Known),
    is("cacheTokensDetails[modality=TEXT].tokenCount", Known),
];

const GEMINI_PYTHON: &[Field] = &[
    is("prompt_token_count", Input),
    plus("tool_use_prompt_token_count", Input),
    is("candidates_token_count", Output),
    is("response_token_count", Output),
    plus("thoughts_token_count", Output),
    is("thoughts_token_count", Part(Kind::Reasoning)),
    is("cached_content_token_count", Part(Kind::CacheRead)),
    is("total_token_count", Total),
    plus("prompt_tokens_details[modality=AUDIO].token_count", Part(Kind::AudioInput)),
    plus("candidates_tokens_details[modality=AUDIO].token_count", Part(Kind::AudioOutput)),
    plus("prompt_tokens_details[modality=IMAGE].token_count", Unit(Kind::ImageInput)),
    plus("prompt_tokens_details[modality=VIDEO].token_count", Unit(Kind::VideoInput)),
    plus("candidates_tokens_details[modality=IMAGE].token_count", Unit(Kind::ImageOutput)),
    plus("cache_tokens_details[modality=AUDIO].token_count", Unit(Kind::AudioCacheRead)),
    is("prompt_tokens_details[modality=TEXT].token_count", Known),
    is("candidates_tokens_details[modality=TEXT].token_count", Known),
    is("cache_tokens_details[modality=TEXT].token_count", Known),
];

/// Gemini's Interactions: a total of each, thoughts and tools beside input and output.
const INTERACTIONS: &[Field] = &[
    is("total_input_tokens", Input),
    plus("total_tool_use_tokens", Input),
    is("total_output_tokens", Output),
    is("total_thought_tokens", Part(Kind::Reasoning)),
    is("total_cached_tokens", Part(Kind::CacheRead)),
    is("total_tokens", Total),
    plus("input_tokens_by_modality[modality=audio].tokens", Part(Kind::AudioInput)),
    plus("input_tokens_by_modality[modality=image].tokens", Unit(Kind::ImageInput)),
    plus("input_tokens_by_modality[modality=document].tokens", Unit(Kind::ImageInput)),
    plus("input_tokens_by_modality[modality=video].tokens", Unit(Kind::VideoInput)),
    is("input_tokens_by_modality[modality=text].tokens", Known),
    plus("output_tokens_by_modality[modality=audio].tokens", Part(Kind::AudioOutput)),
    plus("output_tokens_by_modality[modality=image].tokens", Unit(Kind::ImageOutput)),
    plus("output_tokens_by_modality[modality=video].tokens", Unit(Kind::VideoOutput)),
    is("output_tokens_by_modality[modality=text].tokens", Known),
    plus("cached_tokens_by_modality[modality=audio].tokens", Unit(Kind::AudioCacheRead)),
    is("cached_tokens_by_modality[modality=text].tokens", Known),
    plus("grounding_tool_count[type=google_search].count", Unit(Kind::WebSearches)),
];

/// Cohere: what it bills, which differs from what its tokenizer counts.
const COHERE: &[Field] = &[
    is("billed_units.input_tokens", Input),
    is("billed_units.output_tokens", Output),
    is("billed_units.search_units", Unit(Kind::RerankSearches)),
    is("cached_tokens", Part(Kind::CacheRead)),
    is("tokens.input_tokens", Known),
    is("tokens.output_tokens", Known),
];

const COHERE_TOKENS: &[Field] = &[
    is("tokens.input_tokens", Input),
    is("tokens.output_tokens", Output),
    is("cached_tokens", Part(Kind::CacheRead)),
    is("billed_units", Known),
];

/// Ollama's own API.
const OLLAMA: &[Field] = &[is("prompt_eval_count", Input), is("eval_count", Output)];

/// llama.cpp's own API.
const LLAMA_CPP: &[Field] = &[
    is("tokens_evaluated", Input),
    is("tokens_predicted", Output),
    is("tokens_cached", Known),
    is("timings", Known),
];

/// Titan on Bedrock.
const TITAN: &[Field] = &[
    is("inputTextTokenCount", Input),
    plus("results[].tokenCount", Output),
    is("totalOutputTextTokenCount", Output),
];

/// Text generation of watsonx.
const WATSONX: &[Field] =
    &[plus("results[].input_token_count", Input), plus("results[].generated_token_count", Output)];

/// Hugging Face's text generation; its prompt is in no count.
const TGI: &[Field] = &[is("details.generated_tokens", Output)];

/// OpenRouter's record of a generation.
const GENERATION: &[Field] = &[
    is("native_tokens_prompt", Input),
    is("native_tokens_completion", Output),
    is("native_tokens_cached", Part(Kind::CacheRead)),
    is("native_tokens_reasoning", Part(Kind::Reasoning)),
    is("native_tokens_completion_images", Unit(Kind::ImageOutput)),
    is("num_search_results", Known),
    // Counts of another tokenizer, which nothing is billed by.
    is("tokens_prompt", Known),
    is("tokens_completion", Known),
];

/// Speech by its length.
const DURATION: &[Field] =
    &[is("seconds", Unit(Kind::AudioInputMicros)), is("duration", Unit(Kind::AudioInputMicros))];
const LIVE: &[Field] = &[is("seconds", Unit(Kind::AudioMicros))];

/// Mistral's OCR.
const OCR: &[Field] =
    &[is("pages_processed", Unit(Kind::Pages)), is("pages_annotated", Unit(Kind::AnnotatedPages))];
const OCR_ANNOTATED: &[Field] =
    &[is("pages_processed", Unit(Kind::Pages)), is("pages_processed", Unit(Kind::AnnotatedPages))];

/// Embeddings on Vertex.
const VERTEX: &[Field] = &[is("token_count", Input), is("billableCharacterCount", Unit(Kind::Characters))];

/// One shape: name, flavors, how cached and reasoning tokens count, fields.
const fn shape(
    name: &'static str,
    flavors: &'static [&'static str],
    (cached, reasoning): (Parts, Parts),
    fields: &'static [&'static [Field]],
) -> Shape {
    Shape { name, flavors, cached, reasoning, is_by_name_only: false, fields }
}

const fn by_name_only(shape: Shape) -> Shape {
    Shape { is_by_name_only: true, ..shape }
}

const INSIDE: (Parts, Parts) = (Parts::Inside, Parts::Inside);
const CACHED_APART: (Parts, Parts) = (Parts::Apart, Parts::Inside);

/// All shapes. Of two with the same evidence the first is taken.
pub(super) static SHAPES: &[Shape] = &[
    shape("chat", &["completions", "embeddings", "rerank"], INSIDE, &[CHAT, LIFETIMES, TOOLS]),
    shape(
        "responses",
        &["realtime", "images", "images/generations", "images/edits", "decisions", "audio/transcriptions"],
        INSIDE,
        &[RESPONSES, TOOLS],
    ),
    shape("messages", &["anthropic"], CACHED_APART, &[MESSAGES, LIFETIMES, TOOLS]),
    shape("rig", &[], INSIDE, &[RESPONSES, RIG]),
    shape("gemini", &["generateContent", "streamGenerateContent", "embedContent"], INSIDE, &[GEMINI]),
    shape("gemini-python", &[], INSIDE, &[GEMINI_PYTHON]),
    shape("interactions", &[], (Parts::Inside, Parts::ApartByDefault), &[INTERACTIONS]),
    shape("converse", &["converse-stream"], CACHED_APART, &[CONVERSE]),
    shape("invocation", &[], CACHED_APART, &[INVOCATION]),
    shape("ai-sdk", &[], INSIDE, &[AI_SDK]),
    shape("cursor", &["usage-event"], CACHED_APART, &[CURSOR]),
    shape("cohere", &["embeddings", "rerank"], INSIDE, &[COHERE]),
    by_name_only(shape("tokens", &[], INSIDE, &[COHERE_TOKENS])),
    shape("ollama", &["api/chat", "api/generate", "api/embed"], INSIDE, &[OLLAMA]),
    shape("llama.cpp", &["completion"], INSIDE, &[LLAMA_CPP]),
    shape("llama", &[], INSIDE, &[LLAMA]),
    shape("titan", &[], INSIDE, &[TITAN]),
    shape("watsonx", &["text/generation"], INSIDE, &[WATSONX]),
    shape("tgi", &["generate"], INSIDE, &[TGI]),
    shape("replicate", &[], INSIDE, &[REPLICATE]),
    shape("generation", &[], INSIDE, &[GENERATION]),
    shape("duration", &["audio/transcriptions", "audio/translations"], INSIDE, &[DURATION]),
    by_name_only(shape("live", &[], INSIDE, &[LIVE])),
    shape("ocr", &[], INSIDE, &[OCR]),
    by_name_only(shape("ocr_annotated", &[], INSIDE, &[OCR_ANNOTATED])),
    shape("vertex", &["predict"], INSIDE, &[VERTEX]),
];

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::generated::assert_table;

    /// The names of a shape's counts, as the page has them: a `+` is added to the others, which are names of one figure.
    fn cell(shape: &Shape, is_in: impl Fn(Count) -> bool) -> String {
        // The tools of providers are the same in each shape, and have a table of their own.
        let own = shape.fields().filter(|field| !TOOLS.iter().any(|tool| tool.path == field.path));
        let names = own.filter(|field| is_in(field.count));
        let names: Vec<_> =
            names.map(|field| format!("{}`{}`", if field.adds { "+" } else { "" }, field.path)).collect();
        if names.is_empty() { " |".to_owned() } else { format!(" {} |", names.join(", ")) }
    }

    fn page_table() -> String {
        let mut table = String::from(
            "| shape | other names, and ends of endpoints | input | output | total | cache read | cache write | reasoning | audio |\n\
             |---|---|---|---|---|---|---|---|---|\n",
        );
        for shape in SHAPES {
            let by_name = if shape.is_by_name_only { ", only by its name" } else { "" };
            let also: Vec<_> = shape.flavors.iter().map(|flavor| format!("`{flavor}`")).collect();
            let also = if also.is_empty() { " |".to_owned() } else { format!(" {} |", also.join(", ")) };
            let part =
                |kinds: &'static [Kind]| move |count: Count| kinds.iter().any(|kind| count == Part(*kind));
            let cells = [
                cell(shape, |count| count == Input),
                cell(shape, |count| count == Output),
                cell(shape, |count| count == Total),
                cell(shape, part(&[Kind::CacheRead])),
                cell(shape, |count| count == Write5m || part(&[Kind::CacheWrite, Kind::CacheWrite1h])(count)),
                cell(shape, part(&[Kind::Reasoning])),
                cell(shape, part(&[Kind::AudioInput, Kind::AudioOutput])),
            ];
            let _ = writeln!(table, "| `{}`{by_name} |{also}{}", shape.name, cells.concat());
        }
        let mut units: Vec<(&str, Vec<&str>)> = Vec::new();
        for field in SHAPES.iter().flat_map(Shape::fields) {
            if let Unit(kind) = field.count {
                let unit = kind.key();
                match units.iter_mut().find(|(known, _)| *known == unit) {
                    Some((_, paths)) if paths.contains(&field.path) => {}
                    Some((_, paths)) => paths.push(field.path),
                    None => units.push((unit, vec![field.path])),
                }
            }
        }
        units.sort_unstable();
        table.push_str("\n| unit | read from |\n|---|---|\n");
        for (unit, paths) in units {
            let _ = writeln!(table, "| `{unit}` | `{}` |", paths.join("`, `"));
        }
        table
    }

    #[test]
    fn the_page_of_replies_has_the_table() {
        assert_table("docs/replies.md", "src/reply/shapes.rs", &page_table());
    }

    #[test]
    fn a_name_or_the_end_of_an_endpoint_names_a_shape() {
        let names = |flavor: &str| called(Some(flavor)).iter().map(|shape| shape.name).collect::<Vec<_>>();
        for (flavor, expected) in [
            ("chat", &["chat"][..]),
            ("https://api.openai.com/v1/chat/completions?a=b", &["chat"]),
            ("/v1/messages/", &["messages"]),
            ("/v1beta/models/gemini-2.5-flash:generateContent", &["gemini"]),
            ("/model/anthropic.claude/converse", &["converse"]),
            ("/api/chat", &["chat", "ollama"]),
            ("/v1/audio/transcriptions", &["responses", "duration"]),
            ("tokens", &["tokens"]),
            ("mychat", &[]),
            ("", &[]),
        ] {
            assert_eq!(names(flavor), expected, "{flavor}");
        }
        assert!(!called(None).iter().any(|shape| shape.is_by_name_only));
    }
}
