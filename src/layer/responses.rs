//! Provider's response ids of a run: two records with one id are one call (A8).

use std::collections::{HashMap, VecDeque};

use crate::attribution::{Charge, ChargedCall, Completion};
use crate::ledger::{CallNames, CellKey, CellTotals, FastHash};

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
#[derive(Clone, Debug)]
pub(crate) struct Response {
    /// The call that was booked first, with the first model that is known.
    pub(crate) call: Charge,
    /// The cell of the first record: what a later one adds goes there.
    pub(crate) key: CellKey,
    pub(crate) booked: CellTotals,
    /// When the call began. With the id it identifies the call's record.
    pub(crate) started: u64,
    /// Further records that completed it.
    pub(crate) completions: u16,
}

impl Response {
    pub(crate) fn new(call: Charge, key: CellKey, booked: CellTotals, started: u64) -> Self {
        Self { call, key, booked, started, completions: 0 }
    }

    /// What completes the call's record, from a further one.
    pub(crate) fn completion(&self, record: ChargedCall) -> Completion {
        let (provider, model) = self.call.model;
        let known = CallNames { provider, ..CallNames::default() };
        let mut names = record.names.or(known);
        if names.requested.or(names.answered).is_none() {
            names.requested = model;
        }
        let call = ChargedCall {
            names,
            started: self.started,
            response_id: self.call.response_id,
            has_failed: record.has_failed || self.booked.errors > 0,
            ..record
        };
        Completion { key: self.key, totals: self.booked.clone(), call, completions: self.completions }
    }
}

impl Responses {
    /// The response with this id, if it was seen before.
    pub(crate) fn get(&self, id: u64) -> Option<Response> {
        self.seen.get(&id).cloned()
    }

    /// Keeps what was booked for a response.
    pub(crate) fn keep(&mut self, response: Response) {
        let id = response.call.response_id;
        if let Some(known) = self.seen.get_mut(&id) {
            *known = response;
            return;
        }
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.order.push_back(id);
        self.seen.insert(id, response);
    }

    pub(crate) fn clear(&mut self) {
        self.seen.clear();
        self.order.clear();
    }
}
