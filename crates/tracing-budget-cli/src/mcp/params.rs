//! Parameters of the tools. An agent reads the comments: they are the descriptions in the tools' schemas.

use schemars::JsonSchema;
use serde::Deserialize;

/// Filters have the names and the grammar of the command line and of the HTTP API.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListRuns {
    /// Project name.
    pub(super) project: Option<String>,
    /// Pipeline name (the root span).
    pub(super) pipeline: Option<String>,
    /// Earliest start: `2026-11-01`, `yesterday`, `7d`, `12h`, `2026-11-01T09:30`, `ever`.
    pub(super) since: Option<String>,
    /// Latest start; a date includes its whole day.
    pub(super) until: Option<String>,
    /// Time zone of dates, such as `Europe/Berlin`; default: the zone of the server's machine.
    pub(super) tz: Option<String>,
    /// Any of these statuses: running, completed, failed, cancelled, incomplete, interrupted.
    pub(super) status: Vec<String>,
    /// Tags that must all match, each as `NAME=VALUE`.
    pub(super) tag: Vec<String>,
    /// Stage that the run started.
    pub(super) stage: Option<String>,
    /// Model that the run called: `provider/model`, or the model alone.
    pub(super) model: Option<String>,
    /// Gate with a verdict in the run.
    pub(super) gate: Option<String>,
    /// Verdict of a gate in the run (pass, fail, warn, skipped, error); with `gate`, of that gate.
    pub(super) verdict: Option<String>,
    /// Minimum known cost in USD.
    pub(super) min_cost_usd: Option<f64>,
    /// Order: `started` (default), `cost`, `duration` or `tokens`, largest first; `:asc` reverses it.
    pub(super) sort: Option<String>,
    /// Maximum number of runs, 1 to 50; default 10.
    pub(super) limit: Option<u32>,
    /// `next` of the result before, for the page after it.
    pub(super) cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowRun {
    /// Run: an id, its beginning or ending, `last` or `last-failed`.
    pub(super) run: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ScopeParams {
    /// Project name.
    pub(super) project: Option<String>,
    /// Pipeline name (the root span).
    pub(super) pipeline: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CompareRuns {
    /// Run to compare with: an id, its beginning or ending, `last` or `last-failed`.
    pub(super) a: String,
    /// Run to compare; changes are `b` less `a`.
    pub(super) b: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelCost {
    /// Model name, such as `claude-sonnet-4-5` or `openai/gpt-5`.
    pub(super) model: String,
    /// Provider name, such as `anthropic`; default: found from the model's name.
    #[serde(default)]
    pub(super) provider: Option<String>,
    /// Input tokens per call, including cached ones.
    pub(super) input_tokens: u64,
    /// Output tokens per call, including reasoning.
    pub(super) output_tokens: u64,
    /// Input tokens read from a cache, per call.
    #[serde(default)]
    pub(super) cache_read_tokens: u64,
    /// Input tokens written to a cache, per call.
    #[serde(default)]
    pub(super) cache_write_tokens: u64,
    /// Number of calls; default 1.
    #[serde(default)]
    pub(super) calls: Option<u32>,
}
