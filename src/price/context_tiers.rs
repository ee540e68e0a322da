//! Where the published prices step up with the length of the input.
//!
//! `genai-prices` prices a call by its tier, and has no function that returns the tiers. Only their bounds are read here. What is
//! charged between two bounds is its answer.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

/// The bounds of every model that has any, in rising order: more input than so many tokens is in the next tier.
#[derive(Default)]
pub(super) struct ContextTiers(HashMap<String, BTreeSet<u64>>);

impl ContextTiers {
    /// Adds the bounds in a part of a model's entry. Models of one name at two providers share their bounds: one more bound is one more
    /// query, and no other cost.
    pub(super) fn add(&mut self, model: &str, prices: &Value) {
        let mut found = BTreeSet::new();
        collect(prices, &mut found);
        if !found.is_empty() {
            self.0.entry(model.to_owned()).or_default().append(&mut found);
        }
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
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bounds_are_read_wherever_they_stand() {
        let mut tiers = ContextTiers::default();
        tiers.add("flat", &json!({"input_mtok": 1}));
        let dated = json!([
            {"constraint": {"start_date": "2026-01-01"},
             "prices": {"input_mtok": {"base": 1, "tiers": [{"start": 200000, "price": 2}]}}},
            {"prices": {"output_mtok": {"base": 1, "tiers": [{"start": 128000.5, "price": 2}]}}}]);
        tiers.add("long", &dated);
        tiers.add("batch", &json!({}));
        tiers.add(
            "batch",
            &json!([{"prices": {"input_mtok": {"base": 1, "tiers": [{"start": 32000, "price": 2}]}}}]),
        );
        let of = |model: &str| tiers.of(model).collect::<Vec<_>>();
        assert_eq!(of("flat"), [0; 0]);
        assert_eq!(of("long"), [128_000, 200_000]);
        assert_eq!(of("batch"), [32_000]);
        assert_eq!(of("no such model"), [0; 0]);
    }
}
