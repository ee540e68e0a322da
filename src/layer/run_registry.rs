//! The runs of a layer, by number; see [`Rooms`].

use super::clock::Moment;
use super::run::{Details, Run};
use crate::attribution::CallsiteSchema;
use crate::ledger::{ACCOUNTABLE, Rooms, SEALED, WATCHED};
use crate::limit::{LimitSet, Plan};

/// The runs of one layer.
#[derive(Debug)]
pub(crate) struct RunRegistry {
    rooms: Rooms<Run>,
    limits: Plan,
    /// The limits over all runs, where there are any.
    pub(crate) total: Option<LimitSet>,
    /// How many calls of a run are kept one by one.
    kept_calls: usize,
    /// The flags of a run that begins: whether more than the ledger has to know what is written.
    flags: u64,
}

impl RunRegistry {
    pub(crate) fn new(limits: Plan, kept_calls: usize, has_journal: bool) -> Self {
        let flags = if has_journal || !limits.is_empty() { WATCHED } else { 0 };
        let total = limits.total_limit_set();
        Self { rooms: Rooms::new(), limits, total, kept_calls, flags }
    }

    /// Whether every run is watched, by limits or a journal, so that more than its ledger has to know what is written.
    // Inlined: one load.
    #[inline]
    pub(crate) fn are_watched(&self) -> bool {
        self.flags & WATCHED != 0
    }

    /// Opens a run. It counts for nothing until something accountable happens in it (A1).
    pub(crate) fn open(&self, root: u64, schema: &'static CallsiteSchema, started: Moment) -> u64 {
        let Some((number, run)) = self.rooms.take(|| Run::new(self.limits.limit_set(), self.kept_calls))
        else {
            return 0;
        };
        run.room.open(number, self.flags, |details| details.begin(number, root, schema, started));
        number
    }

    /// The room of a run. It belongs to the run only if the number in it is the same.
    // Inlined: a few shifts and a load.
    #[inline]
    pub(crate) fn room(&self, run: u64) -> Option<&Run> {
        self.rooms.get(run)
    }

    /// The flags of a run; `None` if it has been closed.
    pub(crate) fn flags(&self, run: u64) -> Option<u64> {
        self.room(run)?.room.parts.flags(run)
    }

    /// Runs `act` on the details of a run; `None` if it has been closed.
    pub(crate) fn with_details<T>(&self, run: u64, act: impl FnOnce(&mut Details) -> T) -> Option<T> {
        Some(act(&mut *self.room(run)?.room.details(run)?))
    }

    /// Closes a run, and frees its room for another one.
    pub(crate) fn close(&self, run: u64) {
        self.close_unless(run, 0);
    }

    /// Closes a run in which nothing accountable has happened; `false` if something has, or if the run has ended.
    pub(crate) fn close_if_empty(&self, run: u64) -> bool {
        self.close_unless(run, ACCOUNTABLE | SEALED)
    }

    fn close_unless(&self, number: u64, flags: u64) -> bool {
        let Some(run) = self.room(number) else { return false };
        let is_closed = run.room.close(
            number,
            flags,
            |part| {
                part.ledger.clear();
                part.recent.clear();
            },
            |details| {
                details.clear();
                if let Some(limits) = &run.limits {
                    limits.reset();
                }
                if !self.limits.is_empty() {
                    // Of a run that was forgotten: the next one in this room would queue them as its own.
                    run.take_due();
                }
            },
        );
        if is_closed {
            self.rooms.give_back(number);
        }
        is_closed
    }

    /// The accountable runs in flight, oldest first.
    pub(crate) fn in_flight(&self) -> Vec<u64> {
        self.numbers(|flags| flags & (ACCOUNTABLE | SEALED) == ACCOUNTABLE)
    }

    /// All runs that have not ended, oldest first.
    pub(crate) fn open_runs(&self) -> Vec<u64> {
        self.numbers(|flags| flags & SEALED == 0)
    }

    fn numbers(&self, wanted: impl Fn(u64) -> bool) -> Vec<u64> {
        let parts = self.rooms.all().map(|run| &run.room.parts);
        let mut runs: Vec<u64> = parts
            .filter_map(|parts| Some(parts.run()).filter(|run| parts.flags(*run).is_some_and(&wanted)))
            .collect();
        // The serial is in the high bits.
        runs.sort_unstable();
        runs
    }
}
