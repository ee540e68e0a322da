//! Distribution of events to subscribers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast, watch};

use super::events::{Event, RunsInFlight};
use crate::problem::{Problem, ProblemKind};

/// Sends the poller's events to all subscribers.
pub(crate) struct Broadcaster {
    events: broadcast::Sender<Arc<NumberedEvent>>,
    last_poll: watch::Sender<PollResult>,
    polls: AtomicU64,
    poll_requested: Notify,
    permits: Arc<Semaphore>,
}

/// An event with its number and its JSON, which is serialised once for all subscribers.
#[derive(Debug)]
pub(crate) struct NumberedEvent {
    /// From 1, without gaps while the server runs.
    pub(crate) number: u64,
    pub(crate) event: Event,
    pub(crate) json: String,
}

/// Result of the newest poll.
#[derive(Clone)]
struct PollResult {
    poll: u64,
    /// Number of the last event that is contained in `in_flight`.
    number: u64,
    in_flight: Result<Arc<RunsInFlight>, Problem>,
}

/// A subscriber's end.
pub(crate) struct Subscription {
    /// Runs in flight when the subscription began.
    pub(crate) in_flight: Arc<RunsInFlight>,
    /// Number of the last event that is contained in `in_flight`.
    pub(crate) number: u64,
    events: broadcast::Receiver<Arc<NumberedEvent>>,
    _permit: OwnedSemaphorePermit,
}

/// Events kept for a slow subscriber. Polls produce at most a few events per run, and at most 200 runs are followed, so this
/// is several polls' worth. A subscriber that falls further behind gets a new snapshot.
const QUEUED_EVENTS: usize = 1_024;

impl Broadcaster {
    pub(crate) fn new(max_subscribers: usize) -> Self {
        let before_first = PollResult { poll: 0, number: 0, in_flight: Ok(Arc::default()) };
        Self {
            events: broadcast::Sender::new(QUEUED_EVENTS),
            last_poll: watch::Sender::new(before_first),
            polls: AtomicU64::new(0),
            poll_requested: Notify::new(),
            permits: Arc::new(Semaphore::new(max_subscribers)),
        }
    }

    /// Number of open subscriptions.
    pub(crate) fn subscribers(&self) -> usize {
        self.events.receiver_count()
    }

    /// Number of polls begun.
    pub(crate) fn polls(&self) -> u64 {
        // Relaxed: a counter for metrics and for `subscribe`, which waits for a later number and not for other memory.
        self.polls.load(Ordering::Relaxed)
    }

    /// Subscribes, with a snapshot from a poll that begins after this call.
    ///
    /// # Errors
    ///
    /// If there are too many subscribers, or the store cannot be read.
    pub(crate) async fn subscribe(&self) -> Result<Subscription, Problem> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| {
            let detail = "the server has its maximum number of live streams; try again when some have closed";
            Problem::new(ProblemKind::Busy, detail)
        })?;
        // Subscribe before the poll. Otherwise an event between the poll and the subscription would be lost.
        let events = self.events.subscribe();
        let mut last_poll = self.last_poll.subscribe();
        let polls_before = self.polls();
        self.poll_requested.notify_one();
        let result = match last_poll.wait_for(|result| result.poll > polls_before).await {
            Ok(result) => result.clone(),
            Err(_) => return Err(Problem::new(ProblemKind::Failed, "the server is stopping")),
        };
        Ok(Subscription { in_flight: result.in_flight?, number: result.number, events, _permit: permit })
    }

    /// Completes when a new subscriber waits for a poll.
    pub(super) async fn poll_requested(&self) {
        self.poll_requested.notified().await;
    }

    /// Counts a poll that begins now and returns its number.
    pub(super) fn begin_poll(&self) -> u64 {
        // Relaxed: see `polls`.
        self.polls.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Publishes a poll's result, then its events. In this order, a subscriber that waits for the snapshot finds in its
    /// queue only events up to `number`, which it skips, or later ones.
    pub(super) fn publish(
        &self,
        poll: u64,
        number: u64,
        in_flight: Result<Arc<RunsInFlight>, Problem>,
        events: Vec<NumberedEvent>,
    ) {
        self.last_poll.send_replace(PollResult { poll, number, in_flight });
        for event in events {
            // An error means that the last subscriber has just left.
            let _ = self.events.send(Arc::new(event));
        }
    }
}

impl NumberedEvent {
    pub(super) fn new(number: u64, event: Event) -> Self {
        let json = event.to_json();
        Self { number, event, json }
    }
}

impl Subscription {
    /// The next event; `None` if this subscriber read too slowly and has missed some.
    pub(crate) async fn next(&mut self) -> Option<Arc<NumberedEvent>> {
        loop {
            match self.events.recv().await {
                // Contained in the snapshot already.
                Ok(event) if event.number <= self.number => {}
                Ok(event) => return Some(event),
                Err(_) => return None,
            }
        }
    }
}
