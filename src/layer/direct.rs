//! Operations that are no spans, recorded directly: into the run of an event, or into a run by its id.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tracing_core::dispatcher::WeakDispatch;

use super::close::Entry;
use super::core::Core;
use super::position::Position;
use super::stats::count;
use crate::attribution::{Below, Reading, RecordReading, trimmed};
use crate::ledger::{CellKey, CellTotals, Sources, Symbol, Usd, bounds};
use crate::summary::{OperationFields, OperationRecord, Timestamp, seconds};

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
        let meta = bounds::object("meta", meta);
        Self { operation, cost, duration, iteration, meta, warnings: Vec::from_iter(refusal) }
    }

    fn totals(&self) -> CellTotals {
        let nanos =
            self.duration.map_or(0, |duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        let sources = if self.cost.is_some() { Sources::REPORTED } else { Sources::default() };
        CellTotals { cost: self.cost.unwrap_or_default(), count: 1, nanos, sources, ..CellTotals::default() }
    }
}

impl Core {
    /// Books an operation; `false` if its run takes nothing more.
    pub(crate) fn book_direct(&self, position: &Position, direct: Direct) -> bool {
        let place = &position.place;
        let key =
            CellKey { stage: place.stage, agent: place.agent, model: None, operation: direct.operation };
        let totals = direct.totals();
        // Before it is booked, for the reason given in `pass_on`: the cost would be counted twice.
        self.collect(position, Below { booked: totals.clone(), ..Below::default() });
        let Direct { operation, cost, duration, iteration, meta, warnings } = direct;
        if !self.book(position, Entry::of_amount(key, &totals)) {
            return false;
        }
        let mut record = OperationRecord::new(operation.as_str());
        record.stage = place.stage.map(|stage| stage.name().as_str().to_owned());
        record.cost_usd = cost;
        record.duration_seconds = duration.map(seconds);
        record.iteration = iteration;
        record.meta = meta;
        record.at = Some(Timestamp::from(self.clock.wall(self.clock.now())));
        self.runs.with_details(position.run, |details| {
            warnings.into_iter().for_each(|warning| details.warn(warning.into()));
            details.record(record);
        });
        true
    }

    /// Books what an operation cost of which nothing else is known; `refusal` is why its cost is unknown.
    pub(crate) fn book_cost(
        &self,
        position: Position,
        operation: &str,
        cost: Option<Usd>,
        refusal: Option<String>,
    ) {
        let operation = trimmed(operation).map_or(self.options.rules.unattributed, Symbol::intern);
        let (duration, iteration, meta) = (None, None, BTreeMap::new());
        let warnings = Vec::from_iter(refusal);
        let direct = Direct { operation, cost, duration, iteration, meta, warnings };
        self.book_direct(&position, direct);
    }

    /// Books an operation in the run with this id, or in the current one. Returns whether such a run was there to take it.
    pub(crate) fn record_operation(&self, fields: OperationFields<'_>, run_id: Option<&str>) -> bool {
        if self.options.disabled.is_some() {
            return false;
        }
        let position = match run_id {
            Some(run_id) => self.position_in_run(run_id),
            None => self.position_here(),
        };
        let Some(position) = position else {
            count(&self.counters.outside.operations);
            return false;
        };
        self.book_direct(&position, Direct::from_fields(fields, self.options.rules.unattributed))
    }

    /// Where a record for the run with this id goes: to the current stage if the current span is in that run, else into
    /// no stage.
    fn position_in_run(&self, run_id: &str) -> Option<Position> {
        let named = self.run_with_id(run_id)?;
        let root = self.runs.with_details(named, |details| details.root)?;
        let at_root = Position { run: named, root, ..Position::NOWHERE };
        Some(self.position_here().filter(|here| here.run == named).unwrap_or(at_root))
    }

    /// The run in flight with this id. A run that is not accountable yet is known by the id that its root has recorded.
    pub(crate) fn run_with_id(&self, run_id: &str) -> Option<u64> {
        let mut known = self.runs.in_flight().into_iter();
        known.find(|run| self.public_id(*run).as_deref() == Some(run_id)).or_else(|| {
            let mut found = None;
            self.spans.for_each(|_, state| {
                if state.span.is_root && state.span.reading.run_id() == Some(run_id) {
                    found = Some(state.position.run);
                }
            });
            found
        })
    }

    /// The id of a run in flight.
    pub(crate) fn public_id(&self, run: u64) -> Option<String> {
        self.runs.with_details(run, |details| details.public_id(&self.clock))
    }

    /// The position of the current span.
    fn position_here(&self) -> Option<Position> {
        let dispatch = self.spans.subscriber.get().and_then(WeakDispatch::upgrade);
        self.spans.current_position(dispatch.as_ref().and_then(|dispatch| dispatch.downcast_ref()))
    }
}
