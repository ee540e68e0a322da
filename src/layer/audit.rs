//! What was seen against what was accounted.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::accounted::CallsAccounted;
use super::core::Core;
use super::handle::Handle;
use super::stats::{Stats, count};
use crate::journal::JournalStats;
use crate::ledger::{CellTotals, Ledger, total};

/// What a layer has seen and what became of it, with every place where the two differ.
///
/// [`Handle::audit`] takes it. While a program works, spans are open and runs are under way, and the audit lists them. Once all
/// has ended and the guard is flushed, an audit without [`discrepancies`](Self::discrepancies) proves that nothing is missing.
/// The figures are read one after another, not all at one moment.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Audit {
    /// Spans that matter to the layer: stages, calls, gates, roots, and spans that record a known field.
    pub spans: SpanAudit,
    /// Model calls, in runs that have ended and in those in flight.
    pub calls: CallAudit,
    /// Runs.
    pub runs: RunAudit,
    /// One entry a sink, in the order in which they were added.
    pub sinks: Vec<SinkAudit>,
    /// State of the journal, if there is one.
    pub journal: Option<JournalStats>,
    /// Everything that is not as it should be; empty when all is right.
    pub discrepancies: Vec<Discrepancy>,
}

/// Spans that matter to the layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanAudit {
    /// Opened since the layer was built.
    pub opened: u64,
    /// Closed since.
    pub closed: u64,
    /// Of those, spans with all their figures booked, or found to repeat others.
    pub settled: u64,
    /// Open right now, or waiting for spans that they adopted.
    pub open: u64,
}

/// Model calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallAudit {
    /// Calls that recorded their usage or their cost.
    pub with_usage: u64,
    /// Calls that recorded neither.
    pub without_usage: u64,
    /// Calls with usage that have no price.
    pub unpriced: u64,
}

/// Runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunAudit {
    /// Runs that something accountable happened in.
    pub started: u64,
    /// Runs that ended and were handed to the sinks.
    pub finished: u64,
    /// Runs that were given up by [`Handle::reset`].
    pub forgotten: u64,
    /// Runs that have not ended.
    pub in_flight: u64,
    /// Runs on their way to the sinks.
    pub queued: u64,
}

/// One sink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkAudit {
    /// The sink's name.
    pub name: String,
    /// Runs that it was to get.
    pub owed: u64,
    /// Runs that it took.
    pub delivered: u64,
    /// Runs that it did not take in any attempt.
    pub failed: u64,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discrepancy {
    /// Spans are still open; what they record is in no finished run.
    SpansOpen {
        /// How many.
        spans: u64,
    },
    /// Spans closed without having been settled: the layer has a fault.
    SpansUnsettled {
        /// How many.
        spans: u64,
    },
    /// Spans are neither open nor closed: their subscriber reused their ids without closing them.
    SpansVanished {
        /// How many.
        spans: u64,
    },
    /// Calls recorded neither usage nor cost.
    CallsWithoutUsage {
        /// How many.
        calls: u64,
    },
    /// Calls have no price, so that their cost is in no figure.
    CallsUnpriced {
        /// How many.
        calls: u64,
    },
    /// Amounts came after their run had been finished, and are in no summary.
    Late {
        /// How many.
        amounts: u64,
    },
    /// Events with usage or a gate were emitted outside of any run, and are in no summary.
    Outside {
        /// How many.
        events: u64,
    },
    /// Runs have not ended.
    RunsInFlight {
        /// How many.
        runs: u64,
    },
    /// Runs are on their way to the sinks.
    RunsQueued {
        /// How many.
        runs: u64,
    },
    /// Runs found the queue full and were dropped, as configured.
    RunsDropped {
        /// How many.
        runs: u64,
    },
    /// No sink was given these runs.
    RunsLost {
        /// How many.
        runs: u64,
    },
    /// Runs began, and have neither ended nor are they in flight: the layer has a fault.
    RunsVanished {
        /// How many.
        runs: u64,
    },
    /// A sink did not take runs.
    SinkFailed {
        /// The sink's name.
        sink: String,
        /// How many.
        runs: u64,
        /// Why, the last time.
        reason: String,
    },
    /// A sink was not given runs that it was to get.
    SinkBehind {
        /// The sink's name.
        sink: String,
        /// How many.
        runs: u64,
    },
    /// Records are not in the journal and never will be.
    JournalLost {
        /// How many.
        records: u64,
        /// Why, the last time.
        reason: String,
    },
    /// Records wait for a journal that could not be written.
    JournalFailing {
        /// How many.
        records: u64,
        /// Why, the last time.
        reason: String,
    },
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SpansOpen { spans } => {
                write!(f, "spans that are still open, and in no finished run: {spans}")
            }
            Self::SpansUnsettled { spans } => {
                write!(f, "spans that closed and were not settled, a fault of the layer: {spans}")
            }
            Self::SpansVanished { spans } => {
                write!(f, "spans that opened, and vanished without a close: {spans}")
            }
            Self::CallsWithoutUsage { calls } => {
                write!(f, "calls that recorded neither usage nor cost: {calls}")
            }
            Self::CallsUnpriced { calls } => {
                write!(f, "calls that have no price, so that their cost is in no figure: {calls}")
            }
            Self::Late { amounts } => {
                write!(f, "amounts that came after their run had been finished, in no summary: {amounts}")
            }
            Self::Outside { events } => {
                write!(f, "events with usage or a gate outside of any run, in no summary: {events}")
            }
            Self::RunsInFlight { runs } => write!(f, "runs that have not ended: {runs}"),
            Self::RunsQueued { runs } => write!(f, "runs that are on their way to the sinks: {runs}"),
            Self::RunsDropped { runs } => {
                write!(f, "runs that found the queue full and were dropped: {runs}")
            }
            Self::RunsLost { runs } => write!(f, "runs that no sink was given: {runs}"),
            Self::RunsVanished { runs } => {
                write!(
                    f,
                    "runs that began and have neither ended nor are in flight, a fault of the layer: {runs}"
                )
            }
            Self::SinkFailed { sink, runs, reason } => {
                write!(f, "runs that sink {sink} lost: {runs}: {reason}")
            }
            Self::SinkBehind { sink, runs } => {
                write!(f, "runs that sink {sink} was to get and did not: {runs}")
            }
            Self::JournalLost { records, reason } => {
                write!(f, "records that the journal lost: {records}: {reason}")
            }
            Self::JournalFailing { records, reason } => {
                write!(f, "records that wait for the journal, which cannot be written: {records}: {reason}")
            }
        }
    }
}

impl Audit {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.discrepancies.is_empty()
    }
}

impl fmt::Display for Audit {
    /// What was seen and what became of it, a line each, then every discrepancy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spans, calls, runs, sinks, journal, discrepancies } = self;
        writeln!(
            f,
            "spans    {} opened, {} closed, {} settled, {} open",
            spans.opened, spans.closed, spans.settled, spans.open
        )?;
        writeln!(
            f,
            "calls    {} with usage, {} without, {} unpriced",
            calls.with_usage, calls.without_usage, calls.unpriced
        )?;
        writeln!(
            f,
            "runs     {} started, {} finished, {} in flight, {} queued, {} forgotten",
            runs.started, runs.finished, runs.in_flight, runs.queued, runs.forgotten
        )?;
        for SinkAudit { name, owed, delivered, failed } in sinks {
            writeln!(f, "sink     {name}: {delivered} of {owed} delivered, {failed} failed")?;
        }
        if let Some(journal) = journal {
            writeln!(
                f,
                "journal  {} of {} records written, {} lost",
                journal.written, journal.records, journal.lost
            )?;
        }
        match discrepancies.as_slice() {
            [] => f.write_str("nothing is missing"),
            some => {
                write!(f, "discrepancies: {}", some.len())?;
                some.iter().try_for_each(|one| write!(f, "\n  {one}"))
            }
        }
    }
}

impl CallsAccounted {
    fn with(&self, in_flight: &CellTotals) -> CallAudit {
        // Relaxed: see `add`.
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let without_usage = read(&self.without_usage) + total(in_flight.without_usage);
        CallAudit {
            with_usage: (read(&self.calls) + total(in_flight.llm_calls)).saturating_sub(without_usage),
            without_usage,
            unpriced: read(&self.unpriced) + total(in_flight.unpriced),
        }
    }
}

/// Counts a span that was not settled to the end: an unwinding panic drops this value.
pub(crate) struct Settling<'a>(&'a AtomicU64);

impl<'a> Settling<'a> {
    // Inlined: no instructions, only a value that marks the path of an unwinding panic by its drop.
    #[inline]
    pub(crate) fn new(unsettled: &'a AtomicU64) -> Self {
        Self(unsettled)
    }

    // Inlined: forgetting the value is nothing; a call would be all of the cost.
    #[inline]
    pub(crate) fn done(self) {
        std::mem::forget(self);
    }
}

impl Drop for Settling<'_> {
    #[cold]
    fn drop(&mut self) {
        count(self.0);
    }
}

impl Handle {
    /// Compares what the layer has seen with what it has accounted.
    ///
    /// ```
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (budget, guard) = tracing_budget::layer().build()?;
    /// let handle = guard.handle();
    /// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
    ///     tracing_budget::record_usage(&tracing_budget::Usage::new().input(100)); // outside of any run
    /// });
    /// let audit = handle.audit();
    /// assert!(audit.discrepancies[0].to_string().contains("outside of any run"), "{audit}");
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    #[must_use]
    pub fn audit(&self) -> Audit {
        let stats = self.stats();
        let core = self.core();
        // Queued first: what is delivered meanwhile must not look as if a sink were behind.
        let spans = core.span_audit();
        let in_flight = core.runs.in_flight();
        let mut ledger = Ledger::default();
        for number in &in_flight {
            // By the number: the room may be another run's by now.
            let run = core.runs.room(*number);
            run.and_then(|run| run.room.read(*number, |part| ledger.merge(&part.ledger)));
        }
        let under_way = ledger.total();
        let runs = RunAudit {
            started: stats.runs_started,
            finished: stats.runs_finished,
            forgotten: core.counters.forgotten.load(Ordering::Relaxed),
            in_flight: in_flight.len() as u64,
            queued: stats.delivery.queued,
        };
        let mut audit = Audit {
            spans,
            calls: core.delivery.calls.with(&under_way),
            sinks: sinks(&stats),
            journal: stats.journal.clone(),
            runs,
            discrepancies: Vec::new(),
        };
        audit.discrepancies = audit.find(&stats);
        audit
    }
}

impl Core {
    fn span_audit(&self) -> SpanAudit {
        let (opened, closed, open) = self.spans.counts();
        // Relaxed: an audit of a layer at work may be off by the spans that close meanwhile. Exact counts would need a lock that every span takes.
        let settled = closed.saturating_sub(self.counters.unsettled.load(Ordering::Relaxed));
        SpanAudit { opened, closed, settled, open }
    }
}

/// What each sink was to get, and got.
fn sinks(stats: &Stats) -> Vec<SinkAudit> {
    let delivery = &stats.delivery;
    let recovered = stats.journal.as_ref().map_or(0, |journal| journal.recovered);
    let gone = delivery.queued + delivery.dropped + delivery.lost;
    let owed = (stats.runs_finished + recovered).saturating_sub(gone);
    let audit = |sink: &crate::sink::SinkStats| SinkAudit {
        name: sink.name.clone(),
        owed,
        delivered: sink.delivered,
        failed: sink.failed,
    };
    delivery.sinks.iter().map(audit).collect()
}

impl Audit {
    fn find(&self, stats: &Stats) -> Vec<Discrepancy> {
        let Self { spans, calls, runs, .. } = self;
        let delivery = &stats.delivery;
        let vanished = spans.opened.saturating_sub(spans.closed + spans.open);
        let ended = runs.finished + runs.forgotten + runs.in_flight;
        let counted = [
            (spans.open, Discrepancy::SpansOpen { spans: spans.open }),
            (
                spans.closed - spans.settled,
                Discrepancy::SpansUnsettled { spans: spans.closed - spans.settled },
            ),
            (vanished, Discrepancy::SpansVanished { spans: vanished }),
            (calls.without_usage, Discrepancy::CallsWithoutUsage { calls: calls.without_usage }),
            (calls.unpriced, Discrepancy::CallsUnpriced { calls: calls.unpriced }),
            (stats.late, Discrepancy::Late { amounts: stats.late }),
            (stats.outside, Discrepancy::Outside { events: stats.outside }),
            (runs.in_flight, Discrepancy::RunsInFlight { runs: runs.in_flight }),
            (runs.queued, Discrepancy::RunsQueued { runs: runs.queued }),
            (delivery.dropped, Discrepancy::RunsDropped { runs: delivery.dropped }),
            (delivery.lost, Discrepancy::RunsLost { runs: delivery.lost }),
            (
                runs.started.saturating_sub(ended),
                Discrepancy::RunsVanished { runs: runs.started.saturating_sub(ended) },
            ),
        ];
        let counted = counted.into_iter().filter(|(count, _)| *count > 0).map(|(_, found)| found);
        let sinks = self.sinks.iter().zip(&delivery.sinks).flat_map(|(audit, sink)| {
            let reason = || sink.last_error.clone().unwrap_or_default();
            let failed = (audit.failed > 0).then(|| Discrepancy::SinkFailed {
                sink: audit.name.clone(),
                runs: audit.failed,
                reason: reason(),
            });
            let missing = audit.owed.saturating_sub(audit.delivered + audit.failed);
            let behind =
                (missing > 0).then(|| Discrepancy::SinkBehind { sink: audit.name.clone(), runs: missing });
            failed.into_iter().chain(behind)
        });
        let journal = self.journal.iter().flat_map(|journal| {
            let reason = || journal.last_error.clone().unwrap_or_else(|| "it was closed".to_owned());
            let lost = (journal.lost > 0)
                .then(|| Discrepancy::JournalLost { records: journal.lost, reason: reason() });
            let is_failing = journal.is_failing && journal.waiting() > 0;
            let failing = is_failing
                .then(|| Discrepancy::JournalFailing { records: journal.waiting(), reason: reason() });
            lost.into_iter().chain(failing)
        });
        counted.chain(sinks).chain(journal).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn what_unwinds_while_it_settles_is_counted() {
        let unsettled = AtomicU64::new(0);
        Settling::new(&unsettled).done();
        assert_eq!(unsettled.load(Ordering::Relaxed), 0);
        let settle = || {
            let settling = Settling::new(&unsettled);
            if unsettled.load(Ordering::Relaxed) == 0 {
                std::panic::resume_unwind(Box::new(()));
            }
            settling.done();
        };
        assert!(catch_unwind(AssertUnwindSafe(settle)).is_err());
        assert_eq!(unsettled.load(Ordering::Relaxed), 1);
    }
}
