//! Provider's response ids of a run: two records with one id are one call (A8).

use std::collections::{HashMap, VecDeque};

use crate::attribution::Charge;
use crate::ledger::{FastHash, Usage};

/// Ids that a run remembers. Two tellings of one call come close together; the bound keeps a run of a million calls at about
/// 150 kB.
const REMEMBERED: usize = 1_024;

/// The response ids that a run has seen last.
#[derive(Debug, Default)]
pub(crate) struct Responses {
    seen: HashMap<u64, Response, FastHash>,
    order: VecDeque<u64>,
}

/// What is known of a response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Response {
    pub(crate) usage: Usage,
    /// The call, if it lacked its usage, or a part of it.
    pub(crate) incomplete: Option<Charge>,
}

impl Responses {
    /// The response with this id, and whether it was seen before. `usage` is remembered, the larger of each figure.
    pub(crate) fn see(&mut self, id: u64, usage: &Usage) -> Option<Response> {
        if let Some(known) = self.seen.get_mut(&id) {
            let before = *known;
            known.usage.merge(&usage.excess_over(&before.usage));
            return Some(before);
        }
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.order.push_back(id);
        self.seen.insert(id, Response { usage: *usage, incomplete: None });
        None
    }

    /// Keeps a call that lacks something, or forgets it.
    pub(crate) fn set_incomplete(&mut self, id: u64, call: Option<Charge>) {
        if let Some(known) = self.seen.get_mut(&id) {
            known.incomplete = call;
        }
    }

    /// Whether the call with this id lacked something.
    pub(crate) fn is_incomplete(&self, id: u64) -> bool {
        self.seen.get(&id).is_some_and(|known| known.incomplete.is_some())
    }

    pub(crate) fn clear(&mut self) {
        self.seen.clear();
        self.order.clear();
    }
}
