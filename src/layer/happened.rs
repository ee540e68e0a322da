//! What an event is that is booked in its order, and where and when it happened.

use super::clock::Moment;
use super::position::Position;
use crate::attribution::{CallsiteSchema, GateReading, ModelName, Reading};

/// What an event is, and where and when it happened.
#[derive(Debug)]
pub(crate) struct Happened {
    pub(crate) position: Position,
    pub(crate) at: Moment,
    pub(crate) what: Occurrence,
}

/// What an event is, of that which is booked in its order.
#[derive(Debug)]
pub(crate) enum Occurrence {
    /// Usage that counts, or the details of a call; with the model of the span around it.
    Usage {
        schema: &'static CallsiteSchema,
        reading: Box<Reading>,
        near: ModelName,
    },
    Gate(Box<GateReading>),
}
