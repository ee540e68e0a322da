//! Booking: amounts are written to the ledger of their run, and to its limits and its journal where there are any.

use std::borrow::Cow;
use std::sync::Arc;

use super::close::{CallSource, Entry, StageEnd};
use super::core::Core;
use super::position::Position;
use super::price_cache::with_price_cache;
use super::run::{Details, Run, RunPart};
use super::stats::count;
use super::tellings::figure;
use crate::attribution::{Booking, Completion, Failure};
use crate::journal::{RunJournal, RunStart};
use crate::ledger::{ACCOUNTABLE, EXPECTING, Ledger, Outcome, SEALED, Sealed, WATCHED, Write};
use crate::limit::Stages;

/// A thread's part of a run, with the run's flags and its journal.
type Part<'a> = Write<'a, RunPart, Arc<RunJournal>>;

impl Core {
    /// Whether something accountable has happened in a run.
    // Inlined: two loads.
    #[inline]
    pub(crate) fn is_accountable(&self, run: u64) -> bool {
        self.runs.flags(run).is_some_and(|flags| flags & ACCOUNTABLE != 0)
    }

    /// Whether something accountable has happened in a run, and it has not ended. Its room is kept until its summary is made.
    pub(crate) fn takes_more(&self, run: u64) -> bool {
        self.runs.flags(run).is_some_and(|flags| flags & (ACCOUNTABLE | SEALED) == ACCOUNTABLE)
    }

    /// Writes an entry to the ledger of its run; `false` if more than the ledger has to know, or the run takes nothing more.
    // Always inlined: with the lock of the part it is all that a call's booking costs, and the entry is never in memory.
    #[inline(always)]
    pub(crate) fn book_at_once(&self, position: &Position, entry: Entry<'_>) -> bool {
        let thread = with_price_cache(|cache| cache.number());
        if let Some(run) = self.runs.room(position.run)
            && let Ok((mut part, flags)) = run.room.parts.write(position.run, thread)
            && (flags & (WATCHED | EXPECTING) == 0)
            && entry.completions.is_empty()
            && (flags & ACCOUNTABLE != 0 || !entry.is_accountable)
        {
            part.add(entry);
            return true;
        }
        false
    }

    /// Writes an entry to a run, and makes that accountable, charges its limits, journals it, and meets a call that it waits
    /// for; `false` if the run takes nothing more.
    // Not inlined: the slow path.
    #[inline(never)]
    pub(crate) fn book(&self, position: &Position, entry: Entry<'_>) -> bool {
        let (number, limited) = (position.run, position.limited);
        let Some(run) = self.runs.room(number) else { return self.is_late(entry) };
        // Nearly always it has begun, which one load shows; to find it out below takes two locks.
        if entry.is_accountable && !self.is_accountable(number) {
            self.begin(number);
        }
        let thread = with_price_cache(|cache| cache.number());
        let mut is_due = false;
        complete_calls(run, number, &entry);
        let flags = {
            let Ok((mut part, flags, journal)) = self.part_of(run, number, thread) else {
                return self.is_late(entry);
            };
            match &journal {
                None => part.add(entry),
                Some(journal) => {
                    journal.book(&mut part.ledger, |ledger| entry.write(ledger));
                    part.remember(entry);
                }
            }
            if entry.is_accountable && !self.options.limits.is_empty() {
                // Under the lock, so that the limits and the ledger of a run that ends agree.
                is_due = self.charge(Some(run), limited, entry);
            }
            flags
        };
        if flags & EXPECTING != 0 {
            self.meet(run, number, entry);
        }
        if is_due && let Some(mut details) = run.room.details(number) {
            self.queue_alerts(run, &mut details);
        }
        true
    }

    /// Writes what is no amount to the ledger of a run: open stages, agents, ERROR events.
    pub(crate) fn write(&self, number: u64, act: impl FnOnce(&mut Ledger)) {
        let Some(run) = self.runs.room(number) else { return };
        let thread = with_price_cache(|cache| cache.number());
        if let Ok((mut part, _, journal)) = self.part_of(run, number, thread) {
            match journal {
                None => act(&mut part.ledger),
                Some(journal) => journal.book(&mut part.ledger, act),
            }
        }
    }

    /// This thread's part of a run, with the flags of the run and its journal.
    fn part_of<'a>(&self, run: &'a Run, number: u64, thread: usize) -> Result<Part<'a>, Sealed> {
        let is_journaled = self.delivery.journal.is_some();
        run.room.write(number, thread, is_journaled, |details| details.journal.clone())
    }

    /// Counts an amount that came after the end of its run.
    #[cold]
    fn is_late(&self, entry: Entry<'_>) -> bool {
        if entry.is_accountable {
            count(&self.counters.late);
            // It is in no summary, and was spent nevertheless.
            if self.runs.total.is_some() {
                self.charge(None, Stages::NONE, entry);
            }
        }
        !entry.is_accountable
    }

    /// A call that a log line may have reported was booked.
    fn meet(&self, run: &Run, number: u64, entry: Entry<'_>) {
        let own = entry.own.map(|(_, totals)| totals);
        for totals in own.into_iter().chain(entry.more.iter().map(|booking| &booking.totals)) {
            if totals.llm_calls > 0 {
                run.room.meet(number, |details| details.tellings.met(figure(&totals.usage)));
            }
        }
    }

    /// Makes a run accountable: usage, a cost, a call, a gate or a declared stage happened in it (A1).
    #[cold]
    pub(crate) fn begin(&self, number: u64) {
        let Some(run) = self.runs.room(number) else { return };
        let root = run.room.details(number).map(|details| details.root).unwrap_or_default();
        // Before the details are locked (lock order: a slot or the details, never both).
        let labels = self.spans.with_open_or_waiting(root, number, |state| {
            let attributes = state.span.reading.remarks.as_ref().and_then(|remarks| remarks.run.as_ref());
            (attributes.map(|attributes| attributes.labels()), state.pipeline())
        });
        {
            let Some(mut details) = run.room.begin(number) else { return };
            details.id(&self.clock);
            // What the run is called is to be seen while it is in flight, not only when its root closes.
            if let Some((attributes, pipeline)) = labels {
                details.pipeline = pipeline.or(details.pipeline.take());
                details.attributes.merge(attributes.unwrap_or_default());
            }
            self.start_journal(run, &mut details);
        }
        count(&self.counters.runs_started);
        self.journal_open_stages(number);
        self.delivery.worker.run_started();
    }

    /// Has a run journaled from here on. What there is of it already is in its first record.
    fn start_journal(&self, run: &Run, details: &mut Details) {
        let Some(journal) = &self.delivery.journal else { return };
        let mut ledger = self.options.ledger();
        run.add_to(&mut ledger);
        let start = RunStart {
            id: details.id(&self.clock).to_string(),
            pipeline: details.pipeline().to_owned(),
            krate: process_name().to_owned(),
            started: details.started.nanos(),
            attributes: details.attributes.clone(),
            warnings: details.warnings.iter().map(ToString::to_string).collect(),
            more_warnings: details.more_warnings,
            ledger,
            records_dropped: 0,
            open: Vec::new(),
            book: self.options.books.renewed(),
        };
        let journal = RunJournal::new(journal, details.run, start);
        journal.begin();
        details.journal = Some(Arc::new(journal));
    }

    /// Keeps a warning for the reader of a run.
    pub(crate) fn warn(&self, run: u64, warning: impl Into<Cow<'static, str>>) {
        self.runs.with_details(run, |details| details.warn(warning.into()));
    }
}

impl RunPart {
    // Always inlined, as are the two below: the ledger's last-hit check and the ring's two stores, with an entry in registers.
    #[inline(always)]
    fn add(&mut self, entry: Entry<'_>) {
        entry.write(&mut self.ledger);
        self.remember(entry);
    }

    /// Remembers the usage of a call, for a log line that repeats it.
    #[inline(always)]
    fn remember(&mut self, entry: Entry<'_>) {
        if let Some((_, totals)) = entry.own
            && totals.llm_calls > 0
        {
            self.recent.push(&totals.usage);
        }
        for booking in entry.more {
            self.recent.push(&booking.totals.usage);
        }
    }
}

impl Entry<'_> {
    // Always inlined: once for each closed span, with a key that the caller has in registers.
    #[inline(always)]
    fn write(&self, ledger: &mut Ledger) {
        if let Some((key, totals)) = self.own {
            ledger.add(key, totals);
        }
        if let Some(call) = self.call {
            self.write_call(call, ledger);
        }
        if !self.more.is_empty() || !self.completions.is_empty() {
            add_all(ledger, self.more, self.completions);
        }
        if let Some(ended) = self.ended {
            match ended.failure {
                None => ledger.end_stage(ended.stage, ended.started, ended.at, &Outcome::Completed),
                Some(failure) => end_with(ledger, ended, failure),
            }
        }
    }
}

impl Entry<'_> {
    // Always inlined: nearly all calls of a long run give way to others, which is known before their record is made.
    #[inline(always)]
    fn write_call(&self, call: CallSource<'_>, ledger: &mut Ledger) {
        match (call, self.own) {
            (CallSource::Span(span, started), Some((key, _))) => {
                if ledger.takes_call(span.rank(started)) {
                    ledger.add_call(&span.record(key, started));
                }
            }
            (CallSource::Booking(booking), _) => add_booking(ledger, booking),
            (CallSource::Span(..), None) => {}
        }
    }
}

#[cold]
fn add_booking(ledger: &mut Ledger, booking: &Booking) {
    if let Some(call) = booking.record() {
        ledger.add_call(&call);
    }
}

/// Ends a stage of which something is known that may be a failure.
#[cold]
fn end_with(ledger: &mut Ledger, ended: StageEnd<'_>, failure: &Failure) {
    ledger.end_stage(ended.stage, ended.started, ended.at, &failure.outcome());
}

// Not inlined: few spans have more than their own amount.
#[cold]
fn add_all(ledger: &mut Ledger, amounts: &[Booking], completions: &[Completion]) {
    for booking in amounts {
        ledger.add(booking.key, &booking.totals);
        add_booking(ledger, booking);
    }
    for completion in completions {
        let call = completion.record();
        // Not kept in this part: it is in another one, was rejected before it was completed, or is still to be written by another
        // thread. Merging parts joins two records of one call.
        if !ledger.complete_call(&call) {
            ledger.add_call(&call);
        }
    }
}

/// Completes calls in the parts that have them, so that no part has a record with figures that hold no more.
#[cold]
fn complete_in_parts(run: &Run, completions: &[Completion]) {
    run.room.parts.for_each(|part| {
        for completion in completions {
            part.ledger.complete_call(&completion.record());
        }
    });
}

/// The same, if there are any. Before a part is locked: the parts are locked one after the other, and never two at once.
// Inlined: a test that nearly always fails.
#[inline]
fn complete_calls(run: &Run, number: u64, entry: &Entry<'_>) {
    let is_open = || run.room.parts.flags(number).is_some_and(|flags| flags & SEALED == 0);
    if !entry.completions.is_empty() && is_open() {
        complete_in_parts(run, entry.completions);
    }
}

/// The name of the process's executable, without the hash that cargo gives test binaries: the last name of a project.
pub(crate) fn process_name() -> &'static str {
    static NAME: once_cell::sync::Lazy<String> = once_cell::sync::Lazy::new(|| {
        let path = std::env::current_exe().unwrap_or_default();
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match name.rsplit_once('-') {
            Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                name.to_owned()
            }
            _ => name,
        }
    });
    &NAME
}
