//! The cost that a reply reports, in USD.

use serde_json::{Map, Value};

use super::path::{at, text};
use super::response_usage::ResponseUsage;
use crate::ledger::Usd;

/// xAI's ticks: 10^10 in a dollar, by <https://docs.x.ai/developers/cost-tracking>.
const TICKS_PER_USD: i128 = 10_000_000_000;
const PICO_PER_TICK: i128 = 1_000_000_000_000 / TICKS_PER_USD;

/// A cost beside the usage: its field and its value, as reported.
#[derive(Clone, Debug, Default)]
pub(super) struct OutsideCost(Option<(&'static str, Value)>);

impl OutsideCost {
    /// Claude Code, LiteLLM, and Vercel's gateway in its two spellings; OpenRouter's record of a generation.
    pub(super) fn of(level: &Map<String, Value>) -> Self {
        const PATHS: [(&str, &[&str]); 5] = [
            ("total_cost_usd", &["total_cost_usd"]),
            ("response_cost", &["response_cost"]),
            ("_hidden_params.response_cost", &["_hidden_params", "response_cost"]),
            ("providerMetadata.gateway.cost", &["providerMetadata", "gateway", "cost"]),
            ("provider_metadata.gateway.cost", &["provider_metadata", "gateway", "cost"]),
        ];
        let generation = || {
            let cost = level.get("total_cost").filter(|_| level.contains_key("native_tokens_prompt"))?;
            Some(("total_cost", cost))
        };
        let found = PATHS.iter().find_map(|(name, path)| Some((*name, at(level, path)?))).or_else(generation);
        // A text that is no number could be anything, and no text of a reply is kept.
        let is_amount = |value: &Value| match value {
            Value::Number(_) => true,
            Value::String(text) => text.parse::<f64>().is_ok(),
            _ => false,
        };
        Self(found.filter(|(_, value)| is_amount(value)).map(|(name, value)| (name, value.clone())))
    }

    /// LiteLLM's proxy has the cost in a header.
    pub(super) fn of_header(name: &str, value: &str) -> Self {
        const HEADER: &str = "x-litellm-response-cost";
        let is_cost = name.eq_ignore_ascii_case(HEADER) && value.trim().parse::<f64>().is_ok();
        Self(is_cost.then(|| (HEADER, Value::from(value.trim()))))
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0))
    }
}

/// A cost, or why it was not taken.
#[derive(Default)]
pub(super) struct Reported {
    pub(super) usd: Option<Usd>,
    warning: Option<String>,
}

impl Reported {
    pub(super) fn add_to(self, found: &mut ResponseUsage) {
        found.cost = self.usd;
        found.warnings.extend(self.warning);
    }

    fn refused(field: &str, value: &Value, reason: &str) -> Self {
        let warning = format!("{field} of a reply is {value}, and was not taken as its cost: {reason}");
        Self { usd: None, warning: Some(warning) }
    }

    fn of(field: &str, value: &Value) -> Self {
        match usd(value) {
            Some(usd) => Self { usd: Some(usd), warning: None },
            None => Self::refused(field, value, "expected an amount in USD"),
        }
    }
}

/// The cost that a reply reports, in its usage or beside it.
pub(super) fn reported<'a>(
    mut usages: impl Iterator<Item = &'a Map<String, Value>>,
    outside: &OutsideCost,
    has_counts: bool,
) -> Reported {
    let of_usage = usages.find_map(of_usage);
    // A gateway without a price of its own for the model reports 0 there, and that is no price.
    let outside = || {
        let (field, value) = outside.0.as_ref()?;
        let reported = Reported::of(field, value);
        let is_free = reported.usd == Some(Usd::ZERO) && has_counts;
        Some(if is_free {
            Reported::refused(field, value, "a gateway without a price reports that too")
        } else {
            reported
        })
    };
    of_usage.or_else(outside).unwrap_or_default()
}

fn of_usage(usage: &Map<String, Value>) -> Option<Reported> {
    match usage.get("cost") {
        // Perplexity.
        Some(Value::Object(cost)) => {
            let total = cost.get("total_cost").filter(|total| !total.is_null())?;
            return Some(match text(cost, &["currency"]).filter(|currency| *currency != "USD") {
                None => Reported::of("cost.total_cost", total),
                Some(currency) => {
                    Reported::refused("cost.total_cost", total, &format!("it is in {currency}"))
                }
            });
        }
        Some(cost @ (Value::Number(_) | Value::String(_))) => return Some(of_gateway(usage, cost)),
        _ => {}
    }
    if let Some(ticks) = usage.get("cost_in_usd_ticks").filter(|ticks| !ticks.is_null()) {
        let reported = ticks.as_u64().map(|ticks| Usd::from_pico(i128::from(ticks) * PICO_PER_TICK));
        return Some(match reported {
            Some(usd) => Reported { usd: Some(usd), warning: None },
            None => Reported::refused("cost_in_usd_ticks", ticks, "expected a whole number"),
        });
    }
    let cents = usage.get("totalCents").filter(|cents| !cents.is_null())?;
    Some(match usd(cents) {
        Some(cents) => Reported { usd: Some(Usd::from_pico(cents.pico() / 100)), warning: None },
        None => Reported::refused("totalCents", cents, "expected an amount in cents"),
    })
}

/// OpenRouter: its own cost, and that of the provider behind it where the caller's own key pays that one.
fn of_gateway(usage: &Map<String, Value>, cost: &Value) -> Reported {
    let own = Reported::of("cost", cost);
    let upstream = at(usage, &["cost_details", "upstream_inference_cost"]).filter(|cost| !cost.is_null());
    let paid_upstream = upstream.and_then(usd);
    let is_own_key = match usage.get("is_byok").and_then(Value::as_bool) {
        Some(is_own_key) => is_own_key,
        // Older replies have no flag. The fee for an own key is a part of the provider's cost, so a lower cost is that fee.
        None => own.usd.zip(paid_upstream).is_some_and(|(own, upstream)| own < upstream),
    };
    match (own.usd, paid_upstream) {
        (Some(own), Some(upstream)) if is_own_key => Reported { usd: Some(own + upstream), warning: None },
        (Some(_), None) if is_own_key => {
            Reported::refused("cost", cost, "it is the fee for an own key, and lacks what the provider costs")
        }
        _ => own,
    }
}

/// An amount that is not negative. A number is read by its digits, so that it is exact.
fn usd(value: &Value) -> Option<Usd> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let parsed: Option<Usd> = text.parse().ok();
    // An exponent, as in 8.6e-4, is no plain decimal.
    let parsed = parsed.or_else(|| Usd::from_f64(text.parse().ok()?));
    parsed.filter(|usd| *usd >= Usd::ZERO)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cost(usage: Value) -> (Option<String>, bool) {
        let reported = of_usage(usage.as_object().expect("an object")).unwrap_or_default();
        (reported.usd.map(|usd| usd.to_string()), reported.warning.is_some())
    }

    #[test]
    fn a_cost_is_read_in_the_unit_of_its_provider() {
        let taken = |usd: &str| (Some(usd.to_owned()), false);
        for (usage, expected) in [
            (json!({"cost": 0.0042}), taken("0.0042")),
            (json!({"cost": "0.0042"}), taken("0.0042")),
            (json!({"cost": 8.6e-7}), taken("0.00000086")),
            (
                json!({"cost": 0.0003, "is_byok": true, "cost_details": {"upstream_inference_cost": 0.0357}}),
                taken("0.036"),
            ),
            (json!({"cost": 0.95, "cost_details": {"upstream_inference_cost": 19}}), taken("19.95")),
            (
                json!({"cost": 0.5, "is_byok": false, "cost_details": {"upstream_inference_cost": 0.5}}),
                taken("0.5"),
            ),
            (json!({"cost": 0.5, "cost_details": {"upstream_inference_cost": null}}), taken("0.5")),
            (json!({"cost": {"total_cost": 0.006}}), taken("0.006")),
            (json!({"cost": {"total_cost": 0.006, "currency": "USD"}}), taken("0.006")),
            (json!({"cost_in_usd_ticks": 37_756_000}), taken("0.0037756")),
            (json!({"totalCents": 1.5}), taken("0.015")),
            (json!({}), (None, false)),
            (json!({"cost": null, "cost_in_usd_ticks": null}), (None, false)),
            // What is no cost in USD is not taken, with a warning.
            (
                json!({"cost": 0.0003, "is_byok": true, "cost_details": {"upstream_inference_cost": null}}),
                (None, true),
            ),
            (json!({"cost": {"total_cost": 0.006, "currency": "EUR"}}), (None, true)),
            (json!({"cost": -1}), (None, true)),
            (json!({"cost_in_usd_ticks": 1.5}), (None, true)),
        ] {
            assert_eq!(cost(usage.clone()), expected, "{usage}");
        }
    }
}
