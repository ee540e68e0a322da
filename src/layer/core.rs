//! What a layer, its guard and its handles share: the parts that own its state.

use std::sync::Arc;
use std::time::Duration;

use super::books::Books;
use super::clock::Clock;
use super::delivery::Delivery;
use super::early::EarlyCloses;
use super::pricer::Pricer;
use super::run_registry::RunRegistry;
use super::span_table::SpanTable;
use super::stats::Counters;
use crate::attribution::Rules;
use crate::journal::Journal;
use crate::ledger::{Ledger, MAX_CALLS};
use crate::limit::Plan;
use crate::sink::Worker;

/// The state of one layer.
pub(crate) struct Core {
    pub(crate) options: Arc<Options>,
    pub(crate) clock: Clock,
    pub(crate) spans: SpanTable,
    pub(crate) runs: Arc<RunRegistry>,
    pub(crate) pricer: Pricer,
    pub(crate) delivery: Delivery,
    /// What waits for the price book.
    pub(crate) early: EarlyCloses,
    pub(crate) counters: Counters,
}

/// The settings of the builder.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) project: Option<String>,
    pub(crate) rules: Rules,
    /// The declared stages in their order.
    pub(crate) stages: Vec<String>,
    /// The gates that must run, in their order.
    pub(crate) gates: Vec<String>,
    pub(crate) tags: Vec<(String, String)>,
    /// How many calls of a run are kept one by one, if not as many as can be.
    pub(crate) keep_calls: Option<usize>,
    pub(crate) limits: Plan,
    /// The price books, and the warnings of summaries about them.
    pub(crate) books: Arc<Books>,
    /// The layer is for one scope, as in a test: it is not responsible for threads without a subscriber.
    pub(crate) is_scoped: bool,
    /// Why there is no layer, only a guard and its handles; none for a layer that works.
    pub(crate) disabled: Option<String>,
    /// How long a flush waits, and the guard's end.
    pub(crate) flush_timeout: Duration,
    pub(crate) close_timeout: Duration,
}

impl Options {
    /// How many calls of a run are kept one by one.
    pub(crate) fn kept_calls(&self) -> usize {
        self.keep_calls.unwrap_or(MAX_CALLS)
    }

    /// An empty ledger that keeps as many calls.
    pub(crate) fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.keep_calls(self.kept_calls());
        ledger
    }
}

impl Core {
    pub(crate) fn new(
        options: Options,
        pricer: Pricer,
        worker: Worker,
        clock: Clock,
        journal: Option<Journal>,
    ) -> Self {
        Self {
            runs: Arc::new(RunRegistry::new(options.limits.clone(), options.kept_calls(), journal.is_some())),
            options: Arc::new(options),
            clock,
            spans: SpanTable::new(),
            pricer,
            delivery: Delivery::new(worker, journal),
            early: EarlyCloses::default(),
            counters: Counters::default(),
        }
    }
}
