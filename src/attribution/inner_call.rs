//! A call that waits for the call around it.

use super::callsite_schema::CallsiteSchema;
use super::operations::OperationKind;
use super::place::Place;
use super::reading::ModelName;
use crate::ledger::{CallNames, CallTexts, Symbol, Usage, Usd};

/// A call that closed inside a call which does the same thing: it is booked when the outer one closes.
#[derive(Clone, Debug)]
pub(crate) struct InnerCall {
    pub(crate) schema: &'static CallsiteSchema,
    pub(crate) place: Place,
    pub(crate) kind: OperationKind,
    pub(crate) operation: Option<Symbol>,
    /// The model that it names itself.
    pub(crate) model: ModelName,
    /// The model that it takes if no call around it has one either (A3).
    pub(crate) inherited: ModelName,
    pub(crate) response_id: u64,
    /// The response id of the call that it represents: its own, or that of a wrapper.
    pub(crate) represented_id: u64,
    pub(crate) usage: Usage,
    /// The cost that it reported.
    pub(crate) cost: Option<Usd>,
    /// Whether it has a cost in another currency, which is unknown in USD (A11).
    pub(crate) is_foreign: bool,
    pub(crate) has_failed: bool,
    /// Its own failure, or that of a wrapper with requests that did not fail.
    pub(crate) errors: i64,
    /// Executions of its operation: 0 for the excess of a container, which counts its own.
    pub(crate) count: i64,
    pub(crate) nanos: u64,
    pub(crate) started: u64,
    pub(crate) closed: u64,
    /// Whether it is a call; else it is a cost or parts alone, which only count in the sum inside the outer call.
    pub(crate) is_call: bool,
    /// What its record has beside this. The provider, and a model that it does not name itself, come when it is booked.
    pub(crate) names: CallNames,
    pub(crate) texts: CallTexts,
    /// Its number among the requests of one call, from 1.
    pub(crate) attempt: u16,
}
