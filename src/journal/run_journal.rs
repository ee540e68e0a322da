//! The journal of one run: turns what happens in the run into records.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::record::{OpenStage, Record, RunStart};
use super::writer::Journal;
use crate::ledger::{Ledger, Outcome, RunAttributes};
use crate::summary::{GateVerdict, OperationRecord};

/// The journal of one run. Its `Started` record is written before any other of the run, whichever thread comes first.
pub(crate) struct RunJournal {
    journal: Arc<Journal>,
    run: u64,
    /// `None` once it was written.
    start: Mutex<Option<Box<RunStart>>>,
    has_started: OnceLock<()>,
}

impl RunJournal {
    pub(crate) fn new(journal: &Arc<Journal>, run: u64, start: RunStart) -> Self {
        let start = Mutex::new(Some(Box::new(start)));
        Self { journal: Arc::clone(journal), run, start, has_started: OnceLock::new() }
    }

    /// Writes the `Started` record unless it was written.
    pub(crate) fn begin(&self) {
        // `OnceLock` makes other threads wait until the record is in the journal. A flag alone would let them write
        // theirs first, and the reader skips records of a run that it does not know yet.
        self.has_started.get_or_init(|| {
            // Lock order: `start`, released at the end of this statement, before the locks of `Journal::append`.
            let start = self.start.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(start) = start {
                self.journal.append(Record::Started { run: self.run, at: self.journal.now(), start });
            }
        });
    }

    /// Adds to a ledger, and writes what was added.
    // Out of line: runs without a journal, nearly all, must not carry this code in their booking path.
    #[inline(never)]
    pub(crate) fn book<T>(&self, ledger: &mut Ledger, act: impl FnOnce(&mut Ledger) -> T) -> T {
        // Adding to an empty ledger and merging gives the same sums, because merging is associative; and the difference
        // is the record.
        let mut amount = Box::new(Ledger::default());
        amount.keep_calls(ledger.calls().most());
        let result = act(&mut amount);
        ledger.merge(&amount);
        self.append_now(|run, at| Record::Booked { run, at, amount });
        result
    }

    /// Writes that a stage was opened.
    pub(crate) fn stage_opened(&self, stage: OpenStage) {
        self.begin();
        self.journal.append(Record::Opened { run: self.run, stage });
    }

    /// Writes attributes that a span recorded for its whole run.
    pub(crate) fn attributes(&self, attributes: &RunAttributes) {
        let attributes = Box::new(attributes.clone());
        self.append_now(|run, at| Record::Attributes { run, at, attributes });
    }

    /// Writes the verdict of a gate.
    pub(crate) fn gate(&self, verdict: &GateVerdict) {
        let verdict = Box::new(verdict.clone());
        self.append_now(|run, at| Record::Gate { run, at, verdict });
    }

    /// Writes an operation that was recorded directly; its amount goes through [`book`](Self::book).
    pub(crate) fn operation(&self, operation: &OperationRecord) {
        let operation = Box::new(operation.clone());
        self.append_now(|run, at| Record::Operation { run, at, operation });
    }

    /// Writes a warning; `None` is one more than the run keeps.
    pub(crate) fn warning(&self, warning: Option<&Cow<'static, str>>) {
        let text = warning.cloned();
        self.append_now(|run, at| Record::Warning { run, at, text });
    }

    /// Writes that the run ended and that its summary is queued for the sinks.
    pub(crate) fn ended(&self, at: u64, outcome: &Outcome, incomplete: bool) {
        self.begin();
        self.journal.append(Record::Ended { run: self.run, at, outcome: outcome.clone(), incomplete });
    }

    /// Brings all records so far to the file, for the sinks that get the run next. Waits for I/O: not for the pipeline's threads.
    pub(crate) fn settle(&self) {
        self.journal.write();
    }

    /// Writes that a sink took the summary, or that there are no sinks.
    pub(crate) fn delivered(&self) {
        self.append_now(|run, _| Record::Delivered { run });
    }

    /// Writes that the run was discarded without a summary.
    pub(crate) fn forgotten(&self) {
        self.append_now(|run, _| Record::Forgotten { run });
    }

    fn append_now(&self, record: impl FnOnce(u64, u64) -> Record) {
        // The time is taken first: the record that starts the run may have to wait for the disk.
        let at = self.journal.now();
        self.begin();
        self.journal.append(record(self.run, at));
    }
}

impl fmt::Debug for RunJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunJournal").field("run", &self.run).finish_non_exhaustive()
    }
}
