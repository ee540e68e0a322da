//! The end of a run: its root closes, it is finished early, or it is forgotten. And its summary.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::book::process_name;
use super::clock::Clock;
use super::core::{Core, Options};
use super::run::{Details, End, Run};
use super::run_registry::RunRegistry;
use super::span_state::SpanState;
use super::stats::count;
use super::tellings::unmet_warning;
use crate::attribution::SpanKind;
use crate::ledger::{ACCOUNTABLE, Ledger, Outcome, SEALED};
use crate::sink::FlushError;
use crate::summary::{EndReason, RunSummary, SummaryInput};

/// A run that has ended and is on its way. When it is delivered, or given up, its room is free for another run.
struct EndedRun {
    runs: Arc<RunRegistry>,
    run: u64,
}

impl Drop for EndedRun {
    fn drop(&mut self) {
        self.runs.close(self.run);
    }
}

impl Core {
    /// Whether a root only repeats the figures of other roots: an agent's run without any span inside (A6).
    // Inlined: one test.
    #[inline]
    pub(crate) fn only_repeats(&self, root: &SpanState) -> bool {
        root.span.is_aggregate_root()
            && !self.runs.with_details(root.position.run, |details| details.has_children).unwrap_or(true)
    }

    /// Ends the run of a root that has closed.
    #[cold]
    pub(crate) fn end_root(&self, root: &SpanState, now: Instant) {
        let run = root.position.run;
        match self.runs.flags(run) {
            // It was finished before its root closed.
            None => {}
            Some(flags) if flags & SEALED != 0 => {}
            Some(flags) if flags & ACCOUNTABLE == 0 => {
                let repeats = self.only_repeats(root);
                if self.runs.close_if_empty(run) {
                    count(if repeats { &self.counters.dropped_roots } else { &self.counters.empty_roots });
                } else {
                    // Another thread has made a reservation in the run since.
                    self.end_closed(root, now);
                }
            }
            Some(_) => self.end_closed(root, now),
        }
    }

    fn end_closed(&self, root: &SpanState, now: Instant) {
        self.note_parentless(root);
        let run = root.position.run;
        // The root is in the table no more: its names are taken from here.
        let pipeline = root.pipeline();
        self.runs.with_details(run, |details| details.pipeline = pipeline.or(details.pipeline.take()));
        let outcome = root.span.reading.outcome();
        self.end(run, End { at: self.clock.moment(now), outcome, is_incomplete: false });
    }

    /// Counts a root that is a call: no span is around it, as in a task without its span.
    fn note_parentless(&self, root: &SpanState) {
        if matches!(root.span.kind, SpanKind::Call(_)) {
            count(&self.counters.outside.parentless_calls);
        }
    }

    /// Seals a run and hands it to the worker. Returns `false` if it has ended already, or came to nothing.
    fn end(&self, number: u64, end: End) -> bool {
        let Some(run) = self.runs.room(number) else { return false };
        // Its open spans may have recorded figures that come to nothing.
        if !self.is_accountable(number) && self.runs.close_if_empty(number) {
            count(&self.counters.empty_roots);
            return false;
        }
        let journal = {
            // Sealed first: of two threads that end the run at once, only one delivers a summary.
            let Some(mut details) = run.room.seal(number) else { return false };
            if !self.options.limits.is_empty() {
                // An alert is queued before its run: a write that began before the seal may still make one due.
                run.await_writes();
                self.queue_alerts(run, &mut details);
            }
            for target in details.tellings.unmet() {
                details.warn(unmet_warning(target).into());
            }
            let journal = details.journal.clone();
            if let Some(journal) = &journal {
                journal.ended(end.at.nanos(), &end.outcome, end.is_incomplete);
            }
            details.end = Some(end);
            journal
        };
        count(&self.counters.runs_finished);
        let (options, clock) = (Arc::clone(&self.options), self.clock);
        let calls = Arc::clone(&self.delivery.calls);
        let ended = EndedRun { runs: Arc::clone(&self.runs), run: number };
        let to_settle = journal.clone();
        // Built on the worker's thread: the thread that closed the root must not wait for the sorting and formatting of a summary.
        let summary = move || {
            let mut ledger = options.ledger();
            // The room is this run's until `ended` is dropped, so that there always is a summary.
            let summary = summary_of(&ended.runs, ended.run, &options, clock, &mut ledger)
                .unwrap_or_else(|| RunSummary::new("", clock.wall(clock.now()).into()));
            // Once per run: a shared counter per call would be a cache line that all threads write.
            calls.add(&summary.budget_summary.total);
            options.books.forget(ended.run);
            // Before a sink has the run, or a kill would leave it there whole and in the journal in part, as two runs. After the
            // summary, which waited for the writes that began before the end.
            if let Some(journal) = to_settle {
                journal.settle();
            }
            summary
        };
        match journal {
            None => self.delivery.worker.deliver(summary),
            Some(journal) => self.delivery.worker.deliver_and(summary, move || journal.delivered()),
        }
        true
    }

    /// Ends a run with spans that are still open, and with all that they have recorded so far. Returns `false` if it is not in
    /// flight.
    pub(crate) fn finish(&self, run: u64) -> bool {
        self.early.wait();
        if !self.is_accountable(run) && !self.has_open_amounts(run) {
            return false;
        }
        self.finish_as(run, true)
    }

    /// Ends an explicit run, whatever is still open inside (A14).
    #[cold]
    pub(crate) fn end_explicit(&self, root: u64) {
        let run = self.spans.with(root, |state| {
            state.note_panic();
            state.position.run
        });
        // A run that was finished before has nothing more to book: what is open in it is late when it closes.
        if let Some(run) = run
            && self.runs.flags(run).is_some_and(|flags| flags & SEALED == 0)
        {
            self.early.wait();
            self.finish_as(run, false);
        }
    }

    /// Ends a run early: as incomplete, or, for an explicit run, as its root ended.
    pub(crate) fn finish_as(&self, run: u64, is_incomplete: bool) -> bool {
        let now = Instant::now();
        // Collected first: accounting locks the slots of ancestors, and `for_each` holds one (deadlock).
        let mut spans = Vec::new();
        self.spans.for_each(|id, state| {
            if state.position.run == run && !state.span.is_root {
                spans.push((state.started, id));
            }
        });
        // The innermost first, as those around have to know what closed below them. All stay where they are, with
        // nothing more to record, so that what comes later is known to be late.
        spans.extend(self.spans.waiting(run));
        spans.sort_unstable_by(|one, two| two.cmp(one));
        let mut left_open = Ledger::default();
        let take = |state: &mut SpanState| (state.position.run == run).then(|| state.take());
        for (_, id) in spans {
            if let Some(mut state) = self.spans.with(id, take).flatten() {
                self.account_unclosed(&mut state, now, &mut left_open);
            } else if let Some(mut waiting) = self.spans.take_unfinished(id, run) {
                // It has closed, and waits for a span inside that is open no more by now.
                self.account_late(&mut waiting.state, waiting.closed, true);
                if waiting.state.span.is_root {
                    self.end_early(run, &waiting.state, waiting.closed, is_incomplete, &left_open);
                    return true;
                }
            }
        }
        let root = self.runs.with_details(run, |details| details.root).unwrap_or_default();
        match self.spans.with(root, take).flatten() {
            Some(mut root) => {
                if self.only_repeats(&root) {
                    root.span.reading.forget_figures();
                }
                self.account_unclosed(&mut root, now, &mut left_open);
                self.end_early(run, &root, now, is_incomplete, &left_open)
            }
            None => {
                let at = self.clock.moment(now);
                self.end(run, End { at, outcome: Outcome::Completed, is_incomplete })
            }
        }
    }

    fn end_early(
        &self,
        run: u64,
        root: &SpanState,
        now: Instant,
        is_incomplete: bool,
        left_open: &Ledger,
    ) -> bool {
        self.note_parentless(root);
        self.write(run, |ledger| ledger.merge(left_open));
        // The root is in the table no more: its names are taken from here.
        let pipeline = root.pipeline();
        self.runs.with_details(run, |details| details.pipeline = pipeline.or(details.pipeline.take()));
        let outcome = root.span.reading.outcome();
        self.end(run, End { at: self.clock.moment(now), outcome, is_incomplete })
    }

    /// Accounts for what an open span has recorded so far; if it is a stage, it stays open in the row.
    fn account_unclosed(&self, state: &mut SpanState, now: Instant, left_open: &mut Ledger) {
        if let Some(stage) = state.stage() {
            left_open.add_stage(stage, &state.open_attempt(&self.clock, now));
        }
        self.account_late(state, now, false);
    }

    /// Ends all runs with what their open spans have recorded so far, including runs that have not become accountable yet.
    pub(crate) fn finish_all(&self) {
        for run in self.runs.open_runs() {
            if self.is_accountable(run) || self.has_open_amounts(run) {
                self.finish_as(run, true);
            }
        }
    }

    /// Ends all runs, delivers them, and ends the worker and the journal, within the timeout of closing. A second call waits for
    /// the first, and returns what that came to.
    pub(crate) fn shutdown(&self) -> Result<(), FlushError> {
        let (begun, timeout) = (Instant::now(), self.options.close_timeout);
        if self.delivery.worker.is_forked() {
            // The open runs and the journal's file are those of the process that was forked.
            self.delivery.journal.iter().for_each(|journal| journal.close(timeout));
            return self.delivery.worker.close(timeout);
        }
        // First, so that the runs which `finish_all` delivers wait for room no longer than the rest may take.
        self.delivery.worker.start_closing(timeout);
        // What has closed is not to end as if it were open.
        self.early.wait_for(timeout);
        // In this order: the worker delivers what `finish_all` ends, and the journal strikes off what the worker delivered.
        self.finish_all();
        let delivered = self.delivery.worker.close(timeout);
        // A sink that calls this has ended nothing: the layer goes on, and so does its journal.
        if delivered != Err(FlushError::FromSink) {
            if let Some(journal) = &self.delivery.journal {
                journal.close(timeout.saturating_sub(begun.elapsed()));
            }
            self.report_outside();
        }
        delivered
    }

    /// Whether a span of a run that is open, or waits, has recorded anything that makes the run accountable.
    fn has_open_amounts(&self, run: u64) -> bool {
        // Before a slot is locked (lock order: a slot or the details, never both).
        let has_children = self.runs.with_details(run, |details| details.has_children).unwrap_or(true);
        let is_found = |state: &SpanState| {
            let repeats = state.span.is_aggregate_root() && !has_children;
            state.position.run == run && state.span.is_accountable() && !repeats
        };
        let mut found = false;
        self.spans.for_each(|_, state| found |= is_found(state));
        found || self.spans.any_waiting(is_found)
    }

    /// Forgets every run in flight, without a summary; also those that have not become accountable.
    pub(crate) fn reset(&self) {
        self.early.wait();
        for number in self.runs.open_runs() {
            let Some(run) = self.runs.room(number) else { continue };
            let Some(details) = run.room.seal(number) else { continue };
            if self.is_accountable(number) {
                count(&self.counters.forgotten);
                self.options.books.forget(number);
                if let Some(journal) = &details.journal {
                    journal.forgotten();
                }
            }
            // `close` locks them again.
            drop(details);
            self.spans.take_all_waiting(number);
            self.runs.close(number);
        }
    }

    /// The summary of a run in flight.
    pub(crate) fn snapshot(&self, run: u64) -> Option<RunSummary> {
        if !self.is_accountable(run) {
            return None;
        }
        let now = Instant::now();
        let mut ledger = self.options.ledger();
        self.spans.for_each(|_, state| {
            if let Some(stage) = state.stage().filter(|_| state.position.run == run) {
                ledger.add_stage(stage, &state.open_attempt(&self.clock, now));
            }
        });
        summary_of(&self.runs, run, &self.options, self.clock, &mut ledger)
    }

    /// The summaries of the runs in flight, oldest first.
    pub(crate) fn snapshots(&self) -> Vec<RunSummary> {
        self.early.wait();
        self.runs.in_flight().into_iter().filter_map(|run| self.snapshot(run)).collect()
    }
}

impl End {
    fn reason(&self) -> EndReason {
        if self.is_incomplete { EndReason::Incomplete } else { EndReason::Closed }
    }
}

/// The summary of a run, with the stages in `ledger` that are still open; `None` if the run was closed meanwhile.
fn summary_of(
    runs: &RunRegistry,
    run: u64,
    options: &Options,
    clock: Clock,
    ledger: &mut Ledger,
) -> Option<RunSummary> {
    let found = runs.room(run)?;
    let mut details = found.room.read(run, |part| ledger.merge(&part.ledger))?;
    Some(summary(found, &mut details, options, clock, ledger))
}

fn summary(run: &Run, details: &mut Details, options: &Options, clock: Clock, ledger: &Ledger) -> RunSummary {
    let (run_id, part) = (details.public_id(&clock), details.id(&clock));
    let now = details.end.as_ref().map_or_else(|| clock.now(), |end| end.at);
    let mut warnings: Vec<String> =
        details.warnings.iter().map(|warning| warning.clone().into_owned()).collect();
    // A layer for one scope is that of a test, which must not fail on the day on which its prices become old.
    if !options.is_scoped {
        warnings.extend(options.books.warnings(details.run, clock, details.started, now, ledger));
    }
    if details.more_warnings > 0 {
        warnings.push(format!("{} more warnings were not kept", details.more_warnings));
    }
    let attributes = &details.attributes;
    let mut tags: std::collections::BTreeMap<_, _> = options.tags.iter().cloned().collect();
    tags.extend(attributes.tags.clone());
    RunSummary::build(SummaryInput {
        run_id,
        part: Some(part),
        project: details.project(options),
        pipeline: details.pipeline().to_owned(),
        started: clock.wall(details.started),
        origin: clock.origin(),
        elapsed: Duration::from_nanos(now.since(details.started)),
        end: details.end.as_ref().map(|end| (end.outcome.clone(), end.reason())),
        ledger,
        declared_stages: &options.stages,
        expected_gates: &options.gates,
        gates: details.gates.clone(),
        gates_left_out: details.gates_left_out,
        records: &details.records,
        tags,
        counts: attributes.counts.clone(),
        value_usd: attributes.value,
        iterations: attributes.iteration,
        warnings,
        has_calls: true,
        limits: options.limits.run,
        stage_limits: run.stage_limits(&options.limits),
        books: options.books.between(details.started, now),
        corrections: crate::price::CORRECTIONS,
    })
}

impl Details {
    /// The project of the run (A1).
    pub(crate) fn project(&self, options: &Options) -> String {
        let named = self.attributes.project.as_deref().or(options.project.as_deref());
        named.unwrap_or_else(|| process_name()).to_owned()
    }
}
