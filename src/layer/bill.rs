//! What a span or event adds to the ledger: its amount brought into shape, priced, and put under its row.

use super::clock::Moment;
use super::core::{Core, Emitter};
use super::models::Model;
use super::reading::{Inclusive, Reading};
use super::table::{Open, Place};
use crate::ledger::{CellKey, Kind, Ledger, Sources, Tally, Usage, Usd};
use crate::price::Source;

/// What one span or event adds to the ledger.
#[derive(Default)]
pub(crate) struct Settlement {
    /// The span's or event's own amount.
    pub(crate) own: Option<(CellKey, Tally)>,
    /// What a figure for everything inside has beyond the parts that were told.
    excess: Vec<(CellKey, Tally)>,
    pub(crate) warnings: Vec<String>,
    pub(crate) is_accountable: bool,
}

impl Settlement {
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_accountable && self.warnings.is_empty() && self.own.is_none() && self.excess.is_empty()
    }

    /// All that it adds.
    pub(crate) fn sum(&self) -> Tally {
        let mut sum = Tally::default();
        self.own.iter().chain(&self.excess).for_each(|(_, tally)| sum.merge(tally));
        sum
    }

    #[inline]
    pub(crate) fn write(&self, ledger: &mut Ledger) {
        if let Some((key, tally)) = &self.own {
            ledger.add(*key, tally);
        }
        self.excess.iter().for_each(|(key, tally)| ledger.add(*key, tally));
    }
}

/// An amount to be priced.
pub(crate) struct Bill {
    pub(crate) usage: Usage,
    /// What the emitter says that it cost; then nothing is priced.
    pub(crate) cost: Option<Usd>,
    /// Whether it was a call even if it told nothing.
    pub(crate) is_call: bool,
    pub(crate) at: Moment,
    /// Nanoseconds.
    pub(crate) duration: u64,
    pub(crate) errors: u64,
}

impl Core {
    /// What a span adds.
    pub(crate) fn settlement(&self, open: &Open, duration: u64) -> Settlement {
        let reading = &open.reading;
        let mut settlement =
            Settlement { is_accountable: open.is_stage && open.meaning.has_stage, ..Settlement::default() };
        // Tools often declare fields for usage that nobody fills.
        let is_call = open.is_call && !reading.operation.is_some_and(|name| name == self.words.execute_tool);
        if is_call || reading.has_amount() {
            let (usage, cost, at) = (reading.usage, reading.cost, open.started);
            // A stage's own usage is not the time that the stage took.
            let duration = if open.is_call { duration } else { 0 };
            let errors = u64::from(open.is_call && reading.has_failed());
            let bill = Bill { usage, cost, is_call: open.is_call, at, duration, errors };
            settlement.own = Some(self.priced(&mut settlement, open.meaning.target, open.place, reading, bill));
        } else if let Some(operation) = reading.operation {
            let key = CellKey { stage: open.place.stage, model: None, operation };
            let errors = u64::from(reading.has_failed());
            settlement.own = Some((key, Tally { count: 1, errors, nanos: duration, ..Tally::default() }));
        }
        if let Some(inclusive) = &reading.inclusive {
            self.add_excess(&mut settlement, open, inclusive);
        }
        settlement
    }

    /// Prices an amount, and says under which row it belongs.
    pub(crate) fn priced(
        &self,
        settlement: &mut Settlement,
        target: &str,
        place: Place,
        reading: &Reading,
        mut bill: Bill,
    ) -> (CellKey, Tally) {
        settlement.is_accountable = true;
        let warnings = &mut settlement.warnings;
        self.normalise(&mut bill.usage, target, reading, warnings);
        let names = (reading.provider, reading.model());
        let is_llm = bill.is_call || !bill.usage.is_empty() || names.1.is_some();
        let mut tally = Tally {
            usage: bill.usage,
            cost: bill.cost.unwrap_or_default(),
            count: 1,
            llm_calls: u64::from(is_llm),
            errors: bill.errors,
            nanos: bill.duration,
            sources: if bill.cost.is_some() { Sources::REPORTED } else { Sources::default() },
            ..Tally::default()
        };
        let is_to_be_priced = bill.cost.is_none() && !bill.usage.is_empty();
        tally.without_usage = u64::from(bill.cost.is_none() && bill.usage.is_empty());
        let model = if names.1.is_some() || names.0.is_some() && is_llm {
            self.models.with(self.number, names, |model| {
                if is_to_be_priced {
                    self.price(model, &mut tally, bill.at, place, warnings);
                }
                Some(model.label)
            })
        } else {
            if is_to_be_priced {
                tally.unpriced = 1;
                if self.said_no_model.is_first_in(place.run) {
                    warnings.push("usage without a model cannot be priced".to_owned());
                }
            }
            None
        };
        let unsaid = if is_llm { self.words.chat } else { self.words.unattributed };
        let operation = reading.operation.unwrap_or(unsaid);
        (CellKey { stage: place.stage, model, operation }, tally)
    }

    fn price(&self, model: &Model, tally: &mut Tally, at: Moment, place: Place, warnings: &mut Vec<String>) {
        let price = match model.never_priced() {
            Some(why) => Err(why),
            None => model.price(&tally.usage, self.clock.wall(at)).map_err(std::borrow::Cow::Owned),
        };
        match price {
            Ok(price) => {
                tally.cost = price.cost;
                tally.sources = match price.source {
                    Source::Override => Sources::OVERRIDE,
                    Source::Reported => Sources::REPORTED,
                    _ => Sources::BOOK,
                };
            }
            Err(why) => {
                tally.unpriced = 1;
                if model.said.is_first_in(place.run) {
                    warnings.push(format!("{}: {why}", model.label.as_str()));
                }
            }
        }
    }

    /// Adds what a figure for everything inside a span has beyond what was settled there.
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
        let cost = inclusive.cost.filter(|cost| *cost > below.cost).map(|cost| cost - below.cost);
        if usage.tokens_used().is_some() {
            let bill = Bill { usage, cost, is_call: false, at: open.started, duration: 0, errors: 0 };
            let priced = self.priced(settlement, open.meaning.target, open.place, &open.reading, bill);
            settlement.excess.push(priced);
        } else if let Some(cost) = cost {
            settlement.is_accountable = true;
            settlement.excess.push((key, Tally { cost, sources: Sources::REPORTED, ..Tally::default() }));
        }
    }

    /// Brings a usage into the shape that prices and rows expect: cached input inside input, reasoning inside output, a
    /// total only where nothing better is known.
    fn normalise(&self, usage: &mut Usage, target: &str, reading: &Reading, warnings: &mut Vec<String>) {
        if usage.get(Kind::Tokens).is_some() && usage.get(Kind::Input).or(usage.get(Kind::Output)).is_some() {
            usage.forget(Kind::Tokens);
        }
        let cached = usage.count(Kind::CacheRead) + usage.count(Kind::CacheWrite);
        let input = usage.count(Kind::Input);
        let is_exclusive = |emitter: &Emitter| emitter.is(target, reading.provider);
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
