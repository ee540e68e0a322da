//! The published prices: the data of a release of `genai-prices`, or a newer file of the same format.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, SystemTime};

use genai_prices::{
    Calculator, ErrorKind, PriceCalculation, PriceRequest, ProviderInfo, Usage as Counts, UsageKey,
};

use super::alias;
use super::context_tiers::ContextTiers;
use super::corrections;
use super::edition::{self, BUNDLED_DATE, Edition, Origin};
use super::file_name::{FileName, LoadError};
use super::known_names;
use super::published_models::{Listed, Match, PublishedModels};
use super::published_prices::{PublishedPrice, PublishedPrices, Rate};
use super::rates::{Rates, since_epoch};
use super::reason::{BookName, Unpriced};
use super::service_tier::ServiceTier;
use super::units;
use crate::fnv::fnv1a_64;
use crate::ledger::{Kind, Usage, Usd, rfc3339};

/// Below this many USD, a double that is off by the few roundings of one calculation is still nearer to the true
/// whole number of pico-dollars than to any other. (A calculation makes less than 16 roundings of one part in 2^53, so
/// it is off by less than 0.46 pico-dollars at 256 USD.)
const EXACT_BELOW: f64 = 256.0;

/// What genai-prices bills by instead of tokens.
const OTHER_MEASURES: [&[(UsageKey, f64)]; 6] = [
    &[
        (UsageKey::AUDIO_SECONDS, 7200.0),
        (UsageKey::INPUT_AUDIO_SECONDS, 3600.0),
        (UsageKey::OUTPUT_AUDIO_SECONDS, 3600.0),
    ],
    &[(UsageKey::INPUT_CHARACTERS, 1e6)],
    &[(UsageKey::INPUT_DOCUMENT_PAGES, 1e3), (UsageKey::INPUT_ANNOTATED_DOCUMENT_PAGES, 1e3)],
    &[(UsageKey::INPUT_PIXELS, 1e6)],
    &[(UsageKey::INPUT_TEXT_MESSAGES, 1e3)],
    &[(UsageKey::RERANK_SEARCHES, 1e3)],
];

/// The prices of the release that [`BookName`] names, as `genai-prices` reads them.
///
/// They are a file of this crate. The data that `genai-prices` bundles is that of whichever release Cargo chose, and no
/// function of it returns which one that is: a summary would name the wrong data after `cargo update`.
static BUNDLED: LazyLock<Published> = LazyLock::new(|| {
    Published::read(Cow::Borrowed(include_bytes!("../../data/genai-prices.json")))
        .expect("every 0.2 release of genai-prices reads the format of 0.2.1")
});

/// The published prices in use.
#[derive(Default)]
pub(super) struct Catalog {
    loaded: Option<Box<Published>>,
    name: BookName,
    origin: Origin,
    /// The day of the loaded prices, in nanoseconds since the Unix epoch.
    date: Option<i128>,
}

/// A `data.json`.
struct Published {
    calculator: Calculator,
    models: PublishedModels,
    /// The file, of which the rates are read when they are shown.
    json: Cow<'static, [u8]>,
    prices: OnceLock<PublishedPrices>,
}

impl Published {
    fn read(json: Cow<'static, [u8]>) -> Result<Self, genai_prices::Error> {
        let calculator = Calculator::from_json(&json)?;
        let models =
            PublishedModels::read(&json).expect("the calculator has read the same providers and models");
        Ok(Self { calculator, models, json, prices: OnceLock::new() })
    }

    fn prices(&self) -> &PublishedPrices {
        self.prices.get_or_init(|| PublishedPrices::read(&self.json))
    }
}

/// A model that the catalog prices: the provider's id and a reference that finds the model there.
#[derive(Clone)]
pub(super) struct Route {
    provider: String,
    model: String,
    /// The ids of the provider that lists the model, and of the model there.
    listed: (String, String),
    /// Every token is input: the model has no other rate.
    has_one_rate: bool,
    tier: Option<ServiceTier>,
}

impl Route {
    pub(super) fn provider(&self) -> &str {
        &self.provider
    }

    /// The provider that lists the model: another one, where its own resells that one's models.
    pub(super) fn lister(&self) -> &str {
        &self.listed.0
    }

    /// The name by which the list has the model, without what was wrapped around it.
    pub(super) fn name(&self) -> &str {
        &self.model
    }

    /// Whether both are of one entry in the list.
    pub(super) fn is_of_same_entry(&self, other: &Self) -> bool {
        self.listed == other.listed
    }

    pub(super) fn has_one_rate(&self) -> bool {
        self.has_one_rate
    }

    pub(super) fn tier(&self) -> Option<&ServiceTier> {
        self.tier.as_ref()
    }

    /// The same model at a tier; `None` is the tier of the list price.
    pub(super) fn at_tier(&self, tier: Option<ServiceTier>) -> Self {
        Self { tier, ..self.clone() }
    }
}

/// Why a provider's list has no price for a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Miss {
    /// The name is not in it.
    Unlisted,
    /// The name is not in it, and begins like this model.
    Resembles(String),
    /// The list has the model without a price.
    Unstated(String),
}

impl Catalog {
    /// Reads a newer `data.json`. The name it goes by ends in a fingerprint of its bytes, so that a history
    /// distinguishes two files of one name.
    pub(super) fn load(file: &FileName<'_>, origin: Origin, json: &[u8]) -> Result<Self, LoadError> {
        let published = Published::read(Cow::Owned(json.to_owned())).map_err(|error| error.to_string())?;
        let name = file.book_name(fnv1a_64(json))?;
        let date = file.date().or_else(|| published.models.newest_start(since_epoch(SystemTime::now())));
        Ok(Self { loaded: Some(Box::new(published)), name: BookName::loaded(&name), origin, date })
    }

    /// The day of the prices, in nanoseconds since the Unix epoch. This reads nothing.
    pub(super) fn date(&self) -> Option<i128> {
        match &self.loaded {
            Some(_) => self.date,
            None => rfc3339::parse_date(BUNDLED_DATE).ok(),
        }
    }

    pub(super) fn edition(&self) -> Edition {
        let [providers, models, without_price, with_tiers] = self.published().models.counts();
        Edition {
            name: self.name(),
            origin: self.origin.clone(),
            date: self.date().and_then(edition::date_text),
            providers,
            models,
            without_price,
            with_tiers,
            unknown_keys: self.unknown_keys(),
        }
    }

    /// The keys of all prices that hold now which this release cannot price.
    fn unknown_keys(&self) -> Vec<String> {
        let nothing = Counts::new();
        let keys = |(provider, model): (&str, &str)| {
            let request = PriceRequest::new(model, &nothing).with_provider_id(provider);
            self.calculator().calculate(&request).map(|price| unknown_keys(&price)).unwrap_or_default()
        };
        let all: BTreeSet<_> = self.models().flat_map(keys).collect();
        all.into_iter().collect()
    }

    /// The keys of a model's price at a time that this release cannot price. The bundled prices have none, as a test shows.
    pub(super) fn unknown_keys_of(&self, route: &Route, at: SystemTime) -> Vec<String> {
        if self.loaded.is_none() {
            return Vec::new();
        }
        self.calculate(route, &Counts::new(), at).map(|price| unknown_keys(&price)).unwrap_or_default()
    }

    fn published(&self) -> &Published {
        self.loaded.as_deref().unwrap_or_else(|| &BUNDLED)
    }

    fn calculator(&self) -> &Calculator {
        &self.published().calculator
    }

    pub(super) fn context_tiers(&self) -> &ContextTiers {
        &self.published().models.context_tiers
    }

    pub(super) fn warm(&self) {
        self.published();
    }

    /// Checks that a tier has a price of its own: the list price would be the answer to one without.
    fn check_tier(&self, route: &Route, tier: &ServiceTier, at: i128) -> Result<(), Unpriced> {
        let (lister, model) = &route.listed;
        let listed = self.published().models.get(lister, model).filter(|_| *lister == route.provider);
        if listed.is_some_and(|listed| listed.has_tier(tier, at)) {
            return Ok(());
        }
        Err(Unpriced::NoTierPrice { model: (&*route.model).into(), tier: tier.name().into() })
    }

    /// The rates that are listed for a model at the route's tier, at a time in nanoseconds since the Unix epoch.
    pub(super) fn listed_rates(&self, route: &Route, at: i128) -> Result<Vec<Rate>, Unpriced> {
        if let Some(tier) = &route.tier {
            self.check_tier(route, tier, at)?;
        }
        Ok(self.listed_price(route).map_or_else(Vec::new, |price| price.rates(at, route.tier.as_ref())))
    }

    /// The tiers with listed prices of their own at any time.
    pub(super) fn listed_tiers(&self, route: &Route) -> Vec<ServiceTier> {
        self.listed_price(route).map_or_else(Vec::new, |price| price.tiers().collect())
    }

    /// When listed prices begin to hold, in nanoseconds since the Unix epoch.
    pub(super) fn listed_dates(&self, route: &Route) -> BTreeSet<i128> {
        self.listed_price(route).map_or_else(BTreeSet::new, PublishedPrice::dates)
    }

    /// When listed prices begin or end on every day, in nanoseconds since midnight UTC.
    pub(super) fn listed_hours(&self, route: &Route) -> BTreeSet<i128> {
        self.listed_price(route).map_or_else(BTreeSet::new, PublishedPrice::hours)
    }

    /// What the data remarks on a model's prices.
    pub(super) fn listed_comments(&self, route: &Route) -> Vec<String> {
        self.published().prices().comments(&route.listed.0, &route.listed.1)
    }

    fn listed_price(&self, route: &Route) -> Option<&PublishedPrice> {
        self.published().prices().get(&route.listed.0, &route.listed.1)
    }

    /// The answer of `genai-prices`, at the route's tier.
    pub(super) fn calculate(&self, route: &Route, counts: &Counts, at: SystemTime) -> Calculated {
        let mut request =
            PriceRequest::new(&route.model, counts).with_provider_id(&route.provider).with_timestamp(at);
        if let Some(tier) = &route.tier {
            self.check_tier(route, tier, since_epoch(at))?;
            let (key, value) = tier.context();
            request = request.with_price_context(key, value);
        }
        self.calculator().calculate(&request).map_err(unpriced)
    }

    pub(super) fn name(&self) -> BookName {
        self.name.clone()
    }

    /// The id of a provider in this data. The data's own rules match parts of names and would take
    /// `azure.ai.openai` or `my-openai-proxy` for `openai`, so only whole names count.
    pub(super) fn provider_id(&self, name: &str) -> Option<String> {
        let (aliased, squeezed) = (alias::aliased(name), alias::squeezed(name));
        self.calculator()
            .providers()
            .map(ProviderInfo::id)
            .find(|id| aliased.map_or_else(|| alias::squeezed(id) == squeezed, |alias| alias == *id))
            .map(str::to_owned)
    }

    /// Whether this data has a price list of a provider with this id.
    pub(super) fn is_known(&self, provider: &str) -> bool {
        // The data's own rules would match parts of an unknown provider's name.
        self.calculator().providers().any(|known| known.id() == provider)
    }

    /// The ids of all providers.
    pub(super) fn provider_ids(&self) -> impl Iterator<Item = &str> {
        self.calculator().providers().map(ProviderInfo::id)
    }

    /// Finds a model among those of one provider, or of those that it resells, by a name in lower case.
    pub(super) fn find(&self, provider: &str, model: &str) -> Result<Route, Miss> {
        let nothing = Counts::new();
        let found = self.is_known(provider).then(|| {
            self.calculator().calculate(&PriceRequest::new(model, &nothing).with_provider_id(provider))
        });
        let models = &self.published().models;
        let Some(Ok(found)) = found else {
            // The id in the list is a name too, although the list's rule has only others, such as `accounts/fireworks/models/…`.
            let mut names = models.other_names(provider, model).into_iter();
            return names.find_map(|name| self.find_as(provider, &name, model)).ok_or(Miss::Unlisted);
        };
        let lister = match models.how(provider, &found.model_id, model) {
            Match::Name(lister) => lister.to_owned(),
            Match::Resembles => return Err(Miss::Resembles(found.model_id)),
        };
        let rates = models.get(&lister, &found.model_id).map_or(Listed::None, |listed| listed.rates());
        if rates == Listed::None && !known_names::is_free(provider, &found.model_id) {
            return Err(Miss::Unstated(found.model_id));
        }
        Ok(Route {
            provider: provider.to_owned(),
            model: model.to_owned(),
            listed: (lister, found.model_id),
            has_one_rate: rates == Listed::Input,
            tier: None,
        })
    }

    /// The route by a name that the list matches to the model with this id.
    fn find_as(&self, provider: &str, name: &str, id: &str) -> Option<Route> {
        let nothing = Counts::new();
        let request = PriceRequest::new(name, &nothing).with_provider_id(provider);
        let is_found = self.calculator().calculate(&request).is_ok_and(|found| found.model_id == id);
        if is_found { self.find(provider, name).ok() } else { None }
    }

    /// The rates that correct a model with these names (in lower case) at these providers, most specific first.
    pub(super) fn corrections(&self, names: &[String], providers: &[&str]) -> Vec<Arc<Rates>> {
        corrections::matching_rates(names, providers, || {
            self.loaded.is_none() || self.has_bundled_price(names, providers)
        })
    }

    /// Whether a newer list still has the bundled price of a model: what is wrong with the one is wrong with the other.
    fn has_bundled_price(&self, names: &[String], providers: &[&str]) -> bool {
        // Prices of a time of day have windows of eight hours.
        const PARTS: u32 = 6;
        let midnight = SystemTime::now() - Duration::from_secs(since_midnight());
        // The whole as well: more of a part than of its whole is an error.
        let whole = || [(UsageKey::INPUT_TOKENS, 1e6), (UsageKey::OUTPUT_TOKENS, 1e6)];
        let usages: Vec<Counts> =
            KEYS.into_iter().map(|(_, key)| whole().into_iter().chain([(key, 1e6)]).collect()).collect();
        let price = |calculator: &Calculator, provider: &str, name: &str, usage: &Counts, at: SystemTime| {
            let request = PriceRequest::new(name, usage).with_provider_id(provider).with_timestamp(at);
            calculator.calculate(&request).ok().map(|price| (price.model_id, price.total_price))
        };
        let is_same = |provider: &&str, name: &String| {
            let times = (0..PARTS).map(|part| midnight + Duration::from_secs(86_400) / PARTS * part);
            times.into_iter().all(|at| {
                let [bundled, newer] = [&BUNDLED.calculator, self.calculator()].map(|of| {
                    usages.iter().map(|usage| price(of, provider, name, usage, at)).collect::<Vec<_>>()
                });
                // The first is of the whole alone.
                bundled[0].is_some() && bundled == newer
            })
        };
        // The correction is for one of these names at one of these providers; a name that the list does not have has no price.
        providers.iter().any(|provider| names.iter().any(|name| is_same(provider, name)))
    }

    /// The provider that has models with names like this one.
    pub(super) fn infer(&self, model: &str) -> Option<String> {
        let found = self.calculator().calculate(&PriceRequest::new(model, &Counts::new())).ok()?;
        Some(found.provider_id)
    }

    /// The models of a provider, with those that it resells, or of all if it is not known here.
    pub(super) fn model_ids(&self, provider: Option<&str>) -> Vec<&str> {
        let lists: Vec<&str> = match provider.filter(|id| self.is_known(id)) {
            Some(id) => [id].into_iter().chain(self.published().models.resold_by(id)).collect(),
            None => self.calculator().providers().map(ProviderInfo::id).collect(),
        };
        let models = self.models().filter(|(provider, _)| lists.contains(provider));
        models.map(|(_, model)| model).collect()
    }

    /// Every model, with the provider's id.
    pub(super) fn models(&self) -> impl Iterator<Item = (&str, &str)> {
        self.calculator()
            .providers()
            .flat_map(|provider| provider.models().map(move |model| (provider.id(), model.id())))
    }

    /// The exact cost of a usage at a time. `model` is the reported name, for the reasons.
    pub(super) fn price(
        &self,
        route: &Route,
        model: &str,
        usage: &Usage,
        at: SystemTime,
    ) -> Result<(Usd, Vec<Kind>), Unpriced> {
        let calculate = |counts: &Counts| self.calculate(route, counts, at);
        let found = calculate(&counts(usage))?;
        if route.has_one_rate && usage.count(Kind::Output) > 0 {
            return Err(Unpriced::NoRate { model: model.into(), kind: Kind::Output });
        }
        let lacks = units::lacking(&calculate, usage);
        if found.total_price == 0.0 && lacks.is_empty() && billed_otherwise(&calculate) {
            return Err(Unpriced::NotByTokens { model: model.into() });
        }
        let cost = if found.total_price < EXACT_BELOW {
            Usd::from_f64(found.total_price)
        } else {
            exactly(&calculate, usage, found.total_price)?
        };
        let beyond = || Unpriced::TooLarge {
            reason: format!(
                "{model} would cost about {} USD, at rates that are no whole pico-dollars",
                found.total_price
            )
            .into(),
        };
        let cost = cost.ok_or_else(beyond)?;
        // The data charges one request per call. A usage may report several, or 0.
        match usage.get(Kind::Requests) {
            None | Some(1) => Ok((cost, lacks)),
            Some(requests) => {
                let fee = Usd::from_f64(calculate(&Counts::new())?.total_price).ok_or_else(beyond)?;
                Ok((Usd::from_pico(cost.pico() + fee.pico() * (i128::from(requests) - 1)), lacks))
            }
        }
    }
}

/// Seconds since midnight in UTC.
fn since_midnight() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() % 86_400)
}

/// The keys of a price that `genai-prices` skipped, by its warning: it has no function that returns them.
fn unknown_keys(price: &PriceCalculation) -> Vec<String> {
    const SKIPPED: &str = "Unsupported price key for standard pricing: ";
    let lists = price.warnings.iter().filter_map(|warning| warning.strip_prefix(SKIPPED));
    lists.flat_map(|keys| keys.split(", ")).map(str::to_owned).collect()
}

/// A price in doubles, or the reason why there is no price.
pub(super) type Calculated = Result<PriceCalculation, Unpriced>;

/// Returns whether a model with free tokens charges for another measure, and so is not free.
pub(super) fn billed_otherwise(calculate: &impl Fn(&Counts) -> Calculated) -> bool {
    OTHER_MEASURES.iter().any(|measure| {
        let counts = measure.iter().cloned().collect();
        calculate(&counts).is_ok_and(|price| price.total_price > 0.0)
    })
}

/// Returns the cost of a large call in integers. Each rate is calculated alone, in the same context tier, where a double is still
/// exact, and then multiplied as an integer. `None` if a rate is not a whole number of pico-dollars.
fn exactly(
    calculate: &impl Fn(&Counts) -> Calculated,
    usage: &Usage,
    about: f64,
) -> Result<Option<Usd>, Unpriced> {
    let (input, output) = (usage.count(Kind::Input), usage.count(Kind::Output));
    let whole = || {
        let known = [(UsageKey::INPUT_TOKENS, input), (UsageKey::OUTPUT_TOKENS, output)];
        known.into_iter().map(|(key, count)| (key, count as f64)).collect::<Counts>()
    };
    // What the parts of the whole cost if all of it were of one kind.
    let alone = |keys: &[UsageKey], count: u64| {
        let mut counts = whole();
        counts.extend(keys.iter().map(|key| (key.clone(), count as f64)));
        calculate(&counts)
    };
    let hour = usage.count(Kind::CacheWrite1h);
    let mut pico: i128 = 0;
    for (whole, keys, tokens) in [
        (input, &[UsageKey::CACHE_READ_TOKENS][..], usage.count(Kind::CacheRead)),
        (input, &[UsageKey::CACHE_WRITE_TOKENS], usage.count(Kind::CacheWrite).saturating_sub(hour)),
        (input, &[UsageKey::CACHE_WRITE_TOKENS, UsageKey::CACHE_WRITE_1H_TOKENS], hour),
        (input, &[UsageKey::INPUT_AUDIO_TOKENS], usage.count(Kind::AudioInput)),
    ] {
        if tokens > 0 {
            let Some(rate) = per_token(alone(keys, whole)?.input_price, whole) else { return Ok(None) };
            let Some(plain) = per_token(alone(&[], 0)?.input_price, whole) else { return Ok(None) };
            pico += (rate - plain) * i128::from(tokens);
        }
    }
    for (keys, tokens) in [
        (&[UsageKey::OUTPUT_REASONING_TOKENS][..], usage.count(Kind::Reasoning)),
        (&[UsageKey::OUTPUT_AUDIO_TOKENS], usage.count(Kind::AudioOutput)),
    ] {
        if tokens > 0 {
            let Some(rate) = per_token(alone(keys, output)?.output_price, output) else { return Ok(None) };
            let Some(plain) = per_token(alone(&[], 0)?.output_price, output) else { return Ok(None) };
            pico += (rate - plain) * i128::from(tokens);
        }
    }
    let plain = alone(&[], 0)?;
    for (price, tokens) in [(plain.input_price, input), (plain.output_price, output)] {
        let Some(rate) = per_token(price, tokens) else { return Ok(None) };
        pico += rate * i128::from(tokens);
    }
    let Some(fee) = Usd::from_f64(calculate(&Counts::new())?.total_price) else { return Ok(None) };
    let Some(beside) = units::cost_beside(calculate, usage) else { return Ok(None) };
    let exact = Usd::from_pico(pico + fee.pico() + beside);
    // Both results must agree to the precision of a double. If not, the data charges something that is not listed above.
    Ok(((exact.to_f64() - about).abs() <= about * 1e-12).then_some(exact))
}

/// The rate of tokens that cost so many USD together, if it is a whole number of pico-dollars.
pub(super) fn per_token(usd: f64, tokens: u64) -> Option<i128> {
    if tokens == 0 {
        return Some(0);
    }
    let rate = usd * 1e12 / tokens as f64;
    let whole = rate.round();
    // Doubles put the rate within a few parts in 10^15 of a whole number, if it is one.
    (whole < 1e11 && (rate - whole).abs() < 1e-3).then_some(whole as i128)
}

fn counts(usage: &Usage) -> Counts {
    let common = KEYS.into_iter().filter_map(|(kind, key)| Some((key, usage.get(kind)? as f64)));
    common.chain(units::counts(usage)).collect()
}

/// The kinds that genai-prices counts too, and its names for them.
pub(super) const KEYS: [(Kind, UsageKey); 8] = [
    (Kind::Input, UsageKey::INPUT_TOKENS),
    (Kind::Output, UsageKey::OUTPUT_TOKENS),
    (Kind::CacheRead, UsageKey::CACHE_READ_TOKENS),
    (Kind::CacheWrite, UsageKey::CACHE_WRITE_TOKENS),
    (Kind::CacheWrite1h, UsageKey::CACHE_WRITE_1H_TOKENS),
    (Kind::Reasoning, UsageKey::OUTPUT_REASONING_TOKENS),
    (Kind::AudioInput, UsageKey::INPUT_AUDIO_TOKENS),
    (Kind::AudioOutput, UsageKey::OUTPUT_AUDIO_TOKENS),
];

fn unpriced(error: genai_prices::Error) -> Unpriced {
    let reason = error.to_string().into();
    match error.kind() {
        ErrorKind::InvalidUsage => Unpriced::InvalidUsage { reason },
        _ => Unpriced::Failed { reason },
    }
}
