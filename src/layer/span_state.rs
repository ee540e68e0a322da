//! An open span that matters: what the rules know of it, and its position in the program.

use std::time::Instant;

use super::clock::{Clock, nanos_between};
use super::position::Position;
use crate::attribution::{CallsiteFlags, Failure, Span, SpanKind};
use crate::journal::OpenStage;
use crate::ledger::{StageId, StageTotals};
use crate::limit::Stages;

/// An open span that matters.
#[derive(Debug)]
pub(crate) struct SpanState {
    pub(crate) flags: CallsiteFlags,
    pub(crate) span: Span,
    /// Its own position, which its descendants inherit.
    pub(crate) position: Position,
    /// The nearest span around it that matters; 0 for a root.
    pub(crate) parent: u64,
    /// The nearest span around it that sums what is inside; 0 for none.
    pub(crate) outer_aggregate: u64,
    /// The stages around it that have a limit.
    pub(crate) outer_limited: Stages,
    /// Its parent is a logical one, which the registry does not keep open for it (A9).
    pub(crate) is_adopted: bool,
    /// Open spans inside that the registry does not keep it open for.
    pub(crate) waits_for: u32,
    /// One of these is the price book.
    pub(crate) is_early: bool,
    pub(crate) started: Instant,
}

impl SpanState {
    /// A span of which nothing is known yet.
    pub(crate) fn blank(flags: CallsiteFlags) -> Self {
        Self {
            flags,
            span: Span::blank(flags.schema),
            position: Position::NOWHERE,
            parent: 0,
            outer_aggregate: 0,
            outer_limited: Stages::NONE,
            is_adopted: false,
            waits_for: 0,
            is_early: false,
            started: Instant::now(),
        }
    }

    /// The stage that the span is, if it is one.
    // Inlined: two loads.
    #[inline]
    pub(crate) fn stage(&self) -> Option<StageId> {
        self.span.place.stage.filter(|_| self.span.is_stage)
    }

    /// The name of the pipeline, where the root records one or is an agent (A1).
    pub(crate) fn pipeline(&self) -> Option<Box<str>> {
        let remarks = self.span.reading.remarks.as_ref();
        let recorded = remarks.and_then(|remarks| remarks.pipeline.as_ref().or(remarks.otel_name.as_ref()));
        let agent = || self.span.place.agent.filter(|_| self.span.kind == SpanKind::Agent);
        recorded.cloned().or_else(|| agent().map(|agent| agent.as_str().into()))
    }

    /// Whether it has recorded the end of its run.
    pub(crate) fn is_ended(&self) -> bool {
        self.span.reading.remarks.as_ref().is_some_and(|remarks| remarks.is_ended)
    }

    /// The stage that has to be journaled as open.
    pub(crate) fn as_open_stage(&self, clock: &Clock) -> Option<OpenStage> {
        Some(OpenStage { stage: self.stage()?, at: clock.moment(self.started).nanos() })
    }

    /// The attempt of its stage, which is open still.
    pub(crate) fn open_attempt(&self, clock: &Clock, now: Instant) -> StageTotals {
        let attempt = StageTotals::opened(clock.moment(self.started).nanos());
        StageTotals { nanos: nanos_between(self.started, now), ..attempt }
    }

    /// Leaves a span with nothing more to book behind, and returns what it was.
    pub(crate) fn take(&mut self) -> Self {
        let mut rest = Self::blank(self.flags);
        rest.position = self.position;
        rest.span.is_root = self.span.is_root;
        (rest.started, rest.is_adopted, rest.waits_for) = (self.started, self.is_adopted, self.waits_for);
        rest.outer_aggregate = self.outer_aggregate;
        std::mem::replace(self, rest)
    }

    /// Forgets what it recorded, and keeps the allocation for the next span.
    // Inlined: two tests and a few stores of zero at the end of every call.
    #[inline]
    pub(crate) fn wipe(&mut self) {
        if self.span.reading.remarks.is_some() || self.span.reading.inclusive.is_some() {
            self.span.reading.wipe();
        } else {
            self.span.reading.wipe_figures();
        }
        self.span.below = None;
        self.span.kind = SpanKind::Plain;
        self.waits_for = 0;
    }

    /// Notes that the span failed if its thread is panicking (A12).
    // Inlined: one load of a counter that is nearly always 0.
    #[inline]
    pub(crate) fn note_panic(&mut self) {
        if std::thread::panicking() {
            self.note_that_it_panicked();
        }
    }

    #[cold]
    fn note_that_it_panicked(&mut self) {
        if !self.span.reading.has_failed() {
            *self.span.reading.failure() = Failure::of("panicked");
        }
    }
}
