//! The result of pricing a call: an amount with its source, or the reason why the cost is unknown.

use std::fmt;
use std::sync::Arc;

use crate::ledger::{Kind, Usd, multiplied};

/// The release of `genai-prices` that `data/genai-prices.json` was taken from. `tests/prices.rs` compares the two.
const BUNDLED: &str = "genai-prices@0.2.1";

/// The name of the corrections to it, with the newest day on which one was checked. `corrections_file.rs` compares the two.
pub(crate) const CORRECTIONS: &str = "corrections@2026-11-30";

/// The cost of one call, and its source.
///
/// Deliberately not `#[non_exhaustive]`: a price is these three, and tests of programs build them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The exact cost; zero means free.
    pub cost: Usd,
    /// The source of the price.
    pub source: Source,
    /// Units that were used and that no price covers: the cost is that of everything else (A11).
    pub lacks: Vec<Kind>,
}

/// The source of a cost.
///
/// ```
/// use tracing_budget::price::Source;
///
/// assert_eq!(Source::Override.to_string(), "override");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The emitter reported the cost itself.
    Reported,
    /// A price of the user's own, or the user's policy for unknown models.
    Override,
    /// A price that corrects the published one: `prices/corrections.toml`, which has the source of each.
    Corrections,
    /// A published price.
    Book(BookName),
    /// A published price, or one that corrects it, times a [`PriceFactor`](super::PriceFactor) of the user's.
    Multiplied(Box<Source>),
}

/// The name of a set of published prices: `genai-prices@0.2.1`, or a file's name and its fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BookName(Option<Arc<str>>);

impl BookName {
    #[cfg(feature = "prices")]
    pub(super) fn loaded(name: &str) -> Self {
        Self(Some(name.into()))
    }

    /// Returns the name, as a summary has it.
    ///
    /// ```
    /// use tracing_budget::price::BookName;
    ///
    /// let name = BookName::default();
    /// assert_eq!(name.to_string(), name.as_str());
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or(BUNDLED)
    }
}

impl fmt::Display for BookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Reported => "reported",
            Self::Override => "override",
            Self::Corrections => CORRECTIONS,
            Self::Book(name) => name.as_str(),
            Self::Multiplied(source) => return f.pad(&multiplied(&source.to_string())),
        })
    }
}

/// The reason why a call's cost is unknown. Unknown differs from zero.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unpriced {
    /// The call named no model.
    #[error("no model was named")]
    NoModel,
    /// Neither the user's prices nor the published ones know this model at this provider.
    #[error("no price is known for {}{}", place(provider.as_deref(), model), hint(known_at.as_deref(), nearest.as_deref()))]
    UnknownModel {
        /// The model as it was reported.
        model: Arc<str>,
        /// The provider, if one was reported.
        provider: Option<Arc<str>>,
        /// The known model with the most similar name, if any is similar.
        nearest: Option<Arc<str>>,
        /// The providers that have a price for the name, with today's.
        known_at: Option<Arc<str>>,
    },
    /// The provider has a published price list, which does not have this model. Another provider's price is not taken for it.
    #[error("{provider} does not list {model}{}", hint(known_at.as_deref(), nearest.as_deref()))]
    NotListed {
        /// The model as it was reported.
        model: Arc<str>,
        /// The provider's id.
        provider: Arc<str>,
        /// The listed model with the most similar name, if any is similar.
        nearest: Option<Arc<str>>,
        /// The other providers that have a price for the name, with today's.
        known_at: Option<Arc<str>>,
    },
    /// The model's name begins like one that is listed, and goes on with more than a date or a version stamp.
    #[error("{model} looks like {known}, but is not listed, and may have another price")]
    Resembles {
        /// The model as it was reported.
        model: Arc<str>,
        /// The listed model that it resembles.
        known: Arc<str>,
    },
    /// The model runs on a server of the user's own, by the provider's name or by a tag such as `:70b`: it has the price that the user gives it.
    #[error("{model} is self-hosted: it has a price only if you give it one")]
    SelfHosted {
        /// The model as it was reported.
        model: Arc<str>,
    },
    /// The weights are open, so others than their maker serve them, and no provider was reported.
    #[error("{model} has open weights, which others than {maker} serve at other prices: name the provider")]
    OpenWeights {
        /// The model as it was reported.
        model: Arc<str>,
        /// The provider that made the weights.
        maker: Arc<str>,
    },
    /// The name is that of a resource which does not show its model, such as an application inference profile.
    #[error("{model} names {what}, and not the model behind it: give it an alias or a price")]
    HiddenModel {
        /// The name as it was reported.
        model: Arc<str>,
        /// What the name is of.
        what: Arc<str>,
    },
    /// The name is an alias that the user gave, and the model behind it has no price.
    #[error("{model} is an alias of {base}: {reason}")]
    Alias {
        /// The name as it was reported.
        model: Arc<str>,
        /// The base model, after its provider.
        base: Arc<str>,
        /// Why the base model has no price.
        reason: Box<Unpriced>,
    },
    /// A suffix such as `:online` chooses another way to serve a listed model, which may have another price.
    #[error("{model} is not listed with its suffix: {why}")]
    AnotherVariant {
        /// The model as it was reported.
        model: Arc<str>,
        /// Why its price may be another.
        why: Arc<str>,
    },
    /// The published list has the model without a price. An absent price is not a price of 0.
    #[error("{provider} lists {model} without a price")]
    NoListedPrice {
        /// The model as it was reported.
        model: Arc<str>,
        /// The provider's id.
        provider: Arc<str>,
    },
    /// The call was served by a tier for which no price is known. It is not the list price.
    #[error("no price is known for the tier {tier:?} of {model}")]
    NoTierPrice {
        /// The model's name in the price list.
        model: Arc<str>,
        /// The tier.
        tier: Arc<str>,
    },
    /// The model is free at the provider that its name suggests, but that provider was not reported. A zero is never inferred.
    #[error("{model} is free at {suggested}, but that was not the provider named")]
    FreeElsewhere {
        /// The model as it was reported.
        model: Arc<str>,
        /// The provider that the name suggests.
        suggested: Arc<str>,
    },
    /// The model is billed by something other than tokens, such as seconds of audio or pages.
    #[error("{model} is not billed by tokens")]
    NotByTokens {
        /// The model as it was reported.
        model: Arc<str>,
    },
    /// The price for this model has no rate for a kind that the call used.
    #[error("no rate is known for the {kind} of {model}")]
    NoRate {
        /// The model as it was reported.
        model: Arc<str>,
        /// The kind without a rate.
        kind: Kind,
    },
    /// Only a token count without its split into input and output is known.
    #[error("the split of the tokens into input and output is unknown")]
    Unsplit,
    /// The call reported nothing that could be priced.
    #[error("no usage was reported")]
    NoUsage,
    /// The counts contradict each other, as when a part exceeds its whole.
    #[error("the usage contradicts itself: {reason}")]
    InvalidUsage {
        /// Which counts contradict each other, and how.
        reason: Arc<str>,
    },
    /// A count is implausible, or the cost is too large to be exact.
    #[error("too large to price exactly: {reason}")]
    TooLarge {
        /// What is too large, and the bound.
        reason: Arc<str>,
    },
    /// The published prices could not be applied.
    #[error("the published price could not be applied: {reason}")]
    Failed {
        /// The message of `genai-prices`.
        reason: Arc<str>,
    },
}

fn place(provider: Option<&str>, model: &str) -> String {
    provider
        .map_or_else(|| format!("model {model:?}"), |name| format!("model {model:?} at provider {name:?}"))
}

/// What a reader may do: name one of the providers that know the name, or correct the name.
fn hint(known_at: Option<&str>, nearest: Option<&str>) -> String {
    match (known_at, nearest) {
        (Some(providers), _) => format!("; known at {providers}: name the provider"),
        (None, Some(name)) => format!("; did you mean {name}?"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::ledger::{IntoUsd, Usage};
    use crate::price::{PriceBook, Rates};

    /// The words of a text that are identifiers: `CacheRead`, `Some`, and keys such as `cache_read_tokens`.
    fn identifiers(text: &str) -> Vec<&str> {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        let is_identifier = |word: &&str| {
            let humps = word.chars().filter(char::is_ascii_uppercase).count();
            let is_camel = humps > 1 && word.chars().any(char::is_lowercase);
            is_camel || ["Some", "None", "Input", "Output"].contains(word) || Kind::from_key(word).is_some()
        };
        words.filter(is_identifier).collect()
    }

    fn each_rate(rates: Rates, usd: impl IntoUsd + Clone) -> Rates {
        let rates =
            rates.input(usd.clone()).output(usd.clone()).cache_read(usd.clone()).cache_write(usd.clone());
        rates.cache_write_1h(usd.clone()).reasoning(usd.clone()).audio_input(usd.clone()).audio_output(usd)
    }

    #[test]
    fn no_reason_has_the_identifier_of_a_kind() {
        let mut texts: Vec<String> = Vec::new();
        for rates in [
            Rates::per_million().cache_read("1"),
            Rates::per_million().input("1"),
            Rates::per_million().output("1"),
            each_rate(Rates::per_million(), "999999999999999"),
        ] {
            let book = PriceBook::builder().price("m", rates).build().unwrap_or_default();
            for kind in Kind::ALL {
                for count in [1, 999_999_999_999, u64::MAX] {
                    let usage = Usage::new().with(*kind, count);
                    for model in ["m", "gpt-5", "voyage-3", "whisper-1"] {
                        let price = book.model(None, Some(model)).price(&usage, SystemTime::now());
                        texts.extend(price.err().map(|reason| reason.to_string()));
                    }
                }
            }
        }
        texts.extend(
            Kind::ALL.iter().map(|kind| Unpriced::NoRate { model: "m".into(), kind: *kind }.to_string()),
        );
        texts.extend(each_rate(Rates::per_million(), "-1").fault());
        texts.sort();
        texts.dedup();
        assert!(texts.len() > 20, "{texts:#?}");
        for text in texts {
            assert!(identifiers(&text).is_empty(), "{text}");
        }
        assert_eq!(
            identifiers("3 CacheRead, Some(cache_read_tokens)"),
            ["CacheRead", "Some", "cache_read_tokens"]
        );
    }
}
