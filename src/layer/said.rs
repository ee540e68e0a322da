//! Saying a thing once a run.

use std::sync::atomic::{AtomicU64, Ordering};

/// The run in which something was said last. Composing a warning only to find it said already would be the dearest part
/// of a call without a price.
#[derive(Debug, Default)]
pub(crate) struct Said(AtomicU64);

impl Said {
    /// Whether this run differs from the last one that asked. Where runs alternate, more than the first call of each
    /// hears yes; the run keeps each warning only once.
    pub(crate) fn is_first_in(&self, run: u64) -> bool {
        self.0.load(Ordering::Relaxed) != run && self.0.swap(run, Ordering::Relaxed) != run
    }
}
