//! Statistics of a layer.

use std::sync::atomic::{AtomicU64, Ordering};

use super::outside::{Outside, OutsideCounters};
use crate::journal::JournalStats;
use crate::sink::DeliveryStats;

/// Statistics of a layer since it was built.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Runs that recorded usage, cost, a call, a gate or a declared stage.
    pub runs_started: u64,
    /// Runs that ended and were handed to the sinks.
    pub runs_finished: u64,
    /// Root spans that closed without anything accountable below them; they leave no summary.
    pub empty_roots: u64,
    /// Root spans that only repeated the figures of other roots, and were dropped: `invoke_agent` without a parent and without
    /// children.
    pub dropped_roots: u64,
    /// Amounts that came after their run had been finished. They are in no summary.
    pub late: u64,
    /// What happened outside of any run, as in a `tokio::spawn` of a future that was not instrumented: usage, gates, operations,
    /// attributes of runs and spans of calls. It is in no summary.
    pub outside: u64,
    /// The same by its kind, with what else is a sign of a missing run.
    pub outside_by: Outside,
    /// Open spans that the layer keeps right now.
    pub open_spans: u64,
    /// Calls that were looked up in the price book itself, which takes some 10 microseconds: the price of their model is no whole number
    /// of pico-dollars a token, their usage has no price, or they have cached audio.
    pub price_lookups: u64,
    /// Delivery of finished runs to the sinks.
    pub delivery: DeliveryStats,
    /// State of the journal, if there is one.
    pub journal: Option<JournalStats>,
}

/// The counters behind [`Stats`]; all of them count what is rare.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) runs_started: AtomicU64,
    pub(crate) runs_finished: AtomicU64,
    pub(crate) empty_roots: AtomicU64,
    pub(crate) dropped_roots: AtomicU64,
    pub(crate) late: AtomicU64,
    pub(crate) outside: OutsideCounters,
    pub(crate) price_lookups: AtomicU64,
    /// Runs given up by a reset.
    pub(crate) forgotten: AtomicU64,
    /// Spans that a panic kept from being settled.
    pub(crate) unsettled: AtomicU64,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    // Relaxed: a statistic. No other memory is read on the strength of it.
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn stats(
        &self,
        open_spans: u64,
        outside_by: Outside,
        delivery: DeliveryStats,
        journal: Option<JournalStats>,
    ) -> Stats {
        // Relaxed: the counters are read one by one and need not belong to one instant.
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            runs_started: read(&self.runs_started),
            runs_finished: read(&self.runs_finished),
            empty_roots: read(&self.empty_roots),
            dropped_roots: read(&self.dropped_roots),
            late: read(&self.late),
            outside: outside_by.lost(),
            outside_by,
            open_spans,
            price_lookups: read(&self.price_lookups),
            delivery,
            journal,
        }
    }
}
