//! The end of a run.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::clock::{Clock, Moment};
use super::core::{Core, Options};
use super::desk::at_desk;
use super::reading::RunAttributes;
use super::root::{Early, RunState};
use super::run::{End, Rest, Run};
use super::stats::count;
use super::table::{Open, Place};
use crate::ledger::{Ledger, Outcome, StageTotals};
use crate::summary::{EndReason, RunSummary, SummaryInput};

/// A root that closed before the spans that it had adopted: its run ends with the last of them, and only then is it
/// known what was inside it.
pub(crate) struct Lingering {
    pub(crate) open: Box<Open>,
    closed: Moment,
}

impl Lingering {
    fn waits_for_none_of(&self, run: u64) -> bool {
        self.open.place.run == run && self.open.root.as_ref().is_none_or(|root| root.adopted == 0)
    }
}

impl Core {
    /// Keeps a root that closes while spans are open that it adopted; hands back any other span.
    pub(crate) fn linger(&self, mut open: Box<Open>) -> Option<Box<Open>> {
        if open.root.as_ref().is_none_or(|root| root.adopted == 0) {
            return Some(open);
        }
        open.note_panic();
        let root = Lingering { open, closed: self.clock.now() };
        // Lock order: the slot of the root is locked here, then `lingering`. `linger` runs inside `remove`, so that the root is always
        // either in its slot or in this list: between the two, a child that closes would find its root in neither.
        // A poisoned lock is taken: a push or a removal leaves the list whole, and the layer never panics.
        self.lingering.lock().unwrap_or_else(PoisonError::into_inner).push(root);
        None
    }

    /// An adopted span has closed.
    pub(crate) fn release(&self, place: Place) {
        let left = self.at_root(place, |root| {
            root.adopted = root.adopted.saturating_sub(1);
            root.adopted
        });
        if left != Some(0) {
            return;
        }
        // Taken out under the lock and settled after it: settling locks slots (lock order: slot, then `lingering`).
        let concluded = {
            let mut lingering = self.lingering.lock().unwrap_or_else(PoisonError::into_inner);
            let at = lingering.iter().position(|root| root.waits_for_none_of(place.run));
            at.map(|at| lingering.swap_remove(at))
        };
        if let Some(Lingering { mut open, closed }) = concluded {
            count(&self.counters.lingered);
            self.settle(&mut open, closed);
            self.conclude(&mut open, self.clock.now());
        }
    }

    /// How many roots wait for spans that they adopted.
    pub(crate) fn lingering_roots(&self) -> u64 {
        self.lingering.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// Ends the run of a root that has closed.
    pub(crate) fn conclude(&self, open: &mut Open, now: Moment) {
        let (place, outcome, repeats) = (open.place, open.reading.outcome(), open.repeats());
        let Some(root) = open.root.take() else { return };
        match root.state {
            RunState::Empty => {
                count(if repeats { &self.counters.dropped_roots } else { &self.counters.empty_roots });
                if let Some(early) = root.early {
                    self.recycle(early);
                }
            }
            RunState::Live => {
                // Out of this thread's cache: its `Arc` would keep the whole ledger in memory until another run takes the entry.
                at_desk(|desk| desk.forget_run(place.run));
                // `None` if `finish` on another thread removed it first: that thread delivers the summary.
                if let Some((_, run)) = self.runs.remove(&place.run) {
                    self.end(run, End { at: now, outcome, is_incomplete: false });
                }
            }
            RunState::Finished => {}
        }
    }

    /// Seals a run and hands it to the worker.
    fn end(&self, run: Arc<Run>, end: End) -> bool {
        let journal = run.journal().cloned();
        let ended = journal.as_ref().map(|_| end.clone());
        // Sealed first: of two threads that end the run at once, only one delivers a summary.
        if !run.seal(end) {
            return false;
        }
        if let (Some(journal), Some(end)) = (&journal, ended) {
            journal.ended(end.at.nanos(), &end.outcome, end.is_incomplete);
        }
        count(&self.counters.runs_finished);
        let (options, clock) = (Arc::clone(&self.options), self.clock);
        let calls = Arc::clone(&self.calls);
        // Built on the worker's thread: the thread that closed the root must not wait for the sorting and formatting of a summary.
        let summary = move || {
            let summary = summary(&run, &options, clock, &run.ledger());
            // Once per run: a shared counter per call would be a cache line that all threads write.
            calls.add(&summary.budget_summary.total);
            summary
        };
        match journal {
            None => self.worker.deliver(summary),
            Some(journal) => self.worker.deliver_and(summary, move || journal.delivered()),
        }
        true
    }

    /// Ends a run with spans that are still open, and with all that they have recorded so far. Returns `false` if it is not in flight.
    pub(crate) fn finish(&self, serial: u64) -> bool {
        let Some(run) = self.live_run(serial) else { return false };
        let now = self.clock.now();
        // Collected first: settling locks the slots of ancestors, and `for_each` holds one (deadlock).
        let mut spans = Vec::new();
        self.table.for_each(|id, open| {
            if open.place.run == serial && open.root.is_none() {
                spans.push((open.started, id));
            }
        });
        // The innermost first, as those around have to know what is settled below them. All stay where they are, with
        // nothing more to record, so that what comes later is known to be late.
        spans.sort_unstable_by(|one, two| two.cmp(one));
        let mut left_open = Ledger::default();
        let take = |open: &mut Open| (open.place.run == serial).then(|| open.take());
        for (_, id) in spans {
            if let Some(mut open) = self.table.with(id, take).flatten() {
                self.settle_unclosed(&mut open, now, &mut left_open);
            }
        }
        let outcome = self.with_root(run.place(), Open::take).map(|mut root| {
            let outcome = root.reading.outcome();
            if !root.repeats() {
                self.settle_unclosed(&mut root, now, &mut left_open);
            }
            outcome
        });
        let outcome = outcome.unwrap_or_default();
        let _ = run.write(|ledger| ledger.merge(&left_open));
        self.runs.remove(&serial);
        self.end(run, End { at: now, outcome, is_incomplete: true })
    }

    /// Ends all runs with what their open spans have recorded so far, including runs without any amount yet.
    pub(crate) fn finish_all(&self) {
        // Collected first: `ensure_run` locks the slot of a root, and `for_each` holds one (deadlock).
        let mut accountable = Vec::new();
        self.table.for_each(|_, open| {
            if !open.repeats() && self.is_accountable(open) {
                accountable.push(open.place);
            }
        });
        for place in accountable {
            self.ensure_run(place);
        }
        for run in self.runs_in_flight() {
            self.finish(run.serial);
        }
    }

    /// Settles what an open span has recorded so far; if it is a stage, it stays open in the row.
    fn settle_unclosed(&self, open: &mut Open, now: Moment, left_open: &mut Ledger) {
        if let Some(stage) = open.place.stage.filter(|_| open.is_stage) {
            left_open.add_stage(stage, &still_open(open, now));
        }
        open.is_stage = false;
        self.settle(open, now);
    }

    /// Forgets every run in flight, without a summary; also those that have yet to begin.
    pub(crate) fn reset(&self) {
        // The roots first: none of them begins a run after that, and a run that begins belongs to a new root.
        let mut kept = Vec::new();
        let mut forget = |open: &mut Open| {
            if let Some(root) = &mut open.root {
                root.state = RunState::Finished;
                kept.extend(root.early.take());
            }
        };
        self.table.for_each(|_, open| forget(open));
        // No slot is locked here; `for_each` has released each of them (lock order: slot, then `lingering`).
        let mut lingering = self.lingering.lock().unwrap_or_else(PoisonError::into_inner);
        lingering.iter_mut().for_each(|root| forget(&mut root.open));
        drop(lingering);
        kept.into_iter().for_each(|early| self.recycle(early));
        // Collected first: the iterator holds a shard of the map, which `remove` locks (deadlock).
        let runs: Vec<Arc<Run>> = self.runs.iter().map(|run| Arc::clone(&run)).collect();
        for run in runs {
            self.runs.remove(&run.serial);
            if run.seal(End { at: self.clock.now(), outcome: Outcome::Completed, is_incomplete: true }) {
                count(&self.counters.forgotten);
            }
            if let Some(journal) = run.journal() {
                journal.forgotten();
            }
            self.at_root(run.place(), |root| root.state = RunState::Finished);
        }
    }

    /// The summary of a run in flight.
    pub(crate) fn snapshot(&self, run: &Run) -> RunSummary {
        let now = self.clock.now();
        // A ledger that a root has used before: a snapshot every second would otherwise allocate one each time.
        let mut room = self.spare_room();
        self.table.for_each(|_, open| {
            if let Some(stage) = open.place.stage.filter(|_| open.is_stage && open.place.run == run.serial) {
                room.ledger.add_stage(stage, &still_open(open, now));
            }
        });
        run.add_to(&mut room.ledger);
        let summary = summary(run, &self.options, self.clock, &room.ledger);
        self.recycle(room);
        summary
    }

    /// Keeps what a span recorded of its whole run.
    pub(crate) fn record_run_attributes(&self, place: Place, attributes: RunAttributes) {
        let mut attributes = Some(attributes);
        self.rest_or_early(place, |rest, early| {
            let Some(attributes) = attributes.take() else { return };
            match (rest, early) {
                (Some(rest), _) => rest.record_attributes(attributes),
                (None, Some(early)) => early.attributes.merge(attributes),
                (None, None) => {}
            }
        });
    }

    /// Keeps a warning for the run's reader.
    pub(crate) fn warn(&self, place: Place, warning: Cow<'static, str>) {
        let mut warning = Some(warning);
        self.rest_or_early(place, |rest, early| {
            let Some(warning) = warning.take() else { return };
            match (rest, early) {
                (Some(rest), _) => rest.warn(warning),
                (None, Some(early)) => early.warnings.push(warning),
                (None, None) => {}
            }
        });
    }

    /// Runs `act` once, on the run of a place or on what its root keeps until there is one.
    fn rest_or_early(&self, place: Place, mut act: impl FnMut(Option<&mut Rest>, Option<&mut Early>)) {
        if let Some(run) = self.live_run(place.run) {
            return act(Some(&mut run.rest()), None);
        }
        // Another thread may begin the run after the first look. The second look then finds it, and the record is not lost.
        if !self.keep_early(place, |early| act(None, Some(early)))
            && let Some(run) = self.live_run(place.run)
        {
            act(Some(&mut run.rest()), None);
        }
    }
}

impl End {
    fn ending(&self) -> EndReason {
        if self.is_incomplete { EndReason::Incomplete } else { EndReason::Closed }
    }
}

fn still_open(open: &Open, now: Moment) -> StageTotals {
    StageTotals { nanos: now.since(open.started), ..StageTotals::opened(open.started.nanos()) }
}

/// The summary of a run with this ledger.
fn summary(run: &Run, options: &Options, clock: Clock, ledger: &Ledger) -> RunSummary {
    // Before `rest` is locked: `public_id` locks it, too (deadlock).
    let run_id = run.public_id();
    let rest = run.rest();
    let now = rest.end.as_ref().map_or_else(|| clock.now(), |end| end.at);
    let mut warnings: Vec<String> =
        rest.warnings.iter().map(|warning| warning.clone().into_owned()).collect();
    if rest.more_warnings > 0 {
        warnings.push(format!("{} more warnings were not kept", rest.more_warnings));
    }
    let attributes = &rest.attributes;
    let mut tags: std::collections::BTreeMap<_, _> = options.tags.iter().cloned().collect();
    tags.extend(attributes.tags.clone());
    RunSummary::build(SummaryInput {
        run_id,
        project: run.project(&rest, options),
        pipeline: run.pipeline.as_str().to_owned(),
        started: clock.wall(run.started),
        origin: clock.origin(),
        elapsed: Duration::from_nanos(now.since(run.started)),
        end: rest.end.as_ref().map(|end| (end.outcome.clone(), end.ending())),
        ledger,
        declared_stages: &options.stages,
        expected_gates: &options.gates,
        gates: rest.gates.clone(),
        records: &rest.records,
        tags,
        counts: attributes.counts.clone(),
        value_usd: attributes.value,
        iterations: attributes.iteration,
        warnings,
        limits: options.limits.run,
        stage_limits: run.stage_limits(&options.limits),
        book: &options.book,
    })
}
