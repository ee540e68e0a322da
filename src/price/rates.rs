//! The user's own rates, and their exact arithmetic.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::iter::successors;
use std::time::{SystemTime, UNIX_EPOCH};

use super::compiled::{Table, Tier};
use super::period::Period;
use super::service_tier::ServiceTier;
use super::unit_table;
use crate::ledger::{IntoUsd, Kind, Measure, Usage, Usd};

/// Tokens that a rate is quoted for, as every provider publishes prices.
const QUOTED_TOKENS: i128 = 1_000_000;

/// Kinds that may have a rate, in [`Kind`]'s order.
const KINDS: [Kind; 8] = [
    Kind::Input,
    Kind::Output,
    Kind::CacheRead,
    Kind::CacheWrite,
    Kind::CacheWrite1h,
    Kind::Reasoning,
    Kind::AudioInput,
    Kind::AudioOutput,
];

/// The keys of the kinds in a price file.
#[cfg(feature = "prices")]
const KEYS: [&str; KINDS.len()] = [
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "audio_input",
    "audio_output",
];

/// The key of the price of a request.
#[cfg(feature = "prices")]
const PER_REQUEST: &str = "per_request";

/// The rates of a model: USD per million tokens by kind, USD per request, and their period of validity.
///
/// Cached and audio input are part of the input, reasoning and audio output part of the output: each is charged
/// apart where it has a rate of its own, else at the rate of what it is part of. Cache writes kept for an hour fall
/// back to the rate of cache writes first. With no token rate at all, only the requests are charged. A rate of
/// `0` means free.
///
/// A rate with up to six digits after the point is a whole number of pico-dollars a token, and calls at such
/// rates are exact. Up to twelve digits are taken, and each call's cost is then rounded once, half up, to a
/// pico-dollar; more are refused.
///
/// ```
/// use tracing_budget::{price::Rates, PriceBook};
///
/// let book = PriceBook::builder()
///     .price("qwen3-32b", Rates::per_million().input("0.10").output("0.40").from("2026-01-01"))
///     .build()?;
/// # Ok::<(), tracing_budget::price::PriceBookError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Pico-dollars per million tokens.
    tokens: Box<[Option<i128>; KINDS.len()]>,
    /// The same for units that few models are billed by, whatever they are quoted for.
    others: BTreeMap<Kind, i128>,
    /// Pico-dollars per request.
    request: Option<i128>,
    /// The tier that they are for; `None` is every tier without rates of its own.
    tier: Option<ServiceTier>,
    period: Period,
    /// The first invalid value. Building the book reports it, so that rates can be chained without a `?` each.
    fault: Option<String>,
}

/// The reason why rates give no cost for a usage.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoCost {
    NoRate(Kind),
    /// Parts with rates of their own are more than this whole.
    Overlap(Kind),
    TooLarge,
}

impl Rates {
    /// Returns empty rates. Token rates are set in USD per million tokens.
    ///
    /// ```
    /// use tracing_budget::price::Rates;
    ///
    /// let rates = Rates::per_million().input("3").output("15");
    /// ```
    #[must_use]
    pub fn per_million() -> Self {
        Self {
            tokens: Box::new([None; KINDS.len()]),
            others: BTreeMap::new(),
            request: None,
            tier: None,
            period: Period::default(),
            fault: None,
        }
    }

    /// Sets the rate of input, in USD per million tokens.
    ///
    /// ```
    /// use tracing_budget::price::Rates;
    ///
    /// let rates = Rates::per_million().input("0.10");
    /// ```
    #[must_use]
    pub fn input(self, usd: impl IntoUsd) -> Self {
        self.rate(Kind::Input, usd)
    }

    /// Sets the rate of output, in USD per million tokens.
    ///
    /// ```
    /// use tracing_budget::price::Rates;
    ///
    /// let rates = Rates::per_million().output("0.10");
    /// ```
    #[must_use]
    pub fn output(self, usd: impl IntoUsd) -> Self {
        self.rate(Kind::Output, usd)
    }

    /// Sets the rate of input read from the provider's cache, in USD per million tokens.
    ///
    /// ```
    /// use tracing_budget::price::Rates;
    ///
    /// let rates = Rates::per_million().cache_read("0.10");
    /// ```
    #[must_use]
    pub fn cache_read(self, usd: impl IntoUsd) -> Self {
        self.rate(Kind::CacheRead, usd)
    }

    /// Sets the rate of input written to the provider's cache, in USD per million tokens.
    ///
    /// ```
    /// use tracing_budget::price::Rates;
    ///
    /// let rates = Rates::per_million().cache_write("0.10");
    /// ```
    #[must_use]
    pub fn cache_write(self, usd: impl IntoUsd) -> Self {
        self.rate(Kind::CacheWrite, usd)
    }

    /// Sets the rate of input kept in the provider's cache for an hour, in USD per million tokens.
    ///
    /// ```
    /// use tracing_budget::price::Rates;
    ///
    /// let rates = Rates::per_million().cache_write_1h("0.10");
    /// ```
    #[must_use]
    pub fn cache_write_1h(self, usd: impl IntoUsd) -> Self {
        self.rate(Kind::CacheWrite1h, usd)
    }

    /// Sets the rate of reasoning, in USD per million tokens.
    ///
    /// ```
    /// use tracing_budget::price::Rates;
    ///
    /// let rates = Rates::per_million().reasoning("0.10");
    /// ```
    #[must_use]
    pub fn reasoning(self, usd: impl IntoUsd) -> Self {
        self.rate(Kind::Reasoning, usd)
    }

    /// Sets the rate of audio input, in USD per million tokens.
    ///
    /// ```
    /// use tracing_budget::price::Rates;
    ///
    /// let rates = Rates::per_million().audio_input("0.10");
    /// ```
    #[must_use]
    pub fn audio_input(self, usd: impl IntoUsd) -> Self {
        self.rate(Kind::AudioInput, usd)
    }

    /// Sets the rate of audio output, in USD per million tokens.
    ///
    /// ```
    /// use tracing_budget::price::Rates;
    ///
    /// let rates = Rates::per_million().audio_output("0.10");
    /// ```
    #[must_use]
    pub fn audio_output(self, usd: impl IntoUsd) -> Self {
        self.rate(Kind::AudioOutput, usd)
    }

    /// Sets the rate of any unit: in USD per million tokens for tokens, per second for times, and per piece for all others. It is charged
    /// beside tokens: a search, a page, a character, a second. Image and video tokens are part of the input or output.
    ///
    /// Not for parts of parts, such as [`Kind::AudioCacheRead`].
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use tracing_budget::{Kind, PriceBook, Usage, price::Rates};
    ///
    /// let rates = Rates::per_million().input("2").output("8").unit(Kind::WebSearches, "0.01");
    /// let book = PriceBook::builder().price("m", rates).build()?;
    /// let usage = Usage::new().input(500_000).output(0).with(Kind::WebSearches, 3);
    /// assert_eq!(book.model(None, Some("m")).price(&usage, SystemTime::now())?.cost.to_string(), "1.03");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn unit(self, kind: Kind, usd: impl IntoUsd) -> Self {
        self.rate(kind, usd)
    }

    /// Sets the price of one request, in USD. A call that does not count its requests is one.
    ///
    /// ```
    /// use tracing_budget::price::Rates;
    ///
    /// let rates = Rates::per_million().per_request("0.005");
    /// ```
    #[must_use]
    pub fn per_request(mut self, usd: impl IntoUsd) -> Self {
        self.request = self.checked("per_request", usd).or(self.request);
        self
    }

    /// Sets the tier that these rates are for, such as `batch` or `flex`. Without it they are for every tier that has no rates of its own.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use tracing_budget::{PriceBook, Usage, price::Rates};
    ///
    /// let rates = Rates::per_million().input("2").output("8");
    /// let batch = Rates::per_million().input("1").output("4").tier("batch");
    /// let book = PriceBook::builder().price("m", rates).price("m", batch).build()?;
    /// let price = book.model(None, Some("m")).with_tier("batch").price(&Usage::new().input(500_000), SystemTime::now())?;
    /// assert_eq!(price.cost.to_string(), "0.5");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tier(mut self, name: &str) -> Self {
        self.tier = ServiceTier::parse(name);
        self
    }

    /// Sets when these rates begin to hold: a date, at midnight UTC, or an RFC 3339 time of a whole minute.
    ///
    /// ```
    /// use tracing_budget::price::Rates;
    ///
    /// let rates = Rates::per_million().input("3").from("2026-01-01");
    /// ```
    #[must_use]
    pub fn from(mut self, date: &str) -> Self {
        self.keep_fault(|rates| rates.period.begin(date));
        self
    }

    /// Sets when these rates no longer hold, in the same form. The date itself is no longer included.
    ///
    /// ```
    /// use tracing_budget::price::Rates;
    ///
    /// let rates = Rates::per_million().input("3").until("2026-07-01T12:00:00Z");
    /// ```
    #[must_use]
    pub fn until(mut self, date: &str) -> Self {
        self.keep_fault(|rates| rates.period.end(date));
        self
    }

    /// Whether this is the key of an amount in a price file.
    #[cfg(feature = "price-files")]
    pub(super) fn is_amount(key: &str) -> bool {
        key == PER_REQUEST || KEYS.contains(&key) || Kind::from_key(key).is_some_and(is_other)
    }

    /// The keys of amounts in a price file.
    #[cfg(feature = "price-files")]
    pub(super) fn amounts() -> impl Iterator<Item = &'static str> {
        KEYS.into_iter().chain([PER_REQUEST])
    }

    /// Sets the amount of a key of a price file.
    #[cfg(feature = "prices")]
    pub(super) fn with(mut self, key: &str, usd: &str) -> Self {
        match KINDS.into_iter().zip(KEYS).find(|(_, known)| *known == key) {
            Some((kind, _)) => self.rate(kind, usd),
            None if key == PER_REQUEST => self.per_request(usd),
            None => match Kind::from_key(key).filter(|kind| is_other(*kind)) {
                Some(kind) => self.rate(kind, usd),
                None => {
                    self.fault.get_or_insert(format!("{key} is not an amount"));
                    self
                }
            },
        }
    }

    fn rate(mut self, kind: Kind, usd: impl IntoUsd) -> Self {
        let Some(rate) = self.checked(&format!("{kind} rate"), usd) else { return self };
        let quoted = if is_quoted_by_million(kind) { 1 } else { QUOTED_TOKENS };
        let fault = match (self.tokens.get_mut(kind as usize), rate.checked_mul(quoted)) {
            (Some(slot), _) => {
                *slot = Some(rate);
                return self;
            }
            (None, _) if kind == Kind::Requests => {
                self.request = Some(rate);
                return self;
            }
            (None, _) if !is_other(kind) => format!("{kind} has no rate of its own: it is part of a part"),
            (None, None) => format!("{kind} rate is too large"),
            (None, Some(rate)) => {
                self.others.insert(kind, rate);
                return self;
            }
        };
        self.fault.get_or_insert(fault);
        self
    }

    fn checked(&mut self, what: &str, usd: impl IntoUsd) -> Option<i128> {
        let fault = match usd.into_usd() {
            Ok(usd) if usd >= Usd::ZERO => return Some(usd.pico()),
            Ok(usd) => format!("{what} is {usd}, expected zero or more"),
            Err(error) => format!("{what}: {error}"),
        };
        self.fault.get_or_insert(fault);
        None
    }

    fn keep_fault(&mut self, set: impl FnOnce(&mut Self) -> Result<(), String>) {
        if let Err(fault) = set(self) {
            self.fault.get_or_insert(fault);
        }
    }

    /// Returns the first invalid value.
    #[cfg(feature = "price-files")]
    pub(super) fn own_fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Returns what makes these rates unusable, if anything does.
    pub(crate) fn fault(&self) -> Option<String> {
        if self.fault.is_some() {
            return self.fault.clone();
        }
        if self.request.is_none() && self.others.is_empty() && self.tokens.iter().all(Option::is_none) {
            return Some("it has no rate; a model that costs nothing has rates of 0".to_owned());
        }
        self.period.fault()
    }

    /// Returns whether these rates are valid at a time, in nanoseconds since the Unix epoch.
    pub(super) fn hold_at(&self, nanoseconds: i128) -> bool {
        self.period.includes(nanoseconds)
    }

    /// Returns whether they are of a period that is over.
    #[cfg(feature = "prices")]
    pub(super) fn are_past(&self) -> bool {
        self.period.has_end()
    }

    /// Returns when they begin and end, in nanoseconds since the Unix epoch.
    pub(super) fn ends(&self) -> [Option<i128>; 2] {
        self.period.ends()
    }

    /// Returns each rate in pico-dollars for as many units as published prices are for.
    pub(super) fn quoted(&self) -> impl Iterator<Item = (Kind, i128)> {
        // All of them are kept per million of what is counted: of microseconds, a million is one second.
        let of_counts = |kind: Kind, pico: i128| {
            let per = i128::from(unit_table::per(kind)) * i128::from(kind.per_unit());
            (kind, pico.saturating_mul(per) / QUOTED_TOKENS)
        };
        let tokens = KINDS.into_iter().filter_map(|kind| Some((kind, self.tokens[kind as usize]?)));
        let others = self.others.iter().map(|(kind, pico)| (*kind, *pico));
        let requests = self.request.map(|pico| (Kind::Requests, pico.saturating_mul(QUOTED_TOKENS)));
        tokens.chain(others).chain(requests).map(move |(kind, pico)| of_counts(kind, pico))
    }

    /// Returns the tier that these rates are for, by the name that prices go by; `None` is every tier without rates of its own.
    pub(super) fn tier_name(&self) -> Option<&str> {
        self.tier.as_ref().map(ServiceTier::name)
    }

    /// The rates of each kind, where these are whole pico-dollars.
    pub(super) fn table(&self) -> Option<Table> {
        // Without a rate of tokens the used units decide.
        if !self.charges_tokens() && !self.others.is_empty() {
            return None;
        }
        let request = u64::try_from(self.request.unwrap_or(0)).ok()?;
        let rates = KINDS.map(|kind| {
            if !self.charges_tokens() {
                return Some(0);
            }
            // A part without a rate is charged as what it is part of.
            let rate =
                successors(Some(kind), |kind| whole_of(*kind)).find_map(|kind| self.tokens[kind as usize]);
            let rate = rate.filter(|rate| rate % QUOTED_TOKENS == 0)?;
            u64::try_from(rate / QUOTED_TOKENS).ok()
        });
        Some(Table {
            request,
            may_be_free: true,
            is_by_tokens_alone: true,
            tiers: [Tier { above: None, rates }].into(),
        })
    }

    /// Whether input is the only kind with a rate, as it is of embeddings.
    pub(super) fn charges_input_alone(&self) -> bool {
        KINDS.into_iter().all(|kind| self.tokens[kind as usize].is_some() == (kind == Kind::Input))
    }

    /// Whether a call is charged by units beside tokens alone, and a usage has none of these.
    pub(super) fn misses_its_units(&self, usage: &Usage) -> bool {
        let charges_others_alone = !self.charges_tokens() && self.request.is_none();
        charges_others_alone && self.others.keys().all(|kind| unit_table::count(usage, *kind).is_none())
    }

    /// Whether a call is charged by its tokens at all.
    pub(super) fn charges_tokens(&self) -> bool {
        self.tokens.iter().any(Option::is_some)
    }

    fn rate_of(&self, kind: Kind) -> Option<i128> {
        self.tokens.get(kind as usize).copied().flatten().or_else(|| self.others.get(&kind).copied())
    }

    fn has_rate(&self, kind: Kind) -> bool {
        self.rate_of(kind).is_some()
    }

    /// Returns the used units that these rates have no price for. By the request alone, everything in it is charged.
    pub(super) fn lacks(&self, usage: &Usage) -> Vec<Kind> {
        if !self.charges_tokens() && self.others.is_empty() {
            return Vec::new();
        }
        let is_charged = |whole: &Kind| self.charges_tokens() && usage.count(*whole) > 0;
        // A part has the rate of its whole: annotated pages that of pages.
        let has_rate = |kind: Kind| {
            let mut rated = self.others.keys();
            self.has_rate(kind) || rated.any(|whole| unit_table::is_part_of(kind, *whole))
        };
        let is_lacking = |(kind, count): &(Kind, u64)| {
            let is_missing = match kind.measure() {
                Measure::Extra => true,
                Measure::Content => !kind.content_of().iter().any(is_charged),
                // At the rate of other writes it lacks something.
                _ => *kind == Kind::CacheWrite12h && self.charges_tokens(),
            };
            *count > 0 && is_missing && !has_rate(*kind)
        };
        usage.others().filter(is_lacking).map(|(kind, _)| kind).collect()
    }

    /// Returns the exact cost of a usage. The caller has checked that no part exceeds its whole.
    pub(super) fn cost(&self, usage: &Usage) -> Result<Usd, NoCost> {
        // Pico-dollars times a million, so that nothing is rounded before the end.
        let mut scaled: i128 = 0;
        // What was charged of each kind: a whole is charged for what its parts leave.
        let mut charged: Vec<(Kind, i128)> = Vec::new();
        for kind in self.kinds_by_depth() {
            let count = i128::from(unit_table::count(usage, kind).unwrap_or(0));
            let of_parts = charged.iter().filter(|(part, _)| unit_table::is_part_of(*part, kind));
            let left = count - of_parts.map(|(_, count)| *count).sum::<i128>();
            if left < 0 {
                return Err(NoCost::Overlap(kind));
            }
            if left > 0 {
                let rate = self.rate_of(kind).ok_or(NoCost::NoRate(kind))?;
                let cost = rate.checked_mul(left).ok_or(NoCost::TooLarge)?;
                scaled = scaled.checked_add(cost).ok_or(NoCost::TooLarge)?;
            }
            charged.push((kind, left));
        }
        let requests = i128::from(usage.get(Kind::Requests).unwrap_or(1));
        let request = self.request.unwrap_or(0).checked_mul(requests).ok_or(NoCost::TooLarge)?;
        let rounded = scaled.checked_add(QUOTED_TOKENS / 2).ok_or(NoCost::TooLarge)? / QUOTED_TOKENS;
        rounded.checked_add(request).map(Usd::from_pico).ok_or(NoCost::TooLarge)
    }

    /// The kinds that have a rate, and input and output where tokens are charged at all; parts before their wholes.
    fn kinds_by_depth(&self) -> Vec<Kind> {
        let is_whole = |kind: &Kind| matches!(kind, Kind::Input | Kind::Output) && self.charges_tokens();
        let tokens = KINDS.into_iter().filter(|kind| self.has_rate(*kind) || is_whole(kind));
        let mut kinds: Vec<Kind> = tokens.chain(self.others.keys().copied()).collect();
        kinds.sort_by_key(|kind| Reverse(unit_table::depth(*kind)));
        kinds
    }
}

/// The kind that a kind is part of, if it may have a rate of its own.
fn whole_of(part: Kind) -> Option<Kind> {
    match part {
        Kind::CacheWrite1h | Kind::CacheWrite12h => Some(Kind::CacheWrite),
        Kind::CacheRead | Kind::CacheWrite | Kind::AudioInput => Some(Kind::Input),
        Kind::TextInput | Kind::ImageInput | Kind::VideoInput | Kind::ToolInput => Some(Kind::Input),
        Kind::Reasoning | Kind::AudioOutput => Some(Kind::Output),
        Kind::TextOutput | Kind::ImageOutput | Kind::VideoOutput | Kind::Citation => Some(Kind::Output),
        _ => None,
    }
}

/// Whether a kind may have a rate of its own beside the common ones: it is no part of a part, or is charged beside tokens.
fn is_other(kind: Kind) -> bool {
    !kind.is_common()
        && (whole_of(kind).is_some() || matches!(kind.measure(), Measure::Content | Measure::Extra))
}

/// Whether a rate is quoted for a million counts: tokens, and the microseconds of a second.
fn is_quoted_by_million(kind: Kind) -> bool {
    matches!(kind.measure(), Measure::Input | Measure::Output) || kind.per_unit() == QUOTED_TOKENS as u64
}

/// Nanoseconds since the Unix epoch.
pub(super) fn since_epoch(at: SystemTime) -> i128 {
    let nanoseconds = |time: std::time::Duration| i128::try_from(time.as_nanos()).unwrap_or(i128::MAX);
    match at.duration_since(UNIX_EPOCH) {
        Ok(after) => nanoseconds(after),
        Err(before) => -nanoseconds(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(rates: &Rates, usage: Usage) -> Result<String, NoCost> {
        assert_eq!(rates.fault(), None);
        rates.cost(&usage).map(|usd| usd.to_string())
    }

    #[test]
    fn parts_are_charged_apart_only_where_they_have_a_rate() {
        let plain = Rates::per_million().input("3").output("15");
        let usage = Usage::new().input(1_000_000).output(1_000_000).cache_read(500_000).reasoning(200_000);
        assert_eq!(cost(&plain, usage.clone()).as_deref(), Ok("18"));
        let cached = plain.clone().cache_read("0.3").reasoning("20");
        assert_eq!(cost(&cached, usage).as_deref(), Ok("17.65"));
    }

    #[test]
    fn hour_long_writes_fall_back_to_writes_then_to_input() {
        let usage = Usage::new().input(1_000_000).cache_write(400_000).with(Kind::CacheWrite1h, 100_000);
        let input = Rates::per_million().input("1");
        assert_eq!(cost(&input, usage.clone()).as_deref(), Ok("1"));
        assert_eq!(cost(&input.clone().cache_write("2"), usage.clone()).as_deref(), Ok("1.4"));
        assert_eq!(
            cost(&input.clone().cache_write("2").cache_write_1h("4"), usage.clone()).as_deref(),
            Ok("1.6")
        );
        assert_eq!(cost(&input.cache_write_1h("4"), usage).as_deref(), Ok("1.3"));
    }

    #[test]
    fn a_kind_without_any_rate_has_no_cost() {
        let rates = Rates::per_million().input("1");
        assert_eq!(cost(&rates, Usage::new().input(1).output(1)), Err(NoCost::NoRate(Kind::Output)));
        assert_eq!(cost(&rates, Usage::new().input(1).output(0)).as_deref(), Ok("0.000001"));
    }

    #[test]
    fn requests_are_charged_by_the_piece() {
        let rates = Rates::per_million().per_request("0.005");
        assert_eq!(cost(&rates, Usage::new().input(10)).as_deref(), Ok("0.005"));
        assert_eq!(cost(&rates, Usage::new().with(Kind::Requests, 3)).as_deref(), Ok("0.015"));
    }

    #[test]
    fn more_than_six_digits_are_rounded_once_a_call() {
        let rates = Rates::per_million().input("0.0000005");
        assert_eq!(cost(&rates, Usage::new().input(1)).as_deref(), Ok("0.000000000001"));
        assert_eq!(cost(&rates, Usage::new().input(3)).as_deref(), Ok("0.000000000002"));
    }

    #[test]
    fn what_is_no_rate_is_refused_by_name() {
        for (rates, part) in [
            (Rates::per_million().input("cheap"), "\"cheap\""),
            (Rates::per_million().output("-1"), "output rate is -1"),
            (Rates::per_million().input("0.0000000000001"), "12 digits"),
            (Rates::per_million().input("1").from("soon"), "from is \"soon\""),
            (Rates::per_million().input("1").until("2026-01-01T00:00:30Z"), "whole minute"),
            (Rates::per_million().input("1").from("2026-01-02").until("2026-01-01"), "ends before"),
            (Rates::per_million(), "no rate"),
        ] {
            let fault = rates.fault().unwrap_or_default();
            assert!(fault.contains(part), "{fault}");
        }
    }

    #[test]
    fn costs_beyond_the_integers_are_no_costs() {
        let rates = Rates::per_million().input("999999999999999").output("1");
        assert_eq!(cost(&rates, Usage::new().input(u64::MAX)), Err(NoCost::TooLarge));
    }

    #[test]
    fn the_end_is_not_included() {
        let rates = Rates::per_million().input("1").from("1970-01-02").until("1970-01-03T00:01Z");
        const DAY: i128 = 86_400_000_000_000;
        let held =
            [DAY - 1, DAY, 2 * DAY + 59_999_999_999, 2 * DAY + 60_000_000_000].map(|at| rates.hold_at(at));
        assert_eq!(held, [false, true, true, false]);
    }
}
