//! What a span or an event adds to the ledger.

use std::borrow::Cow;

use super::below::{Answered, Below};
use super::inclusive::take_parts;
use super::inner_call::InnerCall;
use super::operations::OperationKind;
use super::reading::{ModelName, PriceTerms};
use crate::ledger::{
    Call, CallNames, CallTexts, CellKey, CellTotals, Kind, Measure, Sources, StageId, Symbol, Usage,
};

/// The row that an amount belongs to, and the model that prices it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charge {
    pub(crate) stage: Option<StageId>,
    pub(crate) agent: Option<Symbol>,
    pub(crate) operation: Symbol,
    pub(crate) model: ModelName,
    /// What decides its price beside the model.
    pub(crate) terms: PriceTerms,
    /// Whether the amount is priced, and has a row by model.
    pub(crate) is_llm: bool,
    /// Whether the book has to price it: its cost was not reported, and can be known.
    pub(crate) needs_price: bool,
    /// Hash of the provider's id of the response; 0 if unknown (A8).
    pub(crate) response_id: u64,
    /// When the call began, if another span than the closing one made it.
    pub(crate) started: Option<u64>,
}

/// What a closing span or an event adds, beside its own amount, which stays in its reading.
#[derive(Debug, Default)]
pub(crate) struct Charges {
    /// Whether its own amount is booked.
    pub(crate) has_own: bool,
    /// Whether it makes its run accountable (A1).
    pub(crate) is_accountable: bool,
    /// Whether a cost in another currency than USD was reported.
    pub(crate) is_foreign: bool,
    /// What few spans have beside it.
    pub(crate) more: Option<Box<MoreCharges>>,
}

/// What few closing spans add.
#[derive(Debug, Default)]
pub(crate) struct MoreCharges {
    /// Amounts beside the span's own.
    pub(crate) amounts: Vec<ChargedAmount>,
    /// These, once they are priced.
    pub(crate) priced: Vec<Booking>,
    /// Calls that a further record of their response completes (A8).
    pub(crate) completions: Vec<Completion>,
    /// The same for the spans around, which sum what is inside.
    pub(crate) booked: Below,
    /// Calls that the enclosing call has to complete before they are booked (A5).
    pub(crate) handed_on: Vec<InnerCall>,
    /// Calls with a response id as they were reported (A8).
    pub(crate) answered: Vec<Answered>,
    /// The recordings that make the span's own amount, each of which has a price of its own; none if it is one.
    pub(crate) recordings: Vec<Usage>,
    /// What the run's reader should know.
    pub(crate) warnings: Vec<Cow<'static, str>>,
}

/// An amount beside a span's own.
#[derive(Debug)]
pub(crate) struct ChargedAmount {
    pub(crate) charge: Charge,
    pub(crate) totals: CellTotals,
    /// When the call closed.
    pub(crate) closed: u64,
    /// What its record has, if it is a call.
    pub(crate) call: Option<Box<ChargedCall>>,
}

/// An amount beside a span's own with its row.
#[derive(Debug)]
pub(crate) struct Booking {
    pub(crate) key: CellKey,
    pub(crate) totals: CellTotals,
    pub(crate) call: Option<Box<ChargedCall>>,
}

impl Booking {
    /// The record, if the amount is a call.
    pub(crate) fn record(&self) -> Option<Call<'_>> {
        let call = self.call.as_deref().filter(|_| self.totals.llm_calls > 0)?;
        Some(call.record(self.key, &self.totals))
    }
}

/// A call that a further record of its response completes (A8).
#[derive(Debug)]
pub(crate) struct Completion {
    /// The row of the first record.
    pub(crate) key: CellKey,
    /// The amount as all records together have it.
    pub(crate) totals: CellTotals,
    /// What the further record has, with the start of the first one.
    pub(crate) call: ChargedCall,
    /// How many records have completed it.
    pub(crate) completions: u16,
}

impl Completion {
    pub(crate) fn record(&self) -> Call<'_> {
        Call { completions: self.completions, ..self.call.record(self.key, &self.totals) }
    }
}

/// What the record of a call has beside its row and its amount.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChargedCall {
    pub(crate) names: CallNames,
    pub(crate) texts: CallTexts,
    pub(crate) started: u64,
    pub(crate) response_id: u64,
    pub(crate) attempt: u16,
    pub(crate) has_failed: bool,
}

impl ChargedCall {
    fn record<'a>(&'a self, key: CellKey, totals: &'a CellTotals) -> Call<'a> {
        Call {
            key,
            names: self.names,
            started: self.started,
            nanos: totals.nanos,
            usage: Cow::Borrowed(&totals.usage),
            cost: totals.cost,
            sources: totals.sources,
            has_failed: self.has_failed,
            is_partial: totals.partial > 0,
            attempt: self.attempt,
            completions: 0,
            response: self.response_id,
            texts: self.texts.all(),
        }
    }
}

impl Charges {
    pub(crate) fn more(&mut self) -> &mut MoreCharges {
        self.more.get_or_insert_default()
    }

    /// The amounts beside the span's own that are priced.
    // Inlined: a test of a pointer that is nearly always none.
    #[inline]
    pub(crate) fn priced(&self) -> &[Booking] {
        self.more.as_ref().map_or(&[], |more| &more.priced)
    }

    /// The calls that are completed.
    // Inlined: as above.
    #[inline]
    pub(crate) fn completions(&self) -> &[Completion] {
        self.more.as_ref().map_or(&[], |more| &more.completions)
    }

    /// Keeps something that the run's reader should know.
    #[cold]
    pub(crate) fn warn(&mut self, warning: impl Into<Cow<'static, str>>) {
        self.more().warnings.push(warning.into());
    }
}

/// Completes the counts of an amount that is a call: one call, and what it lacks (A3, A11).
// Inlined: it runs for every call, on fields that are in the cache.
#[inline(always)]
pub(crate) fn count_call(totals: &mut CellTotals, kind: OperationKind) {
    let usage = &totals.usage;
    let is_reported = totals.sources.contains(Sources::REPORTED);
    totals.llm_calls = 1;
    if usage.is_empty() {
        // A call with a cost and no tokens is partly known: its tokens are missing in every sum (A11).
        if is_reported { totals.partial = 1 } else { totals.without_usage = 1 }
    } else if kind == OperationKind::Text && usage.is_half() && usage.get(Kind::Tokens).is_none() {
        // Beside tokens without a split, the half is known to be part of these.
        totals.partial = 1;
    } else if kind == OperationKind::Text && usage.has_others() && lacks_content(usage) {
        totals.partial = 1;
    }
}

/// Whether a usage has what is done beside content, such as searches, and not the content: neither its tokens nor its seconds.
#[cold]
fn lacks_content(usage: &Usage) -> bool {
    usage.tokens_used().is_none() && usage.others().all(|(kind, _)| kind.measure() == Measure::Extra)
}

/// The same for a call that was joined from several spans, with parts that may be beyond their wholes.
pub(crate) fn count_joined_call(totals: &mut CellTotals, kind: OperationKind) {
    let parts = take_parts(&mut totals.usage);
    count_call(totals, kind);
    totals.usage.merge(&parts);
}

/// A call with a cost in another currency has an unknown cost in USD, even if its model has a price.
pub(crate) fn set_foreign(totals: &mut CellTotals) {
    totals.unpriced = 1;
    // A call with a cost and no tokens is partly known (A11).
    (totals.partial, totals.without_usage) = (totals.partial.max(totals.without_usage), 0);
}
