//! What a span or event adds to the ledger: its amount brought into shape, priced, and put under its row.

use std::borrow::Cow;

use super::clock::Moment;
use super::core::{Core, Emitter};
use super::here::{self, NearModel};
use super::models::ModelName;
use super::reading::Inclusive;
use super::table::Open;
use crate::ledger::{CellKey, Kind, Ledger, Name, Sources, Tally, Usage, Usd};

/// What one span or event adds to the ledger. It lies in the span's reading, where its amount was told: to move it would cost
/// more than to work it out.
#[derive(Debug, Default)]
pub(crate) struct Settlement {
    /// The row that its own amount belongs to, if it has any.
    key: Option<CellKey>,
    pub(crate) own: Tally,
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

    #[inline(always)]
    pub(crate) fn write(&self, ledger: &mut Ledger) {
        if let Some(key) = self.key {
            ledger.add(key, &self.own);
        }
        if !self.excess.is_empty() {
            self.write_excess(ledger);
        }
    }

    #[cold]
    fn write_excess(&self, ledger: &mut Ledger) {
        self.excess.iter().for_each(|(key, tally)| ledger.add(*key, tally));
    }

    /// Forgets everything, and keeps the room for it.
    #[inline]
    pub(crate) fn clear(&mut self) {
        (self.key, self.own, self.is_accountable) = (None, Tally::default(), false);
        self.excess.clear();
        if !self.warnings.is_empty() {
            self.warnings.0.clear();
        }
    }
}

/// What the run's reader should know. Nearly always nothing.
#[derive(Debug, Default)]
pub(crate) struct Warnings(Vec<Cow<'static, str>>);

impl Warnings {
    #[cold]
    pub(crate) fn push(&mut self, warning: impl Into<Cow<'static, str>>) {
        self.0.push(warning.into());
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cow<'static, str>> {
        self.0.iter()
    }
}

/// Whose amount is to be priced, and when it was used.
#[derive(Clone, Copy)]
pub(crate) struct Bill {
    pub(crate) model: ModelName,
    pub(crate) operation: Option<Name>,
    /// Where the emitter's spans come from.
    pub(crate) target: &'static str,
    pub(crate) run: u64,
    pub(crate) stage: Option<Name>,
    pub(crate) at: Moment,
    /// Whether it was a call even if it told nothing.
    pub(crate) is_call: bool,
}

impl Core {
    /// Works out what a span adds.
    #[inline]
    pub(crate) fn work_out(&self, open: &mut Open, duration: u64) {
        let is_billed = self.is_billed(open);
        let bill = open.bill();
        let reading = &mut open.reading;
        let has_failed = reading.has_failed();
        let settlement = &mut reading.settlement;
        settlement.is_accountable = is_billed || open.is_stage && open.meaning.has_stage;
        if is_billed {
            if bill.is_call {
                // A stage's own usage is not the time that the stage took.
                settlement.own.nanos = duration;
                settlement.own.errors = u64::from(has_failed);
            }
            settlement.key = Some(self.price(&bill, &mut settlement.own, &mut settlement.warnings));
        } else if let Some(operation) = bill.operation {
            let own = &mut settlement.own;
            (own.count, own.errors, own.nanos) = (1, u64::from(has_failed), duration);
            settlement.key = Some(CellKey { stage: bill.stage, model: None, operation });
        }
        if let Some(inclusive) = &reading.inclusive {
            self.add_excess(&mut reading.settlement, &bill, inclusive);
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

    /// Works out what an event adds.
    pub(crate) fn work_out_event(&self, bill: &Bill, settlement: &mut Settlement) {
        settlement.is_accountable = true;
        settlement.key = Some(self.price(bill, &mut settlement.own, &mut settlement.warnings));
    }

    /// Prices an amount unless its cost was reported, and says to which row it belongs.
    #[inline(always)]
    fn price(&self, bill: &Bill, tally: &mut Tally, warnings: &mut Warnings) -> CellKey {
        if tally.usage.has_more_than_input_and_output() {
            self.normalise(&mut tally.usage, bill, warnings);
        }
        let has_usage = !tally.usage.is_empty();
        let is_llm = bill.is_call || has_usage || bill.model.1.is_some();
        let is_reported = tally.sources.contains(Sources::REPORTED);
        let is_to_be_priced = has_usage && !is_reported;
        tally.count = 1;
        tally.llm_calls = u64::from(is_llm);
        tally.without_usage = u64::from(!has_usage && !is_reported);
        let mut model = None;
        if bill.model.1.is_some() || bill.model.0.is_some() && is_llm {
            let mut near = self.models.near(self.number, bill.model);
            model = Some(near.model.label);
            if is_to_be_priced {
                self.price_as(&mut near, bill, tally, warnings);
            }
            here::keep_model(near);
        } else if is_to_be_priced {
            tally.unpriced = 1;
            if self.said_no_model.is_first_in(bill.run) {
                warnings.push("usage without a model cannot be priced");
            }
        }
        let unsaid = if is_llm { self.words.chat } else { self.words.unattributed };
        CellKey { stage: bill.stage, model, operation: bill.operation.unwrap_or(unsaid) }
    }

    #[inline]
    fn price_as(&self, near: &mut NearModel, bill: &Bill, tally: &mut Tally, warnings: &mut Warnings) {
        let NearModel { model, recent, .. } = near;
        if model.why_never_priced.is_none() {
            match recent.price(model, &tally.usage, &self.clock, bill.at) {
                Ok((cost, sources)) => (tally.cost, tally.sources) = (cost, sources),
                Err(why) => {
                    tally.unpriced = 1;
                    if model.said.is_first_in(bill.run) {
                        warnings.push(format!("{}: {why}", model.label.as_str()));
                    }
                }
            }
            return;
        }
        tally.unpriced = 1;
        if model.said.is_first_in(bill.run) {
            model.why_never_priced.into_iter().for_each(|why| warnings.push(why.as_str()));
        }
    }

    /// Adds what a figure for everything inside a span has beyond what was settled there.
    #[cold]
    fn add_excess(&self, settlement: &mut Settlement, bill: &Bill, inclusive: &Inclusive) {
        let below = &inclusive.below;
        let mut told = inclusive.usage;
        if told.get(Kind::Input).or(told.get(Kind::Output)).is_some() {
            told.forget(Kind::Tokens);
        }
        let mut known = below.usage;
        known.set(Kind::Tokens, known.tokens_used().unwrap_or_default());
        let mut usage = told.excess_over(&known);
        let operation = bill.operation.unwrap_or(self.words.unattributed);
        let key = CellKey { stage: bill.stage, model: None, operation };
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
            let bill = Bill { is_call: false, ..*bill };
            let key = self.price(&bill, &mut tally, &mut settlement.warnings);
            settlement.excess.push((key, tally));
        } else if cost.is_some_and(|cost| cost > Usd::ZERO) {
            settlement.is_accountable = true;
            settlement.excess.push((key, tally));
        }
    }

    /// Brings a usage into the shape that prices and rows expect: cached input inside input, reasoning inside output, a
    /// total only where nothing better is known.
    #[inline(never)]
    fn normalise(&self, usage: &mut Usage, bill: &Bill, warnings: &mut Warnings) {
        if usage.get(Kind::Input).or(usage.get(Kind::Output)).is_some() {
            usage.forget(Kind::Tokens);
        }
        let target = bill.target;
        let cached = usage.count(Kind::CacheRead) + usage.count(Kind::CacheWrite);
        let input = usage.count(Kind::Input);
        let is_exclusive = |emitter: &Emitter| emitter.is(target, bill.model.0);
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
    #[inline]
    fn bill(&self) -> Bill {
        Bill {
            model: self.reading.model_name(),
            operation: self.reading.operation,
            target: self.meaning.target,
            run: self.place.run,
            stage: self.place.stage,
            at: self.started,
            is_call: self.is_call,
        }
    }
}
