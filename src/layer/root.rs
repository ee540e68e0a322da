//! What only a root span has: the run before there is one.

use std::borrow::Cow;

use super::reading::RunAttributes;
use crate::ledger::Ledger;

/// A root's part of its run. Small, as every span has the room for one: a box would be an allocation for every
/// request of a server, most of which come to nothing.
#[derive(Debug, Default)]
pub(crate) struct RootPart {
    pub(crate) state: RunState,
    /// Spans inside that the registry does not keep the root open for.
    pub(crate) adopted: u64,
    /// Whether a span that matters was opened inside.
    pub(crate) has_children: bool,
    /// What was seen before the run began to count.
    pub(crate) early: Option<Box<Early>>,
}

/// Until something accountable happens below a root there is no run, and what is seen until then is kept here.
#[derive(Debug, Default)]
pub(crate) struct Early {
    /// Stages and operations that have ended.
    pub(crate) ledger: Ledger,
    /// What spans inside have recorded of the run.
    pub(crate) attributes: RunAttributes,
    pub(crate) warnings: Vec<Cow<'static, str>>,
}

impl Early {
    /// Forgets everything, and keeps the room for it.
    pub(crate) fn clear(&mut self) {
        self.ledger.clear();
        self.attributes = RunAttributes::default();
        self.warnings.clear();
    }
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
