//! What a callsite's fields mean: worked out once a callsite, so that a visitor only has to look up an index.

use std::fmt;

use dashmap::DashMap;
use once_cell::sync::Lazy;
use tracing_core::{Level, Metadata};

use super::direct;
use crate::ledger::{FastHash, Kind, Symbol};

/// The role of a field. Its first byte is the variant, so that one load per value decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Role {
    /// Nothing to us.
    Other,
    /// A token count.
    Usage(Kind, Scope),
    /// Money in USD.
    Cost(Scope),
    /// A name: nearly every text that means something is one.
    Name(Naming),
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
pub(crate) enum Naming {
    Provider,
    /// The model that answered.
    ResponseModel,
    /// The model of the request.
    RequestModel,
    Operation,
    Stage,
    Agent,
}

impl Naming {
    pub(crate) const COUNT: usize = 6;

    /// Whether recording this name changes the placing of a span.
    // Inlined: one comparison per text field.
    #[inline]
    pub(crate) fn places(self) -> bool {
        matches!(self, Self::Operation | Self::Stage)
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

use Scope::{Inclusive, Own};

impl Role {
    /// The role of a field on a span or event.
    fn of(field: &str) -> Self {
        match field {
            "input_tokens" | "prompt_tokens" => Self::Usage(Kind::Input, Own),
            "gen_ai.usage.input_tokens" | "gen_ai.usage.prompt_tokens" | "llm.token_count.prompt" => {
                Self::Usage(Kind::Input, Inclusive)
            }
            "output_tokens" | "completion_tokens" => Self::Usage(Kind::Output, Own),
            "gen_ai.usage.output_tokens"
            | "gen_ai.usage.completion_tokens"
            | "llm.token_count.completion" => Self::Usage(Kind::Output, Inclusive),
            "cache_read_tokens" => Self::Usage(Kind::CacheRead, Own),
            "gen_ai.usage.cache_read.input_tokens"
            | "gen_ai.usage.cached_tokens"
            | "gen_ai.usage.cache_read_tokens"
            | "llm.token_count.prompt_details.cache_read" => Self::Usage(Kind::CacheRead, Inclusive),
            "cache_write_tokens" => Self::Usage(Kind::CacheWrite, Own),
            "gen_ai.usage.cache_creation.input_tokens"
            | "gen_ai.usage.cache_creation_tokens"
            | "gen_ai.usage.cache_write.input_tokens"
            | "llm.token_count.prompt_details.cache_write" => Self::Usage(Kind::CacheWrite, Inclusive),
            "cache_write_1h_tokens" => Self::Usage(Kind::CacheWrite1h, Own),
            "reasoning_tokens" => Self::Usage(Kind::Reasoning, Own),
            "gen_ai.usage.reasoning.output_tokens"
            | "gen_ai.usage.reasoning_tokens"
            | "gen_ai.usage.thinking_tokens"
            | "llm.token_count.completion_details.reasoning" => Self::Usage(Kind::Reasoning, Inclusive),
            "audio_input_tokens" => Self::Usage(Kind::AudioInput, Own),
            "llm.token_count.prompt_details.audio" => Self::Usage(Kind::AudioInput, Inclusive),
            "audio_output_tokens" => Self::Usage(Kind::AudioOutput, Own),
            "llm.token_count.completion_details.audio" => Self::Usage(Kind::AudioOutput, Inclusive),
            "billed_requests" => Self::Usage(Kind::Requests, Own),
            "tokens" => Self::Usage(Kind::Tokens, Own),
            "total_tokens" | "gen_ai.usage.total_tokens" | "llm.token_count.total" => {
                Self::Usage(Kind::Tokens, Inclusive)
            }
            "cost_usd" => Self::Cost(Own),
            "gen_ai.usage.cost" | "gen_ai.usage.cost.amount" | "llm.cost.total" => Self::Cost(Inclusive),
            "provider" | "gen_ai.provider.name" | "gen_ai.system" | "llm.provider" => {
                Self::Name(Naming::Provider)
            }
            "gen_ai.response.model" => Self::Name(Naming::ResponseModel),
            "gen_ai.request.model" | "model" | "llm.model_name" => Self::Name(Naming::RequestModel),
            "gen_ai.operation.name" | "operation" => Self::Name(Naming::Operation),
            "stage" => Self::Name(Naming::Stage),
            "agent" | "gen_ai.agent.name" => Self::Name(Naming::Agent),
            "gate" => Self::Gate,
            "gen_ai.evaluation.name" => Self::Evaluation,
            "verdict" | "gen_ai.evaluation.score.label" => Self::Verdict,
            "score" | "gen_ai.evaluation.score.value" => Self::Score,
            "blocking" => Self::Blocking,
            "reason" | "gen_ai.evaluation.explanation" => Self::Reason,
            "diagnostics" => Self::Diagnostics,
            "error" => Self::Error,
            "error.type" => Self::ErrorType,
            "error.message" | "otel.status_description" | "otel.status_message" => Self::ErrorMessage,
            "otel.status_code" => Self::StatusCode,
            "message" => Self::Message,
            "run_id" => Self::RunId,
            "project" => Self::Project,
            "value_usd" => Self::ValueUsd,
            "iteration" => Self::Iteration,
            _ if field.starts_with("tag.") => Self::Tag,
            _ if field.starts_with("count.") => Self::Count,
            _ => Self::Other,
        }
    }
}

/// What a callsite means. There is one for each span and event that a program's source has, so they are kept for
/// ever.
pub(crate) struct Meaning {
    /// The span's name, interned.
    pub(crate) name: Symbol,
    pub(crate) target: &'static str,
    /// The crate that the callsite is in.
    pub(crate) krate: &'static str,
    /// Whether it is an event of level ERROR.
    pub(crate) is_error: bool,
    /// Whether any field means something to us.
    pub(crate) is_relevant: bool,
    /// Whether its spans are model calls, unless their operation is a container's.
    pub(crate) is_call: bool,
    /// Whether it has a field for usage of everything inside the span.
    pub(crate) is_inclusive: bool,
    /// Whether it is a span of the GenAI conventions, for which a root of its own makes no sense while another is
    /// current.
    pub(crate) is_gen_ai: bool,
    pub(crate) has_stage: bool,
    pub(crate) has_gate: bool,
    /// Whether its events record an operation that is no span.
    pub(crate) is_record: bool,
    /// The role of each of the callsite's fields.
    pub(crate) roles: Box<[Role]>,
}

/// Calls of known emitters that record usage without an operation: name and target. adk 2.3 and langchain-rust 7.
const CALLS: [(&str, &str); 2] =
    [("gen_ai.generate", "adk_telemetry::spans"), ("llm.generate", "langchain_rust::observability")];

static MEANINGS: Lazy<DashMap<usize, &'static Meaning, FastHash>> =
    Lazy::new(|| DashMap::with_hasher(FastHash));

impl Meaning {
    /// What the callsite of these metadata means.
    pub(crate) fn of(metadata: &'static Metadata<'static>) -> &'static Self {
        let address = std::ptr::from_ref(metadata) as usize;
        // `get` first: `entry` takes the write lock of a shard, and all threads meet the same callsites.
        if let Some(known) = MEANINGS.get(&address) {
            return *known;
        }
        // Leaked: metadata live for ever, and a reference without a count is copied into every span.
        *MEANINGS.entry(address).or_insert_with(|| Box::leak(Box::new(Self::work_out(metadata))))
    }

    fn work_out(metadata: &'static Metadata<'static>) -> Self {
        let names: Vec<&str> = metadata.fields().iter().map(|field| field.name()).collect();
        let mut roles: Box<[Role]> = names.iter().map(|name| Role::of(name)).collect();
        let has = |role: Role| roles.contains(&role);
        let has_gate = has(Role::Gate) || has(Role::Evaluation);
        let has_usage = roles.iter().any(|role| matches!(role, Role::Usage(..)));
        let is_inclusive =
            roles.iter().any(|role| matches!(role, Role::Usage(_, Inclusive) | Role::Cost(Inclusive)));
        let names_a_call = ["gen_ai.operation.name", "gen_ai.request.model", "llm.model_name"];
        let is_known = CALLS.contains(&(metadata.name(), metadata.target()));
        let is_call = is_known || has_usage && names_a_call.iter().any(|name| names.contains(name));
        let is_gen_ai = is_known || names.contains(&"gen_ai.operation.name");
        let is_relevant = roles.iter().any(|role| !matches!(role, Role::Other | Role::Message));
        let has_stage = has(Role::Name(Naming::Stage));
        let is_record = metadata.is_event() && metadata.target() == direct::TARGET;
        if is_record {
            for (name, role) in names.iter().zip(&mut roles) {
                *role = match *name {
                    "duration_seconds" => Role::Seconds,
                    "meta" => Role::Meta,
                    "refusal" => Role::Refusal,
                    _ => *role,
                };
            }
        }
        if has_gate {
            // All that a gate records is kept with its verdict.
            for role in &mut roles {
                if *role == Role::Other {
                    *role = Role::Diagnostic;
                }
            }
        }
        Self {
            name: Symbol::intern(metadata.name()),
            target: metadata.target(),
            krate: crate_of(metadata),
            is_error: metadata.is_event() && *metadata.level() == Level::ERROR,
            is_relevant,
            is_call,
            is_inclusive,
            is_gen_ai,
            has_stage,
            has_gate,
            is_record,
            roles,
        }
    }
}

impl fmt::Debug for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meaning")
            .field("name", &self.name)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

fn crate_of(metadata: &Metadata<'static>) -> &'static str {
    let path = metadata.module_path().unwrap_or(metadata.target());
    path.split("::").next().unwrap_or(path)
}
