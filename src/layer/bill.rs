//! What a span or event adds to the ledger: its amount brought into shape, priced, and put under its row.

use std::borrow::Cow;

use super::clock::Moment;
use super::core::{Core, Emitter};
use super::models::Model;
use super::reading::{Inclusive, Reading};
use super::table::{Open, Place};
use crate::ledger::{CellKey, Kind, Ledger, Name, Sources, Tally, Usage, Usd};
use crate::price::Source;

/// What one span or event adds to the ledger.
#[derive(Default)]
pub(crate) struct Settlement {
    /// Its own amount, and the row that it belongs to.
    key: Option<CellKey>,
    own: Tally,
    /// What a figure for everything inside has beyond the parts that were told.
    excess: Vec<(CellKey, Tally)>,
    pub(crate) warnings: Warnings,
    pub(crate) is_accountable: bool,
}

impl Settlement {
    /// An amount that was told together with its row.
    pub(crate) fn told(key: CellKey, own: Tally, warnings: Vec<String>) -> Self {
        let mut settlement = Self { key: Some(key), own, is_accountable: true, ..Self::default() };
        warnings.into_iter().for_each(|warning| settlement.warnings.push(warning));
        settlement
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.key.is_none() && !self.is_accountable && self.warnings.is_empty() && self.excess.is_empty()
    }

    /// The amounts that it adds, one by one.
    pub(crate) fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.key.iter().map(|_| &self.own).chain(self.excess.iter().map(|(_, tally)| tally))
    }

    /// All that it adds.
    pub(crate) fn sum(&self) -> Tally {
        let mut sum = self.own;
        self.excess.iter().for_each(|(_, tally)| sum.merge(tally));
        sum
    }

    #[inline]
    pub(crate) fn write(&self, ledger: &mut Ledger) {
        if let Some(key) = self.key {
            ledger.add(key, &self.own);
        }
        self.excess.iter().for_each(|(key, tally)| ledger.add(*key, tally));
    }
}

/// What the run's reader should know. One at a time is what comes, if any.
#[derive(Default)]
pub(crate) struct Warnings {
    first: Option<Cow<'static, str>>,
    more: Vec<Cow<'static, str>>,
}

impl Warnings {
    pub(crate) fn push(&mut self, warning: impl Into<Cow<'static, str>>) {
        match self.first {
            None => self.first = Some(warning.into()),
            Some(_) => self.more.push(warning.into()),
        }
    }

    fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = Cow<'static, str>> {
        self.first.into_iter().chain(self.more)
    }
}

/// Whose amount is to be priced, and when it was used.
#[derive(Clone, Copy)]
pub(crate) struct Bill<'a> {
    pub(crate) reading: &'a Reading,
    /// Where the emitter's spans come from.
    pub(crate) target: &'a str,
    pub(crate) place: Place,
    pub(crate) at: Moment,
    /// Whether it was a call even if it told nothing.
    pub(crate) is_call: bool,
}

impl Core {
    /// What a span adds.
    #[inline]
    pub(crate) fn settlement(&self, open: &Open, duration: u64, settlement: &mut Settlement) {
        let reading = &open.reading;
        settlement.is_accountable = open.is_stage && open.meaning.has_stage;
        let own = &mut settlement.own;
        if self.is_billed(open) {
            if open.is_call {
                // A stage's own usage is not the time that the stage took.
                own.nanos = duration;
                own.errors = u64::from(reading.has_failed());
            }
            own.usage = reading.usage;
            if let Some(cost) = reading.cost {
                (own.cost, own.sources) = (cost, Sources::REPORTED);
            }
            settlement.is_accountable = true;
            settlement.key = Some(self.price(open.bill(), own, &mut settlement.warnings));
        } else if let Some(operation) = reading.operation {
            (own.count, own.errors, own.nanos) = (1, u64::from(reading.has_failed()), duration);
            settlement.key = Some(CellKey { stage: open.place.stage, model: None, operation });
        }
        if let Some(inclusive) = &reading.inclusive {
            self.add_excess(settlement, open, inclusive);
        }
    }

    /// Whether a span has an amount of its own to book, or is a call that must tell one.
    #[inline]
    fn is_billed(&self, open: &Open) -> bool {
        // Tools often declare fields for usage that nobody fills.
        open.reading.has_amount() || open.is_call && open.reading.operation != Some(self.words.execute_tool)
    }

    /// Whether a span would be accountable if it closed now.
    pub(crate) fn tells(&self, open: &Open) -> bool {
        let has_figure = |sum: &Inclusive| !sum.usage.is_empty() || sum.cost.is_some();
        self.is_billed(open)
            || open.reading.has_gate()
            || open.reading.inclusive.as_deref().is_some_and(has_figure)
    }

    /// What an event adds.
    pub(crate) fn event_settlement(&self, bill: Bill<'_>, settlement: &mut Settlement) {
        settlement.own.usage = bill.reading.usage;
        if let Some(cost) = bill.reading.cost {
            (settlement.own.cost, settlement.own.sources) = (cost, Sources::REPORTED);
        }
        settlement.is_accountable = true;
        settlement.key = Some(self.price(bill, &mut settlement.own, &mut settlement.warnings));
    }

    /// Prices an amount unless its cost was reported, and says to which row it belongs.
    fn price(&self, bill: Bill<'_>, tally: &mut Tally, warnings: &mut Warnings) -> CellKey {
        let Bill { reading, place, .. } = bill;
        self.normalise(&mut tally.usage, bill, warnings);
        let names = (reading.provider, reading.model());
        let has_usage = !tally.usage.is_empty();
        let is_llm = bill.is_call || has_usage || names.1.is_some();
        let is_reported = tally.sources.contains(Sources::REPORTED);
        tally.count = 1;
        tally.llm_calls = u64::from(is_llm);
        tally.without_usage = u64::from(!has_usage && !is_reported);
        let is_to_be_priced = has_usage && !is_reported;
        let model = if names.1.is_some() || names.0.is_some() && is_llm {
            self.models.with(self.number, names, |model| {
                if is_to_be_priced {
                    self.price_as(model, bill, tally, warnings);
                }
                Some(model.label)
            })
        } else {
            if is_to_be_priced {
                tally.unpriced = 1;
                if self.said_no_model.is_first_in(place.run) {
                    warnings.push("usage without a model cannot be priced");
                }
            }
            None
        };
        let unsaid = if is_llm { self.words.chat } else { self.words.unattributed };
        CellKey { stage: place.stage, model, operation: reading.operation.unwrap_or(unsaid) }
    }

    #[inline]
    fn price_as(&self, model: &Model, bill: Bill<'_>, tally: &mut Tally, warnings: &mut Warnings) {
        if !model.is_never_priced {
            match model.price(&tally.usage, self.clock.wall(bill.at)) {
                Ok(price) => {
                    tally.cost = price.cost;
                    tally.sources = match price.source {
                        Source::Override => Sources::OVERRIDE,
                        Source::Reported => Sources::REPORTED,
                        _ => Sources::BOOK,
                    };
                    return;
                }
                Err(why) if model.said.is_first_in(bill.place.run) => {
                    warnings.push(format!("{}: {why}", model.label.as_str()));
                }
                Err(_) => {}
            }
        } else if model.said.is_first_in(bill.place.run) {
            model.why_never_priced().into_iter().for_each(|why| warnings.push(why));
        }
        tally.unpriced = 1;
    }

    /// Adds what a figure for everything inside a span has beyond what was settled there.
    #[cold]
    fn add_excess(&self, settlement: &mut Settlement, open: &Open, inclusive: &Inclusive) {
        let below = &inclusive.below;
        let mut told = inclusive.usage;
        if told.get(Kind::Input).or(told.get(Kind::Output)).is_some() {
            told.forget(Kind::Tokens);
        }
        let mut known = below.usage;
        known.set(Kind::Tokens, known.tokens_used().unwrap_or_default());
        let mut usage = told.excess_over(&known);
        let operation = open.reading.operation.unwrap_or(self.words.unattributed);
        let key = CellKey { stage: open.place.stage, model: None, operation };
        let parts = usage.split_parts();
        if !parts.is_empty() {
            // Cached or reasoning tokens that the calls below did not tell apart: they are in these calls' input and
            // output already, so that they count in their own column and cost nothing more.
            settlement.excess.push((key, Tally { usage: parts, ..Tally::default() }));
        }
        // A cost that was told is the cost of all of it: what goes beyond the calls in tokens alone costs nothing more.
        let cost = inclusive.cost.map(|cost| if cost > below.cost { cost - below.cost } else { Usd::ZERO });
        let sources = if cost.is_some() { Sources::REPORTED } else { Sources::default() };
        let mut tally = Tally { usage, cost: cost.unwrap_or_default(), sources, ..Tally::default() };
        if usage.tokens_used().is_some() {
            settlement.is_accountable = true;
            let bill = Bill { is_call: false, ..open.bill() };
            let key = self.price(bill, &mut tally, &mut settlement.warnings);
            settlement.excess.push((key, tally));
        } else if cost.is_some_and(|cost| cost > Usd::ZERO) {
            settlement.is_accountable = true;
            settlement.excess.push((key, tally));
        }
    }

    /// Brings a usage into the shape that prices and rows expect: cached input inside input, reasoning inside output, a
    /// total only where nothing better is known.
    #[inline]
    fn normalise(&self, usage: &mut Usage, bill: Bill<'_>, warnings: &mut Warnings) {
        if usage.has_more_than_input_and_output() {
            self.normalise_parts(usage, bill, warnings);
        }
    }

    fn normalise_parts(&self, usage: &mut Usage, bill: Bill<'_>, warnings: &mut Warnings) {
        if usage.get(Kind::Input).or(usage.get(Kind::Output)).is_some() {
            usage.forget(Kind::Tokens);
        }
        let target = bill.target;
        let cached = usage.count(Kind::CacheRead) + usage.count(Kind::CacheWrite);
        let input = usage.count(Kind::Input);
        let is_exclusive = |emitter: &Emitter| emitter.is(target, bill.reading.provider);
        if cached > 0 && self.options.exclusive_cache.iter().any(is_exclusive) {
            usage.set(Kind::Input, input + cached);
        } else if cached > input {
            usage.set(Kind::Input, input + cached);
            warnings.push(format!(
                "{target} counts cached input apart from input ({cached} cached, {input} input): it was added to the input"
            ));
        }
        let (reasoning, output) = (usage.count(Kind::Reasoning), usage.count(Kind::Output));
        if reasoning > output {
            usage.set(Kind::Output, output + reasoning);
            warnings.push(format!(
                "{target} counts reasoning apart from output ({reasoning} reasoning, {output} output): it was added to the output"
            ));
        }
    }
}

impl Open {
    fn bill(&self) -> Bill<'_> {
        let (reading, target) = (&self.reading, self.meaning.target);
        Bill { reading, target, place: self.place, at: self.started, is_call: self.is_call }
    }
}

impl Model {
    /// Why it has no price, for the run's reader.
    fn why_never_priced(&self) -> Option<String> {
        self.never_priced().map(|why| format!("{}: {why}", Name::as_str(self.label)))
    }
}
