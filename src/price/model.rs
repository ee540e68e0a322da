//! One model at one provider, ready to price its calls.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::book::{BookData, UnknownModel};
use super::catalog::Route;
use super::compiled::{Compiled, Minute, Table};
use super::factors::PriceFactor;
use super::rates::{NoCost, Rates, since_epoch};
use super::reason::{Price, Source, Unpriced};
use super::service_tier::ServiceTier;
use crate::ledger::{Kind, MAX_COUNT, Measure, Usage, Usd};

/// One model at one provider, looked up once by [`PriceBook::model`](crate::PriceBook::model).
pub struct PricedModel {
    pub(super) label: Box<str>,
    /// The model as it was reported.
    pub(super) model: Box<str>,
    /// The user's own rates, most specific first.
    pub(super) own: Vec<Arc<Rates>>,
    /// Rates that correct the published ones.
    pub(super) corrected: Vec<Arc<Rates>>,
    /// The published price, and whether it is that of another provider than the reported one.
    pub(super) route: Result<(Route, bool), Unpriced>,
    /// Other routes that must have the same price as `route`, and the reason if one has another.
    pub(super) unless_agreed: Option<Box<(Vec<Route>, Unpriced)>>,
    /// The user's factors on the published and corrected prices, most specific first.
    pub(super) factors: Vec<Arc<PriceFactor>>,
    /// The tier that serves the calls; `None` is that of the list price.
    pub(super) tier: Option<ServiceTier>,
    pub(super) data: Arc<BookData>,
    /// What was compiled last.
    pub(super) compiled: Mutex<Option<Arc<Compiled>>>,
}

impl fmt::Debug for PricedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PricedModel")
            .field("label", &self.label)
            .field("own", &self.own)
            .finish_non_exhaustive()
    }
}

impl PricedModel {
    pub(super) fn new(
        data: Arc<BookData>,
        label: String,
        model: &str,
        [own, corrected]: [Vec<Arc<Rates>>; 2],
        route: Result<(Route, bool), Unpriced>,
    ) -> Self {
        let tier = route.as_ref().ok().and_then(|(route, _)| route.tier()).cloned();
        let (label, model) = (label.into(), model.into());
        let (factors, unless_agreed) = (Vec::new(), None);
        let compiled = Mutex::default();
        Self { label, model, own, corrected, route, unless_agreed, factors, tier, data, compiled }
    }

    /// The same model at the price that all of these have, where they have one price; else it has none, for this reason.
    pub(super) fn where_all_agree(self, mut routes: Vec<Route>, reason: Unpriced) -> Self {
        // A correction is of one list, and others may be right where that is not: then none is known to be.
        if routes.is_empty() || !self.corrected.is_empty() {
            return self;
        }
        let others = routes.split_off(1);
        let unless_agreed = Some(Box::new((others, reason)));
        match routes.pop() {
            Some(route) => Self { route: Ok((route, true)), unless_agreed, ..self },
            None => self,
        }
    }

    /// The same model, with factors on its published prices, most specific first.
    pub(super) fn times(self, factors: Vec<Arc<PriceFactor>>) -> Self {
        Self { factors, ..self }
    }

    /// This model as the one behind a name of the user's. Rates that were given for that name precede those of the model.
    pub(super) fn behind_alias(mut self, name: &str, base: &str, own: Vec<Arc<Rates>>) -> Self {
        self.own.splice(..0, own);
        self.route = self.route.map_err(|reason| Unpriced::Alias {
            model: name.into(),
            base: base.into(),
            reason: Box::new(reason),
        });
        self
    }

    /// The published price.
    pub(super) fn route(&self) -> Option<&Route> {
        self.route.as_ref().ok().map(|(route, _)| route)
    }

    /// The user's own rates, most specific first.
    pub(super) fn own(&self) -> &[Arc<Rates>] {
        &self.own
    }

    /// The same row at the price of another model; the user's own rates for either hold.
    pub(super) fn at_price_of(self, other: Self) -> Self {
        let own = other.own.into_iter().chain(self.own).collect();
        Self {
            label: self.label,
            own,
            factors: other.factors,
            unless_agreed: other.unless_agreed,
            ..Self::new(other.data, String::new(), &other.model, [Vec::new(), other.corrected], other.route)
        }
    }

    /// Returns the same model, served by a tier: `batch`, `flex`, `priority`, `fast`, by any of their names in replies.
    ///
    /// `default`, `standard`, `auto`, `on_demand` and the like are the list price. Another tier has the price of the user's
    /// [`Rates::tier`], else that of the user's other rates, else its published price; without any, a call has no price.
    ///
    /// ```
    /// use std::time::{Duration, UNIX_EPOCH};
    /// use tracing_budget::{PriceBook, Usage};
    ///
    /// let (book, usage) = (PriceBook::new(), Usage::new().input(1_000_000).output(1_000_000));
    /// let at = UNIX_EPOCH + Duration::from_secs(1_796_040_030); // 2026-11-30
    /// # #[cfg(feature = "prices")]
    /// for (tier, cost) in [("default", "11.25"), ("flex", "5.625"), ("batch", "5.625"), ("priority", "22.5")] {
    ///     let price = book.model(Some("openai"), Some("gpt-5")).with_tier(tier).price(&usage, at)?;
    ///     assert_eq!(price.cost.to_string(), cost);
    /// }
    /// # Ok::<(), tracing_budget::price::Unpriced>(())
    /// ```
    #[must_use]
    pub fn with_tier(mut self, tier: &str) -> Self {
        let Some(tier) = ServiceTier::parse(tier) else { return self };
        for route in self.unless_agreed.iter_mut().flat_map(|agreed| &mut agreed.0) {
            *route = route.at_tier(Some(tier.clone()));
        }
        if let Ok((route, _)) = &mut self.route {
            *route = route.at_tier(Some(tier.clone()));
        }
        self.tier = Some(tier);
        self.compiled = Mutex::default();
        self
    }

    /// Returns the tier that serves the calls, by the name that prices go by; `None` for the list price.
    ///
    /// ```
    /// use tracing_budget::PriceBook;
    ///
    /// let model = PriceBook::new().model(Some("openai"), Some("gpt-5"));
    /// assert_eq!(model.tier(), None);
    /// assert_eq!(model.with_tier("FLEX").tier(), Some("flex"));
    /// ```
    #[must_use]
    pub fn tier(&self) -> Option<&str> {
        self.tier.as_ref().map(ServiceTier::name)
    }

    /// Returns the name of the row in which this model's calls are counted: the provider's id and the model, such as
    /// `anthropic/claude-sonnet-4-5`; the model alone if its provider is unknown; `unknown` if no model was reported.
    ///
    /// All spellings of a model have one row: it is in lower case, without its vendor where the vendor bills, and without what is wrapped
    /// around it, such as an ARN. Dates, variants (`:free`) and regions (`eu.`) stay: such names may have another price.
    ///
    /// ```
    /// use tracing_budget::PriceBook;
    ///
    /// let book = PriceBook::new();
    /// assert_eq!(book.model(Some("ollama"), Some("llama3")).label(), "ollama/llama3");
    /// assert_eq!(book.model(Some("openai"), Some("openai/GPT-5")).label(), "openai/gpt-5");
    /// ```
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Returns the cost of a call with this usage that began at this time.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use tracing_budget::{PriceBook, Usage, price::Rates};
    ///
    /// let book = PriceBook::builder().price("m", Rates::per_million().input("2")).build()?;
    /// let price = book.model(None, Some("m")).price(&Usage::new().input(500_000), SystemTime::now())?;
    /// assert_eq!(price.cost.to_string(), "1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unpriced`] with the reason why the cost is unknown.
    pub fn price(&self, usage: &Usage, at: SystemTime) -> Result<Price, Unpriced> {
        let listed = match self.basis(at) {
            Basis::Rates(rates) => return self.by_rates(rates, Source::Override, usage),
            Basis::Free => return Ok(Price { cost: Usd::ZERO, source: Source::Override, lacks: Vec::new() }),
            Basis::Nothing(reason) => return Err(reason.clone()),
            Basis::Corrected(rates) => self.by_rates(rates, Source::Corrections, usage)?,
            Basis::Published(route, is_inferred) => self.by_catalog(route, is_inferred, usage, at)?,
        };
        let Some(factor) = self.factor(at) else { return Ok(listed) };
        let too_large =
            || Unpriced::TooLarge { reason: format!("{} USD times {factor}", listed.cost).into() };
        let cost = factor.of(listed.cost).ok_or_else(too_large)?;
        Ok(Price { cost, source: Source::Multiplied(Box::new(listed.source)), lacks: listed.lacks })
    }

    /// The factor on the published price at a time.
    pub(super) fn factor(&self, at: SystemTime) -> Option<&PriceFactor> {
        // Few models have any: the others do not convert the time.
        let (first, nanoseconds) = (self.factors.first()?, since_epoch(at));
        if first.holds_at(nanoseconds) {
            return Some(first);
        }
        self.factors.iter().find(|factor| factor.holds_at(nanoseconds)).map(Arc::as_ref)
    }

    /// Returns a usage as it is charged at a time.
    pub(super) fn as_charged(&self, usage: &Usage, at: SystemTime) -> Usage {
        match self.basis(at) {
            Basis::Rates(rates) | Basis::Corrected(rates) => split_by(rates.charges_input_alone(), usage),
            Basis::Published(route, _) => split_by(route.has_one_rate(), usage),
            Basis::Free | Basis::Nothing(_) => usage.clone(),
        }
    }

    /// Returns the keys of the published price at a time that this release cannot price, as a newer file may have: a call is priced without
    /// what they charge. Empty for prices of the user's own.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use tracing_budget::PriceBook;
    ///
    /// let model = PriceBook::new().model(Some("openai"), Some("gpt-5"));
    /// assert!(model.unknown_price_keys(SystemTime::now()).is_empty());
    /// ```
    #[must_use]
    pub fn unknown_price_keys(&self, at: SystemTime) -> Vec<String> {
        match self.basis(at) {
            Basis::Published(route, _) => self.data.catalog.unknown_keys_of(route, at),
            _ => Vec::new(),
        }
    }

    /// Returns the price compiled for the minute of a time. The first question of a minute compiles it; what has not changed since is
    /// only confirmed.
    pub(crate) fn compiled(&self, at: SystemTime) -> Arc<Compiled> {
        let minute = Minute::of(at);
        let mut last = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(last) if minute.is_some() && last.minute() == minute => Arc::clone(last),
            _ => {
                let compiled = Arc::new(self.compile(minute, at, last.as_deref()));
                *last = Some(Arc::clone(&compiled));
                compiled
            }
        }
    }

    fn compile(&self, minute: Option<Minute>, at: SystemTime, last: Option<&Compiled>) -> Compiled {
        let source = match self.basis(at) {
            Basis::Published(..) => Source::Book(self.data.catalog.name()),
            Basis::Corrected(_) => Source::Corrections,
            _ => Source::Override,
        };
        let factor = self.factor(at).filter(|_| source != Source::Override);
        let source = if factor.is_some() { Source::Multiplied(Box::new(source)) } else { source };
        let times = |table: Option<Table>| match factor {
            Some(factor) => factor.of_table(table?),
            None => table,
        };
        // Both ends: published prices have times of day, and a file may have them to the second.
        let ends = minute.and_then(Minute::ends).map_or([at, at], |(first, next)| [first, next - INSTANT]);
        let is_confirmed = |table: &Table| {
            let at_end = |at: SystemTime| {
                table.is_confirmed(&|usage| self.price(usage, at).ok().map(|price| price.cost))
            };
            ends.into_iter().all(at_end)
        };
        let known = last.filter(|last| last.source == source).and_then(Compiled::table);
        // Each of its calls is looked up, and counted there.
        if ends.into_iter().any(|at| !self.unknown_price_keys(at).is_empty()) {
            return Compiled::new(minute, source, None);
        }
        let table = match self.basis(ends[0]) {
            Basis::Rates(rates) => rates.table(),
            Basis::Corrected(rates) => times(rates.table()),
            Basis::Free => Some(Table::free()),
            Basis::Published(..) if known.is_some_and(is_confirmed) => {
                return Compiled::new(minute, source, known.cloned());
            }
            Basis::Published(route, is_inferred) => {
                times(self.data.catalog.table(route, is_inferred, ends[0]))
            }
            Basis::Nothing(_) => None,
        };
        Compiled::new(minute, source, table.filter(is_confirmed))
    }

    /// Returns why no usage of this model has a price: neither the published prices nor the user's have one. `None` if one has.
    ///
    /// ```
    /// use tracing_budget::PriceBook;
    ///
    /// assert!(PriceBook::new().model(Some("ollama"), Some("llama3")).never_priced().is_some());
    /// ```
    #[must_use]
    pub fn never_priced(&self) -> Option<&Unpriced> {
        match (&self.route, &self.data.unknown) {
            (Err(reason), UnknownModel::Unpriced) if self.own.is_empty() && self.corrected.is_empty() => {
                Some(reason)
            }
            _ => None,
        }
    }

    /// What a call is priced by at a time.
    pub(super) fn basis(&self, at: SystemTime) -> Basis<'_> {
        let nanoseconds = since_epoch(at);
        let tier = self.tier();
        let rates_for = |tier: Option<&str>| {
            self.own.iter().find(|rates| rates.hold_at(nanoseconds) && rates.tier_name() == tier)
        };
        // Rates without a tier hold for all of which the user has given none.
        if let Some(rates) = rates_for(tier).or_else(|| rates_for(None)) {
            return Basis::Rates(rates);
        }
        // A list has a price of its own for each tier: the one of another tier corrects nothing.
        let is_corrected = |rates: &&Arc<Rates>| rates.hold_at(nanoseconds) && rates.tier_name() == tier;
        if let Some(rates) = self.corrected.iter().find(is_corrected) {
            return Basis::Corrected(rates);
        }
        match (&self.route, &self.data.unknown) {
            (Ok((route, is_inferred)), _) => Basis::Published(route, *is_inferred),
            (Err(reason), UnknownModel::Unpriced) => Basis::Nothing(reason),
            (Err(_), UnknownModel::Zero) => Basis::Free,
            (Err(_), UnknownModel::Rate(rates)) => Basis::Rates(rates),
        }
    }

    fn by_rates(&self, rates: &Rates, source: Source, usage: &Usage) -> Result<Price, Unpriced> {
        let usage = &split_by(rates.charges_input_alone(), usage);
        if rates.charges_tokens() {
            check(usage)?;
        }
        if rates.misses_its_units(usage) {
            return Err(Unpriced::NotByTokens { model: (&*self.model).into() });
        }
        let cost = rates.cost(usage).map_err(|reason| match reason {
            NoCost::NoRate(kind) => Unpriced::NoRate { model: (&*self.model).into(), kind },
            NoCost::TooLarge => Unpriced::TooLarge {
                reason: format!("{} at the rates given for {} exceeds 1e26 USD", in_words(usage), self.model)
                    .into(),
            },
        })?;
        self.with_lacks(cost, source, rates.lacks(usage))
    }

    fn by_catalog(
        &self,
        route: &Route,
        inferred: bool,
        usage: &Usage,
        at: SystemTime,
    ) -> Result<Price, Unpriced> {
        let usage = &split_by(route.has_one_rate(), usage);
        check(usage)?;
        let price = |route| self.data.catalog.price(route, &self.model, usage, at);
        let listed = price(route)?;
        if let Some((others, reason)) = self.unless_agreed.as_deref()
            && others.iter().any(|other| price(other).as_ref() != Ok(&listed))
        {
            return Err(reason.clone());
        }
        let (cost, lacks) = listed;
        if inferred && cost == Usd::ZERO && usage.tokens_used().is_some_and(|tokens| tokens > 0) {
            let (model, suggested) = ((&*self.model).into(), route.provider().into());
            return Err(Unpriced::FreeElsewhere { model, suggested });
        }
        self.with_lacks(cost, Source::Book(self.data.catalog.name()), lacks)
    }

    /// A cost, and the units that it lacks. Where these are all that was used, the cost is unknown.
    fn with_lacks(&self, cost: Usd, source: Source, lacks: Vec<Kind>) -> Result<Price, Unpriced> {
        match lacks.first() {
            Some(&kind) if cost == Usd::ZERO => Err(Unpriced::NoRate { model: (&*self.model).into(), kind }),
            _ => Ok(Price { cost, source, lacks }),
        }
    }
}

/// What a call is priced by.
pub(super) enum Basis<'a> {
    /// The user's own rates, or those of the policy for unknown models.
    Rates(&'a Rates),
    /// Rates that correct the published ones.
    Corrected(&'a Rates),
    /// The published price, and whether it is that of another provider than the reported one.
    Published(&'a Route, bool),
    /// The policy for unknown models.
    Free,
    /// Nothing, and why.
    Nothing(&'a Unpriced),
}

/// The smallest step of time.
const INSTANT: Duration = Duration::from_nanos(1);

impl Rates {
    /// Returns the exact cost of a usage of any model; `None` without a rate for a used kind, or if the tokens cannot be charged.
    pub(crate) fn cost_of(&self, usage: &Usage) -> Option<Usd> {
        let has_rates = self.lacks(usage).is_empty() && !self.misses_its_units(usage);
        let can_be_charged = has_rates && (!self.charges_tokens() || check(usage).is_ok());
        if can_be_charged { self.cost(usage).ok() } else { None }
    }
}

/// The usage as it can be charged. Where only input has a rate, as of embeddings, a total that is reported alone is input.
fn split_by(has_one_rate: bool, usage: &Usage) -> Usage {
    let mut usage = usage.clone();
    usage.complete_cache_writes();
    match usage.get(Kind::Tokens) {
        Some(total) if has_one_rate && usage == Usage::new().with(Kind::Tokens, total) => {
            Usage::new().input(total)
        }
        _ => usage,
    }
}

/// The counts of a usage, for a reason.
fn in_words(usage: &Usage) -> String {
    let known = usage.iter().map(|(kind, count)| format!("{count} {kind}"));
    known.collect::<Vec<_>>().join(", ")
}

/// Checks that the counts can be charged by the token: the split is known, and no part exceeds its whole.
fn check(usage: &Usage) -> Result<(), Unpriced> {
    if let Some((kind, count)) = usage.iter().find(|(kind, count)| count / kind.per_unit() > MAX_COUNT) {
        let reason = format!("{count} {kind}, expected at most {MAX_COUNT}");
        return Err(Unpriced::TooLarge { reason: reason.into() });
    }
    if usage.count(Kind::Tokens) > 0 {
        return Err(Unpriced::Unsplit);
    }
    for (whole, parts) in [
        (Kind::Input, &[Kind::CacheRead, Kind::CacheWrite][..]),
        (Kind::Input, &[Kind::AudioInput, Kind::TextInput, Kind::ImageInput, Kind::VideoInput]),
        (Kind::Output, &[Kind::Reasoning]),
        (Kind::Output, &[Kind::AudioOutput, Kind::TextOutput, Kind::ImageOutput, Kind::VideoOutput]),
        (Kind::CacheWrite, &[Kind::CacheWrite5m, Kind::CacheWrite1h, Kind::CacheWrite12h]),
    ] {
        let sum: u64 = parts.iter().map(|part| usage.count(*part)).sum();
        if sum > usage.count(whole) {
            let used = parts.iter().filter(|part| usage.count(**part) > 0);
            let parts: Vec<&str> = used.map(|part| part.name()).collect();
            let reason =
                format!("{} is {sum}, but {whole} is only {}", parts.join(" and "), usage.count(whole));
            return Err(Unpriced::InvalidUsage { reason: reason.into() });
        }
    }
    // Of what is billed by seconds or pages, there are no tokens to know.
    let is_other = |(kind, _)| matches!(kind, Measure::Content | Measure::Extra);
    let has_other = usage.others().map(|(kind, count)| (kind.measure(), count)).any(is_other);
    if usage.get(Kind::Input).is_none() && usage.get(Kind::Output).is_none() && !has_other {
        return Err(if usage.get(Kind::Tokens).is_some() { Unpriced::Unsplit } else { Unpriced::NoUsage });
    }
    Ok(())
}
