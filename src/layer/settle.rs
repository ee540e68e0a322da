//! Settling a span that closes: from what it told to what the ledger adds.

use std::time::Instant;

use super::core::Core;
use super::reading::{Failure, Inclusive, Reading};
use super::run::nanos;
use super::stats::count;
use super::table::{Open, Place};
use crate::ledger::{CellKey, Kind, Ledger, Name, Sources, StageTally, Tally, Usage, Usd};
use crate::price::Source;

/// What a call is for if nobody said.
const CHAT: &str = "chat";

/// What money was spent on if nobody said.
const UNATTRIBUTED: &str = "unattributed";

/// The operation of a tool that a model called.
const EXECUTE_TOOL: &str = "execute_tool";

/// What one span or event adds to the ledger.
#[derive(Default)]
pub(crate) struct Settlement {
    /// A span's own amount, what its figure for everything inside has beyond that, and what of this has no price.
    entries: [Option<(CellKey, Tally)>; 3],
    warnings: Vec<String>,
    is_accountable: bool,
}

impl Settlement {
    fn push(&mut self, key: CellKey, tally: Tally) {
        if let Some(free) = self.entries.iter_mut().find(|entry| entry.is_none()) {
            *free = Some((key, tally));
        }
    }

    fn is_empty(&self) -> bool {
        !self.is_accountable && self.warnings.is_empty() && self.entries.iter().all(Option::is_none)
    }

    /// Adds warnings for the run's reader.
    pub(crate) fn warn(&mut self, warnings: &mut Vec<String>) {
        self.warnings.append(warnings);
    }

    /// All that it adds.
    pub(crate) fn sum(&self) -> Tally {
        let mut sum = Tally::default();
        self.entries.iter().flatten().for_each(|(_, tally)| sum.merge(tally));
        sum
    }

    fn write(&self, ledger: &mut Ledger) {
        self.entries.iter().flatten().for_each(|(key, tally)| ledger.add(*key, tally));
    }
}

impl Core {
    /// Settles a span that has closed.
    pub(crate) fn close(&self, id: u64) {
        let Some(mut open) = self.table.remove(id) else { return };
        let now = Instant::now();
        if std::thread::panicking() && !open.reading.has_failed() {
            *open.reading.failure() = Failure::of("panicked");
        }
        let repeats = open.root.as_ref().is_some_and(|root| open.is_container && !root.has_children);
        if !repeats {
            self.settle(&mut open, now);
        }
        if open.is_adopted {
            self.release(open.place);
        }
        if open.root.is_some() {
            self.close_root(open, now);
        }
    }

    /// Books what a span told, and hands it on to the spans around that have to know.
    pub(crate) fn settle(&self, open: &mut Open, now: Instant) {
        let duration = nanos(now.saturating_duration_since(open.started));
        let mut settlement = self.settlement(open, duration);
        if let Some(remarks) = &mut open.reading.remarks {
            settlement.warn(&mut remarks.warnings);
        }
        if open.root.is_some() && (settlement.is_accountable || open.reading.has_gate()) {
            self.begin_closing(open);
        }
        if open.outer_collector != 0 || open.meaning.has_gate {
            let mut sum = settlement.sum();
            if let Some(inclusive) = &open.reading.inclusive {
                sum.merge(&inclusive.below);
            }
            self.collect(open.outer_collector, &sum);
            self.settle_gate(open, &sum, duration);
        }
        let stage = open.place.stage.filter(|_| open.is_stage);
        let outcome = stage.map(|_| open.reading.outcome());
        let (outer, started) = (open.outer, open.started);
        if stage.is_some() || !settlement.is_empty() {
            self.book(open.place, settlement, |ledger, from| {
                let since = |at: Instant| nanos(at.saturating_duration_since(from));
                if let (Some(stage), Some(outcome)) = (stage, &outcome) {
                    let run = StageTally::ended(since(started), since(now), outer, outcome.clone());
                    ledger.add_stage(stage, &run);
                }
            });
        }
        if let Some(told) = open.reading.remarks.as_mut().and_then(|remarks| remarks.run.take()) {
            self.tell_run(open.place, *told);
        }
    }

    /// Tells a span what was settled below it.
    pub(crate) fn collect(&self, collector: u64, sum: &Tally) {
        if collector != 0 {
            self.table
                .with(collector, |around| around.reading.inclusive.get_or_insert_default().below.merge(sum));
        }
    }

    /// Writes a settlement, and whatever `more` adds, to the ledger of its run.
    pub(crate) fn book(
        &self,
        place: Place,
        settlement: Settlement,
        mut more: impl FnMut(&mut Ledger, Instant),
    ) {
        let mut write = |ledger: &mut Ledger, from: Instant| {
            settlement.write(ledger);
            more(ledger, from);
        };
        if settlement.is_accountable {
            let written = self.on_run(place, |run| run.write(|ledger| write(ledger, run.started)).is_ok());
            if written != Some(true) {
                count(&self.counters.late);
                return;
            }
        } else {
            self.note(place, write);
        }
        for warning in settlement.warnings {
            self.warn(place, warning);
        }
    }

    fn settlement(&self, open: &Open, duration: u64) -> Settlement {
        let reading = &open.reading;
        let mut settlement = Settlement::default();
        // Tools often declare fields for usage that nobody fills.
        let is_tool = reading.operation.is_some_and(|name| name.as_str() == EXECUTE_TOOL);
        if reading.has_amount() || open.is_call && !is_tool {
            self.add_call(&mut settlement, open, reading, duration);
        } else if let Some(operation) = reading.operation {
            let key = CellKey { stage: open.place.stage, model: None, operation };
            let errors = u64::from(reading.has_failed());
            settlement.push(key, Tally { count: 1, errors, nanos: duration, ..Tally::default() });
        }
        if let Some(inclusive) = &reading.inclusive {
            self.add_excess(&mut settlement, open, inclusive);
        }
        settlement.is_accountable |= open.is_stage && open.meaning.has_stage;
        settlement
    }

    /// Adds a call, or a cost that is none of a call's.
    fn add_call(&self, settlement: &mut Settlement, open: &Open, reading: &Reading, duration: u64) {
        // A stage's own usage is not the time that the stage took.
        let duration = if open.is_call { duration } else { 0 };
        let errors = u64::from(open.is_call && reading.has_failed());
        let bill = Bill { usage: reading.usage, cost: reading.cost, is_call: open.is_call, duration, errors };
        self.add_bill(settlement, open.meaning.target, open.place, open.started, reading, bill);
    }

    /// Prices an amount and adds it.
    pub(crate) fn add_bill(
        &self,
        settlement: &mut Settlement,
        target: &str,
        place: Place,
        at: Instant,
        reading: &Reading,
        mut bill: Bill,
    ) {
        settlement.is_accountable = true;
        let warnings = &mut settlement.warnings;
        self.normalise(&mut bill.usage, target, reading, warnings);
        let names_model = reading.model().is_some();
        let is_llm = bill.is_call || !bill.usage.is_empty() || names_model;
        let mut tally = Tally {
            usage: bill.usage,
            count: 1,
            llm_calls: u64::from(is_llm),
            errors: bill.errors,
            nanos: bill.duration,
            ..Tally::default()
        };
        let model = (names_model || reading.provider.is_some() && is_llm)
            .then(|| self.models.get(reading.provider, reading.model()));
        match bill.cost {
            Some(cost) => {
                tally.cost = cost;
                tally.sources = Sources::REPORTED;
            }
            None if bill.usage.is_empty() => tally.without_usage = 1,
            None => match &model {
                Some(model) => match model.price(&bill.usage, self.clock.wall(at)) {
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
                },
                None => {
                    tally.unpriced = 1;
                    if self.said_no_model.is_first_in(place.run) {
                        warnings.push("usage without a model cannot be priced".to_owned());
                    }
                }
            },
        }
        let operation =
            reading.operation.unwrap_or_else(|| Name::of(if is_llm { CHAT } else { UNATTRIBUTED }));
        let key = CellKey { stage: place.stage, model: model.map(|model| model.label), operation };
        settlement.push(key, tally);
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
        let parts = usage.split_parts();
        if !parts.is_empty() {
            // Cached or reasoning tokens that the calls below did not tell apart: they are in these calls' input and
            // output already, so that they count in their own column and cost nothing more.
            let operation = open.reading.operation.unwrap_or_else(|| Name::of(UNATTRIBUTED));
            let key = CellKey { stage: open.place.stage, model: None, operation };
            settlement.push(key, Tally { usage: parts, ..Tally::default() });
        }
        let cost = inclusive.cost.filter(|cost| *cost > below.cost).map(|cost| cost - below.cost);
        let at = open.started;
        if usage.tokens_used().is_some() {
            let bill = Bill { usage, cost, is_call: false, duration: 0, errors: 0 };
            self.add_bill(settlement, open.meaning.target, open.place, at, &open.reading, bill);
        } else if let Some(cost) = cost {
            settlement.is_accountable = true;
            let operation = open.reading.operation.unwrap_or_else(|| Name::of(UNATTRIBUTED));
            let key = CellKey { stage: open.place.stage, model: None, operation };
            settlement.push(key, Tally { cost, sources: Sources::REPORTED, ..Tally::default() });
        }
    }

    /// Brings a usage into the shape that prices and rows expect: cached input inside input, reasoning inside output, a
    /// total only where nothing better is known.
    fn normalise(&self, usage: &mut Usage, target: &str, reading: &Reading, warnings: &mut Vec<String>) {
        if usage.get(Kind::Input).or(usage.get(Kind::Output)).is_some() {
            usage.forget(Kind::Tokens);
        }
        let cached = usage.count(Kind::CacheRead) + usage.count(Kind::CacheWrite);
        let input = usage.count(Kind::Input);
        let emitter = |which: &super::core::Emitter| {
            target.starts_with(&which.target)
                && which
                    .provider
                    .as_deref()
                    .is_none_or(|provider| reading.provider.is_some_and(|name| name.as_str() == provider))
        };
        if cached > 0 && self.options.exclusive_cache.iter().any(emitter) {
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

/// An amount to be priced.
pub(crate) struct Bill {
    pub(crate) usage: Usage,
    /// What the emitter says that it cost; then nothing is priced.
    pub(crate) cost: Option<Usd>,
    /// Whether it was a call even if it told nothing.
    pub(crate) is_call: bool,
    pub(crate) duration: u64,
    pub(crate) errors: u64,
}
