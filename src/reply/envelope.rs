//! What is around the counts of a reply: the objects that have them, and model, id, tier and finish reason.

use serde_json::{Map, Value};

use super::cost::OutsideCost;
use super::path::{at, text};
use super::shapes;
use crate::ledger::Kind;

/// The accounting of a reply, or of the pieces of a stream so far. Texts of the reply are left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Envelope {
    /// The name of the shape that the reply's `object` or `type` belongs to.
    pub(super) shape: Option<&'static str>,
    /// The objects with counts, by their place. The reply itself has an empty place.
    pub(super) usages: Vec<(&'static str, Map<String, Value>)>,
    pub(super) model: Option<String>,
    pub(super) response_id: Option<String>,
    pub(super) tier: Option<String>,
    pub(super) finish_reason: Option<String>,
    /// Units that are counted by the reply's items, and not in its usage.
    pub(super) units: Vec<(Kind, f64)>,
    /// A cost that is reported outside of the usage.
    pub(super) cost: OutsideCost,
    /// Whether it is a reply that has no output tokens: embeddings, or a ranking.
    pub(super) is_input_only: bool,
    pub(super) warnings: Vec<String>,
}

/// Objects around a reply, the outermost first: events of a stream, lines of a batch, and gateways.
const WRAPPERS: [&str; 8] = ["response", "message", "event", "body", "result", "chunk", "payload", "data"];

/// No known envelope has more objects around the reply: a line of a batch has two, and a gateway may add one.
const DEEPEST: u8 = 4;

/// Places of an object with counts inside a reply.
const PLACES: [(&str, &[&str]); 12] = [
    ("usage", &["usage"]),
    ("usageMetadata", &["usageMetadata"]),
    ("usage_metadata", &["usage_metadata"]),
    ("x_groq.usage", &["x_groq", "usage"]),
    // Converse's and Cohere's streams.
    ("metadata.usage", &["metadata", "usage"]),
    ("delta.usage", &["delta", "usage"]),
    ("amazon-bedrock-invocationMetrics", &["amazon-bedrock-invocationMetrics"]),
    ("usage_info", &["usage_info"]),
    ("tokenUsage", &["tokenUsage"]),
    ("info.last_token_usage", &["info", "last_token_usage"]),
    ("meta", &["meta"]),
    ("metrics", &["metrics"]),
];

/// Texts in a usage object that state what its numbers count.
const WORDS: [&str; 10] = [
    "type",
    "modality",
    "ttl",
    "model",
    "service_tier",
    "serviceTier",
    "speed",
    "inference_geo",
    "trafficType",
    "currency",
];

/// Objects and lists that a usage has, for a reply that is nothing but a usage.
const PARTS: [&str; 8] = [
    "cache_creation",
    "server_tool_use",
    "iterations",
    "billed_units",
    "tokens",
    "cacheDetails",
    "cost",
    "results",
];

impl Envelope {
    /// The accounting of a reply, or of one piece of a stream. A list is a list of pieces.
    pub(super) fn of(body: &Value) -> Self {
        let mut envelope = Self::default();
        match body {
            Value::Array(pieces) => pieces.iter().for_each(|piece| envelope.merge(Self::of(piece))),
            Value::Object(body) => envelope.read(body, 0),
            _ => {}
        }
        envelope
    }

    fn read(&mut self, level: &Map<String, Value>, depth: u8) {
        for key in ["type", "object"] {
            self.shape = text(level, &[key]).and_then(shapes::of_kind).or(self.shape);
        }
        self.cost = OutsideCost::of(level).or(std::mem::take(&mut self.cost));
        let usages = usages_of(level);
        let inner = WRAPPERS.iter().filter_map(|name| Some((*name, level.get(*name)?.as_object()?)));
        let inner = inner.filter(|_| usages.is_empty() && depth < DEEPEST).max_by_key(|(name, inner)| {
            // The one with a usage; of several the outermost, and the last of a maximum is taken.
            let at = WRAPPERS.iter().position(|wrapper| wrapper == name);
            (has_usage(inner, depth + 1), std::cmp::Reverse(at))
        });
        if let Some((name, inner)) = inner.filter(|(_, inner)| has_usage(inner, depth + 1) || is_reply(inner))
        {
            // OpenAI's line of a batch: the reply does not name the tier that it was billed by.
            if name == "response" && level.contains_key("custom_id") {
                self.tier = Some("batch".to_owned());
            }
            self.finish_reason = finish_reason(level).or(self.finish_reason.take());
            let outer = self.tier.take();
            self.read(inner, depth + 1);
            self.tier = outer.or(self.tier.take());
            return;
        }
        self.usages =
            if usages.is_empty() { Vec::from_iter(bare(level).map(|usage| ("", usage))) } else { usages };
        self.model = model(level);
        self.response_id = ["id", "responseId", "response_id", "generation_id"]
            .iter()
            .find_map(|key| text(level, &[key]))
            .map(str::to_owned);
        self.tier = tier(level, &self.usages).or(self.tier.take());
        self.finish_reason = finish_reason(level).or(self.finish_reason.take());
        self.is_input_only = is_input_only(level, self.model.as_deref());
        self.units = tool_calls(level);
        self.warnings.extend(grounding(level));
    }

    /// Takes over a later piece of the same stream: the newest of each, but a 0 never replaces a count above 0 (A4).
    pub(super) fn merge(&mut self, later: Self) {
        self.shape = later.shape.or(self.shape);
        for (place, usage) in later.usages {
            match self.usages.iter_mut().find(|(known, _)| *known == place) {
                Some((_, known)) => overlay(known, usage),
                None => self.usages.push((place, usage)),
            }
        }
        self.model = later.model.or(self.model.take());
        self.response_id = later.response_id.or(self.response_id.take());
        self.tier = later.tier.or(self.tier.take());
        self.finish_reason = later.finish_reason.or(self.finish_reason.take());
        if !later.units.is_empty() {
            self.units = later.units;
        }
        self.cost = later.cost.or(std::mem::take(&mut self.cost));
        self.is_input_only |= later.is_input_only;
        for warning in later.warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }

    /// Takes a header of the reply. Most have nothing to do with its accounting.
    pub(super) fn take_header(&mut self, name: &str, value: &str) {
        const INVOCATION: &str = "amazon-bedrock-invocationMetrics";
        const COUNTS: [(&str, &str); 4] = [
            ("x-amzn-bedrock-input-token-count", "inputTokenCount"),
            ("x-amzn-bedrock-output-token-count", "outputTokenCount"),
            ("x-amzn-bedrock-cache-read-input-token-count", "cacheReadInputTokenCount"),
            ("x-amzn-bedrock-cache-write-input-token-count", "cacheWriteInputTokenCount"),
        ];
        self.cost = OutsideCost::of_header(name, value).or(std::mem::take(&mut self.cost));
        if let Some((_, count)) = COUNTS.iter().find(|(header, _)| header.eq_ignore_ascii_case(name)) {
            let usage = Map::from_iter([((*count).to_owned(), Value::from(value.trim()))]);
            self.merge(Self { usages: vec![(INVOCATION, usage)], ..Self::default() });
        }
    }

    /// Whether any object with counts has a count.
    pub(super) fn has_counts(&self) -> bool {
        self.usages.iter().any(|(place, usage)| !place.is_empty() && has_number(usage))
    }
}

/// Replaces what the later object has, key by key.
fn overlay(known: &mut Map<String, Value>, later: Map<String, Value>) {
    for (key, value) in later {
        match (known.get_mut(&key), value) {
            (None, value) => drop(known.insert(key, value)),
            (Some(Value::Object(known)), Value::Object(later)) => overlay(known, later),
            (Some(Value::Number(known)), Value::Number(later))
                if later.as_f64() == Some(0.0) && known.as_f64() != Some(0.0) => {}
            (Some(_), Value::Null) => {}
            (Some(known), value) => *known = value,
        }
    }
}

/// Whether a usage has a number above or below 0, at any depth.
pub(super) fn has_number(usage: &Map<String, Value>) -> bool {
    fn is_number(value: &Value) -> bool {
        match value {
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => text.parse::<f64>().is_ok_and(|number| number != 0.0),
            Value::Object(map) => has_number(map),
            Value::Array(list) => list.iter().any(is_number),
            _ => false,
        }
    }
    usage.values().any(is_number)
}

fn usages_of(level: &Map<String, Value>) -> Vec<(&'static str, Map<String, Value>)> {
    let found = PLACES.iter().filter_map(|(place, path)| {
        let usage = at(level, path)?.as_object()?;
        // Names that others use too: only what Cohere and Replicate have there is a usage.
        let is_usage = match *place {
            "meta" => usage.contains_key("billed_units") || usage.contains_key("tokens"),
            "metrics" => usage.contains_key("input_token_count") || usage.contains_key("output_token_count"),
            _ => true,
        };
        let mut usage = is_usage.then(|| pruned(usage))?;
        // Mistral bills pages with an annotation higher, and only the reply itself shows that it has one.
        if level.get("document_annotation").is_some_and(|annotation| !annotation.is_null())
            && !usage.contains_key("pages_annotated")
            && let Some(pages) = usage.get("pages_processed").cloned()
        {
            usage.insert("pages_annotated".to_owned(), pages);
        }
        Some((*place, usage))
    });
    let vertex = vertex(level).map(|usage| ("predictions", usage));
    found.chain(of_choice(level)).chain(vertex).collect()
}

fn has_usage(level: &Map<String, Value>, depth: u8) -> bool {
    !usages_of(level).is_empty()
        || depth < DEEPEST
            && WRAPPERS.iter().any(|name| {
                level.get(*name).and_then(Value::as_object).is_some_and(|inner| has_usage(inner, depth + 1))
            })
}

/// Whether an object without a usage is a reply, for its names: the first event of a stream has those.
fn is_reply(level: &Map<String, Value>) -> bool {
    level.contains_key("model") && level.contains_key("id") || level.contains_key("native_tokens_prompt")
}

/// No usage is deeper. Without a bound, a hostile reply could exhaust the stack.
const DEPTH: u8 = 6;

/// The numbers of a usage, and the words that state what they count.
fn pruned(usage: &Map<String, Value>) -> Map<String, Value> {
    pruned_object(usage, DEPTH)
}

fn pruned_object(map: &Map<String, Value>, depth: u8) -> Map<String, Value> {
    map.iter().filter_map(|(key, value)| Some((key.clone(), pruned_value(key, value, depth)?))).collect()
}

fn pruned_value(key: &str, value: &Value, depth: u8) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.clone()),
        Value::String(text) => (WORDS.contains(&key) || text.parse::<f64>().is_ok()).then(|| value.clone()),
        Value::Object(map) if depth > 0 => Some(Value::Object(pruned_object(map, depth - 1))),
        Value::Array(list) if depth > 0 => {
            let objects = list.iter().filter_map(Value::as_object);
            Some(objects.map(|element| Value::Object(pruned_object(element, depth - 1))).collect())
        }
        Value::Object(_) | Value::Array(_) => None,
    }
}

/// The counts of a reply that has them at its top, as Ollama's, or that is nothing but a usage.
fn bare(level: &Map<String, Value>) -> Option<Map<String, Value>> {
    let is_part = |key: &str| PARTS.contains(&key) || key.ends_with("details") || key.ends_with("Details");
    let is_speech = level.contains_key("text")
        && ["task", "segments", "words", "language"].iter().any(|key| level.contains_key(*key));
    let is_count = |key: &str, value: &Value| match value {
        // Other replies have a length of something else.
        Value::Number(_) if key == "duration" => is_speech,
        Value::Number(_) if key == "seconds" => text(level, &["type"]) == Some("duration"),
        Value::Number(_) => true,
        Value::Object(_) | Value::Array(_) => is_part(key),
        Value::String(_) => WORDS.contains(&key),
        _ => false,
    };
    let kept = level.iter().filter(|(key, value)| is_count(key, value));
    let usage: Map<String, Value> =
        kept.filter_map(|(key, value)| Some((key.clone(), pruned_value(key, value, DEPTH)?))).collect();
    (!usage.is_empty()).then_some(usage)
}

/// Moonshot's streams have the usage in the last piece's choice; each of several has the same.
fn of_choice(level: &Map<String, Value>) -> Option<(&'static str, Map<String, Value>)> {
    let choices = level.get("choices")?.as_array()?;
    let usage = choices.iter().find_map(|choice| choice.get("usage")?.as_object())?;
    Some(("choices.usage", pruned(usage)))
}

/// Vertex counts each embedding by itself.
fn vertex(level: &Map<String, Value>) -> Option<Map<String, Value>> {
    let tokens = level.get("predictions")?.as_array()?.iter().filter_map(|prediction| {
        let statistics = prediction.get("embeddings")?.get("statistics")?;
        statistics.get("token_count").and_then(Value::as_f64)
    });
    let tokens = tokens.reduce(|sum, tokens| sum + tokens)?;
    let characters = at(level, &["metadata", "billableCharacterCount"]).cloned().unwrap_or(Value::Null);
    let counts = [("token_count", Value::from(tokens)), ("billableCharacterCount", characters)];
    Some(counts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// The model that the reply names. A summary of several models has one only if there is one.
fn model(level: &Map<String, Value>) -> Option<String> {
    let named = ["model", "modelVersion", "model_version"].iter().find_map(|key| text(level, &[key]));
    let only = || {
        let models = level.get("modelUsage")?.as_object()?;
        models.keys().next().map(String::as_str).filter(|_| models.len() == 1)
    };
    named.or_else(only).map(str::to_owned)
}

fn tier(level: &Map<String, Value>, usages: &[(&str, Map<String, Value>)]) -> Option<String> {
    let of_usage = |key: &str| usages.iter().find_map(|(_, usage)| text(usage, &[key]));
    let traffic = || match of_usage("trafficType")? {
        "ON_DEMAND" => None,
        "ON_DEMAND_FLEX" => Some("flex"),
        "ON_DEMAND_PRIORITY" => Some("priority"),
        other => Some(other),
    };
    let fast = of_usage("speed").filter(|speed| *speed == "fast");
    let named = || {
        let names: [&[&str]; 3] = [&["service_tier"], &["serviceTier"], &["serviceTier", "type"]];
        names.iter().find_map(|path| text(level, path))
    };
    fast.or_else(named)
        .or_else(|| of_usage("service_tier"))
        .or_else(|| of_usage("serviceTier"))
        .or_else(traffic)
        .map(str::to_owned)
}

fn finish_reason(level: &Map<String, Value>) -> Option<String> {
    let of_list = |list: &str, key: &str| {
        let list = level.get(list)?.as_array()?;
        let mut reasons: Vec<&str> = list.iter().filter_map(|one| one.get(key)?.as_str()).collect();
        reasons.dedup();
        (!reasons.is_empty()).then(|| reasons.join(", "))
    };
    let paths: [&[&str]; 7] = [
        &["stop_reason"],
        &["delta", "stop_reason"],
        &["delta", "finish_reason"],
        &["stopReason"],
        &["messageStop", "stopReason"],
        &["done_reason"],
        &["finish_reason"],
    ];
    // The Responses API has a status, and a reason only for what is incomplete.
    let responses = || {
        let status = text(level, &["status"]).filter(|_| text(level, &["object"]).is_some())?;
        let status = Some(status)
            .filter(|status| matches!(*status, "completed" | "failed" | "incomplete" | "cancelled"));
        text(level, &["incomplete_details", "reason"]).or(status)
    };
    of_list("choices", "finish_reason")
        .or_else(|| of_list("candidates", "finishReason"))
        .or_else(|| paths.iter().find_map(|path| text(level, path)).map(str::to_owned))
        .or_else(|| responses().map(str::to_owned))
}

fn is_input_only(level: &Map<String, Value>, model: Option<&str>) -> bool {
    let first = |list: &str| level.get(list).and_then(Value::as_array).and_then(|list| list.first());
    let has = |list: &str, key: &str| first(list).is_some_and(|one| one.get(key).is_some());
    let is_named = model.is_some_and(|model| {
        let model = model.to_ascii_lowercase();
        ["embed", "rerank"].iter().any(|part| model.contains(part))
    });
    is_named
        || ["embedding", "embeddings"].iter().any(|key| level.contains_key(*key))
        || text(level, &["object"]) == Some("list")
        || has("data", "embedding")
        || has("data", "relevance_score")
        || has("results", "relevance_score")
        || has("predictions", "embeddings")
}

/// The calls of OpenAI's own tools, which are billed and in no usage. Of a search's actions only the search itself is billed.
fn tool_calls(level: &Map<String, Value>) -> Vec<(Kind, f64)> {
    let Some(items) = level.get("output").and_then(Value::as_array) else { return Vec::new() };
    let count = |kind: &str| {
        let of_kind = items.iter().filter(|item| item.get("type").and_then(Value::as_str) == Some(kind));
        let billed = of_kind.filter(|item| {
            let action = item.get("action").and_then(|action| action.get("type")).and_then(Value::as_str);
            action.is_none_or(|action| action == "search")
        });
        billed.count() as f64
    };
    let counts =
        [(Kind::WebSearches, count("web_search_call")), (Kind::StorageSearches, count("file_search_call"))];
    counts.into_iter().filter(|(_, count)| *count > 0.0).collect()
}

/// Gemini bills searches by the prompt or by the query, depending on the model, so their count is no unit.
fn grounding(level: &Map<String, Value>) -> Option<String> {
    let candidates = level.get("candidates")?.as_array()?;
    let queries = candidates.iter().filter_map(|candidate| {
        let metadata = candidate.get("groundingMetadata")?;
        metadata.get("webSearchQueries")?.as_array().map(Vec::len)
    });
    let queries: usize = queries.sum();
    (queries > 0)
        .then(|| format!("groundingMetadata of a reply has {queries} web searches, and was not read"))
}
