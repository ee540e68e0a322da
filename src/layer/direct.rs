//! Operations that are no spans, recorded directly: into the run of an event, or into a run by its id.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tracing_core::dispatcher::WeakDispatch;

use super::core::Core;
use super::handle::Handle;
use super::reading::Reading;
use super::settlement::{Amounts, Rest, Settlement};
use super::stats::count;
use super::table::Place;
use super::told::trimmed;
use crate::ledger::{CellKey, Name, Sources, Tally, Usd};
use crate::limit::Stages;
use crate::record::{OperationBuilder, Recorded};
use crate::summary::{OperationRecord, Timestamp, seconds};

/// The target of events that record an operation.
pub(crate) const TARGET: &str = "tracing_budget::operation";

/// What an event that records an operation tells beside its cost.
#[derive(Debug, Default)]
pub(crate) struct RecordReading {
    pub(crate) duration: Option<Duration>,
    pub(crate) meta: BTreeMap<String, Value>,
}

/// An operation that was recorded.
#[derive(Debug)]
pub(crate) struct Direct {
    operation: Name,
    cost: Option<Usd>,
    duration: Option<Duration>,
    iteration: Option<u64>,
    meta: BTreeMap<String, Value>,
    warnings: Vec<String>,
}

impl Direct {
    /// What an event told.
    pub(crate) fn heard(reading: &mut Reading, unnamed: Name) -> Self {
        let (operation, cost) = (reading.operation().unwrap_or(unnamed), reading.cost());
        let remarks = reading.remarks.as_mut().map(std::mem::take).unwrap_or_default();
        let RecordReading { duration, meta } = remarks.record.map(|record| *record).unwrap_or_default();
        let iteration = remarks.run.and_then(|run| run.iteration);
        Self { operation, cost, duration, iteration, meta, warnings: remarks.warnings }
    }

    fn told(recorded: Recorded<'_>, unnamed: Name) -> Self {
        let Recorded { operation, cost, duration, iteration, meta, refusal } = recorded;
        let operation = trimmed(operation).map_or(unnamed, Name::of);
        Self { operation, cost, duration, iteration, meta, warnings: Vec::from_iter(refusal) }
    }

    fn tally(&self) -> Tally {
        let nanos =
            self.duration.map_or(0, |duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        let sources = if self.cost.is_some() { Sources::REPORTED } else { Sources::default() };
        Tally { cost: self.cost.unwrap_or_default(), count: 1, nanos, sources, ..Tally::default() }
    }
}

impl Core {
    /// Books an operation; false if its run takes nothing more.
    pub(crate) fn book_direct(&self, place: Place, direct: Direct) -> bool {
        let key = CellKey { stage: place.stage, model: None, operation: direct.operation };
        let tally = direct.tally();
        self.collect(place, place.collector, &tally);
        let Direct { operation, cost, duration, iteration, meta, warnings } = direct;
        let mut rest = Rest::default();
        warnings.into_iter().for_each(|warning| rest.warn(warning));
        let amounts = Amounts { settlement: Settlement::told(key), own: &tally, rest: &rest };
        if !self.book(place, amounts, None) {
            return false;
        }
        let mut record = OperationRecord::new(operation.as_str());
        record.stage = place.stage.map(|stage| stage.as_str().to_owned());
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

    /// Books what an operation cost of which nothing else is known.
    pub(crate) fn book_cost(&self, place: Place, operation: &str, cost: Usd) {
        let operation = trimmed(operation).map_or(self.words.unattributed, Name::of);
        let (duration, iteration, meta) = (None, None, BTreeMap::new());
        let direct = Direct { operation, cost: Some(cost), duration, iteration, meta, warnings: Vec::new() };
        self.book_direct(place, direct);
    }

    /// Where a record for the run with this id goes: to the current stage if the current span is in that run, else into
    /// no stage. A run that has yet to begin is known by the id that its root has told.
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

impl Handle {
    /// Begins to record an operation in a run of this layer: the current one, or with [`run`](OperationBuilder::run) any run in
    /// flight. As [`operation`](crate::operation()) otherwise, but without an event that other layers see.
    ///
    /// ```
    /// use tracing_subscriber::prelude::*;
    ///
    /// let (budget, guard) = tracing_budget::layer().build()?;
    /// let handle = guard.handle();
    /// tracing::subscriber::with_default(tracing_subscriber::registry().with(budget), || {
    ///     let _nightly = tracing::info_span!("pipeline", run_id = "nightly-7").entered();
    ///     let bill = handle.clone();
    ///     let elsewhere = std::thread::spawn(move || bill.operation("gpu_minutes").cost_usd("0.40").run("nightly-7").record());
    ///     assert!(elsewhere.join().is_ok_and(|was_booked| was_booked));
    ///     assert_eq!(handle.snapshot()[0].budget_summary.operation_cost("gpu_minutes"), "0.40".parse().ok());
    /// });
    /// # Ok::<(), tracing_budget::BuildError>(())
    /// ```
    pub fn operation<'a>(&'a self, name: &'a str) -> OperationBuilder<'a, LayerRun<'a>> {
        OperationBuilder::new(name, LayerRun { core: self.core(), run_id: None })
    }
}

/// Where [`Handle::operation`] records: a run of one layer.
#[derive(Clone, Copy)]
pub struct LayerRun<'a> {
    core: &'a Core,
    run_id: Option<&'a str>,
}

impl std::fmt::Debug for LayerRun<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerRun").field("run_id", &self.run_id).finish_non_exhaustive()
    }
}

impl<'a> OperationBuilder<'a, LayerRun<'a>> {
    /// Names the run, by the id that its summary has. It belongs to the current stage if the current span is in that run, and to no
    /// stage otherwise.
    pub fn run(self, run_id: &'a str) -> Self {
        self.to(|to| LayerRun { run_id: Some(run_id), ..to })
    }

    /// Records it. Returns whether there was such a run to take it; where there was none, it is counted in
    /// [`Stats::outside`](crate::Stats::outside), and in [`Stats::late`](crate::Stats::late) where the run was just ending.
    pub fn record(self) -> bool {
        let (recorded, LayerRun { core, run_id }) = self.parts();
        if core.options.disabled.is_some() {
            return false;
        }
        let place = match run_id {
            Some(run_id) => core.place_in_run(run_id),
            None => core.place_here(),
        };
        let Some(place) = place else {
            count(&core.counters.outside);
            return false;
        };
        core.book_direct(place, Direct::told(recorded, core.words.unattributed))
    }
}
