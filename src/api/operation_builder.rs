//! An operation before it is recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::ledger::{IntoUsd, Usd};
use crate::summary::OperationFields;

/// An operation before it is recorded; `T` is its destination. See [`operation`](crate::operation()),
/// [`Handle::operation`](crate::Handle::operation) and [`CostTracker::operation`](crate::CostTracker::operation).
///
/// What is not set stays unknown. An operation without a cost is counted and timed.
#[derive(Clone, Debug)]
#[must_use = "nothing is recorded before `record`"]
pub struct OperationBuilder<'a, T> {
    recorded: OperationFields<'a>,
    to: T,
}

impl<'a, T> OperationBuilder<'a, T> {
    /// An operation of this name that goes there.
    pub(crate) fn new(operation: &'a str, to: T) -> Self {
        let (cost, duration, iteration, refusal) = Default::default();
        Self {
            recorded: OperationFields {
                operation,
                cost,
                duration,
                iteration,
                meta: BTreeMap::new(),
                refusal,
            },
            to,
        }
    }

    /// Sets the cost in USD: a text such as `"0.005"`, a number, or a [`Usd`]. What is not an amount, or below zero, is
    /// refused with a warning in the summary.
    pub fn cost_usd(mut self, cost: impl IntoUsd) -> Self {
        (self.recorded.cost, self.recorded.refusal) = amount("cost_usd", cost);
        self
    }

    /// Sets the cost, or why it is unknown.
    pub(crate) fn reported(mut self, cost: Option<Usd>, refusal: Option<String>) -> Self {
        (self.recorded.cost, self.recorded.refusal) = (cost, refusal);
        self
    }

    /// Sets how long it took.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.recorded.duration = Some(duration);
        self
    }

    /// Sets the iteration in which it was done; the highest of a run is the run's `iterations`.
    pub fn iteration(mut self, iteration: u64) -> Self {
        self.recorded.iteration = Some(iteration);
        self
    }

    /// Adds a detail that is kept with the record.
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.recorded.meta.insert(key.into(), value.into());
        self
    }

    /// Changes its destination.
    pub(crate) fn to<U>(self, to: impl FnOnce(T) -> U) -> OperationBuilder<'a, U> {
        OperationBuilder { recorded: self.recorded, to: to(self.to) }
    }

    pub(crate) fn parts(self) -> (OperationFields<'a>, T) {
        (self.recorded, self.to)
    }
}

/// A reported amount of USD, or the reason why it is refused.
pub(super) fn amount(field: &str, reported: impl IntoUsd) -> (Option<Usd>, Option<String>) {
    let refused = |why: String| (None, Some(format!("{field} was taken as not reported: {why}")));
    match reported.into_usd() {
        Ok(amount) if amount < Usd::ZERO => refused(format!("{amount} USD is below zero")),
        Ok(amount) => (Some(amount), None),
        Err(error) => refused(error.to_string()),
    }
}
