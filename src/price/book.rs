//! The price book and its builder: the user's own prices on top of the published ones.

use std::fmt;
use std::sync::Arc;

use super::alias;
use super::catalog::{Catalog, Route};
use super::edition::Edition;
use super::elsewhere;
use super::error::PriceBookError;
use super::factors::{self, FactorRule, PriceFactor};
use super::model::PricedModel;
use super::model_alias::{self, ModelAlias};
use super::model_name;
use super::overrides::{self, ModelPattern, Override};
use super::rates::Rates;
use super::reason::{BookName, Unpriced};
use super::who_bills::{Lookup, NoRoute};
use crate::present::nearest;

/// Prices by model, provider and time. Cloning is cheap: clones share their data.
///
/// Several prices can match one model. The first of these that is valid at the call's time is used:
///
/// | | from | matches |
/// |---|---|---|
/// | 1 | the user | an exact name at one provider |
/// | 2 | the user | an exact name at any provider |
/// | 3 | the user | a pattern at one provider |
/// | 4 | the user | a pattern at any provider |
/// | 5 | corrections | an exact name at the provider that bills it, and its tier |
/// | 6 | published | the model in the list of the reported provider |
/// | 7 | published | the maker that a name such as `openai/gpt-5` spells out, for closed weights through a gateway |
/// | 8 | published | the provider that a name spells out, or the maker of closed weights, only if no provider was reported |
///
/// Among equals, a name with its date precedes one without (`gpt-5` also matches `gpt-5-2025-08-07`), then the longest
/// pattern, then the order in which prices were given. Names are compared without regard to case; a pattern must match a
/// whole name, with or without its vendor.
///
/// A model that its provider does not list is not priced as another provider's model, and a server of the user's own (Ollama, vLLM, …) has
/// no published price. The exception: closed weights that all price lists with the name have at one price, if the provider has no
/// price list or none was reported. A name that only begins like a listed one is another model. A cost of zero is only taken from the
/// reported provider: weights of one name can be free at one provider and not at another.
///
/// ```
/// use std::time::SystemTime;
/// use tracing_budget::{price::Rates, PriceBook, Usage};
///
/// let book = PriceBook::builder()
///     .price_for("ollama", "/qwen3.*/", Rates::per_million().input("0.10").output("0.40"))
///     .build()?;
/// let model = book.model(Some("ollama"), Some("qwen3:32b"));
/// let price = model.price(&Usage::new().input(1_000).output(100), SystemTime::now());
/// # #[cfg(feature = "prices")]
/// assert_eq!(price.map(|price| price.cost.to_string()).as_deref(), Ok("0.00014"));
/// # Ok::<(), tracing_budget::price::PriceBookError>(())
/// ```
#[derive(Clone)]
pub struct PriceBook(pub(super) Arc<BookData>);

/// The data that a book shares with its priced models.
pub(super) struct BookData {
    pub(super) catalog: Catalog,
    overrides: Vec<Override>,
    aliases: Vec<ModelAlias>,
    factors: Vec<FactorRule>,
    pub(super) unknown: UnknownModel,
    /// Why the prices are not those that the environment names.
    fault: Option<String>,
}

/// The cost of a call without a known price, or without a model.
///
/// Deliberately not `#[non_exhaustive]`: the three policies are all there are, and programs read them from settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UnknownModel {
    /// The cost is unknown.
    #[default]
    Unpriced,
    /// The call is free.
    Zero,
    /// The call is charged at these rates.
    Rate(Rates),
}

impl Default for PriceBook {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for PriceBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriceBook")
            .field("published", &self.0.catalog.name().as_str())
            .field("overrides", &self.0.overrides.len())
            .field("unknown", &self.0.unknown)
            .finish_non_exhaustive()
    }
}

impl PriceBook {
    /// Returns a book with the published prices alone: those that the environment variable `TRACING_BUDGET_PRICES` names, else the
    /// bundled ones. The bundled ones are parsed at the first look-up, or by [`warm`](Self::warm).
    ///
    /// The variable names a `data.json` of genai-prices, or the directory in which `tracing-budget prices update` keeps it. If it cannot be
    /// read, the bundled prices are used, and every summary of the layer has a warning; [`builder`](Self::builder) returns the
    /// error instead.
    ///
    /// ```
    /// use tracing_budget::PriceBook;
    ///
    /// let model = PriceBook::new().model(Some("openai"), Some("gpt-5"));
    /// assert_eq!(model.label(), "openai/gpt-5");
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build().unwrap_or_else(|error| {
            let fault = format!("{error}; the prices used are those of {}", Catalog::default().name());
            Self(Arc::new(BookData {
                catalog: Catalog::default(),
                overrides: Vec::new(),
                aliases: Vec::new(),
                factors: Vec::new(),
                unknown: UnknownModel::default(),
                fault: Some(fault),
            }))
        })
    }

    /// Returns a builder for a book with the user's own prices.
    ///
    /// ```
    /// let book = tracing_budget::PriceBook::builder().build()?;
    /// # Ok::<(), tracing_budget::price::PriceBookError>(())
    /// ```
    #[must_use]
    pub fn builder() -> PriceBookBuilder {
        PriceBookBuilder::default()
    }

    /// Returns the name of the published prices, as a summary has it.
    ///
    /// ```
    /// # #[cfg(feature = "prices")]
    /// assert!(tracing_budget::PriceBook::new().name().as_str().starts_with("genai-prices@"));
    /// ```
    #[must_use]
    pub fn name(&self) -> BookName {
        self.0.catalog.name()
    }

    /// Returns what is known of the published prices: where they come from, how old they are, and what is missing. This parses them.
    ///
    /// ```
    /// let edition = tracing_budget::PriceBook::new().edition();
    /// println!("{} of {:?}: {} models", edition.name, edition.date, edition.models);
    /// ```
    #[must_use]
    pub fn edition(&self) -> Edition {
        self.0.catalog.edition()
    }

    /// Returns why the prices are not those that the environment names, for a book of [`new`](Self::new); else `None`.
    ///
    /// ```
    /// assert_eq!(tracing_budget::PriceBook::new().fault(), None);
    /// ```
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.0.fault.as_deref()
    }

    /// Returns the day of the published prices, as [`Edition::date`] has it. This parses nothing.
    ///
    /// ```
    /// # #[cfg(feature = "prices")]
    /// assert!(tracing_budget::PriceBook::new().published_on().is_some());
    /// ```
    #[must_use]
    pub fn published_on(&self) -> Option<String> {
        self.date().and_then(super::edition::date_text)
    }

    /// The day of the published prices, in nanoseconds since the Unix epoch.
    pub(crate) fn date(&self) -> Option<i128> {
        self.0.catalog.date()
    }

    /// Parses the published prices now, which takes some 50 milliseconds, and not at the first look-up.
    ///
    /// ```
    /// let book = tracing_budget::PriceBook::new();
    /// book.warm();
    /// ```
    pub fn warm(&self) {
        self.0.catalog.warm();
    }

    /// Looks up a model. This takes microseconds, or a millisecond for an unknown model, because similar names are searched.
    /// Keep the result: it prices every later call of the same model.
    ///
    /// ```
    /// use tracing_budget::PriceBook;
    ///
    /// assert_eq!(PriceBook::new().model(None, None).label(), "unknown");
    /// ```
    #[must_use]
    pub fn model(&self, provider: Option<&str>, model: Option<&str>) -> PricedModel {
        let Some(alias) = self.alias(provider, model) else { return self.listed(provider, model) };
        let base = self.listed(Some(&alias.base_provider), Some(&alias.base_model));
        let own = self.listed(provider, model).own().to_vec();
        base.behind_alias(model.unwrap_or_default().trim(), &alias.base(), own)
    }

    /// The alias that a name is, if it is one. The base model of an alias is never taken for another alias, so there are no circles.
    pub(super) fn alias(&self, provider: Option<&str>, model: Option<&str>) -> Option<&ModelAlias> {
        let aliases = Some(&self.0.aliases).filter(|aliases| !aliases.is_empty())?;
        let provider = provider.map(str::trim).filter(|name| !name.is_empty());
        let lookup = Lookup::new(&self.0.catalog, provider, model?.trim());
        model_alias::matching(aliases, &lookup.names(), &lookup.providers())
    }

    /// The model of a name that is no alias.
    fn listed(&self, provider: Option<&str>, model: Option<&str>) -> PricedModel {
        let data = Arc::clone(&self.0);
        let reported = provider.map(str::trim).filter(|name| !name.is_empty());
        let Some(model) = model.map(str::trim).filter(|name| !name.is_empty()) else {
            return PricedModel::new(
                data,
                "unknown".to_owned(),
                "",
                Default::default(),
                Err(Unpriced::NoModel),
            );
        };
        let lookup = Lookup::new(&self.0.catalog, reported, model);
        let (names, providers) = (lookup.names(), lookup.providers());
        let own = overrides::matching_rates(&self.0.overrides, &names, &providers);
        let corrected = match &lookup.route {
            // The vendor that the list has in its name belongs to it: `perplexity/sonar` is not `sonar`.
            Ok(route) if route.name() == names[0] => {
                self.0.catalog.corrections(&names[..1], &[route.provider()])
            }
            // As it is reported, then as the list has it: without what is wrapped around it, such as an ARN.
            Ok(route) => {
                let mut corrected = self.0.catalog.corrections(&names, &[route.provider()]);
                corrected.extend(self.0.catalog.corrections(&[route.name().to_owned()], &[route.provider()]));
                corrected
            }
            Err(_) => self.0.catalog.corrections(&names, &providers),
        };
        let label = lookup.label();
        let factors = factors::matching(&self.0.factors, &names, lookup.biller());
        let priced = |route| PricedModel::new(data, label, model, [own, corrected], route).times(factors);
        match &lookup.route {
            Ok(route) => priced(Ok((route.clone(), lookup.is_inferred))),
            Err(NoRoute::Unpriced(reason)) => priced(Err(reason.clone())),
            Err(NoRoute::Unlisted) => {
                let others = elsewhere::routes(&self.0.catalog, &lookup);
                let reason = self.unlisted(&lookup, model, &others);
                if elsewhere::decide(&self.0.catalog, &lookup, &others) {
                    priced(Err(reason.clone())).where_all_agree(others, reason)
                } else {
                    priced(Err(reason))
                }
            }
        }
    }

    /// The reason why a name is unpriced that the one who bills does not list, with what its reader may do.
    fn unlisted(&self, lookup: &Lookup<'_>, model: &str, others: &[Route]) -> Unpriced {
        let model = model.into();
        let known_at =
            self.given_at(lookup).or_else(|| elsewhere::hint(&self.0.catalog, others)).map(Into::into);
        // A name that others know is spelled right. The search is also what takes longest.
        let nearest = if known_at.is_none() { self.nearest(lookup).map(Into::into) } else { None };
        match lookup.provider.as_deref() {
            Some(provider) if self.0.catalog.is_known(provider) => {
                Unpriced::NotListed { model, provider: provider.into(), nearest, known_at }
            }
            provider => {
                Unpriced::UnknownModel { model, provider: provider.map(Into::into), nearest, known_at }
            }
        }
    }

    /// The provider at which the user gave a price for this name.
    fn given_at(&self, lookup: &Lookup<'_>) -> Option<String> {
        let names = lookup.names();
        let is_name =
            |own: &&Override| own.name.exact().is_some_and(|name| names.iter().any(|one| one == name));
        let provider = self.0.overrides.iter().find(is_name)?.provider.as_deref()?;
        Some(format!("{provider}, where you gave it a price"))
    }

    /// Looks up the model of a call of which the requested and the answered name are known.
    ///
    /// The answered one has the row and the price. Where it has lost what decides the price, the requested one has the price: a variant
    /// such as `:free`, or an inference profile with or without a regional premium. Where the requested one is an
    /// [alias](PriceBookBuilder::model_alias) of a model of which the answered one is a release, the base model has the price.
    ///
    /// ```
    /// use tracing_budget::PriceBook;
    ///
    /// let profile = "us.anthropic.claude-opus-4-8";
    /// let model = PriceBook::new().model_of_call(Some("aws"), Some(profile), Some("claude-opus-4-8"));
    /// assert_eq!(model.label(), "aws/claude-opus-4-8");
    /// ```
    #[must_use]
    pub fn model_of_call(
        &self,
        provider: Option<&str>,
        requested: Option<&str>,
        answered: Option<&str>,
    ) -> PricedModel {
        if let (Some(requested), Some(answered)) = (requested, answered)
            && let Some(alias) = self.alias(provider, Some(requested))
            && self.alias(provider, Some(answered)).is_none()
        {
            let found = self.model(Some(&alias.base_provider), Some(answered));
            // The base model may be a profile or a variant, which the answered name has lost.
            return if model_name::are_of_one_model(&alias.base_model, answered) {
                found.at_price_of(self.model(provider, Some(requested)))
            } else {
                found
            };
        }
        let found = self.model(provider, answered.or(requested));
        match (requested, answered) {
            (Some(requested), Some(answered))
                if model_name::request_decides(requested.trim(), answered.trim()) =>
            {
                found.at_price_of(self.model(provider, Some(requested)))
            }
            _ => found,
        }
    }

    /// Returns the models that have a price by name, as provider and model: the user's, then the published ones. Models that
    /// only a pattern matches are not listed.
    ///
    /// ```
    /// use tracing_budget::{PriceBook, price::Rates};
    ///
    /// let book = PriceBook::builder().price("qwen3", Rates::per_million().input("0.1")).build()?;
    /// assert_eq!(book.models()[0], (None, "qwen3".to_owned()));
    /// # Ok::<(), tracing_budget::price::PriceBookError>(())
    /// ```
    #[must_use]
    pub fn models(&self) -> Vec<(Option<String>, String)> {
        let own = self
            .0
            .overrides
            .iter()
            .filter_map(|own| Some((own.provider.clone(), own.name.exact()?.to_owned())));
        let published =
            self.0.catalog.models().map(|(provider, model)| (Some(provider.to_owned()), model.to_owned()));
        let mut met = std::collections::HashSet::new();
        own.chain(published).filter(|model| met.insert(model.clone())).collect()
    }

    /// Returns the known model with the most similar name: the user's, the provider's or, if it is unknown, any provider's.
    fn nearest(&self, lookup: &Lookup<'_>) -> Option<&str> {
        let own = self.0.overrides.iter().filter_map(|own| own.name.exact());
        let published = self.0.catalog.model_ids(lookup.provider.as_deref());
        // The name itself is no suggestion.
        let is_itself = |name: &str| {
            [lookup.bare, &*lookup.reported_name()].iter().any(|own| own.eq_ignore_ascii_case(name))
        };
        nearest(lookup.bare, own.chain(published).filter(|name| !is_itself(name)))
    }
}

/// A builder for a [`PriceBook`]. [`build`](Self::build) validates everything.
#[derive(Debug, Default)]
pub struct PriceBookBuilder {
    own: Vec<Own>,
    #[cfg(feature = "prices")]
    published: Option<super::data_file::Bytes>,
    is_bundled: bool,
    unknown: UnknownModel,
}

#[derive(Debug)]
enum Own {
    Price {
        provider: Option<String>,
        model: String,
        rates: Rates,
    },
    Alias {
        provider: Option<String>,
        name: String,
        base_provider: String,
        base_model: String,
    },
    Factor {
        provider: String,
        model: Option<String>,
        factor: PriceFactor,
    },
    #[cfg(feature = "price-files")]
    File(super::data_file::Bytes),
}

impl PriceBookBuilder {
    /// Adds a price for a model at any provider. A name between slashes (`/qwen3.*/`) is a regular expression
    /// that must match the whole name; that needs the feature `prices`.
    ///
    /// ```
    /// use tracing_budget::{PriceBook, price::Rates};
    ///
    /// let book = PriceBook::builder().price("qwen3-32b", Rates::per_million().input("0.10")).build()?;
    /// # Ok::<(), tracing_budget::price::PriceBookError>(())
    /// ```
    #[must_use]
    pub fn price(mut self, model: impl Into<String>, rates: Rates) -> Self {
        self.own.push(Own::Price { provider: None, model: model.into(), rates });
        self
    }

    /// Adds a price for a model at one provider.
    ///
    /// ```
    /// use tracing_budget::{PriceBook, price::Rates};
    ///
    /// let book = PriceBook::builder().price_for("ollama", "qwen3:32b", Rates::per_million().input("0.10")).build()?;
    /// # Ok::<(), tracing_budget::price::PriceBookError>(())
    /// ```
    #[must_use]
    pub fn price_for(mut self, provider: impl Into<String>, model: impl Into<String>, rates: Rates) -> Self {
        self.own.push(Own::Price { provider: Some(provider.into()), model: model.into(), rates });
        self
    }

    /// Adds an alias: a reported name of your own, such as that of a deployment, and the provider and model behind it (the base model).
    ///
    /// Its calls are counted in the row of the base model, and have its prices at the time of each call. A price that was given for the
    /// reported name precedes those of the base model. The base model is not taken for another alias.
    ///
    /// ```
    /// use tracing_budget::PriceBook;
    ///
    /// let book = PriceBook::builder().model_alias("my-deployment", "azure", "gpt-5").build()?;
    /// assert_eq!(book.model(Some("azure"), Some("my-deployment")).label(), "azure/gpt-5");
    /// # Ok::<(), tracing_budget::price::PriceBookError>(())
    /// ```
    #[must_use]
    pub fn model_alias(
        mut self,
        name: impl Into<String>,
        base_provider: impl Into<String>,
        base_model: impl Into<String>,
    ) -> Self {
        let (name, base_provider, base_model) = (name.into(), base_provider.into(), base_model.into());
        self.own.push(Own::Alias { provider: None, name, base_provider, base_model });
        self
    }

    /// Adds an alias of a name that is reported with one provider.
    ///
    /// ```
    /// use tracing_budget::PriceBook;
    ///
    /// let profile = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/x9";
    /// let book = PriceBook::builder()
    ///     .model_alias_for("aws", profile, "aws", "eu.anthropic.claude-sonnet-4-6")
    ///     .build()?;
    /// assert_eq!(book.model(Some("aws"), Some(profile)).label(), "aws/eu.anthropic.claude-sonnet-4-6");
    /// # Ok::<(), tracing_budget::price::PriceBookError>(())
    /// ```
    #[must_use]
    pub fn model_alias_for(
        mut self,
        provider: impl Into<String>,
        name: impl Into<String>,
        base_provider: impl Into<String>,
        base_model: impl Into<String>,
    ) -> Self {
        let (name, base_provider, base_model) = (name.into(), base_provider.into(), base_model.into());
        self.own.push(Own::Alias { provider: Some(provider.into()), name, base_provider, base_model });
        self
    }

    /// Adds a factor on the published prices of a provider: a negotiated discount, a mark-up, a regional premium.
    ///
    /// One factor holds for a call: one for its model before one for its provider, then the first that was given and holds at that time.
    ///
    /// ```
    /// use tracing_budget::{PriceBook, price::PriceFactor};
    ///
    /// let book = PriceBook::builder().price_factor("azure", PriceFactor::new("0.85").from("2026-07-01")).build()?;
    /// # Ok::<(), tracing_budget::price::PriceBookError>(())
    /// ```
    #[must_use]
    pub fn price_factor(mut self, provider: impl Into<String>, factor: PriceFactor) -> Self {
        self.own.push(Own::Factor { provider: provider.into(), model: None, factor });
        self
    }

    /// Adds a factor on the published prices of one model at a provider.
    ///
    /// ```
    /// use tracing_budget::{PriceBook, price::PriceFactor};
    ///
    /// let book = PriceBook::builder().price_factor_for("azure", "gpt-5", PriceFactor::new("0.7")).build()?;
    /// # Ok::<(), tracing_budget::price::PriceBookError>(())
    /// ```
    #[must_use]
    pub fn price_factor_for(
        mut self,
        provider: impl Into<String>,
        model: impl Into<String>,
        factor: PriceFactor,
    ) -> Self {
        self.own.push(Own::Factor { provider: provider.into(), model: Some(model.into()), factor });
        self
    }

    /// Adds the prices in a TOML file, in the format of `docs/prices.md`.
    ///
    /// ```
    /// use tracing_budget::PriceBook;
    ///
    /// let missing = PriceBook::builder().prices_file("no-such.toml").build();
    /// assert!(missing.is_err());
    /// ```
    #[cfg(feature = "price-files")]
    #[must_use]
    pub fn prices_file(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.own.push(Own::File(super::data_file::Bytes::File(path.into())));
        self
    }

    /// Adds the prices in a TOML text, in the format of `docs/prices.md`.
    ///
    /// ```
    /// use tracing_budget::PriceBook;
    ///
    /// let toml = "[[price]]\nmodel = \"my-own\"\ninput = 0.10";
    /// let book = PriceBook::builder().prices_toml(toml).build()?;
    /// # Ok::<(), tracing_budget::price::PriceBookError>(())
    /// ```
    #[cfg(feature = "price-files")]
    #[must_use]
    pub fn prices_toml(mut self, text: impl Into<String>) -> Self {
        self.own.push(Own::File(super::data_file::Bytes::Given(text.into().into_bytes())));
        self
    }

    /// Replaces the bundled prices by a newer `data.json` of genai-prices.
    ///
    /// ```
    /// use tracing_budget::PriceBook;
    ///
    /// assert!(PriceBook::builder().prices_json("not JSON").build().is_err());
    /// ```
    #[cfg(feature = "prices")]
    #[must_use]
    pub fn prices_json(mut self, json: impl Into<Vec<u8>>) -> Self {
        self.published = Some(super::data_file::Bytes::Given(json.into()));
        self
    }

    /// Replaces the bundled prices by a newer `data.json` of genai-prices in a file, or by the current one in a directory that
    /// `tracing-budget prices update` keeps.
    ///
    /// ```
    /// use tracing_budget::PriceBook;
    ///
    /// assert!(PriceBook::builder().prices_json_file("no-such.json").build().is_err());
    /// ```
    #[cfg(feature = "prices")]
    #[must_use]
    pub fn prices_json_file(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.published = Some(super::data_file::Bytes::File(path.into()));
        self
    }

    /// Takes the bundled prices, whatever the environment variable `TRACING_BUDGET_PRICES` names.
    ///
    /// ```
    /// use tracing_budget::{PriceBook, price::Origin};
    ///
    /// let book = PriceBook::builder().bundled_prices().build()?;
    /// assert_eq!(book.edition().origin, Origin::Bundled);
    /// # Ok::<(), tracing_budget::price::PriceBookError>(())
    /// ```
    #[must_use]
    pub fn bundled_prices(mut self) -> Self {
        self.is_bundled = true;
        self
    }

    /// Sets the cost of calls without a known price.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use tracing_budget::{PriceBook, Usage, price::UnknownModel};
    ///
    /// let book = PriceBook::builder().unknown_model(UnknownModel::Zero).build()?;
    /// let model = book.model(Some("ollama"), Some("my-own"));
    /// assert!(model.price(&Usage::new().input(7), SystemTime::now()).is_ok());
    /// # Ok::<(), tracing_budget::price::PriceBookError>(())
    /// ```
    #[must_use]
    pub fn unknown_model(mut self, policy: UnknownModel) -> Self {
        self.unknown = policy;
        self
    }

    /// Reads and validates everything that was given, and the published prices that the environment variable `TRACING_BUDGET_PRICES`
    /// names, unless others were given.
    ///
    /// ```
    /// use tracing_budget::{PriceBook, price::Rates};
    ///
    /// let error = PriceBook::builder().price("m", Rates::per_million()).build().expect_err("no rate");
    /// assert!(error.to_string().contains("it has no rate"), "{error}");
    /// ```
    ///
    /// # Errors
    ///
    /// [`PriceBookError`] with the first unusable price, file or data; for a TOML file with line and key.
    pub fn build(self) -> Result<PriceBook, PriceBookError> {
        #[cfg(feature = "prices")]
        let catalog = match self.published {
            None if self.is_bundled => Catalog::default(),
            None => super::data_file::load_from_environment()?.unwrap_or_default(),
            Some(bytes) => super::data_file::load_catalog(&bytes)?,
        };
        #[cfg(not(feature = "prices"))]
        let catalog = Catalog::default();
        if let UnknownModel::Rate(rates) = &self.unknown
            && let Some(reason) = rates.fault()
        {
            return Err(PriceBookError::Price { model: "unknown models".to_owned(), reason });
        }
        let (mut overrides, mut aliases, mut factors) = (Vec::new(), Vec::new(), Vec::new());
        for own in self.own {
            match own {
                Own::Price { provider, model, rates } => {
                    let checked = match rates.fault() {
                        Some(fault) => Err(fault),
                        None => ModelPattern::parse(&model),
                    };
                    let name = checked.map_err(|reason| PriceBookError::Price { model, reason })?;
                    overrides.push(Override { name, provider, rates: Arc::new(rates) });
                }
                Own::Alias { provider, name, base_provider, base_model } => {
                    let alias = ModelAlias::new(provider.as_deref(), &name, &base_provider, &base_model);
                    aliases.push(alias.map_err(|reason| PriceBookError::Alias { name, reason })?);
                }
                Own::Factor { provider, model, factor } => {
                    let rule = FactorRule::new(&provider, model.as_deref(), factor);
                    factors.push(rule.map_err(|reason| PriceBookError::Factor { provider, reason })?);
                }
                #[cfg(feature = "price-files")]
                Own::File(bytes) => {
                    let read = super::toml_file::load(&bytes)?;
                    overrides.extend(read.prices);
                    aliases.extend(read.aliases);
                    factors.extend(read.factors);
                }
            }
        }
        for own in &mut overrides {
            own.provider = own.provider.take().map(|name| alias::key(&name));
        }
        let unknown = self.unknown;
        Ok(PriceBook(Arc::new(BookData { catalog, overrides, aliases, factors, unknown, fault: None })))
    }
}
