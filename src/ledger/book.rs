//! The ledger itself: cells and stages of one run, or of a part of one.

use std::collections::HashMap;

use super::cell::{CellKey, Tally};
use super::hash::FastHash;
use super::name::Name;
use super::stage::StageTally;

/// What a run, or a part of one, has used so far. Merging parts is associative and commutative, so a run may be kept
/// in as many parts as there are threads at work.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ledger {
    cells: HashMap<CellKey, Tally, FastHash>,
    stages: HashMap<Name, StageTally, FastHash>,
    /// The stage that closed last, and when; gates name it.
    last_stage: Option<(u64, Name)>,
}

impl Ledger {
    /// Adds an amount to a cell.
    pub(crate) fn add(&mut self, key: CellKey, amount: &Tally) {
        self.cells.entry(key).or_default().merge(amount);
    }

    /// Adds one run of a stage.
    pub(crate) fn add_stage(&mut self, stage: Name, run: &StageTally) {
        self.stages.entry(stage).or_default().merge(run);
        let closed = run.last.as_ref().map(|end| (end.at, stage));
        self.last_stage = self.last_stage.max(closed);
    }

    /// Adds all of another ledger.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (key, tally) in &other.cells {
            self.add(*key, tally);
        }
        for (stage, run) in &other.stages {
            self.add_stage(*stage, run);
        }
        self.last_stage = self.last_stage.max(other.last_stage);
    }

    /// Forgets everything, and keeps the room for it.
    pub(crate) fn clear(&mut self) {
        self.cells.clear();
        self.stages.clear();
        self.last_stage = None;
    }

    /// The stage that closed last, and when.
    pub(crate) fn last_stage(&self) -> Option<(u64, Name)> {
        self.last_stage
    }

    /// The sum of all cells.
    pub(crate) fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.cells.values().for_each(|tally| total.merge(tally));
        total
    }

    /// Every cell that something was added to.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&CellKey, &Tally)> {
        self.cells.iter()
    }

    /// Every stage that was begun.
    pub(crate) fn stages(&self) -> impl Iterator<Item = (Name, &StageTally)> {
        self.stages.iter().map(|(name, tally)| (*name, tally))
    }
}
