//! Provider's response ids of a run: two records with one id are one call (A8).

use std::collections::{HashMap, VecDeque};

use crate::attribution::Charge;
use crate::ledger::{CellKey, CellTotals, FastHash};

/// Ids that a run remembers. Two tellings of one call come close together; the bound keeps a run of a million calls at about
/// 150 kB.
const REMEMBERED: usize = 1_024;

/// The response ids that a run has seen last.
#[derive(Debug, Default)]
pub(crate) struct Responses {
    seen: HashMap<u64, Response, FastHash>,
    order: VecDeque<u64>,
}

/// What is known of a response, and what was booked for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Response {
    /// The call that was booked first, with the first model that is known.
    pub(crate) call: Charge,
    /// The cell of the first record: what a later one adds goes there.
    pub(crate) key: CellKey,
    pub(crate) booked: CellTotals,
}

impl Responses {
    /// The response with this id, if it was seen before.
    pub(crate) fn get(&self, id: u64) -> Option<Response> {
        self.seen.get(&id).copied()
    }

    /// Keeps what was booked for a response.
    pub(crate) fn keep(&mut self, call: Charge, key: CellKey, booked: CellTotals) {
        let id = call.response_id;
        if let Some(known) = self.seen.get_mut(&id) {
            *known = Response { call, key, booked };
            return;
        }
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.order.push_back(id);
        self.seen.insert(id, Response { call, key, booked });
    }

    pub(crate) fn clear(&mut self) {
        self.seen.clear();
        self.order.clear();
    }
}
