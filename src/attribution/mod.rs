//! Attribution: from the fields of a span and its ancestors to what is booked where.
//!
//! The rules A1 to A14 of `docs/attribution.md`. A source of spans describes a callsite once ([`Declaration`]), places each span
//! below its parent's [`Place`], feeds what it records to its [`Reading`], and closes it: [`Rules::close`] returns the
//! [`Charges`]. The layer is one such source.
//!
//! # Invariants
//!
//! - A figure is booked by one span: its own, or the call around it (A5).
//! - What a span passes on equals what it books plus what was booked inside.
//! - A field's meaning is in `names`, an operation's in `operations`, a library's in `emitters`, and nowhere else.
//!
//! Absent, and to be kept absent: `tracing`, I/O, clocks, locks, prices, thread-locals.

mod accumulate;
mod below;
mod call;
mod callsite_schema;
mod charge;
mod close;
mod emitters;
mod field_value;
mod inclusive;
mod inner_call;
mod names;
mod operations;
mod parts;
mod place;
mod placing;
mod reading;
mod recordings;
mod rules;
mod span;

pub(crate) use accumulate::Accumulate;
pub(crate) use below::{Answered, Below};
pub(crate) use callsite_schema::{CallsiteKind, CallsiteSchema, Declaration};
pub(crate) use charge::{
    Booking, Charge, ChargedAmount, ChargedCall, Charges, Completion, count_joined_call,
};
pub(crate) use field_value::{FieldValue, trimmed};
pub(crate) use inclusive::{beyond, take_parts};
pub(crate) use inner_call::InnerCall;
pub(crate) use names::{FieldRole, NameField};
pub(crate) use operations::call_kind;
pub(crate) use place::{CallKinds, Place, SpanKind};
pub(crate) use reading::{Failure, GateReading, Inclusive, ModelName, PriceTerms, Reading, RecordReading};
pub(crate) use rules::{ApartEmitter, CallsiteFlags, Rules};
pub(crate) use span::Span;
