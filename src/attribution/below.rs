//! What closed inside a span that sums what is inside.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::charge::Charge;
use super::inclusive::{beyond, set_reported, take_parts};
use super::inner_call::InnerCall;
use super::reading::{ModelName, PriceTerms};
use crate::ledger::{CellTotals, FastHash, Sources, Usage, Usd};

/// Responses that a span remembers of those inside: as many as a run does. The oldest are then sums.
const REMEMBERED: usize = 1_024;

/// What closed inside a span that sums what is inside.
#[derive(Debug, Default)]
pub(crate) struct Below {
    /// What is booked, except for calls with a response id.
    pub(crate) booked: CellTotals,
    /// What is booked for calls with a response id: less than they report, if the run knows the response (A8).
    pub(crate) booked_by_id: CellTotals,
    /// Calls with a response id as they were reported: a repeated one counts once inside, wherever the other record is.
    pub(crate) answered: Vec<Answered>,
    /// The sum of the oldest of these, which are not remembered one by one.
    pub(crate) earlier: CellTotals,
    /// Calls that the enclosing call has to complete before they are booked (A5).
    pub(crate) inner: Vec<InnerCall>,
    /// Usage and cost of all of these, once they have been summed.
    pub(crate) sum: CellTotals,
}

/// A call with a response id.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) response_id: u64,
    pub(crate) model: ModelName,
    pub(crate) terms: PriceTerms,
    pub(crate) usage: Usage,
    /// The cost that it reported.
    pub(crate) cost: Option<Usd>,
    /// Its list price, where it was booked as the first record of its response.
    pub(crate) listed: Usd,
    /// When it closed and when it began: the order of the records of one response.
    pub(crate) order: (u64, Reverse<u64>),
}

impl Answered {
    /// A call as it was reported, before what the run knows of its response is taken off.
    pub(crate) fn of(charge: &Charge, totals: &CellTotals, started: u64, closed: u64) -> Self {
        Self {
            response_id: charge.response_id,
            model: charge.model,
            terms: charge.terms,
            usage: totals.usage.clone(),
            cost: totals.sources.contains(Sources::REPORTED).then_some(totals.cost),
            listed: Usd::ZERO,
            order: (closed, Reverse(started)),
        }
    }

    /// Adds what a further record of the response has beyond this one (A8).
    fn join(&mut self, other: &Self) {
        self.usage.merge(&beyond(&other.usage, &self.usage));
        self.cost = self.cost.max(other.cost);
        self.model = (self.model.0.or(other.model.0), self.model.1.or(other.model.1));
        self.terms = self.terms.or(other.terms);
    }
}

impl Below {
    /// Adds what closed inside another span, to which this one is the next around.
    pub(crate) fn add(&mut self, other: Self) {
        self.booked.merge(&other.booked);
        self.booked_by_id.merge(&other.booked_by_id);
        self.earlier.merge(&other.earlier);
        self.inner.extend(other.inner);
        self.answered.extend(other.answered);
        if self.answered.len() > REMEMBERED {
            // A quarter at a time: to move the others for each new one would cost more.
            let oldest = self.answered.len() - REMEMBERED * 3 / 4;
            for answered in self.answered.drain(..oldest) {
                // Apart from what is booked, where they are already.
                self.earlier.usage.merge(&answered.usage);
                self.earlier.cost += answered.cost.unwrap_or(answered.listed);
            }
        }
    }

    /// Adds an amount that is booked.
    pub(crate) fn add_booked(&mut self, response_id: u64, totals: &CellTotals) {
        let sum = if response_id == 0 { &mut self.booked } else { &mut self.booked_by_id };
        sum.merge(totals);
    }

    /// Everything that is booked.
    pub(crate) fn all_booked(&self) -> CellTotals {
        let mut all = self.booked.clone();
        all.merge(&self.booked_by_id);
        all
    }

    /// Sums usage and cost of everything inside, booked or not, each response once. `price` is the list price of a usage.
    pub(crate) fn sum_up(&mut self, mut price: impl FnMut(ModelName, PriceTerms, &Usage) -> Option<Usd>) {
        let mut sum =
            CellTotals { usage: self.booked.usage.clone(), cost: self.booked.cost, ..CellTotals::default() };
        sum.usage.merge(&self.earlier.usage);
        sum.cost += self.earlier.cost;
        let mut add = |call: &Answered| {
            sum.usage.merge(&call.usage);
            let listed = || {
                let mut usage = call.usage.clone();
                take_parts(&mut usage);
                price(call.model, call.terms, &usage)
            };
            sum.cost += call.cost.or_else(listed).unwrap_or_default();
        };
        let mut known: HashMap<u64, Answered, FastHash> = HashMap::default();
        let inner = self.inner.iter().map(InnerCall::as_answered);
        let mut calls: Vec<Answered> = self.answered.iter().cloned().chain(inner).collect();
        calls.sort_by_key(|call| call.order);
        for call in calls {
            if call.response_id == 0 {
                add(&call);
            } else {
                known.entry(call.response_id).and_modify(|first| first.join(&call)).or_insert(call);
            }
        }
        known.values().for_each(add);
        self.sum = sum;
    }
}

impl InnerCall {
    /// Its figures, with the model that prices them as far as it is known before the outer call closes.
    fn as_answered(&self) -> Answered {
        Answered {
            response_id: self.response_id,
            model: if self.is_call && !self.is_foreign { self.model_or_inherited() } else { (None, None) },
            terms: PriceTerms::of(&self.names),
            usage: self.usage.clone(),
            cost: self.cost,
            listed: Usd::ZERO,
            order: (self.closed, Reverse(self.started)),
        }
    }

    /// Its own model, or the one that it inherits (A3).
    pub(super) fn model_or_inherited(&self) -> ModelName {
        (self.model.0.or(self.inherited.0), self.model.1.or(self.inherited.1))
    }

    /// The amount that is booked for it, without its price.
    pub(super) fn totals(&self) -> CellTotals {
        let mut totals = CellTotals {
            usage: self.usage.clone(),
            nanos: self.nanos,
            errors: self.errors,
            count: self.count,
            ..CellTotals::default()
        };
        set_reported(&mut totals, self.cost);
        totals
    }
}
