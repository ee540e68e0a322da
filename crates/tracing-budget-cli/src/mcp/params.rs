//! Parameters of the tools. An agent reads the comments: they are the descriptions in the tools' schemas.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, json};

use tracing_budget_history::grammar::{RunQuery, STATUSES, When, Zone};

/// Parameters of `list_runs`: every word of the filter grammar, read and described by it.
#[derive(Debug)]
pub(super) struct ListRuns(pub(super) RunQuery);

impl ListRuns {
    /// Runs per page unless `limit` is set: a model reads the page, and pays for its tokens.
    pub(super) const DEFAULT_LIMIT: usize = 10;

    /// Maximum runs per page, for the same reason.
    pub(super) const MAX_LIMIT: usize = 50;
}

impl<'de> Deserialize<'de> for ListRuns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Map::deserialize(deserializer)?;
        RunQuery::from_json(&words).map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for ListRuns {
    fn schema_name() -> Cow<'static, str> {
        "ListRuns".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut properties = Map::new();
        for word in RunQuery::WORDS {
            let mut property = match word.name {
                "limit" => json!({"type": "integer", "minimum": 1, "maximum": Self::MAX_LIMIT}),
                "min_cost_usd" => json!({"type": "number"}),
                _ if word.repeatable => json!({"type": "array", "items": {"type": "string"}}),
                _ => json!({"type": "string"}),
            };
            let more = match word.name {
                "since" | "until" => format!(": {}", When::EXPECTED),
                "tz" => format!("; default: {}", Zone::local()),
                "limit" => format!(", default {}", Self::DEFAULT_LIMIT),
                "status" => format!(
                    ": {}",
                    STATUSES.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(", ")
                ),
                _ => String::new(),
            };
            property["description"] = format!("{}{more}.", word.description).into();
            properties.insert(word.name.to_owned(), property);
        }
        json_schema!({"type": "object", "properties": properties, "additionalProperties": false})
    }
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
    /// Input tokens written to a cache for one hour, per call; a part of cache_write_tokens.
    #[serde(default)]
    pub(super) cache_write_1h_tokens: u64,
    /// Counts of other units per call, such as `web_searches`, `input_image_tokens` or `audio_seconds`.
    #[serde(default)]
    pub(super) units: std::collections::BTreeMap<String, f64>,
    /// Service tier: `batch`, `flex`, `priority`, `fast`; default: the list price.
    #[serde(default)]
    pub(super) tier: Option<String>,
    /// Number of calls; default 1.
    #[serde(default)]
    pub(super) calls: Option<u32>,
}
