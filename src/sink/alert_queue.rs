//! Alerts on their way to callbacks, sinks and the application's subscriber.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::Level;
use tracing::dispatcher::{self, WeakDispatch};

use super::diagnostics::catch_panic;
use crate::limit::Alert;

pub(crate) type Callback = Box<dyn FnMut(&Alert) + Send>;

/// Alerts that were not delivered yet. They have a queue of their own, because the queue of runs may be full, and the
/// pipeline that causes an alert must not wait. It needs no bound: each limit of a run causes at most four.
#[derive(Default)]
pub(super) struct AlertQueue {
    queued: Mutex<VecDeque<QueuedAlert>>,
    callbacks: Mutex<Vec<Callback>>,
}

struct QueuedAlert {
    alert: Alert,
    /// The application's subscriber; `None` is the program's default.
    subscriber: Option<WeakDispatch>,
}

impl AlertQueue {
    pub(super) fn push(&self, alert: Alert, subscriber: Option<WeakDispatch>) {
        self.queued().push_back(QueuedAlert { alert, subscriber });
    }

    pub(super) fn next(&self) -> Option<(Alert, Option<WeakDispatch>)> {
        self.queued().pop_front().map(|QueuedAlert { alert, subscriber }| (alert, subscriber))
    }

    pub(super) fn set_callbacks(&self, callbacks: Vec<Callback>) {
        *self.callbacks() = callbacks;
    }

    /// The callbacks. Only the delivery thread runs them, so the lock is held while a user's code runs and still blocks
    /// no other thread.
    pub(super) fn callbacks(&self) -> MutexGuard<'_, Vec<Callback>> {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queued(&self) -> MutexGuard<'_, VecDeque<QueuedAlert>> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Emits an alert as an event to the application's own subscriber, which is not active on the delivery thread.
pub(super) fn emit_event(alert: &Alert, subscriber: Option<WeakDispatch>) -> Result<(), String> {
    catch_panic(|| match subscriber.and_then(|subscriber| subscriber.upgrade()) {
        Some(subscriber) => dispatcher::with_default(&subscriber, || emit(alert)),
        None => emit(alert),
    })
}

fn emit(alert: &Alert) {
    let Alert { run_id, pipeline, scope, percent, used, limit, .. } = alert;
    // No field here has a name that a budget layer takes for usage or a run's attribute: the event would be counted.
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
