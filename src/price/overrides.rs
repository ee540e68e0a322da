//! The user's own prices: which of them match a model, and in which order.

use std::cmp::Reverse;
use std::sync::Arc;

use super::alias;
use super::rates::Rates;

/// One of the user's own prices.
#[derive(Debug)]
pub(super) struct Override {
    pub(super) name: ModelPattern,
    /// The id of the only provider it holds for, without punctuation.
    pub(super) provider: Option<String>,
    pub(super) rates: Arc<Rates>,
}

/// The models that a price is for.
#[derive(Debug)]
pub(super) enum ModelPattern {
    /// A whole name, in lower case.
    Exact(String),
    /// Every whole name that the expression matches.
    #[cfg(feature = "prices")]
    Pattern { length: usize, regex: fancy_regex::Regex },
}

impl ModelPattern {
    /// Parses a name, or a regular expression between slashes.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(pattern) = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            return Self::pattern(pattern);
        }
        if text.is_empty() {
            return Err("expected a model's name".to_owned());
        }
        Ok(Self::Exact(text.to_lowercase()))
    }

    /// The name, if it is a whole one.
    pub(super) fn exact(&self) -> Option<&str> {
        match self {
            Self::Exact(name) => Some(name),
            #[cfg(feature = "prices")]
            Self::Pattern { .. } => None,
        }
    }

    #[cfg(feature = "prices")]
    pub(super) fn pattern(pattern: &str) -> Result<Self, String> {
        let compile = |text: &str| fancy_regex::RegexBuilder::new(text).case_insensitive(true).build();
        let broken = |error| format!("{pattern:?} is not a regular expression: {error}");
        if pattern.is_empty() {
            return Err("expected a regular expression".to_owned());
        }
        // Alone first, so that a stray parenthesis is not closed by the anchors' own.
        compile(pattern).map_err(broken)?;
        let regex = compile(&format!(r"\A(?:{pattern})\z")).map_err(broken)?;
        Ok(Self::Pattern { length: pattern.chars().count(), regex })
    }

    #[cfg(not(feature = "prices"))]
    fn pattern(_: &str) -> Result<Self, String> {
        Err("patterns need the feature `prices`".to_owned())
    }
}

/// How specific a match is, most specific greatest: an exact name before a pattern, a provider before none, a name
/// with its date before one without, a long pattern before a short one.
type Rank = (bool, bool, bool, usize);

impl Override {
    /// Returns how specifically the price matches a model with these names (in lower case) at these providers.
    fn rank(&self, names: &[String], providers: &[&str]) -> Option<Rank> {
        if let Some(provider) = &self.provider
            && !providers.iter().any(|name| alias::squeezed(name) == *provider)
        {
            return None;
        }
        let scoped = self.provider.is_some();
        match &self.name {
            ModelPattern::Exact(exact) if names.contains(exact) => Some((true, scoped, true, 0)),
            ModelPattern::Exact(exact) => {
                let undated = names.iter().filter_map(|name| alias::undated(name)).any(|name| name == exact);
                undated.then_some((true, scoped, false, 0))
            }
            // A pattern that exceeds its backtracking limit on a name does not match it.
            #[cfg(feature = "prices")]
            ModelPattern::Pattern { length, regex } => names
                .iter()
                .any(|name| regex.is_match(name.as_str()).unwrap_or(false))
                .then_some((false, scoped, true, *length)),
        }
    }
}

/// Returns the rates that match a model, most specific first. Equals keep the order in which they were given.
pub(super) fn matching_rates(
    overrides: &[Override],
    names: &[String],
    providers: &[&str],
) -> Vec<Arc<Rates>> {
    let mut ranked: Vec<(Rank, &Arc<Rates>)> =
        overrides.iter().filter_map(|own| Some((own.rank(names, providers)?, &own.rates))).collect();
    ranked.sort_by_key(|(rank, _)| Reverse(*rank));
    ranked.into_iter().map(|(_, rates)| Arc::clone(rates)).collect()
}
