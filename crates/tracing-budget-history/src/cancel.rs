//! Cancelling a query from another thread.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Cancels what a thread reads from a store, from another thread: a request that was given up must not go on reading.
///
/// ```
/// use tracing_budget_history::Cancel;
///
/// let cancel = Cancel::new();
/// let elsewhere = cancel.clone();
/// assert!(cancel.scope(|| {
///     elsewhere.cancel(); // a query of this thread would fail from now on
///     Cancel::is_requested()
/// }));
/// assert!(!Cancel::is_requested(), "outside of the scope nothing is cancelled");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

thread_local! {
    static CURRENT: RefCell<Option<Cancel>> = const { RefCell::new(None) };
}

impl Cancel {
    /// Returns a cancellation that is not requested yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests the cancellation: reads of a store inside [`scope`](Self::scope) fail within microseconds.
    pub fn cancel(&self) {
        // Relaxed: the flag guards no other memory, and a reader that sees it a moment later reads a moment longer.
        self.0.store(true, Ordering::Relaxed);
    }

    /// Runs `work`; what it reads from a store on this thread can be cancelled. Scopes may be nested; the inner one counts.
    pub fn scope<T>(&self, work: impl FnOnce() -> T) -> T {
        /// Restores the scope around this one, also where `work` panics.
        struct Restore(Option<Cancel>);
        impl Drop for Restore {
            fn drop(&mut self) {
                let _ = CURRENT.try_with(|current| *current.borrow_mut() = self.0.take());
            }
        }
        let _restore = Restore(CURRENT.with(|current| current.borrow_mut().replace(self.clone())));
        work()
    }

    /// Returns whether the work of this thread is cancelled: for work between two reads that takes long.
    #[must_use]
    pub fn is_requested() -> bool {
        Self::current().is_some_and(|current| current.flag())
    }

    /// The cancellation of this thread.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
    }

    pub(crate) fn flag(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sqlite, Store};

    #[test]
    fn a_cancelled_read_fails_and_its_connection_reads_on_for_others() {
        let name = format!("tracing-budget-cancel-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let store = Sqlite::open(directory.join("runs.db")).expect("a history");
        let cancel = Cancel::new();
        assert!(cancel.scope(|| store.projects()).is_ok());
        cancel.cancel();
        assert!(cancel.scope(|| store.projects()).is_err());
        // The inner scope counts, and the outer one is back after it.
        assert!(cancel.scope(|| Cancel::new().scope(|| store.projects())).is_ok());
        assert!(!Cancel::is_requested());
        assert!(store.projects().is_ok());
        drop(store);
        let _ = std::fs::remove_dir_all(directory);
    }
}
