//! Writing a warning once per run.

use std::sync::atomic::{AtomicU64, Ordering};

/// The run that a warning was written to last. Formatting a warning only to find it in the run already would be the most
/// expensive part of a call without a price.
#[derive(Debug, Default)]
pub(crate) struct WarnOnce(AtomicU64);

impl WarnOnce {
    /// Whether this run differs from the one of the last call. Where two runs alternate, this is `true` more than once per run;
    /// the run then drops the repeated warning.
    pub(crate) fn is_first_in(&self, run: u64) -> bool {
        // Relaxed: no data is published with the number. The load first keeps the cache line shared while a run repeats itself.
        self.0.load(Ordering::Relaxed) != run && self.0.swap(run, Ordering::Relaxed) != run
    }
}
