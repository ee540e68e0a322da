//! Monotonic and wall time, tied together once.

use std::time::{Instant, SystemTime};

/// Spans are timed by the monotonic clock alone; the wall clock is asked once, when the layer is built, so that a clock
/// that is set back in the middle of a run cannot make a stage end before it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    instant: Instant,
    wall: SystemTime,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { instant: Instant::now(), wall: SystemTime::now() }
    }

    /// The wall time of a moment.
    pub(crate) fn wall(&self, at: Instant) -> SystemTime {
        match at.checked_duration_since(self.instant) {
            Some(after) => self.wall + after,
            None => self.wall - self.instant.duration_since(at),
        }
    }
}
