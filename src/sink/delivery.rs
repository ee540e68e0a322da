//! Options and figures of the delivery, and the errors of a flush.

use std::fmt;
use std::time::Duration;

/// Options of the delivery thread.
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
    /// Runs that may wait for the sinks before [`when_full`](Self::when_full) applies; at least 1. Default: 1,024.
    pub capacity: usize,
    /// What happens to a run when the queue is full.
    pub when_full: WhenFull,
    /// The pauses before a failed run is given again to a sink. Default: 50, 200 and 800 ms.
    ///
    /// The other sinks get the run before the first pause. A sink that fails after the last pause has lost the run. It then
    /// gets each later run once, without pauses, until it takes one: a broken sink must not fill the queue.
    pub retries: Vec<Duration>,
    /// How long the closing of a root waits for room where 16 times the capacity wait, under [`WhenFull::Wait`]. Default: 10 s.
    ///
    /// All roots together wait so long, and 100 ms more for each run that the sinks have taken since. A root that waits in vain loses
    /// its run, which is counted and reported.
    pub wait_timeout: Duration,
    /// How long [`BudgetGuard::flush`](crate::BudgetGuard::flush) waits for the sinks. Default: 30 s.
    pub flush_timeout: Duration,
    /// How long [`BudgetGuard::shutdown`](crate::BudgetGuard::shutdown) and the guard's drop wait for the sinks. Default: 30 s.
    pub close_timeout: Duration,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            // A burst of a busy server. A waiting run is its rows, not yet a document, so all of them are a few megabytes.
            capacity: 1024,
            when_full: WhenFull::Wait,
            // About one second in all: enough for a locked file or a short network failure. The queue waits meanwhile.
            retries: [50, 200, 800].map(Duration::from_millis).into(),
            // Ten times all retries of a run. A sink that takes longer for one run is taken for one that hangs: a server
            // that waits for it answers no request.
            wait_timeout: Duration::from_secs(10),
            // Longer than any retry, shorter than the patience of a supervisor that stops the process.
            flush_timeout: Duration::from_secs(30),
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

    /// Sets the runs that may wait before the queue counts as full; 0 counts as 1.
    #[must_use]
    pub fn capacity(mut self, runs: usize) -> Self {
        self.capacity = runs.max(1);
        self
    }

    /// Sets what happens to a run when the queue is full.
    #[must_use]
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// Sets the pause before each further attempt. Without pauses there is one attempt.
    #[must_use]
    pub fn retries(mut self, pauses: impl IntoIterator<Item = Duration>) -> Self {
        self.retries = pauses.into_iter().collect();
        self
    }

    /// Sets one time for every wait: [`wait_timeout`](Self::wait_timeout), [`flush_timeout`](Self::flush_timeout) and
    /// [`close_timeout`](Self::close_timeout).
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracing_budget::sink::Delivery;
    ///
    /// let delivery = Delivery::new().timeout(Duration::from_secs(5));
    /// assert_eq!(delivery.close_timeout, Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.wait_timeout(timeout).flush_timeout(timeout).close_timeout(timeout)
    }

    /// Sets how long the closing of a root waits for room where 16 times the capacity wait.
    #[must_use]
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.wait_timeout = timeout;
        self
    }

    /// Sets how long a flush waits for the sinks.
    #[must_use]
    pub fn flush_timeout(mut self, timeout: Duration) -> Self {
        self.flush_timeout = timeout;
        self
    }

    /// Sets how long a shutdown, or the guard's drop, waits for the sinks.
    #[must_use]
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }
}

/// What happens to a run when the queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenFull {
    /// The closing of its root span waits for room, at most 2 ms. The run is queued all the same, until 16 times the capacity wait.
    ///
    /// Beyond that the closing waits up to [`Delivery::wait_timeout`]. So no run is lost unless a sink hangs, or stays far behind.
    #[default]
    Wait,
    /// The run is dropped and counted.
    Drop,
}

/// Figures of the delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryStats {
    /// One entry for each sink, in the order in which they were added.
    pub sinks: Vec<SinkStats>,
    /// Runs that are on their way, including the one that the sinks are taking.
    pub queued: u64,
    /// Runs that were dropped because the queue was full, under [`WhenFull::Drop`].
    pub dropped: u64,
    /// Runs that reached no sink: the delivery had ended, the queue stayed full, or their summary could not be made.
    pub lost: u64,
}

/// Figures of one sink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkStats {
    /// The sink's name.
    pub name: String,
    /// Runs that it took.
    pub delivered: u64,
    /// Runs that it failed to take in every attempt.
    pub failed: u64,
    /// Attempts after the first, over all runs.
    pub retries: u64,
    /// Failed polls of the runs in flight.
    pub missed_polls: u64,
    /// Alerts that it failed to take.
    pub missed_alerts: u64,
    /// The error of its last failed attempt, poll, alert or flush.
    pub last_error: Option<String>,
}

/// What one sink failed to do since the last flush.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkLoss {
    /// The sink's name.
    pub sink: String,
    /// Runs that it failed to take; 0 if only its flush failed.
    pub runs: u64,
    /// The last error.
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

/// Why not every finished run is durable. Each loss is in one error: the next flush does not repeat it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlushError {
    /// Sinks failed, or summaries could not be made.
    #[error("{}", losses(.sinks, *.lost))]
    Lost {
        /// The sinks that failed.
        sinks: Vec<SinkLoss>,
        /// Runs that reached no sink.
        lost: u64,
    },
    /// A sink called the flush, and would have waited for itself.
    #[error("flush was called by a sink, and would wait for itself")]
    FromSink,
    /// Runs came after the delivery had ended.
    #[error("the delivery has ended; runs that reached no sink since the last flush: {lost}")]
    Ended {
        /// Runs that reached no sink.
        lost: u64,
    },
    /// The process is a fork of the one that built the layer. The sinks' thread and the journal are that one's.
    #[error(
        "this process is a fork of the one that built the layer, and has no thread for its sinks; runs that reached no sink: {lost}; \
         build the layer after the fork"
    )]
    Forked {
        /// Runs of this process that reached no sink.
        lost: u64,
    },
    /// The sinks were not done within the timeout.
    ///
    /// After a flush the sinks go on, and the next flush reports what they have lost. After a shutdown the runs that are still
    /// queued are lost.
    #[error("timed out after {timeout:?} waiting for {waiting_for}; runs still queued: {queued}")]
    TimedOut {
        /// The timeout.
        timeout: Duration,
        /// Runs that were still on their way.
        queued: u64,
        /// The sink that had not returned, such as `sink JsonDir`; `the sinks` if none was at work.
        waiting_for: String,
    },
}

impl FlushError {
    /// The journal's name among the sinks.
    const JOURNAL: &str = "journal";

    /// Adds the failure of the journal to the outcome of a flush.
    pub(crate) fn with_journal(delivered: Result<(), Self>, reason: String) -> Self {
        let journal = SinkLoss { sink: Self::JOURNAL.to_owned(), runs: 0, reason };
        match delivered {
            Ok(()) => Self::Lost { sinks: vec![journal], lost: 0 },
            Err(Self::Lost { mut sinks, lost }) => {
                sinks.push(journal);
                Self::Lost { sinks, lost }
            }
            // An error has one cause here, and a delivery that has ended is worse than a journal that failed.
            Err(other) => other,
        }
    }
}

fn losses(sinks: &[SinkLoss], lost: u64) -> String {
    let mut parts: Vec<String> = sinks.iter().map(ToString::to_string).collect();
    if lost > 0 {
        parts.push(format!("runs that reached no sink: {lost}"));
    }
    parts.join("; ")
}
