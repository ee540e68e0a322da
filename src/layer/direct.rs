//! Operations that are no spans, recorded directly: into the run of an event, or into a run by its id.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tracing_core::dispatcher::WeakDispatch;

use super::core::Core;
use super::field_value::trimmed;
use super::reading::Reading;
use super::settlement::{Amounts, Rest, Settlement};
use super::stats::count;
use super::table::Place;
use crate::ledger::{CellKey, CellTotals, Sources, Symbol, Usd};
use crate::limit::Stages;
use crate::summary::{OperationFields, OperationRecord, Timestamp, seconds};

/// The target of events that record an operation.
pub(crate) const TARGET: &str = "tracing_budget::operation";

/// The fields of an operation's event, beside its cost.
#[derive(Debug, Default)]
pub(crate) struct RecordReading {
    pub(crate) duration: Option<Duration>,
    pub(crate) meta: BTreeMap<String, Value>,
}

/// An operation that was recorded.
#[derive(Debug)]
pub(crate) struct Direct {
    operation: Symbol,
    cost: Option<Usd>,
    duration: Option<Duration>,
    iteration: Option<u64>,
    meta: BTreeMap<String, Value>,
    warnings: Vec<String>,
}

impl Direct {
    /// The fields of an event.
    pub(crate) fn from_reading(reading: &mut Reading, unnamed: Symbol) -> Self {
        let (operation, cost) = (reading.operation().unwrap_or(unnamed), reading.cost());
        let remarks = reading.remarks.as_mut().map(std::mem::take).unwrap_or_default();
        let RecordReading { duration, meta } = remarks.record.map(|record| *record).unwrap_or_default();
        let iteration = remarks.run.and_then(|run| run.iteration);
        Self { operation, cost, duration, iteration, meta, warnings: remarks.warnings }
    }

    fn from_fields(recorded: OperationFields<'_>, unnamed: Symbol) -> Self {
        let OperationFields { operation, cost, duration, iteration, meta, refusal } = recorded;
        let operation = trimmed(operation).map_or(unnamed, Symbol::intern);
        Self { operation, cost, duration, iteration, meta, warnings: Vec::from_iter(refusal) }
    }

    fn tally(&self) -> CellTotals {
        let nanos =
            self.duration.map_or(0, |duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        let sources = if self.cost.is_some() { Sources::REPORTED } else { Sources::default() };
        CellTotals { cost: self.cost.unwrap_or_default(), count: 1, nanos, sources, ..CellTotals::default() }
    }
}

impl Core {
    /// Books an operation; false if its run takes nothing more.
    pub(crate) fn book_direct(&self, place: Place, direct: Direct) -> bool {
        let key = CellKey { stage: place.stage, agent: None, model: None, operation: direct.operation };
        let tally = direct.tally();
        // Before it is booked, for the reason given in `settle_at_once`: the cost would be counted twice.
        self.collect(place, place.collector, &tally);
        let Direct { operation, cost, duration, iteration, meta, warnings } = direct;
        let mut rest = Rest::default();
        warnings.into_iter().for_each(|warning| rest.warn(warning));
        let amounts = Amounts { settlement: Settlement::in_cell(key), own: &tally, rest: &rest };
        if !self.book(place, amounts, None) {
            return false;
        }
        let mut record = OperationRecord::new(operation.as_str());
        record.stage = place.stage.map(|stage| stage.name().as_str().to_owned());
        record.cost_usd = cost;
        record.duration_seconds = duration.map(seconds);
        record.iteration = iteration;
        record.meta = meta;
        record.at = Some(Timestamp::from(self.clock.wall(self.clock.now())));
        let mut record = Some(record);
        self.on_run(place, |run| {
            if let Some(record) = record.take() {
                run.rest().record(record);
            }
        });
        true
    }

    /// Books what an operation cost of which nothing else is known; `refusal` is why its cost is unknown.
    pub(crate) fn book_cost(
        &self,
        place: Place,
        operation: &str,
        cost: Option<Usd>,
        refusal: Option<String>,
    ) {
        let operation = trimmed(operation).map_or(self.words.unattributed, Symbol::intern);
        let (duration, iteration, meta) = (None, None, BTreeMap::new());
        let warnings = Vec::from_iter(refusal);
        let direct = Direct { operation, cost, duration, iteration, meta, warnings };
        self.book_direct(place, direct);
    }

    /// Books an operation in the run with this id, or in the current one. Returns whether such a run was there to take it.
    pub(crate) fn record_operation(&self, fields: OperationFields<'_>, run_id: Option<&str>) -> bool {
        if self.options.disabled.is_some() {
            return false;
        }
        let place = match run_id {
            Some(run_id) => self.place_in_run(run_id),
            None => self.place_here(),
        };
        let Some(place) = place else {
            count(&self.counters.outside);
            return false;
        };
        self.book_direct(place, Direct::from_fields(fields, self.words.unattributed))
    }

    /// Where a record for the run with this id goes: to the current stage if the current span is in that run, else into
    /// no stage. A run that has yet to begin is known by the id that its root has recorded.
    fn place_in_run(&self, run_id: &str) -> Option<Place> {
        let begun = self.runs_in_flight().into_iter().find(|run| run.public_id() == run_id);
        let place = begun.map(|run| run.place()).or_else(|| {
            let mut found = None;
            self.table.for_each(|_, open| {
                if open.root.is_some() && open.reading.run_id() == Some(run_id) {
                    found = Some(Place { stage: None, collector: 0, limited: Stages::NONE, ..open.place });
                }
            });
            found
        })?;
        Some(self.place_here().filter(|here| here.run == place.run).unwrap_or(place))
    }

    /// The place of the current span.
    fn place_here(&self) -> Option<Place> {
        let dispatch = self.dispatch.get().and_then(WeakDispatch::upgrade);
        self.current_place(dispatch.as_ref().and_then(|dispatch| dispatch.downcast_ref()))
    }
}
