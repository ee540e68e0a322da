//! A call that waits for the call around it.

use super::callsite_schema::CallsiteSchema;
use super::operations::OperationKind;
use super::place::Place;
use super::reading::ModelName;
use crate::ledger::{Symbol, Usage, Usd};

/// A call that closed inside a call which does the same thing: it is booked when the outer one closes.
#[derive(Clone, Debug)]
pub(crate) struct InnerCall {
    pub(crate) schema: &'static CallsiteSchema,
    pub(crate) place: Place,
    pub(crate) kind: OperationKind,
    pub(crate) operation: Option<Symbol>,
    pub(crate) model: ModelName,
    pub(crate) response_id: u64,
    pub(crate) usage: Usage,
    /// The cost that it reported.
    pub(crate) cost: Option<Usd>,
    pub(crate) has_failed: bool,
    pub(crate) nanos: u64,
    pub(crate) started: u64,
    /// Whether a call reported it; else it is the excess of a container between the two calls.
    pub(crate) is_request: bool,
}
