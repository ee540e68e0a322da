//! A run in flight: its ledger, in one part per thread, and everything else that was recorded in it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::{Mutex, MutexGuard};
use uuid::Uuid;

use super::callsite::Meaning;
use super::clock::{Clock, Moment};
use super::desk::{Desk, at_desk};
use super::limits::RunLimits;
use super::reading::RunAttributes;
use super::table::Place;
use crate::journal::RunJournal;
use crate::ledger::{Ledger, Outcome, StageId, Symbol};
use crate::limit::Stages;
use crate::summary::{GateVerdict, OperationRecord, Records, Timestamp};

/// Parts of a run's ledger. Two threads that write one row would wait for each other at every call; with a part each they only
/// share a lock while a summary is taken. A pipeline rarely has more than eight calls at once, and each part costs a run about
/// 128 bytes and a summary one merge.
const PARTS: usize = 8;

/// Distinct warnings kept in one run. A hundred are more than a person reads, and bound the memory that a broken emitter can take.
const MAX_WARNINGS: usize = 100;

/// The run takes nothing more.
const SEALED: u8 = 1;
/// More than the ledger has to know what is written to it: the journal, or limits.
const WATCHED: u8 = 2;

/// A run in flight.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its number, unique in the process; unlike a span's id it is never used again.
    pub(crate) serial: u64,
    pub(crate) root: u64,
    pub(crate) pipeline: Symbol,
    /// The root span's crate: the project of a builder that named none.
    pub(crate) krate: &'static str,
    pub(crate) id: Uuid,
    pub(crate) started: Moment,
    parts: Box<[Part; PARTS]>,
    rest: Mutex<Rest>,
    /// Where all that is written here goes as well, for the case that the process is killed.
    journal: Option<Arc<RunJournal>>,
    state: AtomicU8,
    /// What it may spend, where anything is limited.
    pub(crate) limits: Option<Box<RunLimits>>,
}

// Two cache lines: processors fetch lines in pairs, so that parts of two threads on one pair would slow each other down.
#[repr(align(128))]
#[derive(Debug, Default)]
struct Part(Mutex<Ledger>);

impl Part {
    // Inlined: one compare-and-swap, nearly always without contention.
    #[inline(always)]
    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock()
    }
}

/// What few spans record, under one lock.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    pub(crate) attributes: RunAttributes,
    pub(crate) gates: Vec<GateVerdict>,
    /// Operations that were recorded directly.
    pub(crate) records: Records,
    pub(crate) warnings: Vec<Cow<'static, str>>,
    /// Warnings beyond the bound.
    pub(crate) more_warnings: u64,
    /// How the root ended, once it has.
    pub(crate) end: Option<End>,
    journal: Option<Arc<RunJournal>>,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) at: Moment,
    pub(crate) outcome: Outcome,
    /// It was ended for it, with parts still open.
    pub(crate) is_incomplete: bool,
}

/// The run takes nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sealed;

impl Run {
    pub(crate) fn new(
        serial: u64,
        root: u64,
        meaning: &'static Meaning,
        started: Moment,
        clock: &Clock,
        limits: Option<Box<RunLimits>>,
    ) -> Self {
        let wall = Timestamp::from(clock.wall(started)).unix_ms().unsigned_abs();
        // Made where they stay: a run is moved about before it begins.
        let parts: Vec<Part> = (0..PARTS).map(|_| Part::default()).collect();
        let Ok(parts) = parts.try_into() else { unreachable!("there are as many as were made") };
        let at = uuid::Timestamp::from_unix_time(wall / 1_000, (wall % 1_000) as u32 * 1_000_000, 0, 0);
        Self {
            serial,
            root,
            pipeline: meaning.name,
            krate: meaning.krate,
            id: Uuid::new_v7(at),
            started,
            parts,
            rest: Mutex::default(),
            journal: None,
            state: AtomicU8::new(if limits.is_some() { WATCHED } else { 0 }),
            limits,
        }
    }

    /// Has all that is written from here on journaled as well.
    pub(crate) fn journal_to(&mut self, journal: RunJournal) {
        let journal = Arc::new(journal);
        self.rest.get_mut().journal = Some(Arc::clone(&journal));
        self.journal = Some(journal);
        *self.state.get_mut() |= WATCHED;
    }

    pub(crate) fn journal(&self) -> Option<&Arc<RunJournal>> {
        self.journal.as_ref()
    }

    /// The place right in the root.
    pub(crate) fn place(&self) -> Place {
        Place {
            run: self.serial,
            root: self.root,
            stage: None,
            collector: 0,
            in_container: false,
            limited: Stages::NONE,
        }
    }

    /// This thread's part of the ledger, unless the run is in one of these states.
    // Inlined: a modulo, a compare-and-swap and a test.
    #[inline(always)]
    fn part_unless(&self, desk: &Desk, states: u8) -> Option<MutexGuard<'_, Ledger>> {
        let ledger = self.parts[desk.number() % PARTS].lock();
        // Loaded under the lock. `seal` raises the flag and the summary then takes every part's lock: a write is either before the
        // summary in the part's order of locks, or sees the flag. Checked before the lock, an amount could be added to a part
        // that the summary has read already, and would be lost without a trace. Acquire pairs with the Release in `seal`.
        if self.state.load(Ordering::Acquire) & states != 0 {
            return None;
        }
        Some(ledger)
    }

    /// This thread's part of the ledger; none if the run takes nothing more, or more than the ledger has to know of it.
    // Inlined, so that `states` is a constant in `part_unless`.
    #[inline(always)]
    pub(crate) fn unwatched_part(&self, desk: &Desk) -> Option<MutexGuard<'_, Ledger>> {
        self.part_unless(desk, SEALED | WATCHED)
    }

    /// Writes to this thread's part of the ledger.
    pub(crate) fn write<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> Result<T, Sealed> {
        let mut ledger = at_desk(|desk| self.part_unless(desk, SEALED)).ok_or(Sealed)?;
        match &self.journal {
            None => Ok(act(&mut ledger)),
            Some(journal) => Ok(journal.book(&mut ledger, act)),
        }
    }

    /// Writes what is in the journal already.
    pub(crate) fn write_known(&self, known: &Ledger) {
        at_desk(|desk| self.parts[desk.number() % PARTS].lock().merge(known));
    }

    pub(crate) fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock()
    }

    /// The id that its summary has.
    pub(crate) fn public_id(&self) -> String {
        self.rest().attributes.run_id.as_deref().map_or_else(|| self.id.to_string(), str::to_owned)
    }

    /// Ends the run; false if it has ended already.
    pub(crate) fn seal(&self, end: End) -> bool {
        let mut rest = self.rest();
        if rest.end.is_some() {
            return false;
        }
        rest.end = Some(end);
        // Release: a thread that sees the run sealed also sees `end`. Under the lock of `rest`, so that only one caller seals.
        self.state.fetch_or(SEALED, Ordering::Release);
        true
    }

    /// Whether it has ended.
    pub(crate) fn is_sealed(&self) -> bool {
        // Acquire: see `seal`.
        self.state.load(Ordering::Acquire) & SEALED != 0
    }

    /// All parts of the ledger together. The parts are locked one after the other, never two at once.
    pub(crate) fn ledger(&self) -> Ledger {
        let mut all = Ledger::default();
        self.add_to(&mut all);
        all
    }

    /// Adds all parts of the ledger to another.
    pub(crate) fn add_to(&self, all: &mut Ledger) {
        // One part after the other: with all locked at once, every thread that writes to the run would wait.
        self.parts.iter().for_each(|part| all.merge(&part.lock()));
    }

    /// The stage that closed last.
    pub(crate) fn last_stage(&self) -> Option<StageId> {
        let last = self.parts.iter().filter_map(|part| part.lock().last_stage()).max();
        last.map(|(_, stage)| stage)
    }
}

impl Rest {
    /// Keeps a warning, each only once.
    pub(crate) fn warn(&mut self, warning: Cow<'static, str>) {
        if self.warnings.contains(&warning) {
            return;
        }
        let is_kept = self.warnings.len() < MAX_WARNINGS;
        if let Some(journal) = &self.journal {
            journal.warning(is_kept.then_some(&warning));
        }
        if is_kept {
            self.warnings.push(warning);
        } else {
            self.more_warnings += 1;
        }
    }

    /// Keeps the run's attributes that a span recorded.
    pub(crate) fn record_attributes(&mut self, attributes: RunAttributes) {
        if let Some(journal) = &self.journal {
            journal.attributes(&attributes);
        }
        self.attributes.merge(attributes);
    }

    /// Keeps an operation that was recorded directly.
    pub(crate) fn record(&mut self, record: OperationRecord) {
        if let Some(journal) = &self.journal {
            journal.operation(&record);
        }
        self.attributes.iteration = self.attributes.iteration.max(record.iteration);
        self.records.push(record);
    }

    /// Keeps a gate's verdict.
    pub(crate) fn record_gate(&mut self, gate: GateVerdict) {
        if let Some(journal) = &self.journal {
            journal.gate(&gate);
        }
        self.gates.push(gate);
    }
}
