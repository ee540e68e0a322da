//! What a run gives to its journal.

use std::borrow::Cow;

use super::beginning::Beginning;
use crate::ledger::{Ledger, Outcome, RunAttributes, Symbol};
use crate::summary::{GateVerdict, OperationRecord};

/// One record of one run.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The run's number in its process.
    pub(crate) run: u64,
    /// When, in nanoseconds after the frame's origin.
    pub(crate) at: u64,
    pub(crate) what: Record,
}

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum Record {
    /// The run began to count.
    Began(Box<Beginning>),
    /// A stage was opened; the entry's time is when.
    Opened { stage: Symbol, parent: Option<Symbol> },
    /// Amounts were settled, and stages ended: what the ledger had added to it.
    Booked(Ledger),
    /// A span told something of its whole run.
    Told(Box<RunAttributes>),
    /// An operation was recorded directly; its amount is booked apart.
    Recorded(Box<OperationRecord>),
    /// A gate spoke.
    Gate(Box<GateVerdict>),
    /// The reader has something to know; none is a warning beyond those that are kept.
    Warned(Option<Cow<'static, str>>),
    /// The run ended, and its summary is on its way.
    Ended { outcome: Outcome, is_incomplete: bool },
    /// A sink has the summary, or nobody wants it.
    Delivered,
    /// The run was given up without a summary.
    Forgotten,
}
