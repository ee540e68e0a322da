//! Tiers of service: batch, flex, priority, fast, and their many names.

/// A tier that is billed at another price than the list price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceTier {
    name: Box<str>,
}

/// Names of the tier that the list price is for, without case and punctuation.
///
/// `auto` is what a request may contain. A reply names the tier that was served; without one, the list price is the best known.
const LIST_PRICE: [&str; 11] = [
    "default",
    "standard",
    "auto",
    // Anthropic's requests.
    "standardonly",
    // Groq, Vertex AI and Bedrock.
    "ondemand",
    "regular",
    "none",
    // Values of Google's enumerations that mean none was set.
    "unspecified",
    "servicetierunspecified",
    "servicetierstandard",
    "traffictypeunspecified",
];

/// Names of tiers, without case and punctuation, and the name that prices go by.
const TIERS: [(&str, &str); 11] = [
    ("batch", "batch"),
    ("batches", "batch"),
    ("batchapi", "batch"),
    ("flex", "flex"),
    ("priority", "priority"),
    ("fast", "fast"),
    ("servicetierflex", "flex"),
    ("servicetierpriority", "priority"),
    // Vertex AI's `trafficType`.
    ("ondemandflex", "flex"),
    ("ondemandpriority", "priority"),
    ("ondemandbatch", "batch"),
];

impl ServiceTier {
    /// The tier of a name, `None` if it is the one that the list price is for.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let squeezed = super::alias::squeezed(name);
        if squeezed.is_empty() || LIST_PRICE.contains(&squeezed.as_str()) {
            return None;
        }
        let known = TIERS.iter().find(|(other, _)| *other == squeezed).map(|(_, name)| *name);
        Some(Self { name: known.map_or_else(|| name.trim().to_lowercase().into(), Into::into) })
    }

    /// The name that prices go by, or as reported if it is unknown.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What `genai-prices` calls it: batch is a way to submit requests, the others are tiers of service.
    #[cfg(feature = "prices")]
    pub(super) fn context(&self) -> (&'static str, &str) {
        let key = if &*self.name == "batch" { "processing" } else { "service_tier" };
        (key, &self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_price_is_for_the_default_tier_by_any_of_its_names() {
        for name in LIST_PRICE.into_iter().chain([
            "",
            " ",
            "Default",
            "ON_DEMAND",
            "standard_only",
            "SERVICE_TIER_STANDARD",
        ]) {
            assert_eq!(ServiceTier::parse(name), None, "{name}");
        }
    }

    #[cfg(feature = "prices")]
    #[test]
    fn a_tier_has_many_names_and_one_price() {
        for (name, expected) in [
            ("flex", ("service_tier", "flex")),
            (" Flex ", ("service_tier", "flex")),
            ("ON_DEMAND_FLEX", ("service_tier", "flex")),
            ("priority", ("service_tier", "priority")),
            ("fast", ("service_tier", "fast")),
            ("batch", ("processing", "batch")),
            ("Batch API", ("processing", "batch")),
            ("Scale", ("service_tier", "scale")),
            ("PROVISIONED_THROUGHPUT", ("service_tier", "provisioned_throughput")),
        ] {
            assert_eq!(ServiceTier::parse(name).as_ref().map(ServiceTier::context), Some(expected), "{name}");
        }
        for (name, expected) in TIERS {
            assert_eq!(ServiceTier::parse(name).as_ref().map(ServiceTier::name), Some(expected));
        }
    }
}
