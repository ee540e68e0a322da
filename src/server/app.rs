//! What all handlers share.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use super::guard::Keys;
use super::options::ServeOptions;
use crate::summary::Timestamp;

/// What all handlers share: the options, the time, and whether the server is to stop.
#[derive(Clone)]
pub(crate) struct App {
    shared: Arc<Shared>,
}

struct Shared {
    options: ServeOptions,
    keys: Keys,
    stopping: watch::Receiver<bool>,
}

impl App {
    pub(super) fn new(options: ServeOptions, keys: Keys, stopping: watch::Receiver<bool>) -> Self {
        Self { shared: Arc::new(Shared { options, keys, stopping }) }
    }

    pub(crate) fn options(&self) -> &ServeOptions {
        &self.shared.options
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    /// Comes back when the server is to stop: what streams without an end waits for this, too.
    pub(crate) async fn stopping(&self) {
        let mut stopping = self.shared.stopping.clone();
        // An error is that the server is gone altogether.
        let _ = stopping.wait_for(|stop| *stop).await;
    }
}
