//! No journal: without the feature there is none, and the compiler knows.

use std::borrow::Cow;
use std::sync::Arc;

use super::beginning::{Beginning, OpenStage};
use super::stats::JournalStats;
use crate::ledger::{Ledger, Outcome, RunReading};
use crate::summary::{GateVerdict, OperationRecord};

/// The journal of a layer, which there is not.
pub(crate) enum Journal {}

impl Journal {
    pub(crate) fn flush(&self) -> Result<(), String> {
        match *self {}
    }

    pub(crate) fn stats(&self) -> JournalStats {
        match *self {}
    }

    pub(crate) fn close(&self) {
        match *self {}
    }
}

/// The journal of a run, which there is not.
#[derive(Debug)]
pub(crate) enum RunJournal {}

impl RunJournal {
    pub(crate) fn new(journal: &Arc<Journal>, _: u64, _: Beginning) -> Self {
        match **journal {}
    }

    pub(crate) fn begin(&self) {
        match *self {}
    }

    pub(crate) fn book<T>(&self, _: &mut Ledger, _: impl FnOnce(&mut Ledger) -> T) -> T {
        match *self {}
    }

    pub(crate) fn opened(&self, _: OpenStage) {
        match *self {}
    }

    pub(crate) fn told(&self, _: &RunReading) {
        match *self {}
    }

    pub(crate) fn spoke(&self, _: &GateVerdict) {
        match *self {}
    }

    pub(crate) fn recorded(&self, _: &OperationRecord) {
        match *self {}
    }

    pub(crate) fn warned(&self, _: Option<&Cow<'static, str>>) {
        match *self {}
    }

    pub(crate) fn ended(&self, _: u64, _: &Outcome, _: bool) {
        match *self {}
    }

    pub(crate) fn delivered(&self) {
        match *self {}
    }

    pub(crate) fn forgotten(&self) {
        match *self {}
    }
}
