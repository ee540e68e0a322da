//! Provider's response ids of a run: two records with one id are one call (A8).

use std::collections::{HashMap, VecDeque};

use crate::attribution::Charge;
use crate::ledger::{CellTotals, FastHash};

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
    /// The call that was booked first: what a later record adds goes to its row.
    pub(crate) call: Charge,
    pub(crate) booked: CellTotals,
    /// The span around the first record that sums what is inside; 0 for none.
    aggregate: u64,
}

impl Responses {
    /// The response with this id, if it was seen before.
    pub(crate) fn get(&self, id: u64) -> Option<Response> {
        self.seen.get(&id).copied()
    }

    /// The span that summed the first record of a response.
    pub(crate) fn aggregate(&self, id: u64) -> Option<u64> {
        self.seen.get(&id).map(|known| known.aggregate)
    }

    /// Keeps what was booked for a response.
    pub(crate) fn keep(&mut self, call: Charge, booked: CellTotals, aggregate: u64) {
        let id = call.response_id;
        if let Some(known) = self.seen.get_mut(&id) {
            known.booked = booked;
            return;
        }
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.order.push_back(id);
        self.seen.insert(id, Response { call, booked, aggregate });
    }

    pub(crate) fn clear(&mut self) {
        self.seen.clear();
        self.order.clear();
    }
}
