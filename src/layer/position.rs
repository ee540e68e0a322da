//! The position of a span: its run, its root, and what its descendants inherit.

use crate::attribution::{CallKinds, Place};
use crate::limit::Stages;

/// What a span passes on to the spans inside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    /// The number of the run, which is never used again.
    pub(crate) run: u64,
    /// The root span.
    pub(crate) root: u64,
    /// The nearest span, itself included, that sums what is inside it; 0 for none.
    pub(crate) aggregate: u64,
    /// The stages around, the span itself included, that have a limit.
    pub(crate) limited: Stages,
    /// The root contains calls and is not one itself, so that its figures may be a mere repetition (A6).
    pub(crate) in_aggregate_root: bool,
    /// Stage, agent and call around, the span itself included.
    pub(crate) place: Place,
}

impl Position {
    /// No position yet.
    pub(crate) const NOWHERE: Self = Self {
        run: 0,
        root: 0,
        aggregate: 0,
        limited: Stages::NONE,
        in_aggregate_root: false,
        place: Place { stage: None, agent: None, provider: None, model: None, calls: CallKinds::NONE },
    };
}
