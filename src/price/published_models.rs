//! What the published data has of a model beside its price: how names match it, its tiers, and which rates it lists.
//!
//! `genai-prices` matches a name and prices a call. It has no function that returns the rule by which a name matched, the tiers of a
//! model, or whether a rate is listed as 0 or not listed. Only these are read here; prices are its answers.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::context_tiers::ContextTiers;
use super::known_names;
use super::service_tier::ServiceTier;
use super::version_stamp;
use crate::ledger::rfc3339;

/// Every model of the data, by the id of its provider and its own.
pub(super) struct PublishedModels {
    providers: HashMap<String, PublishedProvider>,
    pub(super) context_tiers: ContextTiers,
    /// The days from which a price holds, in nanoseconds since the Unix epoch.
    starts: Vec<i128>,
}

struct PublishedProvider {
    /// Providers with models that are this one's too, where it lists none of the name.
    fallbacks: Vec<String>,
    models: HashMap<String, PublishedModel>,
}

/// What the data has of one model beside its price.
#[derive(Default)]
pub(super) struct PublishedModel {
    /// Whole names, only kept for models that other rules match too, and for those with another id than each of them.
    names: Vec<String>,
    patterns: Vec<Pattern>,
    tiers: Vec<PublishedTier>,
    rates: Listed,
}

/// Which rates a model has, at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Listed {
    /// An entry without a price.
    #[default]
    None,
    /// A rate of input, and none of output: every token is input.
    Input,
    /// Any others.
    Several,
}

/// A rule that matches more names than one.
enum Pattern {
    Begins(String),
    Ends(String),
    Contains(String),
    Regex(String),
}

/// A price for a tier, from a time on.
struct PublishedTier {
    key: String,
    value: String,
    /// In nanoseconds since the Unix epoch.
    from: i128,
}

/// How a name that `genai-prices` matched to a model is one of that model.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match<'a> {
    /// The name is listed, or is followed by nothing but dates and version stamps. The id of the provider that lists the model.
    Name(&'a str),
    /// A pattern of the model matches the name, and the rest of the name means something.
    Resembles,
}

#[derive(Deserialize)]
struct ProviderEntry {
    id: String,
    #[serde(default)]
    models: Vec<ModelEntry>,
    #[serde(default)]
    fallback_model_providers: Vec<String>,
}

#[derive(Deserialize)]
struct ModelEntry {
    id: String,
    #[serde(default, rename = "match")]
    rule: Value,
    #[serde(default)]
    prices: Value,
    #[serde(default)]
    price_variants: Value,
}

impl PublishedModels {
    /// Reads a `data.json`.
    pub(super) fn read(json: &[u8]) -> Result<Self, serde_json::Error> {
        let entries: Vec<ProviderEntry> = serde_json::from_slice(json)?;
        let mut context_tiers = ContextTiers::default();
        let mut starts = Vec::new();
        let mut providers = HashMap::new();
        for provider in entries {
            let mut models = HashMap::new();
            for model in provider.models {
                context_tiers.add(&model.id, &model.prices);
                context_tiers.add(&model.id, &model.price_variants);
                add_starts(&model.prices, &mut starts);
                add_starts(&model.price_variants, &mut starts);
                let read = PublishedModel::read(&model.id, &model.rule, &model.prices, &model.price_variants);
                models.insert(model.id, read);
            }
            let fallbacks = provider.fallback_model_providers;
            providers.insert(provider.id, PublishedProvider { fallbacks, models });
        }
        Ok(Self { providers, context_tiers, starts })
    }

    /// The last day before a time on which a price began: the list is that new at least.
    pub(super) fn newest_start(&self, before: i128) -> Option<i128> {
        self.starts.iter().copied().filter(|start| *start <= before).max()
    }

    /// The number of prices that begin after a time.
    #[cfg(test)]
    pub(super) fn starts_after(&self, time: i128) -> usize {
        self.starts.iter().filter(|start| **start > time).count()
    }

    /// The number of providers, of models, of models that are listed without a price, and of models with prices of tiers.
    pub(super) fn counts(&self) -> [usize; 4] {
        let models = || self.providers.values().flat_map(|provider| provider.models.values());
        let without_price = models().filter(|model| model.rates == Listed::None).count();
        let with_tiers = models().filter(|model| !model.tiers.is_empty()).count();
        [self.providers.len(), models().count(), without_price, with_tiers]
    }

    /// A model by the ids of the provider that lists it and its own.
    pub(super) fn get(&self, provider: &str, model: &str) -> Option<&PublishedModel> {
        self.providers.get(provider)?.models.get(model)
    }

    /// Names, or the beginnings of names, that the rules of a model have beside its id.
    pub(super) fn other_names(&self, provider: &str, id: &str) -> Vec<String> {
        let Some(model) = self.get(provider, id) else { return Vec::new() };
        let literal = |pattern: &Pattern| match pattern {
            Pattern::Begins(text) | Pattern::Ends(text) | Pattern::Contains(text) => Some(text.clone()),
            Pattern::Regex(_) => None,
        };
        model.names.iter().cloned().chain(model.patterns.iter().filter_map(literal)).collect()
    }

    /// The providers with models that this one resells.
    pub(super) fn resold_by(&self, provider: &str) -> impl Iterator<Item = &str> {
        let fallbacks = self.providers.get(provider).map(|provider| &*provider.fallbacks);
        fallbacks.unwrap_or_default().iter().map(String::as_str)
    }

    /// How a name is one of the model that `genai-prices` found for it at a provider.
    pub(super) fn how<'a>(&'a self, provider: &'a str, model: &str, name: &str) -> Match<'a> {
        let Some(selected) = self.providers.get(provider) else { return Match::Resembles };
        // As `genai-prices` does: the name as it is, then with dashes in its dates; the provider's own models first.
        for name in [name, &version_stamp::with_dashes(name)] {
            let lists = [provider].into_iter().chain(selected.fallbacks.iter().map(String::as_str));
            for list in lists {
                let Some(found) = self.get(list, model) else { continue };
                match found.how(list, model, name) {
                    Some(true) => return Match::Name(list),
                    Some(false) => return Match::Resembles,
                    None => {}
                }
            }
        }
        Match::Resembles
    }
}

/// Collects the days from which prices hold, at any depth.
fn add_starts(prices: &Value, starts: &mut Vec<i128>) {
    match prices {
        Value::Array(items) => items.iter().for_each(|item| add_starts(item, starts)),
        Value::Object(fields) => {
            let start = fields.get("start_date").and_then(Value::as_str);
            starts.extend(start.and_then(|date| rfc3339::parse_date(date).ok()));
            ["constraint", "prices"]
                .iter()
                .filter_map(|key| fields.get(*key))
                .for_each(|inner| add_starts(inner, starts));
        }
        _ => {}
    }
}

impl PublishedModel {
    fn read(id: &str, rule: &Value, prices: &Value, variants: &Value) -> Self {
        let mut model = Self { rates: Listed::read(prices), ..Self::default() };
        model.read_rule(rule);
        if model.patterns.is_empty() && model.names.iter().any(|name| name.eq_ignore_ascii_case(id)) {
            model.names = Vec::new();
        }
        for variant in variants.as_array().into_iter().flatten() {
            model.tiers.extend(PublishedTier::read(variant));
        }
        model
    }

    fn read_rule(&mut self, rule: &Value) {
        for (key, value) in rule.as_object().into_iter().flatten() {
            match (key.as_str(), value) {
                ("or" | "and", Value::Array(rules)) => rules.iter().for_each(|rule| self.read_rule(rule)),
                ("equals", Value::String(text)) => self.names.push(text.to_lowercase()),
                ("starts_with", Value::String(text)) => {
                    self.patterns.push(Pattern::Begins(text.to_lowercase()))
                }
                ("ends_with", Value::String(text)) => self.patterns.push(Pattern::Ends(text.to_lowercase())),
                ("contains", Value::String(text)) => {
                    self.patterns.push(Pattern::Contains(text.to_lowercase()))
                }
                ("regex", Value::String(text)) => self.patterns.push(Pattern::Regex(text.clone())),
                _ => {}
            }
        }
    }

    /// Whether a name that one of its rules matches is its own; `None` if none of its rules matches.
    fn how(&self, provider: &str, id: &str, name: &str) -> Option<bool> {
        // Without patterns only whole names match, and `genai-prices` has found one.
        if self.patterns.is_empty()
            || name.eq_ignore_ascii_case(id)
            || self.names.iter().any(|own| own == name)
        {
            return Some(true);
        }
        let mut is_matched = None;
        for (before, literal, after) in self.patterns.iter().filter_map(|pattern| pattern.split(name)) {
            if known_names::is_same_model(provider, id, before, literal, after) {
                return Some(true);
            }
            is_matched = Some(false);
        }
        is_matched
    }

    /// Which rates it has.
    pub(super) fn rates(&self) -> Listed {
        self.rates
    }

    /// Whether it has a price for a tier at a time, in nanoseconds since the Unix epoch.
    pub(super) fn has_tier(&self, tier: &ServiceTier, nanoseconds: i128) -> bool {
        let (key, value) = tier.context();
        self.tiers.iter().any(|own| own.key == key && own.value == value && own.from <= nanoseconds)
    }
}

impl Pattern {
    /// What is before the part of a name that it matches, that part, and what is after it.
    fn split<'a>(&self, name: &'a str) -> Option<(&'a str, &'a str, &'a str)> {
        let (start, end) = match self {
            Self::Begins(text) => name.starts_with(text.as_str()).then_some((0, text.len()))?,
            Self::Ends(text) => {
                name.ends_with(text.as_str()).then(|| (name.len() - text.len(), name.len()))?
            }
            Self::Contains(text) => name.find(text.as_str()).map(|start| (start, start + text.len()))?,
            Self::Regex(text) => {
                let regex = fancy_regex::Regex::new(text).ok()?;
                let found = regex.find(name).ok()??;
                // A look-around alone excludes names, and matches none.
                (found.start() < found.end()).then_some((found.start(), found.end()))?
            }
        };
        Some((&name[..start], &name[start..end], &name[end..]))
    }
}

impl Listed {
    fn read(prices: &Value) -> Self {
        let keys = |prices: &Map<String, Value>| {
            let is_input = |key: &String| key.starts_with("input_") || key.starts_with("cache_");
            match () {
                () if prices.is_empty() => Self::None,
                () if prices.contains_key("input_mtok") && prices.keys().all(is_input) => Self::Input,
                () => Self::Several,
            }
        };
        match prices {
            Value::Object(prices) => keys(prices),
            Value::Array(dated) => {
                let each = dated.iter().filter_map(|dated| dated["prices"].as_object()).map(keys);
                // A rate that a model has at one time is missed at another: both are several.
                each.reduce(|one, other| if one == other { one } else { Self::Several }).unwrap_or_default()
            }
            _ => Self::None,
        }
    }
}

impl PublishedTier {
    /// Reads a price variant for one thing, such as a tier. `None` for others.
    fn read(variant: &Value) -> Option<Self> {
        let when = variant["when"].as_object().filter(|when| when.len() == 1)?;
        let (key, value) = when.iter().next()?;
        let from = match &variant["constraint"] {
            Value::Null => i128::MIN,
            // No variant has times of day. With one, its tier has no price rather than the list price.
            constraint => rfc3339::parse_date(constraint["start_date"].as_str()?).ok()?,
        };
        Some(Self { key: key.clone(), value: value.as_str()?.to_owned(), from })
    }
}
