//! Events of runs in flight, of this process and of others.
//!
//! One poller per server reads the store while at least one client subscribes. [`Broadcaster`] distributes the events to
//! all subscribers, so 200 of them cost the store as much as one.
//!
//! # Invariants
//!
//! - The store is not polled while there is no subscriber.
//! - A subscriber gets a snapshot and then every later event, or a new snapshot if it read too slowly. It never misses
//!   an event unnoticed.
//! - Event numbers start at 1 and have no gaps while the server runs.
//! - No HTTP here: server-sent events are written by `api/live.rs`.

mod broadcaster;
mod events;
mod poller;

pub(crate) use broadcaster::{Broadcaster, Subscription};
pub(crate) use events::{CostMoved, Event, RunEnded, RunGone, RunState, RunsInFlight, StageChanged};
pub(crate) use poller::poll_until_stopped;
