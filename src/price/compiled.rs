//! A price compiled for a minute: integer rates by kind and context tier, and pricing by multiplication.
//!
//! The oracle is `genai-prices`, or the user's own [`Rates`](super::Rates). It is queried for each rate alone, and what was compiled is
//! then compared with its answers to mixed usages. Where the two differ, and where a table has no answer, the oracle is queried each time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::reason::Source;
use crate::ledger::{Kind, MAX_COUNT, Usage, Usd};

/// The price of one model for one minute. Prices change at whole minutes.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// `None` for a time before 1970: it holds for that time alone.
    minute: Option<Minute>,
    /// The user's rates or the published price.
    pub(crate) source: Source,
    /// `None` if every usage has to be looked up.
    table: Option<Table>,
}

/// The rates of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Pico-dollars per request.
    pub(super) request: u64,
    /// Whether a cost of 0 for tokens is known to be right, and needs no query.
    pub(super) may_be_free: bool,
    /// Whether nothing else is billed than tokens, so that a call without any costs nothing.
    pub(super) is_by_tokens_alone: bool,
    /// By falling context: a call has the rates of the first tier with a bound below its input. The last one has no bound.
    pub(super) tiers: Box<[Tier]>,
}

/// The rates of calls with more than so many tokens of input, in pico-dollars per token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tier {
    /// `None` is the lowest tier, which has an input of 0 too.
    pub(super) above: Option<u64>,
    pub(super) rates: [Rate; RATES],
}

/// Kinds that have a rate: those before `Requests` in [`Kind`]'s order.
const RATES: usize = Kind::Requests as usize;

/// Pico-dollars per token; `None` where no whole number of them is the rate.
pub(super) type Rate = Option<u64>;

/// The oracle: the cost of a usage, if it has one.
pub(super) type Oracle<'a> = &'a dyn Fn(&Usage) -> Option<Usd>;

/// A minute of UTC, counted from the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Minute(u64);

impl Minute {
    /// The minute of a time, unless it is before 1970.
    pub(super) fn of(at: SystemTime) -> Option<Self> {
        at.duration_since(UNIX_EPOCH).ok().map(|since| Self(since.as_secs() / 60))
    }

    /// The first nanosecond, and the first one after it.
    pub(super) fn ends(self) -> Option<(SystemTime, SystemTime)> {
        let first = UNIX_EPOCH.checked_add(Duration::from_secs(self.0 * 60))?;
        Some((first, first.checked_add(Duration::from_secs(60))?))
    }
}

impl Compiled {
    pub(super) fn new(minute: Option<Minute>, source: Source, table: Option<Table>) -> Self {
        Self { minute, source, table }
    }

    /// The times between which it holds; the second is no longer included. `None` if it holds at one time only.
    pub(crate) fn period(&self) -> Option<(SystemTime, SystemTime)> {
        self.minute?.ends()
    }

    pub(super) fn minute(&self) -> Option<Minute> {
        self.minute
    }

    pub(super) fn table(&self) -> Option<&Table> {
        self.table.as_ref()
    }

    /// The exact cost of a call. `None` if the oracle has to be queried, for the cost or for the reason why it has no cost.
    // Inlined: the hot path of every priced call.
    #[inline]
    pub(crate) fn cost(&self, usage: &Usage) -> Option<Usd> {
        self.table.as_ref()?.cost(usage)
    }
}

impl Table {
    /// Every call is free.
    pub(super) fn free() -> Self {
        let rates = [Some(0); RATES];
        Self {
            request: 0,
            may_be_free: true,
            is_by_tokens_alone: true,
            tiers: [Tier { above: None, rates }].into(),
        }
    }

    // Inlined: see `Compiled::cost`. Most calls have input and output alone.
    #[inline]
    pub(super) fn cost(&self, usage: &Usage) -> Option<Usd> {
        if usage.has_more_than_input_and_output() {
            return self.cost_of_parts(usage);
        }
        let (input, output) = (usage.count(Kind::Input), usage.count(Kind::Output));
        if usage.is_empty() || input > MAX_COUNT || output > MAX_COUNT {
            return None;
        }
        let rates = &self.tier(input).rates;
        let sum = charge(rates, Kind::Input, input)? + charge(rates, Kind::Output, output)?;
        self.settled(sum + u128::from(self.request), usage)
    }

    // Not inlined: fewer calls have parts than have none.
    #[inline(never)]
    fn cost_of_parts(&self, usage: &Usage) -> Option<Usd> {
        let count = |kind: Kind| usage.count(kind);
        // Few calls have other units, and the oracle has the rates of them.
        if usage.has_others() {
            return None;
        }
        let (input, output) = (count(Kind::Input), count(Kind::Output));
        let (read, write, hour) =
            (count(Kind::CacheRead), count(Kind::CacheWrite), count(Kind::CacheWrite1h));
        let (audio_input, reasoning, audio_output) =
            (count(Kind::AudioInput), count(Kind::Reasoning), count(Kind::AudioOutput));
        // Cached audio and spoken reasoning overlap. They have units of their own, which are not reported.
        let overlaps = audio_input > 0 && (read > 0 || write > 0) || reasoning > 0 && audio_output > 0;
        let is_possible =
            usage.is_split() && input <= MAX_COUNT && output <= MAX_COUNT && count(Kind::Tokens) == 0;
        if overlaps || !is_possible {
            return None;
        }
        // A part beyond its whole has no cost, and the oracle has the reason.
        let uncached = input.checked_sub(read)?.checked_sub(write)?.checked_sub(audio_input)?;
        let spoken_or_thought = reasoning.checked_add(audio_output)?;
        let rates = &self.tier(input).rates;
        let sum = charge(rates, Kind::Input, uncached)?
            + charge(rates, Kind::CacheRead, read)?
            + charge(rates, Kind::CacheWrite, write.checked_sub(hour)?)?
            + charge(rates, Kind::CacheWrite1h, hour)?
            + charge(rates, Kind::AudioInput, audio_input)?
            + charge(rates, Kind::Output, output.checked_sub(spoken_or_thought)?)?
            + charge(rates, Kind::Reasoning, reasoning)?
            + charge(rates, Kind::AudioOutput, audio_output)?;
        let requests = usage.get(Kind::Requests).unwrap_or(1);
        self.settled(sum + u128::from(self.request) * u128::from(requests), usage)
    }

    // Inlined: all but a few models have one tier.
    #[inline]
    fn tier(&self, input: u64) -> &Tier {
        let found = self.tiers.iter().find(|tier| tier.above.is_none_or(|above| input > above));
        found.expect("the last tier has no bound")
    }

    /// Whether no tokens were used of a model that is billed by tokens. Others are billed by something else, such as seconds.
    // Not inlined: few calls use no tokens.
    #[cold]
    fn has_no_tokens_to_charge(&self, usage: &Usage) -> bool {
        let charges_input = |tier: &Tier| tier.rates[Kind::Input as usize].is_some_and(|rate| rate > 0);
        let has_none = usage.count(Kind::Input) == 0 && usage.count(Kind::Output) == 0;
        has_none && self.is_by_tokens_alone && self.tiers.iter().any(charges_input)
    }

    // Inlined: a comparison and a conversion.
    #[inline]
    fn settled(&self, pico: u128, usage: &Usage) -> Option<Usd> {
        if pico > 0 || self.may_be_free || self.has_no_tokens_to_charge(usage) {
            i128::try_from(pico).ok().map(Usd::from_pico)
        } else {
            None
        }
    }

    /// Whether the oracle gives the same costs: to a usage of all kinds of text, and one with audio, in every tier.
    pub(super) fn is_confirmed(&self, oracle: Oracle<'_>) -> bool {
        let agrees = |usage: &Usage| self.cost(usage).is_none_or(|cost| oracle(usage) == Some(cost));
        let sample = |tier: &Tier| match tier.above {
            Some(above) => above + 1,
            None => self.tiers.iter().rev().nth(1).and_then(|next| next.above).unwrap_or(LONGEST),
        };
        self.tiers.iter().all(|tier| {
            let priced = mixed(sample(tier)).map(|usage| tier.priced(usage));
            priced.iter().all(agrees)
        })
    }
}

impl Tier {
    /// A usage without what has no rate here: the oracle's answer to the rest would otherwise be put to no table.
    fn priced(&self, mut usage: Usage) -> Usage {
        for kind in
            Kind::ALL.iter().filter(|kind| self.rates.get(**kind as usize).is_some_and(Option::is_none))
        {
            usage.forget(*kind);
        }
        usage
    }
}

/// The context in which the longest tier is sampled.
pub(super) const LONGEST: u64 = 1_000_000;

/// Usages with so much input in which each kind has a count of its own, so that no two rates can stand in for each other.
fn mixed(input: u64) -> [Usage; 2] {
    let text = Usage::new()
        .input(input)
        .cache_read(input / 3)
        .cache_write(input / 5)
        .with(Kind::CacheWrite1h, input / 7)
        .output(8_191)
        .reasoning(1_301);
    let audio = Usage::new()
        .input(input)
        .with(Kind::AudioInput, input / 11)
        .output(8_191)
        .with(Kind::AudioOutput, 2_503);
    [text, audio]
}

// Inlined: a multiplication.
#[inline]
fn charge(rates: &[Rate; RATES], kind: Kind, tokens: u64) -> Option<u128> {
    match rates[kind as usize] {
        Some(rate) => Some(u128::from(rate) * u128::from(tokens)),
        None => (tokens == 0).then_some(0),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may")]
pub(super) mod tests {
    use super::*;
    use crate::price::{PriceBook, PricedModel, Rates};

    /// 2026-11-30, 12:00:30 UTC.
    pub(in super::super) fn noon() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_796_040_030)
    }

    /// Usages of every shape with so much input.
    pub(in super::super) fn shapes(input: u64) -> Vec<Usage> {
        let whole = Usage::new().input(input).output(1_009);
        let mut shapes = vec![
            Usage::new().input(input),
            Usage::new().output(input),
            whole.clone(),
            whole.clone().with(Kind::Requests, 3),
            whole.clone().with(Kind::Tokens, input),
            Usage::new().with(Kind::Tokens, input),
            whole.clone().with(Kind::AudioInput, input / 3),
            whole.clone().with(Kind::AudioOutput, 11),
            whole.clone().cache_read(input / 2).with(Kind::AudioInput, input / 3),
            whole.clone().reasoning(7).with(Kind::AudioOutput, 11),
            whole.clone().cache_read(input + 1),
            whole.clone().cache_read(input),
            whole.reasoning(1_009),
        ];
        shapes.extend(mixed(input));
        shapes
    }

    /// Compares every usage, and returns how many have a price and no compiled one.
    pub(in super::super) fn assert_same(model: &PricedModel, at: SystemTime, usages: &[Usage]) -> usize {
        let compiled = model.compiled(at);
        let mut lookups = 0;
        for usage in usages {
            let oracle = model.price(usage, at);
            match compiled.cost(usage) {
                Some(cost) => {
                    let oracle =
                        oracle.unwrap_or_else(|why| panic!("{model:?}, {usage:?}: {why}, and not {cost}"));
                    assert_eq!(
                        (cost, &compiled.source),
                        (oracle.cost, &oracle.source),
                        "{model:?}, {usage:?}"
                    );
                }
                None => lookups += usize::from(oracle.is_ok()),
            }
        }
        lookups
    }

    fn rates_of(priced: &PricedModel) -> Compiled {
        Compiled::new(None, Source::Override, priced.compiled(noon()).table().cloned())
    }

    #[test]
    fn own_rates_are_multiplied_where_they_are_whole() {
        let rates = Rates::per_million().input("3").output("15").cache_read("0.3").per_request("0.01");
        let book = PriceBook::builder().price("m", rates).build().unwrap();
        let model = book.model(None, Some("m"));
        let usages: Vec<Usage> = [0, 1, 1_000, 1_000_000].into_iter().flat_map(shapes).collect();
        // Looked up are the usages with cached audio, or with spoken reasoning.
        assert_eq!(assert_same(&model, noon(), &usages), 6);
        let usage = Usage::new().input(1_000).output(100).cache_read(500);
        assert_eq!(rates_of(&model).cost(&usage), Some(Usd::from_pico(10_000_000_000 + 3_150_000_000)));
    }

    #[test]
    fn what_is_in_no_table_is_looked_up() {
        let fractions = Rates::per_million().input("0.0000005").output("15");
        let no_output = Rates::per_million().input("1");
        for rates in [fractions, no_output] {
            let book = PriceBook::builder().price("m", rates).build().unwrap();
            let model = book.model(None, Some("m"));
            let usages: Vec<Usage> = [0, 1, 3].into_iter().flat_map(shapes).collect();
            assert_same(&model, noon(), &usages);
            assert_eq!(rates_of(&model).cost(&Usage::new().input(3).output(3)), None);
        }
    }

    #[test]
    fn a_price_holds_for_its_minute() {
        let until = Rates::per_million().input("1").until("2026-11-30T12:01Z");
        let from = Rates::per_million().input("2").from("2026-11-30T12:01Z");
        let book = PriceBook::builder().price("m", until).price("m", from).build().unwrap();
        let model = book.model(None, Some("m"));
        let usage = Usage::new().input(1_000_000);
        let cost = |seconds: u64| {
            let compiled = model.compiled(noon() + Duration::from_secs(seconds));
            (compiled.cost(&usage).unwrap().to_string(), compiled.period().unwrap().0)
        };
        let minute = |number: u64| noon() - Duration::from_secs(30) + Duration::from_secs(60 * number);
        assert_eq!(cost(0), ("1".to_owned(), minute(0)));
        assert_eq!(cost(29), ("1".to_owned(), minute(0)));
        assert_eq!(cost(30), ("2".to_owned(), minute(1)));
        assert_eq!(cost(0), ("1".to_owned(), minute(0)), "an earlier time is compiled anew");
    }
}
