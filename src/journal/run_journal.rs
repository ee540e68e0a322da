//! What one run writes its journal with.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::beginning::{Beginning, OpenStage};
use super::record::{Entry, Record};
use super::writer::Journal;
use crate::ledger::{Ledger, Outcome, RunAttributes};
use crate::summary::{GateVerdict, OperationRecord};

/// The journal as one run sees it. Its beginning is written before anything else of it, whoever comes first.
pub(crate) struct RunJournal {
    journal: Arc<Journal>,
    run: u64,
    beginning: Mutex<Option<Box<Beginning>>>,
    begun: OnceLock<()>,
}

impl RunJournal {
    pub(crate) fn new(journal: &Arc<Journal>, run: u64, beginning: Beginning) -> Self {
        let beginning = Mutex::new(Some(Box::new(beginning)));
        Self { journal: Arc::clone(journal), run, beginning, begun: OnceLock::new() }
    }

    /// Writes the beginning, if nobody has.
    pub(crate) fn begin(&self) {
        self.begun.get_or_init(|| {
            let beginning = self.beginning.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(beginning) = beginning {
                let what = Record::Began(beginning);
                self.journal.append(Entry { run: self.run, at: self.journal.now(), what });
            }
        });
    }

    /// Adds to a ledger, and writes what was added.
    #[inline(never)]
    pub(crate) fn book<T>(&self, ledger: &mut Ledger, act: impl FnOnce(&mut Ledger) -> T) -> T {
        // What adding does to an empty ledger is what it does to any.
        let mut added = Ledger::default();
        let done = act(&mut added);
        ledger.merge(&added);
        self.append_now(Record::Booked(added));
        done
    }

    /// A stage was opened.
    pub(crate) fn opened(&self, OpenStage { stage, parent, at }: OpenStage) {
        self.append(at, Record::Opened { stage, parent });
    }

    /// A span told something of its whole run.
    pub(crate) fn told(&self, told: &RunAttributes) {
        self.append_now(Record::Told(Box::new(told.clone())));
    }

    /// A gate spoke.
    pub(crate) fn spoke(&self, gate: &GateVerdict) {
        self.append_now(Record::Gate(Box::new(gate.clone())));
    }

    /// An operation was recorded directly; its amount is booked apart.
    pub(crate) fn recorded(&self, record: &OperationRecord) {
        self.append_now(Record::Recorded(Box::new(record.clone())));
    }

    /// The reader has something to know; none is one of those that are only counted.
    pub(crate) fn warned(&self, warning: Option<&Cow<'static, str>>) {
        self.append_now(Record::Warned(warning.cloned()));
    }

    /// The run ended, and its summary is on its way.
    pub(crate) fn ended(&self, at: u64, outcome: &Outcome, is_incomplete: bool) {
        self.append(at, Record::Ended { outcome: outcome.clone(), is_incomplete });
    }

    /// A sink has the summary, or nobody wants it.
    pub(crate) fn delivered(&self) {
        self.append_now(Record::Delivered);
    }

    /// The run was given up without a summary.
    pub(crate) fn forgotten(&self) {
        self.append_now(Record::Forgotten);
    }

    fn append_now(&self, what: Record) {
        self.append(self.journal.now(), what);
    }

    fn append(&self, at: u64, what: Record) {
        self.begin();
        self.journal.append(Entry { run: self.run, at, what });
    }
}

impl fmt::Debug for RunJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunJournal").field("run", &self.run).finish_non_exhaustive()
    }
}
