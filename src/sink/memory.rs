//! Runs kept in memory, for tests.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Sink, SinkError};
use crate::summary::RunSummary;

/// Keeps the runs in memory, for tests; clones share one list.
///
/// A run arrives a moment after its root span closed: flush the guard before looking.
///
/// ```
/// use tracing_budget::sink::Memory;
///
/// let memory = Memory::new();
/// let given_to_the_layer = memory.clone();
/// assert!(memory.take().is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Vec<RunSummary>>>);

impl Memory {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The runs so far, in the order in which they ended; the list is empty afterwards.
    #[must_use = "the runs are gone from the list"]
    pub fn take(&self) -> Vec<RunSummary> {
        mem::take(&mut *self.list())
    }

    /// A copy of the runs so far, in the order in which they ended.
    #[must_use]
    pub fn runs(&self) -> Vec<RunSummary> {
        self.list().clone()
    }

    fn list(&self) -> MutexGuard<'_, Vec<RunSummary>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Memory {
    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        self.list().push(run.clone());
        Ok(())
    }
}
