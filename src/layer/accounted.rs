//! The calls in runs that have a summary, which the audit compares with those that were seen.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::summary::Figures;

/// Calls in runs with a summary; filled by the worker.
#[derive(Debug, Default)]
pub(crate) struct CallsAccounted {
    pub(super) calls: AtomicU64,
    pub(super) without_usage: AtomicU64,
    pub(super) unpriced: AtomicU64,
}

impl CallsAccounted {
    pub(crate) fn add(&self, figures: &Figures) {
        // Relaxed: totals that are compared after the runs were delivered, which orders the threads.
        self.calls.fetch_add(figures.llm_calls, Ordering::Relaxed);
        self.without_usage.fetch_add(figures.calls_without_usage, Ordering::Relaxed);
        self.unpriced.fetch_add(figures.unpriced_calls, Ordering::Relaxed);
    }
}
