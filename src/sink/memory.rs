//! A sink that keeps runs and alerts in memory, for tests.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Sink, SinkError};
use crate::limit::Alert;
use crate::summary::RunSummary;

/// Keeps the runs and the alerts in memory, for tests. Clones share one list.
///
/// A run arrives a moment after its root span closed: flush the guard before reading.
///
/// ```
/// use tracing_budget::sink::Memory;
///
/// let memory = Memory::new();
/// let given_to_the_layer = memory.clone();
/// assert!(memory.take().is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    runs: Vec<RunSummary>,
    alerts: Vec<Alert>,
}

impl Memory {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The runs so far, in the order in which they ended; the list is empty afterwards.
    #[must_use = "the runs are gone from the list"]
    pub fn take(&self) -> Vec<RunSummary> {
        mem::take(&mut self.kept().runs)
    }

    /// A copy of the runs so far, in the order in which they ended.
    #[must_use]
    pub fn runs(&self) -> Vec<RunSummary> {
        self.kept().runs.clone()
    }

    /// The alerts so far, in the order in which they became due; the list is empty afterwards.
    #[must_use = "the alerts are gone from the list"]
    pub fn take_alerts(&self) -> Vec<Alert> {
        mem::take(&mut self.kept().alerts)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Memory {
    fn run_finished(&mut self, run: &RunSummary) -> Result<(), SinkError> {
        self.kept().runs.push(run.clone());
        Ok(())
    }

    fn alert(&mut self, alert: &Alert) -> Result<(), SinkError> {
        self.kept().alerts.push(alert.clone());
        Ok(())
    }
}
