//! Who bills a call: the price list that a reported provider and model lead to, or the reason why none does.
//!
//! The biller is reported. It is not inferred from the maker of the weights, which many serve.
//!
//! | reported | biller |
//! |---|---|
//! | a server of one's own (vLLM, Ollama, …), or a name with such a server's tag | none: `SelfHosted` |
//! | a provider with a price list | that provider: what it does not list is `NotListed` |
//! | a gateway that passes prices through, and a model with closed weights by its maker's name | the maker |
//! | a provider without a price list, and the same | the maker |
//! | no provider | the one in the name, else the maker of closed weights |
//!
//! Where none of these lists a model of closed weights, and all others that do have one price, it has that: see `elsewhere`.

use super::alias;
use super::catalog::{Catalog, Miss, Route};
use super::model_name::{self, Variant};
use super::reason::Unpriced;
use super::service_tier::ServiceTier;
use super::weights;

/// Gateways with a price list of their own that sell a maker's closed models at the maker's price where the list has no line.
///
/// - <https://openrouter.ai/docs/faq>: pricing of providers is passed through without mark-up.
/// - <https://docs.perplexity.ai/docs/agent-api/models>: models of other makers at the maker's own rates.
const PASS_THROUGH: [&str; 2] = ["openrouter", "perplexity"];

/// Proxies with model names that begin with the provider they call: `groq/llama-3.3-70b-versatile`.
const NAMES_PROVIDER_FIRST: [&str; 2] = ["litellm", "litellmproxy"];

/// Organisations on Hugging Face by which weights are known, and that are a provider's name as well. Without a reported provider,
/// `mistralai/mistral-nemo` may run anywhere; `mistral/mistral-nemo` names the provider.
const ORGANISATIONS: [&str; 6] = ["openai", "google", "mistralai", "moonshotai", "cohere", "microsoft"];

/// A model and a provider as they were reported, resolved in the catalog.
pub(super) struct Lookup<'a> {
    model: &'a str,
    /// The model without the prefix that names its vendor.
    pub(super) bare: &'a str,
    /// The vendor's id, if the model's name has it as a prefix.
    vendor: Option<String>,
    /// The id of the reported provider or, without one, of the vendor in the name.
    pub(super) provider: Option<String>,
    pub(super) route: Result<Route, NoRoute>,
    is_reported: bool,
    /// Whether the route leads to another provider than the reported one.
    pub(super) is_inferred: bool,
    /// Whether the vendor belongs to the name, as the list has another entry, or none, without it.
    is_vendor_of_name: bool,
}

/// Why no list has a price.
pub(super) enum NoRoute {
    /// No list that may be used has the name: the reason names the nearest one that is known.
    Unlisted,
    Unpriced(Unpriced),
}

impl From<Unpriced> for NoRoute {
    fn from(reason: Unpriced) -> Self {
        Self::Unpriced(reason)
    }
}

impl<'a> Lookup<'a> {
    pub(super) fn new(catalog: &Catalog, reported: Option<&str>, model: &'a str) -> Self {
        let id = |name: &str| {
            let known = catalog.provider_id(name).or_else(|| alias::aliased(name).map(str::to_owned));
            known.unwrap_or_else(|| name.trim().to_lowercase())
        };
        let reported = reported.map(id);
        let (vendor, bare) = match model.split_once('/') {
            Some((prefix, rest)) if !prefix.is_empty() && !rest.is_empty() => {
                let vendor = id(prefix);
                let is_named = catalog.provider_id(prefix).is_some()
                    || alias::aliased(prefix).is_some()
                    || alias::is_self_hosted(prefix)
                    || reported.as_deref() == Some(&vendor);
                if is_named { (Some(vendor), rest) } else { (None, model) }
            }
            _ => (None, model),
        };
        let mut lookup = Self {
            model,
            bare,
            vendor,
            provider: reported.clone(),
            is_reported: reported.is_some(),
            route: Err(NoRoute::Unlisted),
            is_inferred: false,
            is_vendor_of_name: false,
        };
        lookup.route = lookup.find(catalog);
        let provider = lookup.route.as_ref().ok().map(Route::provider);
        lookup.is_inferred = provider.is_some_and(|provider| reported.as_deref() != Some(provider));
        lookup.is_vendor_of_name = lookup.lists_vendor_in_name(catalog);
        if lookup.provider.is_none() {
            lookup.provider = lookup.vendor.clone();
        }
        lookup
    }

    fn find(&self, catalog: &Catalog) -> Result<Route, NoRoute> {
        let (model, bare) = (self.model.to_lowercase(), self.bare.to_lowercase());
        let provider = self.provider.as_deref();
        let is_self_hosted = |name: Option<&str>| name.is_some_and(alias::is_self_hosted);
        let is_proxy = provider.is_some_and(|name| NAMES_PROVIDER_FIRST.contains(&&*alias::squeezed(name)));
        if is_self_hosted(provider)
            || is_self_hosted(self.vendor.as_deref()) && (provider.is_none() || is_proxy)
        {
            return Err(self.self_hosted());
        }
        if let Some(reason) = model_name::hidden(&bare) {
            return Err(reason.into());
        }
        match provider {
            Some(provider) if catalog.is_known(provider) => {
                self.at_known_provider(catalog, provider, &model, &bare)
            }
            Some(_) if is_proxy && self.vendor.is_some() => self.at_vendor(catalog, &bare),
            Some(_) => self.at_maker_of_closed_weights(catalog, &bare),
            None if self.vendor.is_some() => self.at_vendor(catalog, &bare),
            None if model_name::has_local_tag(&model) => Err(self.self_hosted()),
            None if model_name::is_bedrocks(&model) => self.listed(catalog, "aws", &model),
            // An organisation that is not a provider, as in `Qwen/Qwen3-32B`, made the weights. The biller is unknown.
            None if model.contains('/') && !model.starts_with("models/") => Err(NoRoute::Unlisted),
            None => {
                let name = model.strip_prefix("models/").unwrap_or(&model);
                let maker = catalog.infer(name).ok_or(NoRoute::Unlisted)?;
                let route = self.listed(catalog, &maker, name)?;
                self.unless_served_by_others(&maker, name).map(|()| route)
            }
        }
    }

    /// The reported provider has a price list. What it lists under the whole name or without the vendor's is its own.
    fn at_known_provider(
        &self,
        catalog: &Catalog,
        provider: &str,
        model: &str,
        bare: &str,
    ) -> Result<Route, NoRoute> {
        let mut found = self.listed(catalog, provider, model);
        if found.is_err() && self.vendor.is_some() {
            // The reason of the whole name is kept where the bare one has none.
            found = match self.listed(catalog, provider, bare) {
                Err(NoRoute::Unlisted) => found,
                better => better,
            };
        }
        match found {
            // A provider that resells another's models has their price, unless others serve them too.
            Ok(route) if route.lister() != provider && !weights::are_closed(route.lister(), bare) => {
                Err(NoRoute::Unlisted)
            }
            Err(NoRoute::Unlisted) if PASS_THROUGH.contains(&provider) => {
                self.at_maker_of_closed_weights(catalog, bare)
            }
            found => found,
        }
    }

    /// The vendor in the name bills: it is a provider, as `groq/llama-3.3-70b-versatile` names one, or the maker of closed weights.
    fn at_vendor(&self, catalog: &Catalog, bare: &str) -> Result<Route, NoRoute> {
        let vendor = self.vendor.as_deref().ok_or(NoRoute::Unlisted)?;
        let route = self.listed(catalog, vendor, bare).map_err(|reason| match reason {
            NoRoute::Unlisted | NoRoute::Unpriced(Unpriced::Resembles { .. })
                if model_name::has_local_tag(bare) =>
            {
                self.self_hosted()
            }
            reason => reason,
        })?;
        let prefix = self.model.split_once('/').map_or("", |(prefix, _)| prefix).to_lowercase();
        if ORGANISATIONS.contains(&&*prefix) {
            self.unless_served_by_others(vendor, bare)?;
        }
        Ok(route)
    }

    /// Another provider was reported than the maker in the name. It passes the maker's price through, if only the maker has the weights.
    fn at_maker_of_closed_weights(&self, catalog: &Catalog, bare: &str) -> Result<Route, NoRoute> {
        let maker = self.vendor.as_deref().filter(|maker| Some(*maker) != self.provider.as_deref());
        let maker = maker.filter(|maker| weights::are_closed(maker, bare)).ok_or(NoRoute::Unlisted)?;
        self.listed(catalog, maker, bare)
    }

    fn unless_served_by_others(&self, maker: &str, name: &str) -> Result<(), NoRoute> {
        if weights::may_be_served_by_others(maker, name) {
            return Err(Unpriced::OpenWeights { model: self.model.into(), maker: maker.into() }.into());
        }
        Ok(())
    }

    /// Finds a name, in any of its spellings, in the price list of a provider.
    fn listed(&self, catalog: &Catalog, provider: &str, name: &str) -> Result<Route, NoRoute> {
        let search = |name: &str| {
            let mut missed = Miss::Unlisted;
            for spelling in model_name::spellings(provider, name) {
                match catalog.find(provider, &spelling) {
                    Ok(route) => return Ok(route),
                    // The reason of the first spelling that has one: it is the nearest to what was reported.
                    Err(miss) if missed == Miss::Unlisted => missed = miss,
                    Err(_) => {}
                }
            }
            Err(missed)
        };
        let missed = match search(name) {
            Ok(route) => return Ok(route),
            Err(missed) => missed,
        };
        if let Some((base, variant)) = model_name::variant(name)
            && !matches!(missed, Miss::Unstated(_))
            && let Ok(route) = search(base)
        {
            return match variant {
                Variant::Tier(tier) => Ok(route.at_tier(ServiceTier::parse(tier))),
                Variant::Another(why) => {
                    Err(Unpriced::AnotherVariant { model: self.model.into(), why: why.into() }.into())
                }
            };
        }
        let model = self.model.into();
        Err(match missed {
            Miss::Unlisted => NoRoute::Unlisted,
            Miss::Resembles(known) => Unpriced::Resembles { model, known: known.into() }.into(),
            Miss::Unstated(_) => Unpriced::NoListedPrice { model, provider: provider.into() }.into(),
        })
    }

    fn self_hosted(&self) -> NoRoute {
        Unpriced::SelfHosted { model: self.model.into() }.into()
    }

    /// Returns the model as it was reported, in lower case.
    pub(super) fn reported_name(&self) -> String {
        self.model.to_lowercase()
    }

    /// Returns the vendor's id, if the model's name has it as a prefix.
    pub(super) fn vendor(&self) -> Option<&str> {
        self.vendor.as_deref()
    }

    /// Whether no provider was reported, but at most one that the name spells out.
    pub(super) fn is_without_provider(&self) -> bool {
        !self.is_reported
    }

    /// Returns every name by which the user's prices may match this model, in lower case.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names =
            vec![self.model.to_lowercase(), self.bare.to_lowercase(), self.label(), self.row_name()];
        names.dedup();
        names
    }

    /// Returns the providers for which the user's prices may match this model.
    pub(super) fn providers(&self) -> Vec<&str> {
        let routed = self.route.as_ref().ok().map(Route::provider);
        self.provider.as_deref().into_iter().chain(routed).collect()
    }

    /// Returns the provider that bills: the reported one, else that of the name or of the price list.
    pub(super) fn biller(&self) -> Option<&str> {
        self.provider.as_deref().or(self.route.as_ref().ok().map(Route::provider))
    }

    /// Returns the name of the row of this model's calls: one for all spellings of a model at its biller.
    pub(super) fn label(&self) -> String {
        match self.biller() {
            None => self.row_name(),
            Some(provider) => format!("{provider}/{}", self.row_name()),
        }
    }

    /// The model's name in its row, in lower case: prices compare names so too.
    fn row_name(&self) -> String {
        let provider = self.biller().unwrap_or_default();
        let bare = self.bare.to_lowercase();
        let is_own = self.vendor.as_deref() == Some(provider) && !self.is_vendor_of_name;
        // The vendor belongs to the name where the list has it: `openai/gpt-5` at OpenRouter, and not at Azure.
        let is_listed_bare = |route: &Route| !self.is_inferred && is_spelled(provider, &bare, route);
        if is_own || self.route.as_ref().is_ok_and(is_listed_bare) {
            model_name::row_name(provider, &bare)
        } else {
            model_name::row_name(provider, &self.model.to_lowercase())
        }
    }

    /// Whether the provider lists the name with its own vendor, and another entry or none without it: `perplexity/sonar` is not `sonar`.
    fn lists_vendor_in_name(&self, catalog: &Catalog) -> bool {
        let (Some(vendor), Ok(route)) = (&self.vendor, &self.route) else { return false };
        let is_whole = || is_spelled(vendor, &self.model.to_lowercase(), route);
        let is_other = || {
            let bare = self.listed(catalog, vendor, &self.bare.to_lowercase());
            !bare.is_ok_and(|bare| bare.is_of_same_entry(route))
        };
        route.provider() == vendor && is_whole() && is_other()
    }
}

/// Whether the list was found to have a name in one of its spellings.
fn is_spelled(provider: &str, name: &str, route: &Route) -> bool {
    model_name::spellings(provider, name).iter().any(|spelling| spelling == route.name())
}
