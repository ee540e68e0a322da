//! The rates that published data lists, as it lists them: for showing. Calls are priced by `genai-prices`.
//!
//! Read at the first question, as most programs have none. A test compares each rate with the charge of `genai-prices`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::service_tier::ServiceTier;
use super::unit_table;
use crate::ledger::{Kind, Usd, rfc3339};

/// A rate of a unit for inputs of more tokens than this; `None` for all.
pub(super) type Rate = (Kind, Option<u64>, Usd);

const DAY: i128 = 86_400_000_000_000;

/// Every model of the data, by the id of its provider and its own.
pub(super) struct PublishedPrices(HashMap<String, PublishedProvider>);

struct PublishedProvider {
    comment: Option<String>,
    models: HashMap<String, PublishedPrice>,
}

/// The prices of one model.
#[derive(Deserialize)]
pub(super) struct PublishedPrice {
    id: String,
    #[serde(default)]
    prices: Value,
    #[serde(default)]
    price_variants: Vec<Value>,
    #[serde(default)]
    price_comments: Option<String>,
    #[serde(default)]
    deprecated: Option<bool>,
}

#[derive(Deserialize)]
struct ProviderEntry {
    id: String,
    #[serde(default)]
    price_comments: Option<String>,
    #[serde(default)]
    models: Vec<PublishedPrice>,
}

impl PublishedPrices {
    /// Reads a `data.json`. What cannot be read has no rates to show: the calculator has refused it before.
    pub(super) fn read(json: &[u8]) -> Self {
        let entries: Vec<ProviderEntry> = serde_json::from_slice(json).unwrap_or_default();
        let provider = |entry: ProviderEntry| {
            let models = entry.models.into_iter().map(|model| (model.id.clone(), model)).collect();
            (entry.id, PublishedProvider { comment: entry.price_comments, models })
        };
        Self(entries.into_iter().map(provider).collect())
    }

    pub(super) fn get(&self, provider: &str, model: &str) -> Option<&PublishedPrice> {
        self.0.get(provider)?.models.get(model)
    }

    /// What the data remarks on the prices of a model: on the model first, then on its provider.
    pub(super) fn comments(&self, provider: &str, model: &str) -> Vec<String> {
        let Some(of_provider) = self.0.get(provider) else { return Vec::new() };
        let price = of_provider.models.get(model);
        let is_deprecated = price.is_some_and(|price| price.deprecated == Some(true));
        let deprecated = is_deprecated.then(|| "deprecated by its provider".to_owned());
        let comments = [price.and_then(|price| price.price_comments.clone()), of_provider.comment.clone()];
        let comments = comments.into_iter().flatten().filter(|comment| !comment.trim().is_empty());
        deprecated.into_iter().chain(comments).collect()
    }
}

impl PublishedPrice {
    /// The rates in effect at a time, in nanoseconds since the Unix epoch.
    pub(super) fn rates(&self, at: i128, tier: Option<&ServiceTier>) -> Vec<Rate> {
        let mut prices: BTreeMap<&str, &Value> = BTreeMap::new();
        for variant in self.price_variants.iter().filter(|variant| is_active(&variant["constraint"], at)) {
            if tier.is_some_and(|tier| is_for(&variant["when"], tier)) {
                for (key, price) in variant["prices"].as_object().into_iter().flatten() {
                    // The first of several variants decides, as in `genai-prices`.
                    prices.entry(key).or_insert(price);
                }
            }
        }
        for (key, price) in self.listed(at).into_iter().flatten() {
            prices.entry(key).or_insert(price);
        }
        let mut rates = Vec::new();
        for (key, price) in prices {
            let Some(unit) = unit_table::of_price(key) else { continue };
            let mut add = |above, usd: &Value| {
                rates.extend(usd.as_f64().and_then(Usd::from_f64).map(|usd| (unit, above, usd)));
            };
            match price {
                Value::Object(tiered) => {
                    add(None, &price["base"]);
                    for tier in tiered.get("tiers").and_then(Value::as_array).into_iter().flatten() {
                        add(tier["start"].as_u64(), &tier["price"]);
                    }
                }
                flat => add(None, flat),
            }
        }
        rates.sort_by_key(|(unit, above, _)| (unit_table::place(*unit), *above));
        rates
    }

    /// The prices in effect: of several, the last with a constraint that holds.
    fn listed(&self, at: i128) -> Option<&Map<String, Value>> {
        match &self.prices {
            Value::Array(dated) => {
                let active = dated.iter().rfind(|dated| is_active(&dated["constraint"], at));
                active.or(dated.first())?["prices"].as_object()
            }
            prices => prices.as_object(),
        }
    }

    /// The tiers with prices of their own at any time.
    pub(super) fn tiers(&self) -> impl Iterator<Item = ServiceTier> {
        let names = self.price_variants.iter().filter_map(|variant| {
            let when = variant["when"].as_object().filter(|when| when.len() == 1)?;
            when.get("service_tier").or(when.get("processing"))?.as_str()
        });
        names.filter_map(ServiceTier::parse)
    }

    /// When prices begin to hold, in nanoseconds since the Unix epoch.
    pub(super) fn dates(&self) -> BTreeSet<i128> {
        let dates = self.constraints().filter_map(|constraint| constraint["start_date"].as_str());
        dates.filter_map(|date| rfc3339::parse_date(date).ok()).collect()
    }

    /// When prices begin or end on every day, in nanoseconds since midnight UTC.
    pub(super) fn hours(&self) -> BTreeSet<i128> {
        self.constraints().filter_map(window).flatten().collect()
    }

    fn constraints(&self) -> impl Iterator<Item = &Value> {
        let dated = self.prices.as_array().into_iter().flatten();
        dated.chain(&self.price_variants).map(|dated| &dated["constraint"])
    }
}

/// Whether a variant is for this tier, and for nothing else.
fn is_for(when: &Value, tier: &ServiceTier) -> bool {
    let (key, value) = tier.context();
    when.as_object().is_some_and(|when| when.len() == 1) && when[key].as_str() == Some(value)
}

fn is_active(constraint: &Value, at: i128) -> bool {
    if constraint.is_null() {
        return true;
    }
    if let Some(date) = constraint["start_date"].as_str() {
        return rfc3339::parse_date(date).is_ok_and(|start| start <= at);
    }
    let of_day = at.rem_euclid(DAY);
    window(constraint).is_some_and(|[start, end]| {
        if end < start { of_day >= start || of_day < end } else { of_day >= start && of_day < end }
    })
}

/// Two times of a day, in nanoseconds since midnight UTC.
fn window(constraint: &Value) -> Option<[i128; 2]> {
    let of_day = |key: &str| {
        let text = format!("1970-01-01T{}", constraint[key].as_str()?);
        rfc3339::parse(&text).ok().map(|nanoseconds| nanoseconds.rem_euclid(DAY))
    };
    Some([of_day("start_time")?, of_day("end_time")?])
}
