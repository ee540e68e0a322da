//! The result of comparing the sums of a store with the runs that they are of.

use serde::Serialize;
use tracing_budget::summary::Timestamp;

/// The roll-ups of a store, compared with its documents; see [`Sqlite::verify`](crate::Sqlite::verify).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Verification {
    /// Ended runs that were read.
    pub runs: u64,
    /// Roll-ups that were compared: rows of hours and of days.
    pub rollups: u64,
    /// Roll-ups with a figure that differs, are missing, or are of no run.
    pub wrong: u64,
    /// Roll-ups of these that were rebuilt.
    pub repaired: u64,
    /// Figures that differ, the oldest first; at most [`MOST`](Self::MOST).
    pub differences: Vec<Difference>,
    /// Stored runs that would be refused today, or cannot be read; at most [`MOST`](Self::MOST).
    pub unsound: Vec<UnsoundRun>,
}

impl Verification {
    /// The most differences, and the most unsound runs, that are listed. All are counted in `wrong`.
    pub const MOST: usize = 1_000;

    /// Whether every roll-up is right now, and every run is sound.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.wrong == self.repaired && self.unsound.is_empty()
    }
}

/// One figure of one roll-up that differs from the sum of its runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// `hour` or `day`.
    pub step: &'static str,
    /// `run`, `stage`, `model` or `gate`.
    pub kind: &'static str,
    /// When the hour or the day begins.
    pub at: Timestamp,
    /// The project of the runs.
    pub project: String,
    /// The pipeline of the runs.
    pub pipeline: String,
    /// The stage, model or gate; empty for whole runs.
    pub name: String,
    /// The column.
    pub figure: &'static str,
    /// Its value in the roll-up; null if there is no such row, or its sum is unknown.
    pub stored: Option<String>,
    /// The sum of the runs; null if no run has it, or it is beyond 64 bits.
    pub expected: Option<String>,
}

/// A stored run that cannot be read, or has figures that no run can have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnsoundRun {
    /// The run.
    pub run_id: String,
    /// The field at fault.
    pub reason: String,
}
