//! Every rate that applies to a model at a time, for showing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::catalog::Route;
use super::factors::PriceFactor;
use super::model::{Basis, PricedModel};
use super::rates::{Rates, since_epoch};
use super::reason::{Source, Unpriced};
use super::service_tier::ServiceTier;
use super::unit_table;
use crate::ledger::{Kind, Usd};

const DAY: i128 = 86_400_000_000_000;

/// The rate of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedRate {
    /// The unit that it is for.
    pub kind: Kind,
    /// USD for [`per`](Self::per) of them: for a million tokens, an hour, a thousand searches.
    pub usd: Usd,
    /// The rate of calls with more input tokens than this; `None` for calls with fewer than every other bound.
    pub above: Option<u64>,
    /// The tier that it is for; `None` is the list price.
    pub tier: Option<Arc<str>>,
    /// Where it is from.
    pub source: Source,
}

impl ListedRate {
    /// Returns the number of units that the amount is for: a million tokens, 3,600 seconds, a thousand searches.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use tracing_budget::{Kind, PriceBook, price::Rates};
    ///
    /// let rates = Rates::per_million().input("2").unit(Kind::WebSearches, "0.01");
    /// let book = PriceBook::builder().price("m", rates).build()?;
    /// let found = book.model(None, Some("m")).rates_at(SystemTime::now())?;
    /// let searches = found.of(Kind::WebSearches).map(|rate| (rate.usd.to_string(), rate.per(), rate.measure()));
    /// assert_eq!(searches, Some(("10".to_owned(), 1_000, "1,000 searches")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn per(&self) -> u64 {
        unit_table::per(self.kind)
    }

    /// Returns what the amount is for, in words: `1M tokens`, `hour`.
    #[must_use]
    pub fn measure(&self) -> &'static str {
        unit_table::measure(self.kind)
    }
}

/// The rates of a model in a period, by [`PricedModel::rates_at`] and [`PricedModel::rates_over_time`].
///
/// A unit without a rate is charged as what it is part of, such as cached input as input, where that has one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelRates {
    /// Every rate: the list price first, then each tier with a price of its own.
    pub rates: Vec<ListedRate>,
    /// When they began to hold; `None` if they always did.
    pub from: Option<SystemTime>,
    /// When they no longer hold; `None` if no end is known.
    pub until: Option<SystemTime>,
    /// The hours of each day in which they hold, as seconds since midnight UTC; empty for the whole day.
    pub hours: Vec<(u32, u32)>,
    /// What the published data remarks on these prices.
    pub comments: Vec<String>,
}

impl ModelRates {
    /// Returns the rate of a unit: that of the list price, for calls of any length.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use tracing_budget::{Kind, PriceBook, price::Rates};
    ///
    /// let book = PriceBook::builder().price("m", Rates::per_million().input("2")).build()?;
    /// let rates = book.model(None, Some("m")).rates_at(SystemTime::now())?;
    /// assert_eq!(rates.of(Kind::Input).map(|rate| rate.usd.to_string()).as_deref(), Some("2"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn of(&self, kind: Kind) -> Option<&ListedRate> {
        self.rates.iter().find(|rate| rate.kind == kind && rate.above.is_none() && rate.tier == self.tier())
    }

    /// Returns the tiers that have rates, the list price (`None`) first.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use tracing_budget::{PriceBook, price::Rates};
    ///
    /// let rates = Rates::per_million().input("2");
    /// let book = PriceBook::builder().price("m", rates.clone()).price("m", rates.tier("batch")).build()?;
    /// let found = book.model(None, Some("m")).rates_at(SystemTime::now())?;
    /// assert_eq!(found.tiers(), [None, Some("batch")]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tiers(&self) -> Vec<Option<&str>> {
        let mut tiers: Vec<Option<&str>> = Vec::new();
        for rate in &self.rates {
            if !tiers.contains(&rate.tier.as_deref()) {
                tiers.push(rate.tier.as_deref());
            }
        }
        tiers
    }

    fn tier(&self) -> Option<Arc<str>> {
        self.rates.first().and_then(|rate| rate.tier.clone())
    }

    /// Whether both are the same rates, whatever the period.
    fn has_rates_of(&self, other: Option<&Vec<ListedRate>>) -> bool {
        other == Some(&self.rates)
    }
}

impl PricedModel {
    /// Returns every rate that applies to a call at this time: of each unit, in each context tier, for each tier that has a price
    /// of its own, each with its source. After [`with_tier`](Self::with_tier), those of that tier alone.
    ///
    /// ```
    /// # #[cfg(feature = "prices")] {
    /// use std::time::{Duration, UNIX_EPOCH};
    /// use tracing_budget::{Kind, PriceBook};
    ///
    /// let at = UNIX_EPOCH + Duration::from_secs(1_796_040_030); // 2026-11-30
    /// let rates = PriceBook::new().model(Some("openai"), Some("gpt-5")).rates_at(at)?;
    /// assert_eq!(rates.of(Kind::Input).map(|rate| rate.usd.to_string()).as_deref(), Some("1.25"));
    /// assert_eq!(rates.tiers(), [None, Some("batch"), Some("fast"), Some("flex"), Some("priority")]);
    /// # }
    /// # Ok::<(), tracing_budget::price::Unpriced>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unpriced`] with the reason why it has no rate.
    pub fn rates_at(&self, at: SystemTime) -> Result<ModelRates, Unpriced> {
        let at = since_epoch(at);
        let mut found = ModelRates {
            rates: self.every_rate(at)?,
            from: None,
            until: None,
            hours: Vec::new(),
            comments: self.comments(at),
        };
        // From one change to the next, at the same time of the day, for as long as the rates stay the same.
        let changes: Vec<i128> = self.changes().into_iter().collect();
        let next = changes.partition_point(|change| *change <= at);
        for (place, change) in changes[..next].iter().enumerate().rev() {
            let begin = place.checked_sub(1).map_or(i128::MIN, |before| changes[before]);
            let days = (at - *change).div_euclid(DAY) + 1;
            let before = at - days * DAY;
            let before = if before < begin { *change - 1 } else { before };
            if !found.has_rates_of(self.every_rate(before).ok().as_ref()) {
                found.from = Some(time(*change));
                break;
            }
        }
        for (place, change) in changes.iter().enumerate().skip(next) {
            let end = changes.get(place + 1).copied().unwrap_or(i128::MAX);
            let days = (*change - at + DAY - 1).div_euclid(DAY);
            let after = at + days * DAY;
            let after = if after >= end { *change } else { after };
            if !found.has_rates_of(self.every_rate(after).ok().as_ref()) {
                found.until = Some(time(*change));
                break;
            }
        }
        let day = at - at.rem_euclid(DAY);
        let windows = self.windows();
        let holds = |start: i128| {
            // The hour may be before the first day of these rates, or after the last.
            let days = [day, day + DAY, day - DAY].into_iter().map(|day| day + start);
            let in_period = |at: &i128| {
                found.from.is_none_or(|from| since_epoch(from) <= *at)
                    && found.until.is_none_or(|until| *at < since_epoch(until))
            };
            let at = days.into_iter().find(in_period);
            at.is_some_and(|at| found.has_rates_of(self.every_rate(at).ok().as_ref()))
        };
        let held: Vec<&(i128, i128)> = windows.iter().filter(|(start, _)| holds(*start)).collect();
        if held.len() < windows.len() {
            for (start, end) in held {
                let second =
                    |nanoseconds: i128| u32::try_from(nanoseconds / 1_000_000_000).unwrap_or_default();
                match found.hours.last_mut() {
                    Some((_, last)) if *last == second(*start) => *last = second(*end),
                    _ => found.hours.push((second(*start), second(*end))),
                }
            }
        }
        Ok(found)
    }

    /// Returns the rates of every period that is known, in order: before and after each date on which they change, and of each part
    /// of the day. Periods without a price are left out.
    ///
    /// ```
    /// use tracing_budget::{PriceBook, price::Rates};
    ///
    /// let book = PriceBook::builder()
    ///     .price("m", Rates::per_million().input("2").until("2026-07-01"))
    ///     .price("m", Rates::per_million().input("3").from("2026-07-01"))
    ///     .build()?;
    /// let periods = book.model(None, Some("m")).rates_over_time();
    /// assert_eq!(periods.len(), 2);
    /// assert_eq!(periods[0].until, periods[1].from);
    /// # Ok::<(), tracing_budget::price::PriceBookError>(())
    /// ```
    #[must_use]
    pub fn rates_over_time(&self) -> Vec<ModelRates> {
        let changes = self.changes();
        let before = changes.first().map_or(0, |first| first - DAY);
        let mut periods: Vec<ModelRates> = Vec::new();
        for start in [before].into_iter().chain(changes) {
            let day = start - start.rem_euclid(DAY);
            for (hour, _) in self.windows() {
                // The day before the first change is before it at every hour.
                let is_early = start != before && day + hour < start;
                let at = if is_early { day + DAY + hour } else { day + hour };
                if let Ok(found) = self.rates_at(time(at))
                    && !periods.contains(&found)
                {
                    periods.push(found);
                }
            }
        }
        periods.sort_by_key(|period| period.from);
        periods
    }

    /// The rates of this model's tier, or of every tier, if it has none, at a time.
    fn every_rate(&self, at: i128) -> Result<Vec<ListedRate>, Unpriced> {
        if self.tier().is_some() {
            return self.rates_of_tier(at);
        }
        let mut all = self.rates_of_tier(at)?;
        for tier in self.tiers() {
            let served = self.served_by(tier);
            // Rates of the user's own without a tier hold for every tier, and are shown once.
            if let Basis::Rates(rates) = served.basis(time(at))
                && rates.tier_name() != served.tier()
            {
                continue;
            }
            all.extend(served.rates_of_tier(at).unwrap_or_default());
        }
        Ok(all)
    }

    /// The rates of this model at its own tier, at a time, with the user's factor.
    fn rates_of_tier(&self, at: i128) -> Result<Vec<ListedRate>, Unpriced> {
        let rates = self.rates_before_factor(at)?;
        let factor = self.factor_of(&rates, at);
        let times = |rate: ListedRate| match factor {
            Some(factor) => ListedRate {
                usd: factor.of(rate.usd).unwrap_or(rate.usd),
                source: Source::Multiplied(Box::new(rate.source)),
                ..rate
            },
            None => rate,
        };
        Ok(rates.into_iter().map(times).collect())
    }

    /// The user's factor on these rates: none is on the user's own.
    pub(super) fn factor_of(&self, rates: &[ListedRate], at: i128) -> Option<&PriceFactor> {
        let is_own = rates.first().is_none_or(|rate| rate.source == Source::Override);
        if is_own { None } else { self.factor(time(at)) }
    }

    /// Whether two lists have the same rates of tokens.
    fn charge_alike(&self, one: &Route, other: &Route, at: i128) -> bool {
        let tokens = |route: &Route| {
            let rates = self.data.catalog.listed_rates(route, at).ok()?;
            Some(
                rates
                    .into_iter()
                    .filter(|(kind, above, _)| above.is_none() && [Kind::Input, Kind::Output].contains(kind))
                    .collect::<Vec<_>>(),
            )
        };
        tokens(one) == tokens(other)
    }

    /// The rates of this model at its own tier, at a time, before the user's factor.
    pub(super) fn rates_before_factor(&self, at: i128) -> Result<Vec<ListedRate>, Unpriced> {
        let tier: Option<Arc<str>> = self.tier().map(Into::into);
        let listed = |source: Source| {
            move |(kind, above, usd)| ListedRate {
                kind,
                usd,
                above,
                tier: tier.clone(),
                source: source.clone(),
            }
        };
        Ok(match self.basis(time(at)) {
            Basis::Rates(rates) => rates.listed().map(listed(Source::Override)).collect(),
            Basis::Corrected(rates) => rates.listed().map(listed(Source::Corrections)).collect(),
            Basis::Free => free().map(listed(Source::Override)).collect(),
            Basis::Nothing(reason) => return Err(reason.clone()),
            Basis::Published(route, is_inferred) => {
                let mut rates = self.data.catalog.listed_rates(route, at)?;
                if let Some((others, reason)) = self.unless_agreed.as_deref()
                    && !others.iter().all(|other| self.charge_alike(route, other, at))
                {
                    return Err(reason.clone());
                }
                if rates.is_empty() {
                    rates.extend(free());
                }
                // A zero is never inferred.
                let is_of_tokens = |(kind, ..): &&(Kind, _, _)| unit_table::per(*kind) == 1_000_000;
                let mut of_tokens = rates.iter().filter(is_of_tokens);
                let is_free = of_tokens.clone().next().is_some() && of_tokens.all(|rate| rate.2 == Usd::ZERO);
                if is_inferred && is_free {
                    let (model, suggested) = ((&*self.model).into(), route.provider().into());
                    return Err(Unpriced::FreeElsewhere { model, suggested });
                }
                rates.into_iter().map(listed(Source::Book(self.data.catalog.name()))).collect()
            }
        })
    }

    /// The same model at a tier.
    fn served_by(&self, tier: ServiceTier) -> Self {
        let mut route = self.route.clone();
        if let Ok((route, _)) = &mut route {
            *route = route.at_tier(Some(tier.clone()));
        }
        let mut unless_agreed = self.unless_agreed.clone();
        for route in unless_agreed.iter_mut().flat_map(|agreed| &mut agreed.0) {
            *route = route.at_tier(Some(tier.clone()));
        }
        Self {
            label: self.label.clone(),
            model: self.model.clone(),
            own: self.own.clone(),
            corrected: self.corrected.clone(),
            route,
            unless_agreed,
            factors: self.factors.clone(),
            tier: Some(tier),
            data: Arc::clone(&self.data),
            compiled: Mutex::default(),
        }
    }

    /// The tiers that any price is for, in the order of their names.
    fn tiers(&self) -> Vec<ServiceTier> {
        let rates = self.own.iter().chain(&self.corrected).filter_map(|rates| rates.tier_name());
        let mut tiers: Vec<ServiceTier> = rates.filter_map(ServiceTier::parse).collect();
        if let Ok((route, _)) = &self.route {
            tiers.extend(self.data.catalog.listed_tiers(route));
        }
        tiers.sort_by(|one, other| one.name().cmp(other.name()));
        tiers.dedup();
        tiers
    }

    /// When any price begins or ends, in nanoseconds since the Unix epoch.
    fn changes(&self) -> BTreeSet<i128> {
        let rates = self.own.iter().chain(&self.corrected).flat_map(|rates| rates.ends());
        let factors = self.factors.iter().flat_map(|factor| factor.ends());
        let mut changes: BTreeSet<i128> = rates.chain(factors).flatten().collect();
        if let Ok((route, _)) = &self.route {
            changes.extend(self.data.catalog.listed_dates(route));
        }
        changes
    }

    /// The parts of a day in which prices do not change, in nanoseconds since midnight UTC.
    fn windows(&self) -> Vec<(i128, i128)> {
        let mut bounds = BTreeSet::from([0, DAY]);
        if let Ok((route, _)) = &self.route {
            bounds.extend(self.data.catalog.listed_hours(route));
        }
        let bounds: Vec<i128> = bounds.into_iter().collect();
        bounds.windows(2).map(|pair| (pair[0], pair[1])).collect()
    }

    /// What the published data remarks, where its price is in effect.
    fn comments(&self, at: i128) -> Vec<String> {
        match self.basis(time(at)) {
            Basis::Published(route, _) => self.data.catalog.listed_comments(route),
            _ => Vec::new(),
        }
    }
}

impl Rates {
    /// Each rate, as published ones are listed.
    pub(super) fn listed(&self) -> impl Iterator<Item = (Kind, Option<u64>, Usd)> {
        let mut all: Vec<(Kind, i128)> = self.quoted().collect();
        all.sort_by_key(|(kind, _)| unit_table::place(*kind));
        all.into_iter().map(|(kind, pico)| (kind, None, Usd::from_pico(pico)))
    }
}

/// The rates of a model that is free.
fn free() -> impl Iterator<Item = (Kind, Option<u64>, Usd)> {
    [Kind::Input, Kind::Output].into_iter().map(|kind| (kind, None, Usd::ZERO))
}

fn time(nanoseconds: i128) -> SystemTime {
    let duration = |nanoseconds: u128| {
        let seconds = u64::try_from(nanoseconds / 1_000_000_000).unwrap_or(u64::MAX);
        Duration::new(seconds, (nanoseconds % 1_000_000_000) as u32)
    };
    let elapsed = duration(nanoseconds.unsigned_abs());
    let moved =
        if nanoseconds < 0 { UNIX_EPOCH.checked_sub(elapsed) } else { UNIX_EPOCH.checked_add(elapsed) };
    moved.unwrap_or(UNIX_EPOCH)
}

#[cfg(all(test, feature = "prices"))]
#[expect(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use genai_prices::{Usage as Counts, UsageKey};
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::{Usage, rfc3339};
    use crate::price::PriceBook;

    /// Every so manieth model is compared: each of them, where `CI` is set.
    fn stride() -> usize {
        if std::env::var_os("CI").is_some() { 1 } else { 7 }
    }

    fn at(text: &str) -> SystemTime {
        time(rfc3339::parse(text).unwrap())
    }

    fn model(provider: &str, name: &str) -> PricedModel {
        PriceBook::new().model(Some(provider), Some(name))
    }

    fn key(kind: Kind) -> UsageKey {
        UsageKey::from(kind.genai_key())
    }

    /// What `genai-prices` charges for so many of a unit, at a model's tier.
    fn charged(model: &PricedModel, rate: &ListedRate, count: u64, at: SystemTime) -> Option<f64> {
        let Basis::Published(route, _) = model.basis(at) else { return None };
        let calculate = |counts: &Counts| model.data.catalog.calculate(route, counts, at).unwrap();
        // All of each whole is of this unit. Input decides the context tier.
        let wholes = Kind::ALL.iter().copied().filter(|other| unit_table::is_part_of(rate.kind, *other));
        let mut counts: Counts = wholes.chain([rate.kind]).map(|unit| (key(unit), count as f64)).collect();
        let nothing = Counts::new();
        Some(match rate.kind.genai_key() {
            "requests" => calculate(&nothing).total_price * count as f64,
            key if !key.ends_with("tokens") => {
                calculate(&counts).total_price - calculate(&nothing).total_price
            }
            key if !key.starts_with("output") => calculate(&counts).input_price,
            _ => {
                counts.insert(UsageKey::INPUT_TOKENS, count as f64);
                calculate(&counts).output_price
            }
        })
    }

    #[test]
    fn each_rate_is_what_genai_prices_charges_for_every_model_period_and_tier() {
        let book = PriceBook::new();
        let (mut periods, mut compared, mut corrected) = (0, 0, 0);
        for (provider, name) in book.models().into_iter().step_by(stride()) {
            let model = book.model(provider.as_deref(), Some(&name));
            for period in model.rates_over_time() {
                let at = instant(&period);
                assert!(model.rates_at(at).unwrap() == period, "{model:?}");
                periods += 1;
                for rate in &period.rates {
                    let served = match &rate.tier {
                        Some(tier) => book.model(provider.as_deref(), Some(&name)).with_tier(tier),
                        None => book.model(provider.as_deref(), Some(&name)),
                    };
                    // More than the ten seconds that some are charged at least.
                    let count = rate.above.map_or(3_600, |above| above + 1);
                    let Some(charged) = charged(&served, rate, count, at) else {
                        corrected += 1;
                        continue;
                    };
                    let expected = rate.usd.to_f64() * count as f64 / rate.per() as f64;
                    let is_equal = (charged - expected).abs() <= expected * 1e-9 + 1e-12;
                    assert!(is_equal, "{provider:?} {name} {rate:?}: {charged}, and not {expected}");
                    compared += 1;
                }
            }
        }
        println!("{compared} rates of {periods} periods compared, {corrected} others are of corrections");
        assert!(compared * stride() > 8_000 && (corrected > 0 || stride() > 1), "{compared}, {corrected}");
    }

    /// A time at which these rates hold.
    fn instant(period: &ModelRates) -> SystemTime {
        let start = period.from.map_or_else(|| period.until.map_or(0, since_epoch) - DAY, since_epoch);
        let hour = period.hours.first().map_or(0, |(start, _)| i128::from(*start) * 1_000_000_000);
        let day = start - start.rem_euclid(DAY) + hour;
        match (period.from, period.hours.is_empty()) {
            (_, true) => time(start),
            (Some(_), false) if day < start => time(day + DAY),
            _ => time(day),
        }
    }

    #[test]
    fn every_listed_model_has_rates_or_a_reason_that_is_not_its_own_name() {
        let book = PriceBook::new();
        let mut without = 0;
        for (provider, name) in book.models() {
            let found = book.model(provider.as_deref(), Some(&name)).rates_at(at("2026-11-30T12:00:00Z"));
            match found {
                Ok(found) => assert!(!found.rates.is_empty(), "{provider:?} {name}"),
                Err(
                    Unpriced::UnknownModel { .. } | Unpriced::NotListed { .. } | Unpriced::Resembles { .. },
                ) => panic!("{provider:?} {name}: {found:?}"),
                Err(_) => without += 1,
            }
        }
        assert!(without < 250, "{without} have no rate");
    }

    #[test]
    fn the_hours_of_a_price_are_those_of_its_rates() {
        let flash = model("deepseek", "deepseek-flash");
        let input = |found: &ModelRates| found.of(Kind::Input).unwrap().usd.to_string();
        let peak = flash.rates_at(at("2026-11-30T02:00:00Z")).unwrap();
        assert_eq!((input(&peak).as_str(), &*peak.hours), ("0.3", &[(3_600, 14_400), (21_600, 36_000)][..]));
        let other = flash.rates_at(at("2026-11-30T12:00:00Z")).unwrap();
        assert_eq!(input(&other), "0.15");
        assert_eq!(other.hours, [(0, 3_600), (14_400, 21_600), (36_000, 86_400)]);
        assert_eq!(flash.rates_over_time().len(), 2);
    }

    #[test]
    fn rates_of_ones_own_and_corrections_have_their_source_and_period() {
        let own = Rates::per_million().input("2").per_request("0.01").until("2026-07-01");
        let batch = Rates::per_million().input("1").tier("batch");
        let book = PriceBook::builder().price("m", own).price("m", batch).build().unwrap();
        let found = book.model(None, Some("m")).rates_at(at("2026-06-30T00:00:00Z")).unwrap();
        let shown: Vec<String> = found
            .rates
            .iter()
            .map(|rate| format!("{} {} {:?} {}", rate.kind, rate.usd, rate.tier.as_deref(), rate.source))
            .collect();
        assert_eq!(
            shown,
            ["input 2 None override", "requests 10 None override", "input 1 Some(\"batch\") override"]
        );
        assert_eq!((found.from, found.until), (None, Some(at("2026-07-01T00:00:00Z"))));
        let corrected = model("deepseek", "deepseek-chat").rates_at(at("2026-11-30T12:00:00Z")).unwrap();
        assert!(corrected.rates.iter().all(|rate| rate.source == Source::Corrections), "{corrected:?}");
        assert_eq!(corrected.from, Some(at("2026-04-26T12:15:00Z")));
        assert!(corrected.hours.is_empty());
    }

    #[test]
    fn a_factor_is_on_every_published_rate_and_on_each_charge() {
        let factor = PriceFactor::new("0.853").from("2026-11-01");
        let book = PriceBook::builder().price_factor("openai", factor).build().unwrap();
        let model = book.model(Some("openai"), Some("gpt-5"));
        let found = model.rates_at(at("2026-11-30T12:00:00Z")).unwrap();
        let input = found.of(Kind::Input).unwrap();
        assert_eq!(
            (input.usd.to_string().as_str(), found.from),
            ("1.06625", Some(at("2026-11-01T00:00:00Z")))
        );
        assert_eq!(input.source.to_string(), "genai-prices@0.2.1 × factor");
        let usage = Usage::new().input(1_001).cache_read(77).output(13).with(Kind::WebSearches, 1);
        let charges = model.charges(&usage, at("2026-11-30T12:00:00Z")).unwrap();
        let sum: Usd = charges.charges.iter().map(|charge| charge.amount).sum();
        assert_eq!((sum, charges.beside), (charges.cost, Usd::ZERO));
        assert_eq!(charges.cost, model.price(&usage, at("2026-11-30T12:00:00Z")).unwrap().cost);
    }

    #[test]
    fn comments_of_the_data_are_kept() {
        let json = r#"[{"id": "p", "name": "P", "api_pattern": "p", "price_comments": "In euros.", "models": [
            {"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": 2, "output_mtok": 4},
             "price_comments": "Doubles at night.", "deprecated": true}]}]"#;
        let book = PriceBook::builder().prices_json(json).build().unwrap();
        let found = book.model(Some("p"), Some("m")).rates_at(at("2026-11-30T12:00:00Z")).unwrap();
        assert_eq!(found.comments, ["deprecated by its provider", "Doubles at night.", "In euros."]);
    }

    thread_local! {
        static MODELS: Vec<PricedModel> = {
            let book = PriceBook::new();
            book.models().into_iter().map(|(at, name)| book.model(at.as_deref(), Some(&name))).collect()
        };
    }

    fn usage() -> impl Strategy<Value = Usage> {
        (0..600_000_u64, 0..64_000_u64, 0..=100_u64, 0..=100_u64, 0..5_u8).prop_map(
            |(input, output, one, two, shape)| {
                let usage = Usage::new().input(input).output(output);
                let read = input * one / 100;
                let write = (input - read) * two / 100;
                match shape {
                    0 => usage,
                    1 => usage.cache_read(read).reasoning(output * two / 100),
                    2 => usage.cache_read(read).cache_write(write).with(Kind::CacheWrite1h, write / 3),
                    3 => usage.with(Kind::AudioInput, read).with(Kind::AudioOutput, output * two / 100),
                    _ => usage.cache_read(read).with(Kind::Requests, two),
                }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2_000,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn charges_at_rates_of_ones_own_add_up_to_the_cost(
            usage in usage(),
            searches in 0..4_u8,
            micros in 0..9_000_000_u32,
        ) {
            let rates = Rates::per_million().input("3.000001").output("15").cache_read("0.3").cache_write_1h("6");
            let rates = rates.audio_input("7").reasoning("20").per_request("0.002");
            let rates = rates.unit(Kind::WebSearches, "0.01").unit(Kind::AudioMicros, "0.0001");
            let book = PriceBook::builder().price("m", rates).build().unwrap();
            let usage = usage
                .with(Kind::WebSearches, u64::from(searches))
                .with(Kind::AudioMicros, u64::from(micros))
                .with(Kind::CodeExecutions, 1);
            let found = book.model(None, Some("m")).charges(&usage, at("2026-11-30T12:00:00Z")).unwrap();
            let sum: Usd = found.charges.iter().map(|charge| charge.amount).sum();
            prop_assert_eq!((sum, found.beside), (found.cost, Usd::ZERO));
            prop_assert_eq!(found.lacks, [Kind::CodeExecutions]);
        }

        /// To a pico-dollar of rounding, in either.
        #[test]
        fn charges_add_up_to_the_cost(
            which: prop::sample::Index,
            usage in usage(),
            searches in 0..4_u8,
            seconds in 0..100_u8,
            images in 0..=100_u64,
        ) {
            let images = usage.get(Kind::Input).unwrap_or(0) * images / 100;
            let has_audio = usage.get(Kind::AudioInput).is_some() || usage.get(Kind::CacheRead).is_some();
            let usage = usage
                .with(Kind::WebSearches, u64::from(searches))
                .with(Kind::AudioMicros, u64::from(seconds) * 100_000)
                .with(Kind::AudioInputMicros, u64::from(seconds) * 100_000)
                .with(Kind::ImageInput, if has_audio { 0 } else { images });
            let at = at("2026-11-30T12:00:00Z");
            MODELS.with(|models| {
                let model = &models[which.index(models.len())];
                let Ok(found) = model.charges(&usage, at) else { return Ok(()) };
                let sum: Usd = found.charges.iter().map(|charge| charge.amount).sum();
                prop_assert_eq!(sum + found.beside, found.cost);
                // Groq's minimum of ten seconds is the only thing that is charged beside the rates.
                if !model.label().starts_with("groq/whisper") {
                    prop_assert!(found.beside.pico().abs() <= 1, "{model:?} {usage:?}: {found:?}");
                }
                Ok(())
            })?;
        }
    }
}
