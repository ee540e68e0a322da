//! Whether the price of a sum of calls is the sum of their prices.

use std::time::SystemTime;

use serde::Serialize;

use tracing_budget::price::{PricedModel, Unpriced};
use tracing_budget::summary::Figures;
use tracing_budget::{Kind, Usage, Usd};

/// Why a row's cost at other prices does not follow from its sums.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Exactness {
    /// Tokens are known, and their split into input and output is not.
    #[error("{tokens} tokens were reported without their split into input and output")]
    Unsplit {
        /// How many.
        tokens: u64,
    },
    /// The stage does not record which models it called.
    #[error("the summary does not record which models this stage called")]
    NoModels,
    /// Part of the cost was reported by the emitter, and which calls that was is not known.
    #[error("part of its cost was reported by the emitter, and the summary does not record which part")]
    ReportedInPart,
    /// The cost was reported and no tokens were.
    #[error("its cost was reported without tokens")]
    NoTokens,
    /// Large calls have other rates, and how large the calls were is not known.
    #[error(
        "large calls of {model} have other rates, and the summary does not record how large its {calls} calls were"
    )]
    CallSizes {
        /// The model that was priced.
        model: String,
        /// How many calls the row sums up.
        calls: u64,
    },
    /// The model has a rate for something that a summary does not count apart.
    #[error("{model} has a rate of its own for {what}, which the summary does not count apart")]
    NotCounted {
        /// The model that was priced.
        model: String,
        /// What it has a rate for.
        what: &'static str,
    },
    /// The price was not the same from the run's start to its end.
    #[error("the price of {model} changed while the run was under way")]
    PriceChanged {
        /// The model that was priced.
        model: String,
    },
    /// There is no price.
    #[error("{0}")]
    #[serde(serialize_with = "as_text")]
    Unpriced(String),
}

fn as_text<S: serde::Serializer>(text: &String, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry("text", text)?;
    map.end()
}

impl From<Unpriced> for Exactness {
    fn from(reason: Unpriced) -> Self {
        Self::Unpriced(reason.to_string())
    }
}

/// Tokens of the calls that rates are learned from; in the lowest tier of every model there is.
const SMALL: u64 = 1_000;

/// No call has more tokens than this, so no tier begins above it.
const LARGEST: u64 = 20_000_000;

/// Units that a summary does not count separately.
const NOT_COUNTED: [(Kind, &str); 4] = [
    (Kind::AudioInput, "audio input"),
    (Kind::AudioOutput, "audio output"),
    (Kind::CacheWrite1h, "cache writes kept for an hour"),
    (Kind::Requests, "requests"),
];

/// A small call without a kind, and the same call with it: what costs the same has no rate for the kind.
fn without_and_with(kind: Kind) -> (Usage, Usage) {
    let (input, output) = (Usage::new().input(SMALL).output(0), Usage::new().input(0).output(SMALL));
    match kind {
        Kind::AudioOutput => (output.clone(), output.with(kind, SMALL)),
        Kind::CacheWrite1h => {
            let written = input.cache_write(SMALL);
            (written.clone(), written.with(kind, SMALL))
        }
        Kind::Requests => (input.clone().with(kind, 1), input.with(kind, 2)),
        _ => (input.clone(), input.with(kind, SMALL)),
    }
}

/// Sums of calls, and a model's prices at a time: what the one costs at the other.
pub(super) struct Sum<'a> {
    pub(super) figures: &'a Figures,
    pub(super) priced: &'a PricedModel,
    pub(super) at: SystemTime,
}

impl Sum<'_> {
    /// Calls with tokens in the sum.
    fn calls(&self) -> u64 {
        self.figures.llm_calls.saturating_sub(self.figures.calls_without_usage).max(1)
    }

    fn usage(&self) -> Usage {
        let figures = self.figures;
        let tokens = Usage::new()
            .input(figures.input_tokens)
            .output(figures.output_tokens)
            .cache_read(figures.cache_read_tokens)
            .cache_write(figures.cache_write_tokens)
            .reasoning(figures.reasoning_tokens);
        self.units().fold(tokens, |usage, (kind, count)| usage.with(kind, count))
    }

    /// The further units, without the requests, which are the calls.
    fn units(&self) -> impl Iterator<Item = (Kind, u64)> {
        self.figures.units.iter().filter(|(kind, _)| *kind != Kind::Requests)
    }

    /// What a call costs beside what it uses.
    fn fee(&self) -> Result<Usd, Unpriced> {
        match self.cost(&Usage::new().input(0).output(0)) {
            // By the second or by the page: without any it is not known to cost nothing.
            Err(Unpriced::NotByTokens { .. }) if self.units().next().is_some() => Ok(Usd::ZERO),
            fee => fee,
        }
    }

    fn cost(&self, usage: &Usage) -> Result<Usd, Unpriced> {
        self.priced.price(usage, self.at).map(|price| price.cost)
    }

    /// The cost if every call was priced at the rates of small calls, and none used what is not counted apart.
    pub(super) fn at_base_rates(&self) -> Result<Usd, Unpriced> {
        let usage = self.usage();
        let fee = self.fee()?;
        let mut pico = fee.pico() * i128::from(self.calls());
        let base = |usage: Usage| Ok::<_, Unpriced>(self.cost(&usage)?.pico() - fee.pico());
        let none = || Usage::new().input(0).output(0);
        for (kind, count) in self.units() {
            let key = kind.key();
            pico += match key.ends_with("_tokens") {
                // Beside tokens, and without tiers.
                false => base(none().with(kind, count))?,
                true => {
                    let is_output = key.contains("output");
                    let plain = none().with(if is_output { Kind::Output } else { Kind::Input }, SMALL);
                    let plain = if key.contains("write") { plain.cache_write(SMALL) } else { plain };
                    scaled(base(plain.clone().with(kind, SMALL))? - base(plain)?, count)
                }
            };
        }
        for (count, whole, part) in [
            (usage.count(Kind::Input), Usage::new().output(0), Kind::Input),
            (usage.count(Kind::Output), Usage::new().input(0), Kind::Output),
        ] {
            if count > 0 {
                pico += scaled(base(whole.with(part, SMALL))?, count);
            }
        }
        for (part, whole) in
            [(Kind::CacheRead, Kind::Input), (Kind::CacheWrite, Kind::Input), (Kind::Reasoning, Kind::Output)]
        {
            let count = usage.count(part);
            if count > 0 {
                let plain = none().with(whole, SMALL);
                pico += scaled(base(plain.clone().with(part, SMALL))? - base(plain)?, count);
            }
        }
        Ok(Usd::from_pico(pico))
    }

    /// The cost of the sum, where it is certain to be the sum of the costs. `proof` knows the same calls at the prices
    /// that they were paid at.
    pub(super) fn exact(&self, proof: &Proof) -> Result<Usd, Exactness> {
        let model = || self.priced.label().to_owned();
        let base = self.at_base_rates()?;
        let unseen = self.rates_for_what_is_not_counted().find(|(kind, _)| !proof.shows_none_of(*kind));
        if let Some((_, what)) = unseen {
            return Err(Exactness::NotCounted { model: model(), what });
        }
        let as_one = self.priced.price(&self.usage().with(Kind::Requests, self.calls()), self.at)?;
        if let Some(&kind) = as_one.lacks.first().filter(|_| self.figures.partial_calls == 0) {
            return Err(Unpriced::NoRate { model: model().into(), kind }.into());
        }
        let as_one = as_one.cost;
        if self.calls() == 1 {
            return Ok(as_one);
        }
        // Rates that are no whole pico-dollars a token differ by a rounding, tiers by far more.
        let tokens = self.figures.input_tokens.saturating_add(self.figures.output_tokens);
        let rounding = i128::from(tokens / SMALL) + 16;
        if (as_one.pico() - base.pico()).abs() <= rounding {
            return Ok(as_one);
        }
        let smaller_than = proof.every_call_is_smaller_than.unwrap_or(u64::MAX);
        match self.first_tier()? {
            Some(tier) if smaller_than <= tier => Ok(base),
            _ => Err(Exactness::CallSizes { model: model(), calls: self.calls() }),
        }
    }

    /// What the model charges for that is not counted apart, as far as the row could have used it.
    fn rates_for_what_is_not_counted(&self) -> impl Iterator<Item = (Kind, &'static str)> {
        let figures = self.figures;
        let is_possible = move |kind| match kind {
            kind if figures.units.count(kind) > 0 => false,
            Kind::AudioInput => figures.input_tokens > 0,
            Kind::AudioOutput => figures.output_tokens > 0,
            Kind::CacheWrite1h => figures.cache_write_tokens > 0,
            _ => true,
        };
        NOT_COUNTED.into_iter().filter(move |(kind, _)| {
            let (without, with) = without_and_with(*kind);
            is_possible(*kind) && self.cost(&without).ok() != self.cost(&with).ok()
        })
    }

    /// The smallest input at which a call leaves the rates of small ones.
    fn first_tier(&self) -> Result<Option<u64>, Unpriced> {
        let unit = self.cost(&Usage::new().input(SMALL).output(SMALL))?;
        let fee = self.fee()?;
        let is_above = |tokens: u64| -> Result<bool, Unpriced> {
            let cost = self.cost(&Usage::new().input(tokens).output(tokens))?;
            let expected = scaled(unit.pico() - fee.pico(), tokens) + fee.pico();
            Ok((cost.pico() - expected).abs() > i128::from(tokens / SMALL) + 16)
        };
        let (mut below, mut above) = (SMALL, LARGEST);
        if !is_above(above)? {
            return Ok(None);
        }
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            if is_above(middle)? { above = middle } else { below = middle }
        }
        Ok(Some(above))
    }
}

/// What so many tokens cost if [`SMALL`] of them cost this.
fn scaled(pico: i128, tokens: u64) -> i128 {
    let product = pico * i128::from(tokens);
    // Half up, as prices are rounded.
    (product * 2 + i128::from(SMALL)).div_euclid(i128::from(SMALL) * 2)
}

/// What is certain of a row's calls because their stored cost is just what it would be if it were so.
#[derive(Debug, Default)]
pub(super) struct Proof {
    every_call_is_smaller_than: Option<u64>,
    none_of: Vec<Kind>,
}

impl Proof {
    /// From the prices that the row was paid at, if it was and the stored cost is that of base rates.
    pub(super) fn from_paid(paid: &Sum<'_>, stored: Usd) -> Self {
        let reproduced = paid.at_base_rates().is_ok_and(|base| base == stored);
        if !reproduced {
            return Self::default();
        }
        Self {
            every_call_is_smaller_than: paid.first_tier().ok().flatten(),
            none_of: paid.rates_for_what_is_not_counted().map(|(kind, _)| kind).collect(),
        }
    }

    fn shows_none_of(&self, kind: Kind) -> bool {
        self.none_of.contains(&kind)
    }
}
