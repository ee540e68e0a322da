//! Where the published prices step up with the length of the input.
//!
//! `genai-prices` prices a call by its tier, and has no function that returns the tiers. Only their bounds are read here. What is
//! charged between two bounds is its answer.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::Value;

/// The bounds of every model that has any, in rising order: more input than so many tokens is in the next tier.
pub(super) struct ContextTiers(HashMap<String, BTreeSet<u64>>);

#[derive(Deserialize)]
struct Provider {
    #[serde(default)]
    models: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    #[serde(default)]
    prices: Value,
    #[serde(default)]
    price_variants: Value,
}

impl ContextTiers {
    /// Reads the bounds in a `data.json`.
    pub(super) fn read(json: &[u8]) -> Result<Self, serde_json::Error> {
        let providers: Vec<Provider> = serde_json::from_slice(json)?;
        let mut bounds: HashMap<String, BTreeSet<u64>> = HashMap::new();
        for model in providers.into_iter().flat_map(|provider| provider.models) {
            let mut found = BTreeSet::new();
            collect(&model.prices, &mut found);
            collect(&model.price_variants, &mut found);
            if !found.is_empty() {
                // Models of one name at two providers share their bounds: one more bound is one more query, and no other cost.
                bounds.entry(model.id).or_default().append(&mut found);
            }
        }
        Ok(Self(bounds))
    }

    /// The bounds of a model.
    pub(super) fn of(&self, model: &str) -> impl DoubleEndedIterator<Item = u64> {
        self.0.get(model).into_iter().flatten().copied()
    }
}

/// Collects every `start` of a tier, wherever the prices have it.
fn collect(prices: &Value, found: &mut BTreeSet<u64>) {
    match prices {
        Value::Array(all) => all.iter().for_each(|one| collect(one, found)),
        Value::Object(all) => {
            for (key, one) in all {
                match one.as_f64() {
                    // Tokens are whole: more than 1,000.5 is more than 1,000.
                    Some(start) if key == "start" && start >= 0.0 => _ = found.insert(start as u64),
                    _ => collect(one, found),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_wherever_they_stand() {
        let json = br#"[{"id": "p", "models": [
            {"id": "flat", "prices": {"input_mtok": 1}},
            {"id": "long", "prices": [
                {"constraint": {"start_date": "2026-01-01"},
                 "prices": {"input_mtok": {"base": 1, "tiers": [{"start": 200000, "price": 2}]}}},
                {"prices": {"output_mtok": {"base": 1, "tiers": [{"start": 128000.5, "price": 2}]}}}]},
            {"id": "batch", "prices": {}, "price_variants": [
                {"prices": {"input_mtok": {"base": 1, "tiers": [{"start": 32000, "price": 2}]}}}]}]}]"#;
        let tiers = ContextTiers::read(json).unwrap();
        let of = |model: &str| tiers.of(model).collect::<Vec<_>>();
        assert_eq!(of("flat"), [0; 0]);
        assert_eq!(of("long"), [128_000, 200_000]);
        assert_eq!(of("batch"), [32_000]);
        assert_eq!(of("no such model"), [0; 0]);
    }
}
