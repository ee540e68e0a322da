//! Opening a span: it is placed below the nearest span around it that matters.

use std::cell::Cell;
use std::time::Instant;

use tracing_core::{LevelFilter, Subscriber, span};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::ancestors::{Ancestor, Parent};
use super::core::Core;
use super::position::Position;
use super::span_state::SpanState;
use super::thread_state::ThreadState;
use super::visit::{PlainVisitor, TextVisitor};
use super::waiting::outer_of;
use crate::attribution::{CallsiteFlags, Span};
use crate::journal::OpenStage;

/// What is known of a new span before anything is looked up that is not this thread's own.
pub(crate) enum Glance {
    /// It does not matter: not by itself, nor as one right under a root.
    Nothing,
    /// It may matter, below the span that this thread entered last.
    Inside(CallsiteFlags),
    /// This thread has not cached its callsite, or its parent is another one.
    Unknown,
}

/// How a span opens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opens {
    /// Inside a span that the registry keeps open for it.
    Inside,
    /// Inside a span that it was not opened in (A9).
    Adopted,
    /// As the root of a run.
    AsRoot,
}

/// Where, how and when a span opens.
#[derive(Clone, Copy)]
struct Opening<'a> {
    around: &'a Cell<Ancestor>,
    how: Opens,
    started: Instant,
}

/// What is still to be done for a span that was opened.
#[derive(Clone, Copy)]
pub(crate) struct Opened {
    pub(crate) is_more: bool,
    /// Fields that have to be formatted.
    left_text: bool,
}

impl Opened {
    const DONE: Self = Self { is_more: false, left_text: false };
}

impl Core {
    /// What is known at once of a new span. This is all that most spans of a program cost.
    // Inlined: all that a plain span costs. Nothing that is called here may be out of line.
    #[inline]
    pub(crate) fn glance(&self, thread: &ThreadState, attrs: &span::Attributes<'_>) -> Glance {
        if !is_contextual(attrs) {
            return Glance::Unknown;
        }
        let Some(flags) = thread.flags(self.spans.layer, attrs.metadata()) else { return Glance::Unknown };
        if flags.matters() {
            return Glance::Inside(flags);
        }
        match thread.is_in_root(self.spans.layer, self.spans.epoch()) {
            Some(in_root) if !(in_root && flags.matters_under_root()) => Glance::Nothing,
            _ => Glance::Inside(flags),
        }
    }

    /// Opens a span if it matters.
    // Not inlined: plain spans never come here, and must not set up its stack frame.
    #[inline(never)]
    pub(crate) fn open<S>(
        &self,
        thread: &ThreadState,
        glance: Glance,
        attrs: &span::Attributes<'_>,
        id: &span::Id,
        ctx: &Context<'_, S>,
    ) -> Opened
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let (flags, near) = match glance {
            Glance::Inside(flags) => (flags, thread.current_ancestor(self.spans.layer, self.spans.epoch())),
            Glance::Unknown => (self.flags(attrs.metadata()), None),
            Glance::Nothing => return Opened::DONE,
        };
        // Also for the few that turn out not to matter: a root and its run begin at the same time.
        let mut started = Instant::now();
        let (around, how);
        let around = match near {
            Some(near) => {
                how = Opens::Inside;
                near
            }
            None => match self.look_around(&glance, flags, started, attrs, id, ctx) {
                Some(found) => {
                    (around, how, started) = found;
                    &around
                }
                None => return Opened::DONE,
            },
        };
        let is_wanted =
            flags.matters() || how == Opens::AsRoot || around.get().is_root && flags.matters_under_root();
        if !is_wanted {
            return Opened::DONE;
        }
        self.open_in(thread, Opening { around, how, started }, flags, attrs, id.into_u64())
    }

    /// Opens a span that matters.
    // Inlined into `open`, its only caller.
    #[inline]
    fn open_in(
        &self,
        thread: &ThreadState,
        opening: Opening<'_>,
        flags: CallsiteFlags,
        attrs: &span::Attributes<'_>,
        id: u64,
    ) -> Opened {
        let Opening { around, how, started } = opening;
        self.spans.open(id, flags, |state| {
            // Copied from where it lies, and not by way of the stack.
            state.position = around.get().position;
            (state.started, state.is_adopted) = (started, how == Opens::Adopted);
            state.parent = around.get().span;
            (state.outer_aggregate, state.outer_limited) = (state.position.aggregate, state.position.limited);
            let span = &mut state.span;
            span.kind = self.options.rules.first_kind(flags);
            (span.is_root, span.is_child_of_root) = (how == Opens::AsRoot, around.get().is_root);
            span.outer = state.position.place;
            // Under the slot's lock: a visitor that leaves texts alone runs no user code.
            let left_text = flags.schema.is_relevant && read_plain(attrs, thread, state);
            self.options.rules.place(flags, &mut state.span);
            self.inherit(state, id);
            Opened { is_more: left_text || how != Opens::Inside || self.is_noted(state), left_text }
        })
    }

    /// Completes the opening of a span that has more to be read, or that others have to know of.
    #[cold]
    pub(crate) fn open_rest(&self, opened: Opened, attrs: &span::Attributes<'_>, id: u64) {
        let flags = self.flags(attrs.metadata());
        if opened.left_text {
            // Formatting runs the value's own code, which may trace: not while the span's slot is locked.
            let mut texts = TextVisitor::new(flags.schema);
            attrs.values().record(&mut texts);
            self.spans.with(id, |state| {
                texts.add_to(state.span.kind.accumulate(), &mut state.span.reading);
                self.place_late(flags, &mut state.span);
                self.inherit(state, id);
            });
        }
        let opened = self.spans.with(id, |state| {
            let pipeline = if state.span.is_root { state.pipeline() } else { None };
            let is_noted = state.is_adopted || self.is_noted(state);
            // Around it: what adopts it, or waits for it, is not the span itself, and the root is not inside itself.
            let mut position = outer_of(state);
            position.in_aggregate_root &= !state.span.is_root;
            (position, pipeline, is_noted.then(|| (state.is_adopted, state.as_open_stage(&self.clock))))
        });
        let Some((position, pipeline, noted)) = opened else { return };
        if pipeline.is_some() {
            self.runs.with_details(position.run, |details| details.pipeline = pipeline);
        }
        if let Some((is_adopted, stage)) = noted {
            self.note_opened(flags, position, is_adopted, stage);
        }
    }

    /// Places a span that has recorded more than at first.
    #[cold]
    pub(super) fn place_late(&self, flags: CallsiteFlags, span: &mut Span) {
        self.options.rules.place(flags, span);
    }

    /// What is around a new span; `None` if it does not matter.
    #[cold]
    fn look_around<S>(
        &self,
        glance: &Glance,
        flags: CallsiteFlags,
        started: Instant,
        attrs: &span::Attributes<'_>,
        id: &span::Id,
        ctx: &Context<'_, S>,
    ) -> Option<(Cell<Ancestor>, Opens, Instant)>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        if let Glance::Inside(_) = glance
            && let Some(around) = self.spans.current_ancestor()
        {
            return Some((Cell::new(around), Opens::Inside, started));
        }
        let (around, how) = match self.spans.parent_of(attrs, id, ctx) {
            Parent::None => (None, Opens::Inside),
            // A span that does not matter by itself only matters right under a root, where it is a stage if
            // no stages were declared.
            Parent::Real(parent) if !flags.matters() => {
                (Some(self.spans.root_ancestor(parent)?), Opens::Inside)
            }
            Parent::Real(parent) => (self.spans.ancestor(parent, ctx), Opens::Inside),
            // A9: GenAI spans opened with `parent: None` (rig does this) belong to the current span. Any other parentless span
            // starts a run.
            Parent::Current(current) if flags.schema.is_gen_ai => {
                (self.spans.ancestor(current, ctx), Opens::Adopted)
            }
            Parent::Current(_) => (None, Opens::Inside),
        };
        if let Some(around) = around {
            return Some((Cell::new(around), how, started));
        }
        if !flags.may_be_root() {
            self.count_span_outside(flags);
            return None;
        }
        let started = self.begin_with_prices().unwrap_or(started);
        // Before its slot is locked (lock order: a slot or the details, never both).
        let root = id.into_u64();
        let run = self.runs.open(root, flags.schema, self.clock.moment(started));
        let position = Position { run, root, ..Position::NOWHERE };
        Some((Cell::new(Ancestor { position, ..Ancestor::NOTHING }), Opens::AsRoot, started))
    }

    /// Works out what a placed span passes on to the spans inside it.
    // Inlined: a few stores.
    #[inline]
    pub(super) fn inherit(&self, state: &mut SpanState, id: u64) {
        let span = &state.span;
        state.position.place = span.place;
        state.position.aggregate = if span.sums() { id } else { state.outer_aggregate };
        state.position.limited = if span.is_stage {
            state.outer_limited.with(self.options.limits.only(span.place.stage.map(|stage| stage.name())))
        } else {
            state.outer_limited
        };
        if span.is_root {
            state.position.in_aggregate_root = span.is_aggregate_root();
        }
    }

    /// Whether a span's opening concerns its run, its journal or an agent around it.
    // Inlined: a few tests.
    #[inline]
    fn is_noted(&self, state: &SpanState) -> bool {
        // A declared stage makes its run accountable. Nearly always it is so already, which one load shows.
        let begins = state.span.is_stage
            && state.flags.is_declared_stage()
            && !self.is_accountable(state.position.run);
        begins
            || state.position.in_aggregate_root && !state.span.is_root
            || self.delivery.journal.is_some() && state.span.is_stage
    }

    /// Notes an opened span with its run, its journal and the span that adopts it.
    fn note_opened(
        &self,
        flags: CallsiteFlags,
        position: Position,
        is_adopted: bool,
        opened: Option<OpenStage>,
    ) {
        let run = position.run;
        if position.in_aggregate_root {
            self.runs.with_details(run, |details| details.has_children = true);
        }
        if is_adopted {
            self.adopt(position);
        }
        if flags.is_declared_stage() {
            self.begin(run);
        }
        if let Some(stage) = opened {
            self.journal_opened(run, stage);
        }
    }
}

/// Whether a new span is a child of the span that this thread entered last, according to its own stack: see `ancestors`.
// Inlined: two comparisons for every new span.
#[inline]
fn is_contextual(attrs: &span::Attributes<'_>) -> bool {
    attrs.is_contextual() && LevelFilter::current() <= LevelFilter::INFO
}

/// Reads the fields of a span at its creation, but for those that have to be formatted; returns whether there are such.
// Inlined: the visitor then lives on the stack of the caller and is not copied.
#[inline]
fn read_plain(attrs: &span::Attributes<'_>, thread: &ThreadState, state: &mut SpanState) -> bool {
    let (schema, how) = (state.flags.schema, state.span.kind.accumulate());
    let mut plain = PlainVisitor::new(schema, &thread.names, how, &mut state.span.reading);
    attrs.values().record(&mut plain);
    plain.left_text
}
