//! What happens outside of any run: it is in no summary, so it is counted, and printed once when the guard drops.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::ledger::Symbol;

/// What a layer met outside of any run, by its kind; see [`Stats::outside_by`](super::Stats::outside_by).
///
/// The causes are a task that was spawned without its span, a filter that hides the run from the layer, or `.roots([..])` with
/// other names. The guard prints all of it in one line on stderr when it drops.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// let (budget, guard) = tracing_budget::layer().roots(["pipeline"]).build()?;
/// let handle = guard.handle();
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
///     tracing_budget::gate("lint").pass();
///     drop(tracing_budget::call("gpt-5").start());
/// });
/// let outside = handle.stats().outside_by;
/// assert_eq!((outside.gates, outside.calls, outside.missing_roots), (1, 1, vec!["pipeline".to_owned()]));
/// # Ok::<(), tracing_budget::BuildError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outside {
    /// Events with usage or a cost that count: `record_usage`, and those of `.usage_events([..])`.
    pub usage: u64,
    /// Verdicts of gates, by events or spans.
    pub gates: u64,
    /// Operations, also those for a run that was not in flight.
    pub operations: u64,
    /// Events with tags, counts or other attributes of a run.
    pub attributes: u64,
    /// Spans of calls, and others with figures or an operation of the GenAI conventions. This takes `.roots([..])`: without it,
    /// they are runs of their own.
    pub calls: u64,
    /// Calls without any span around them. Each is a run of its own, and in a summary.
    pub parentless_calls: u64,
    /// [Checks](crate::check()) and [reservations](crate::reserve()) that were refused.
    pub refused: u64,
    /// Names in `.roots([..])` that no span has had.
    pub missing_roots: Vec<String>,
}

/// The counters behind [`Outside`].
#[derive(Debug, Default)]
pub(crate) struct OutsideCounters {
    pub(crate) usage: AtomicU64,
    pub(crate) gates: AtomicU64,
    pub(crate) operations: AtomicU64,
    pub(crate) attributes: AtomicU64,
    pub(crate) calls: AtomicU64,
    pub(crate) parentless_calls: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) is_reported: AtomicBool,
    /// Names of `.roots` that a span has had. Written when a thread first meets the span's callsite.
    met_roots: Mutex<Vec<Symbol>>,
}

fn read(counter: &AtomicU64) -> u64 {
    // Relaxed: a statistic. No other memory is read on the strength of it.
    counter.load(Ordering::Relaxed)
}

impl OutsideCounters {
    /// Notes that a span has a name that `.roots` lists.
    #[cold]
    pub(crate) fn note_root(&self, name: Symbol) {
        let mut met = self.met_roots.lock();
        if !met.contains(&name) {
            met.push(name);
        }
    }

    /// What was counted, with those of the names in `.roots` that no span has had.
    pub(crate) fn counted(&self, roots: &HashSet<Box<str>>) -> Outside {
        let met = self.met_roots.lock();
        let named = roots.iter().map(|name| &**name);
        let missing = named.filter(|name| !met.iter().any(|met| met.as_str() == *name));
        let mut missing_roots: Vec<String> = missing.map(str::to_owned).collect();
        // They come from a set, in any order.
        missing_roots.sort_unstable();
        Outside {
            usage: read(&self.usage),
            gates: read(&self.gates),
            operations: read(&self.operations),
            attributes: read(&self.attributes),
            calls: read(&self.calls),
            parentless_calls: read(&self.parentless_calls),
            refused: read(&self.refused),
            missing_roots,
        }
    }
}

impl Outside {
    /// What is in no summary.
    pub(crate) fn lost(&self) -> u64 {
        self.usage + self.gates + self.operations + self.attributes + self.calls
    }

    /// All of it in one line; `None` if there is nothing.
    pub(crate) fn report(&self) -> Option<String> {
        let Self { usage, gates, operations, attributes, calls, parentless_calls, refused, missing_roots } =
            self;
        let lost: Vec<String> = [
            ("usage", usage),
            ("gates", gates),
            ("operations", operations),
            ("attributes of runs", attributes),
            ("calls", calls),
        ]
        .into_iter()
        .filter(|(_, number)| **number > 0)
        .map(|(what, number)| format!("{what} {number}"))
        .collect();
        let roots: Vec<String> = missing_roots.iter().map(|name| format!("{name:?}")).collect();
        let parts = [
            ("outside of any run, and in no summary", lost.join(", ")),
            ("checks and reservations refused outside of any run", number(*refused)),
            ("calls without a span around them, each a run of its own", number(*parentless_calls)),
            ("names in `roots` that no span had", roots.join(", ")),
        ];
        let parts = parts.into_iter().filter(|(_, figures)| !figures.is_empty());
        let parts: Vec<String> = parts.map(|(what, figures)| format!("{what}: {figures}")).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// A number above 0.
fn number(number: u64) -> String {
    if number == 0 { String::new() } else { number.to_string() }
}
