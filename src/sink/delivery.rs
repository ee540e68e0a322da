//! How runs are delivered, how that went, and what a flush has to say about it.

use std::fmt;
use std::time::Duration;

/// How finished runs reach the sinks.
///
/// ```
/// use std::time::Duration;
/// use tracing_budget::sink::{Delivery, WhenFull};
///
/// let delivery = Delivery::new().capacity(64).when_full(WhenFull::Drop).retries([Duration::from_millis(10)]);
/// assert_eq!(delivery.retries.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// Runs that may wait for the sinks; at least 1. 1,024 unless set.
    pub capacity: usize,
    /// What happens to a run that finds the queue full.
    pub when_full: WhenFull,
    /// The pauses before a run is given again to a sink that failed; 50, 200 and 800 ms unless set.
    ///
    /// The other sinks have the run before the first pause. A sink that fails after the last one has lost the run, and
    /// is given each later run once, without pauses, until it takes one: a broken sink must not fill the queue.
    pub retries: Vec<Duration>,
    /// How long the guard waits for the sinks when it is dropped; 30 s unless set.
    pub close_timeout: Duration,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            // A waiting run is its rows, not yet a document: some kilobytes. This is a burst of a busy server.
            capacity: 1024,
            when_full: WhenFull::Wait,
            retries: [50, 200, 800].map(Duration::from_millis).into(),
            close_timeout: Duration::from_secs(30),
        }
    }
}

impl Delivery {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many runs may wait; 0 counts as 1.
    #[must_use]
    pub fn capacity(mut self, runs: usize) -> Self {
        self.capacity = runs.max(1);
        self
    }

    /// Sets what happens to a run that finds the queue full.
    #[must_use]
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// Sets the pauses before each further attempt; none means one attempt.
    #[must_use]
    pub fn retries(mut self, pauses: impl IntoIterator<Item = Duration>) -> Self {
        self.retries = pauses.into_iter().collect();
        self
    }

    /// Sets how long the guard waits when it is dropped.
    #[must_use]
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }
}

/// What happens to a run that finds the queue full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenFull {
    /// The closing of its root span waits for room, and nothing is lost.
    #[default]
    Wait,
    /// It is dropped, and counted.
    Drop,
}

/// How the delivery stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryStats {
    /// One entry a sink, in the order in which they were added.
    pub sinks: Vec<SinkStats>,
    /// Runs that are on their way, the one that the sinks have just now included.
    pub queued: u64,
    /// Runs that found the queue full and were dropped, as [`WhenFull::Drop`] says.
    pub dropped: u64,
    /// Runs that no sink was given: the delivery had ended, or their summary could not be made.
    pub lost: u64,
}

/// How one sink stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkStats {
    /// The sink's name.
    pub name: String,
    /// Runs that it took.
    pub delivered: u64,
    /// Runs that it did not take in any attempt.
    pub failed: u64,
    /// Attempts after the first, over all runs.
    pub retries: u64,
    /// Looks at the runs in flight that it did not take.
    pub missed_looks: u64,
    /// Alerts that it did not take.
    pub missed_alerts: u64,
    /// Why its last failed attempt, look, alert or flush failed.
    pub last_error: Option<String>,
}

/// What one sink did not do since the last flush.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkLoss {
    /// The sink's name.
    pub sink: String,
    /// Runs that it did not take; 0 if only its flush failed.
    pub runs: u64,
    /// Why, the last time.
    pub reason: String,
}

impl fmt::Display for SinkLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sink, runs, reason } = self;
        match runs {
            0 => write!(f, "sink {sink} could not be flushed: {reason}"),
            1 => write!(f, "sink {sink} lost 1 run: {reason}"),
            _ => write!(f, "sink {sink} lost {runs} runs: {reason}"),
        }
    }
}

/// Why not every finished run is where it should be. What is told here is not told by the next flush again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlushError {
    /// Sinks failed, or summaries could not be made.
    #[error("{}", losses(.sinks, *.lost))]
    Lost {
        /// The sinks that failed.
        sinks: Vec<SinkLoss>,
        /// Runs that no sink was given.
        lost: u64,
    },
    /// A sink asked for the flush, and would have waited for itself.
    #[error("a sink cannot wait for the delivery that it is a part of")]
    FromSink,
    /// The delivery has ended, and runs came after that.
    #[error("the delivery has ended, and runs without a sink since the last flush are {lost}")]
    Ended {
        /// Runs that no sink was given.
        lost: u64,
    },
    /// The sinks were not done within the time given for closing.
    #[error("the sinks were not done within {timeout:?}, and runs still on their way are {queued}")]
    TimedOut {
        /// The time given.
        timeout: Duration,
        /// Runs still on their way.
        queued: u64,
    },
}

impl FlushError {
    /// The name under which the journal stands among the sinks.
    const JOURNAL: &str = "journal";

    /// The same outcome of a flush, and that the journal could not be written.
    pub(crate) fn with_journal(delivered: Result<(), Self>, reason: String) -> Self {
        let journal = SinkLoss { sink: Self::JOURNAL.to_owned(), runs: 0, reason };
        match delivered {
            Ok(()) => Self::Lost { sinks: vec![journal], lost: 0 },
            Err(Self::Lost { mut sinks, lost }) => {
                sinks.push(journal);
                Self::Lost { sinks, lost }
            }
            // That nothing is delivered any more is the worse news.
            Err(other) => other,
        }
    }
}

fn losses(sinks: &[SinkLoss], lost: u64) -> String {
    let mut parts: Vec<String> = sinks.iter().map(ToString::to_string).collect();
    if lost > 0 {
        parts.push(format!("runs that no sink was given: {lost}"));
    }
    parts.join("; ")
}
