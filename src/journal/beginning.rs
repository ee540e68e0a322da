//! How a run stands when its journal begins.

use crate::ledger::{Ledger, RunAttributes, Symbol};

/// A run as it stands when its journal begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beginning {
    pub(crate) id: String,
    pub(crate) pipeline: String,
    /// The root span's crate.
    pub(crate) krate: String,
    /// When the root was opened, in nanoseconds after the frame's origin.
    pub(crate) started: u64,
    pub(crate) told: RunAttributes,
    pub(crate) warnings: Vec<String>,
    /// Warnings beyond those that are kept.
    pub(crate) more_warnings: u64,
    /// What was booked before.
    pub(crate) ledger: Ledger,
    /// Directly recorded operations that are in no list any more.
    pub(crate) records_dropped: u64,
    /// Stages that are open.
    pub(crate) open: Vec<OpenStage>,
}

/// A stage that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenStage {
    pub(crate) stage: Symbol,
    pub(crate) parent: Option<Symbol>,
    pub(crate) at: u64,
}
