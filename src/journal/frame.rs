//! What all runs of one layer have in common.

use std::time::SystemTime;

use crate::summary::Limits;

/// What a layer was told of all its runs. A summary needs it, so it stands at the head of a journal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    /// The wall time that every record's nanoseconds are counted from.
    pub(crate) origin: SystemTime,
    pub(crate) project: Option<String>,
    pub(crate) stages: Vec<String>,
    pub(crate) gates: Vec<String>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) limits: Limits,
    /// What the price book calls itself.
    pub(crate) book: String,
}
