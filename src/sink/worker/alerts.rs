//! Alerts on their way, and who is told.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::Level;
use tracing::dispatcher::{self, WeakDispatch};

use super::shared::caught;
use crate::limit::Alert;

type Make = Box<dyn FnOnce() -> Alert + Send>;
pub(crate) type Callback = Box<dyn FnMut(&Alert) + Send>;

/// Alerts that nobody has been told yet. Not in the queue of runs: whoever makes one due is a pipeline at work, which waits
/// for no room. There are at most four for each limit of a run.
#[derive(Default)]
pub(super) struct Alerts {
    due: Mutex<VecDeque<Due>>,
    callbacks: Mutex<Vec<Callback>>,
}

struct Due {
    make: Make,
    /// The application's subscriber; without one, the default of the program is asked.
    subscriber: Option<WeakDispatch>,
}

impl Alerts {
    pub(super) fn push(&self, subscriber: Option<WeakDispatch>, make: Make) {
        self.due().push_back(Due { make, subscriber });
    }

    pub(super) fn next(&self) -> Option<(Alert, Option<WeakDispatch>)> {
        loop {
            let Due { make, subscriber } = self.due().pop_front()?;
            if let Ok(alert) = caught(make) {
                return Some((alert, subscriber));
            }
        }
    }

    pub(super) fn call(&self, callbacks: Vec<Callback>) {
        *self.callbacks() = callbacks;
    }

    /// The callbacks, which only the thread itself runs.
    pub(super) fn callbacks(&self) -> MutexGuard<'_, Vec<Callback>> {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn due(&self) -> MutexGuard<'_, VecDeque<Due>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the application's own subscriber, which is not active on this thread.
pub(super) fn announce(alert: &Alert, subscriber: Option<WeakDispatch>) -> Result<(), String> {
    caught(|| match subscriber.and_then(|subscriber| subscriber.upgrade()) {
        Some(subscriber) => dispatcher::with_default(&subscriber, || emit(alert)),
        None => emit(alert),
    })
}

/// None of these fields is one that a budget layer takes for usage or for a part of a run.
fn emit(alert: &Alert) {
    let Alert { run_id, pipeline, scope, percent, used, limit, .. } = alert;
    macro_rules! emit {
        ($level:expr) => {
            tracing::event!(target: "tracing_budget::alert", $level, run = %run_id, %pipeline, %scope, percent, %used, %limit, "{alert}")
        };
    }
    match percent {
        100.. => emit!(Level::ERROR),
        80.. => emit!(Level::WARN),
        _ => emit!(Level::INFO),
    }
}
