//! A run in flight: its ledger, in one part per thread, and everything else that was recorded in it.

use std::borrow::Cow;
use std::mem;
use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

use super::clock::{Clock, Moment};
use super::responses::Responses;
use super::tellings::{RecentCalls, Tellings};
use crate::attribution::CallsiteSchema;
use crate::journal::RunJournal;
use crate::ledger::bounds::{self, VERDICTS};
use crate::ledger::{Ledger, Outcome, Room, RunAttributes, RunDetails, StageId};
use crate::limit::{DueAlert, LimitScope, LimitSet, Unit};
use crate::summary::{GateVerdict, OperationRecord, Records, Timestamp, bound_verdicts};

/// Distinct warnings kept in one run. A hundred are more than a person reads, and bound the memory that a broken emitter can take.
const MAX_WARNINGS: usize = 100;

/// Room for a run in flight. It is used again by another run when its run has been delivered.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) room: Room<Details, RunPart>,
    /// What the run may spend, where anything is limited. Checked and changed while the details or a part of the run are locked: the
    /// next run in this room has the same limits.
    pub(crate) limits: Option<LimitSet>,
    /// Alerts that became due and are not queued yet, in that order.
    // Written under the lock of the limits, and emptied under that of the details: two threads that make 95 % and 100 % due
    // could queue them the other way round.
    due: Mutex<Vec<Due>>,
}

/// An alert that is due, with the limit that it is of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pub(crate) scope: LimitScope,
    pub(crate) unit: Unit,
    pub(crate) alert: DueAlert,
}

/// One thread's part of a run.
#[derive(Debug, Default)]
pub(crate) struct RunPart {
    pub(crate) ledger: Ledger,
    /// Usage of the calls that this thread booked last, for log lines that repeat one of them (A7).
    pub(crate) recent: RecentCalls,
}

/// What few spans record, under one lock.
#[derive(Debug, Default)]
pub(crate) struct Details {
    /// The run that these are of.
    pub(crate) run: u64,
    pub(crate) root: u64,
    pub(crate) schema: Option<&'static CallsiteSchema>,
    /// The pipeline's name, where it is not the root span's (A1).
    pub(crate) pipeline: Option<Box<str>>,
    pub(crate) started: Moment,
    /// Made when the run becomes accountable: a request that comes to nothing needs none.
    id: Option<Uuid>,
    pub(crate) attributes: RunAttributes,
    pub(crate) gates: Vec<GateVerdict>,
    /// Verdicts that are not among these any more: a run that never ends cannot keep them all.
    pub(crate) gates_left_out: u64,
    /// Operations that were recorded directly.
    pub(crate) records: Records,
    pub(crate) warnings: Vec<Cow<'static, str>>,
    /// Warnings beyond the bound.
    pub(crate) more_warnings: u64,
    /// Whether a span that matters was opened inside the root.
    pub(crate) has_children: bool,
    /// How the root ended, once it has.
    pub(crate) end: Option<End>,
    /// Where all that is written here goes as well, for the case that the process is killed.
    pub(crate) journal: Option<Arc<RunJournal>>,
    pub(crate) responses: Responses,
    pub(crate) tellings: Tellings,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) at: Moment,
    pub(crate) outcome: Outcome,
    /// It was ended for it, with parts still open.
    pub(crate) is_incomplete: bool,
}

impl Run {
    pub(crate) fn new(limits: Option<LimitSet>, kept_calls: usize) -> Self {
        let room: Room<Details, RunPart> = Room::new();
        room.parts.for_each(|part| part.ledger.keep_calls(kept_calls));
        Self { room, limits, due: Mutex::default() }
    }

    /// Keeps an alert that is due until it is queued.
    pub(crate) fn keep_due(&self, due: Due) {
        self.due.lock().push(due);
    }

    /// The alerts that are due and not queued yet.
    pub(crate) fn take_due(&self) -> Vec<Due> {
        mem::take(&mut self.due.lock())
    }

    /// Waits for every write that began before the run was sealed.
    pub(crate) fn await_writes(&self) {
        self.room.parts.for_each(|_| ());
    }

    /// Adds all parts of the ledger to another. The parts are locked one after the other, never two at once. The caller holds the
    /// details.
    pub(crate) fn add_to(&self, all: &mut Ledger) {
        self.room.parts.for_each(|part| all.merge(&part.ledger));
    }

    /// The stage that closed last.
    pub(crate) fn last_stage(&self) -> Option<StageId> {
        let mut last = None;
        self.room.parts.for_each(|part| last = last.max(part.ledger.last_stage()));
        last.map(|(_, stage)| stage)
    }

    /// Whether a call with this usage was booked lately.
    pub(crate) fn has_recent_call(&self, figure: u64) -> bool {
        let mut found = false;
        self.room.parts.for_each(|part| found |= part.recent.has(figure));
        found
    }
}

impl RunDetails for Details {
    fn run(&self) -> u64 {
        self.run
    }
}

impl Details {
    /// Prepares the room for a run.
    pub(crate) fn begin(&mut self, run: u64, root: u64, schema: &'static CallsiteSchema, started: Moment) {
        (self.run, self.root, self.schema, self.started) = (run, root, Some(schema), started);
    }

    /// Forgets a run, and keeps the allocations for the next.
    pub(crate) fn clear(&mut self) {
        (self.run, self.root, self.schema, self.pipeline, self.id) = (0, 0, None, None, None);
        (self.has_children, self.end, self.journal) = (false, None, None);
        self.attributes = RunAttributes::default();
        self.gates.clear();
        self.gates_left_out = 0;
        self.records = Records::default();
        self.warnings.clear();
        self.more_warnings = 0;
        self.responses.clear();
        self.tellings.clear();
    }

    /// The id of the run, made if it has none yet.
    pub(crate) fn id(&mut self, clock: &Clock) -> Uuid {
        let started = self.started;
        *self.id.get_or_insert_with(|| {
            let wall = Timestamp::from(clock.wall(started)).unix_ms().unsigned_abs();
            let at = uuid::Timestamp::from_unix_time(wall / 1_000, (wall % 1_000) as u32 * 1_000_000, 0, 0);
            Uuid::new_v7(at)
        })
    }

    /// The id that its summary has.
    pub(crate) fn public_id(&mut self, clock: &Clock) -> String {
        match &self.attributes.run_id {
            Some(id) => id.to_string(),
            None => self.id(clock).to_string(),
        }
    }

    /// The name of its pipeline (A1).
    pub(crate) fn pipeline(&self) -> &str {
        let of_root = || self.schema.map_or("", |schema| schema.name.as_str());
        self.pipeline.as_deref().unwrap_or_else(of_root)
    }

    /// Keeps a warning, each only once.
    pub(crate) fn warn(&mut self, warning: Cow<'static, str>) {
        let warning = match warning {
            Cow::Owned(text) if text.len() > bounds::TEXT => bounds::text(&text).into_owned().into(),
            whole => whole,
        };
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

    /// Verdicts so far.
    pub(crate) fn verdicts(&self) -> u64 {
        self.gates.len() as u64 + self.gates_left_out
    }

    /// Keeps a gate's verdict.
    pub(crate) fn record_gate(&mut self, gate: GateVerdict) {
        if let Some(journal) = &self.journal {
            journal.gate(&gate);
        }
        self.gates.push(gate);
        // Twice as many as a summary lists: the work is linear, and then done once in ten thousand verdicts.
        if self.gates.len() == 2 * VERDICTS {
            self.gates_left_out += bound_verdicts(&mut self.gates, VERDICTS);
        }
    }
}
