//! What only a root span has: the run before there is one.

use super::reading::RunReading;
use crate::ledger::Ledger;

/// A root's part of its run. Until something accountable happens below the root there is no run, and what is seen
/// until then is kept here.
#[derive(Debug, Default)]
pub(crate) struct RootPart {
    pub(crate) state: RunState,
    /// Spans inside that the registry does not keep the root open for.
    pub(crate) adopted: u64,
    /// Whether a span that matters was opened inside.
    pub(crate) has_children: bool,
    /// Stages and operations that ended before the run began to count.
    pub(crate) early: Option<Ledger>,
    /// What spans inside told of the run before it began to count.
    pub(crate) told: RunReading,
    pub(crate) warnings: Vec<String>,
}

/// Whether a root has a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RunState {
    /// Nothing accountable has happened yet.
    #[default]
    Empty,
    /// The run counts.
    Live,
    /// The run was finished before its root closed.
    Finished,
}
