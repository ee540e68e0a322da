//! Runs in flight, of this process and of others, told to whoever listens.
//!
//! One hub a server looks at the store, while anybody listens, and tells all listeners what has changed since: two hundred
//! of them cost the store no more than one. Nothing here knows HTTP.

mod hub;
mod look;
mod news;

pub(crate) use hub::{Hub, Listening};
pub(crate) use news::{Changed, Ended, Flight, Gone, News, RunState, StageChanged};
