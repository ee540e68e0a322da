//! Corrections of the published prices: `prices/corrections.toml`, compiled in.
//!
//! They are a table of Rust, made from the file by a test. Its reader is in the feature `price-files`, which few programs have,
//! and nothing is parsed at start: the price book is for everybody.

use std::sync::{Arc, LazyLock};

use super::alias;
use super::corrections_table::CORRECTIONS;
use super::overrides::{self, ModelPattern, Override};
use super::rates::Rates;

/// One entry of the file. Without its source and its reason, which are for people.
#[derive(Debug)]
pub(super) struct Correction {
    pub(super) model: &'static str,
    pub(super) provider: &'static str,
    /// Empty for the list price.
    pub(super) tier: &'static str,
    /// Amounts by their keys.
    pub(super) rates: &'static [(&'static str, &'static str)],
    /// Empty where it has no beginning.
    pub(super) from: &'static str,
    /// Empty where it has no end.
    pub(super) until: &'static str,
}

impl Correction {
    pub(super) fn as_override(&self) -> Override {
        let rates = |rates: Rates, (key, usd): &(&str, &str)| rates.with(key, usd);
        let mut rates = self.rates.iter().fold(Rates::per_million(), rates).tier(self.tier);
        if !self.from.is_empty() {
            rates = rates.from(self.from);
        }
        if !self.until.is_empty() {
            rates = rates.until(self.until);
        }
        Override {
            name: ModelPattern::Exact(self.model.to_lowercase()),
            provider: Some(alias::squeezed(self.provider)),
            rates: Arc::new(rates),
        }
    }
}

/// As the rules of the user's own prices take them: one rule decides what a price is for.
pub(super) static ALL: LazyLock<Vec<Override>> =
    LazyLock::new(|| CORRECTIONS.iter().map(Correction::as_override).collect());

/// The rates that correct a model with these names (in lower case) at these providers, most specific first.
///
/// A newer list may have been corrected, or have a newer price: then only what is over still holds. `is_uncorrected` is whether it has
/// the same price as the bundled one.
pub(super) fn matching_rates(
    names: &[String],
    providers: &[&str],
    is_uncorrected: impl FnOnce() -> bool,
) -> Vec<Arc<Rates>> {
    let mut found = overrides::matching_rates(&ALL, names, providers);
    // Compared only for what has a correction, as nearly no model has.
    if found.iter().any(|rates| !rates.are_past()) && !is_uncorrected() {
        found.retain(|rates| rates.are_past());
    }
    found
}
