//! Working out what a span or event adds to the ledger: its amount is brought into shape, priced, and put under a row.

use super::callsite::Meaning;
use super::clock::Moment;
use super::core::{Core, Emitter};
use super::desk::{Desk, NearModel, at_desk};
use super::models::ModelName;
use super::reading::{Inclusive, Reading};
use super::settlement::{Rest, Settlement};
use super::table::Open;
use crate::ledger::{CellKey, CellTotals, Kind, Sources, StageId, Symbol, Usage, Usd};

/// The model to price an amount of, and the moment of its use.
#[derive(Clone, Copy)]
pub(crate) struct Bill {
    pub(crate) model: ModelName,
    pub(crate) operation: Option<Symbol>,
    /// Of the callsite that recorded it.
    pub(crate) meaning: &'static Meaning,
    pub(crate) run: u64,
    pub(crate) stage: Option<StageId>,
    pub(crate) at: Moment,
    /// Whether it was a call even if it recorded nothing.
    pub(crate) is_call: bool,
}

impl Core {
    /// Works out what a span adds by itself, without what is inside it.
    // Inlined into both ways to close a span: the `Settlement` is then returned in registers, not through memory.
    #[inline(always)]
    pub(crate) fn work_out(
        &self,
        desk: &Desk,
        open: &mut Open,
        duration: u64,
        has_failed: bool,
    ) -> Settlement {
        let is_billed = self.is_billed(open);
        let bill = open.bill();
        let reading = &mut open.reading;
        let is_accountable = is_billed || open.is_stage && open.meaning.has_stage;
        let key = if is_billed {
            if bill.is_call {
                // A stage's own usage is not the time that the stage took.
                reading.own.nanos = duration;
                if has_failed {
                    reading.own.errors = 1;
                }
            }
            Some(self.price(desk, bill, &mut reading.own, &mut reading.rest))
        } else if let Some(operation) = bill.operation {
            (reading.own.count, reading.own.errors, reading.own.nanos) = (1, u64::from(has_failed), duration);
            Some(CellKey { stage: bill.stage, agent: None, model: None, operation })
        } else {
            None
        };
        Settlement { key, is_accountable }
    }

    /// Whether a span has an amount of its own to book, or is a call, which must have one.
    // Inlined: two loads, once per closed span.
    #[inline(always)]
    fn is_billed(&self, open: &Open) -> bool {
        // Tools often declare fields for usage that they never record.
        open.reading.has_amount() || open.is_call && open.reading.operation() != Some(self.words.execute_tool)
    }

    /// Whether a span would be accountable if it closed now.
    pub(crate) fn is_accountable(&self, open: &Open) -> bool {
        let has_figure = |sum: &Inclusive| !sum.usage.is_empty() || sum.cost.is_some();
        self.is_billed(open)
            || open.reading.has_gate()
            || open.reading.inclusive.as_deref().is_some_and(has_figure)
    }

    /// Works out what an event adds.
    pub(crate) fn work_out_event(&self, bill: Bill, own: &mut CellTotals, rest: &mut Rest) -> Settlement {
        Settlement::in_cell(at_desk(|desk| self.price(desk, bill, own, rest)))
    }

    /// Prices an amount unless its cost was reported, and returns the cell that it belongs to.
    // Inlined: the arguments are four words that the caller has in registers.
    #[inline(always)]
    fn price(&self, desk: &Desk, bill: Bill, tally: &mut CellTotals, rest: &mut Rest) -> CellKey {
        if tally.usage.has_more_than_input_and_output() {
            self.normalise(&mut tally.usage, bill.meaning, bill.model.0, rest);
        }
        let has_usage = !tally.usage.is_empty();
        let is_llm = bill.is_call || has_usage || bill.model.1.is_some();
        let is_reported = tally.sources.contains(Sources::REPORTED);
        let is_to_be_priced = has_usage && !is_reported;
        tally.count = 1;
        if is_llm {
            tally.llm_calls = 1;
        }
        if !has_usage && !is_reported {
            tally.without_usage = 1;
        }
        let mut model = None;
        if bill.model.1.is_some() || bill.model.0.is_some() && is_llm {
            let mut near = self.models.near(desk, self.number, bill.model);
            model = Some(near.model.label);
            if is_to_be_priced {
                self.price_as(&mut near, bill.run, bill.at, tally, rest);
            }
            desk.put_down_model(near);
        } else if is_to_be_priced {
            tally.unpriced = 1;
            if self.warned_no_model.is_first_in(bill.run) {
                rest.warn_static("usage without a model cannot be priced");
            }
        }
        let default_operation = if is_llm { self.words.chat } else { self.words.unattributed };
        CellKey {
            stage: bill.stage,
            agent: None,
            model,
            operation: bill.operation.unwrap_or(default_operation),
        }
    }

    // Inlined for the same reason as `price`.
    #[inline(always)]
    fn price_as(&self, near: &mut NearModel, run: u64, at: Moment, tally: &mut CellTotals, rest: &mut Rest) {
        let NearModel { model, recent, .. } = near;
        if model.why_never_priced.is_some() {
            tally.unpriced = 1;
            if model.warned.is_first_in(run) {
                model.why_never_priced.into_iter().for_each(|why| rest.warn_static(why.as_str()));
            }
            return;
        }
        match recent.price(model, &tally.usage, &self.clock, at) {
            Ok((cost, sources)) => (tally.cost, tally.sources) = (cost, sources),
            Err(why) => {
                tally.unpriced = 1;
                if model.warned.is_first_in(run) {
                    model.warn(&why, rest);
                }
            }
        }
    }

    /// Adds what a figure for everything inside a span has beyond what was settled there.
    pub(crate) fn add_excess(&self, settlement: &mut Settlement, open: &mut Open) {
        let bill = open.bill();
        let Reading { inclusive: Some(inclusive), rest, .. } = &mut open.reading else { return };
        let below = &inclusive.below;
        let mut inclusive_usage = inclusive.usage;
        if inclusive_usage.get(Kind::Input).or(inclusive_usage.get(Kind::Output)).is_some() {
            inclusive_usage.forget(Kind::Tokens);
        }
        let mut known = below.usage;
        known.set(Kind::Tokens, known.tokens_used().unwrap_or_default());
        let mut usage = inclusive_usage.excess_over(&known);
        let operation = bill.operation.unwrap_or(self.words.unattributed);
        let key = CellKey { stage: bill.stage, agent: None, model: None, operation };
        let parts = usage.split_parts();
        if !parts.is_empty() {
            // Cached or reasoning tokens that the calls below did not separate: they are in these calls' input and
            // output already, so that they count in their own column and cost nothing more.
            rest.exceed(key, CellTotals { usage: parts, ..CellTotals::default() });
        }
        // A cost that was recorded is the cost of all of it: what goes beyond the calls in tokens alone costs nothing more.
        let cost = inclusive.cost.map(|cost| if cost > below.cost { cost - below.cost } else { Usd::ZERO });
        let sources = if cost.is_some() { Sources::REPORTED } else { Sources::default() };
        let mut tally =
            CellTotals { usage, cost: cost.unwrap_or_default(), sources, ..CellTotals::default() };
        if usage.tokens_used().is_some() {
            settlement.is_accountable = true;
            let bill = Bill { is_call: false, ..bill };
            let key = at_desk(|desk| self.price(desk, bill, &mut tally, rest));
            rest.exceed(key, tally);
        } else if cost.is_some_and(|cost| cost > Usd::ZERO) {
            settlement.is_accountable = true;
            rest.exceed(key, tally);
        }
    }

    /// Brings a usage into the shape that prices and rows expect: cached input inside input, reasoning inside output, a
    /// total only where nothing better is known.
    // Not inlined: few emitters need it, and its code would displace the path of all others from the instruction cache.
    #[inline(never)]
    fn normalise(&self, usage: &mut Usage, meaning: &Meaning, provider: Option<Symbol>, rest: &mut Rest) {
        if usage.get(Kind::Input).or(usage.get(Kind::Output)).is_some() {
            usage.forget(Kind::Tokens);
        }
        let target = meaning.target;
        let cached = usage.count(Kind::CacheRead) + usage.count(Kind::CacheWrite);
        let input = usage.count(Kind::Input);
        let is_exclusive = |emitter: &Emitter| emitter.is(target, provider);
        if cached > 0 && self.options.exclusive_cache.iter().any(is_exclusive) {
            usage.set(Kind::Input, input + cached);
        } else if cached > input {
            usage.set(Kind::Input, input + cached);
            rest.warn(format!(
                    "{target} counts cached input apart from input ({cached} cached, {input} input): it was added to the input"
                ),
            );
        }
        let (reasoning, output) = (usage.count(Kind::Reasoning), usage.count(Kind::Output));
        if reasoning > output {
            usage.set(Kind::Output, output + reasoning);
            rest.warn(format!(
                    "{target} counts reasoning apart from output ({reasoning} reasoning, {output} output): it was added to the output"
                ),
            );
        }
    }
}

impl Open {
    // Inlined: copies fields of the reading.
    #[inline]
    fn bill(&self) -> Bill {
        Bill {
            model: self.reading.model_name(),
            operation: self.reading.operation(),
            meaning: self.meaning,
            run: self.place.run,
            stage: self.place.stage,
            at: self.started,
            is_call: self.is_call,
        }
    }
}
