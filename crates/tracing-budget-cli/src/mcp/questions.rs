//! What the tools are asked. The comments become the descriptions that an agent reads.

use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListRuns {
    /// Only runs of this project.
    pub(super) project: Option<String>,
    /// Only runs of this pipeline (the name of the root span).
    pub(super) pipeline: Option<String>,
    /// Only runs with one of these statuses.
    pub(super) status: Vec<Word>,
    /// Only runs that started in the last so many days.
    pub(super) since_days: Option<u32>,
    /// How to order them: newest first unless said.
    pub(super) sort: Order,
    /// How many at most, 1 to 50; 10 unless said.
    pub(super) limit: Option<u32>,
    /// `next` of the answer before, for the page after it.
    pub(super) cursor: Option<String>,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    Running,
    Completed,
    Failed,
    Cancelled,
    Incomplete,
    Interrupted,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    #[default]
    Newest,
    Dearest,
    Longest,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowRun {
    /// The run: its id, the beginning of one, `last` or `last-failed`.
    pub(super) run: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Where {
    /// Only this project.
    pub(super) project: Option<String>,
    /// Only this pipeline.
    pub(super) pipeline: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CompareRuns {
    /// The run to compare with: its id, the beginning of one, `last` or `last-failed`.
    pub(super) a: String,
    /// The run that is compared; changes are `b` less `a`.
    pub(super) b: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelCost {
    /// The model, as `claude-sonnet-4-5` or `openai/gpt-5`.
    pub(super) model: String,
    /// Who serves it, as `anthropic`; worked out from the model's name if left out.
    #[serde(default)]
    pub(super) provider: Option<String>,
    /// Input tokens of one call, cached ones included.
    pub(super) input_tokens: u64,
    /// Output tokens of one call, reasoning included.
    pub(super) output_tokens: u64,
    /// Input tokens read from a cache.
    #[serde(default)]
    pub(super) cache_read_tokens: u64,
    /// Input tokens written to a cache.
    #[serde(default)]
    pub(super) cache_write_tokens: u64,
    /// How many such calls; 1 unless said.
    #[serde(default)]
    pub(super) calls: Option<u32>,
}
