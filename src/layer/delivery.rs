//! Where ended runs go: the worker with the sinks, and the journal.

use std::sync::Arc;

use super::accounted::CallsAccounted;
use crate::journal::Journal;
use crate::sink::Worker;

/// The way out of a layer.
pub(crate) struct Delivery {
    pub(crate) worker: Worker,
    /// Where what a run has spent is kept, for the case that the process is killed.
    pub(crate) journal: Option<Arc<Journal>>,
    /// Calls in delivered summaries. Shared with the summaries that are on their way.
    pub(crate) calls: Arc<CallsAccounted>,
}

impl Delivery {
    pub(crate) fn new(worker: Worker, journal: Option<Journal>) -> Self {
        Self { worker, journal: journal.map(Arc::new), calls: Arc::default() }
    }
}
