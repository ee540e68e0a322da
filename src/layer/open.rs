//! Opening a span: it is placed below the nearest span around it that matters.

use tracing_core::{LevelFilter, Subscriber, span};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::ancestors::{Ancestor, Parent};
use super::core::Core;
use super::position::Position;
use super::span_state::SpanState;
use super::thread_state::{ThreadState, with_thread_state};
use super::visit::{PlainVisitor, TextVisitor};
use super::waiting::outer_of;
use crate::attribution::CallsiteFlags;

/// What is known of a new span before anything is looked up that is not this thread's own.
pub(crate) enum Glance {
    /// It does not matter: not by itself, nor as one right under a root.
    Nothing,
    /// It may matter, below the span that this thread entered last.
    Inside(CallsiteFlags),
    /// This thread has not cached its callsite, or its parent is another one.
    Unknown,
}

impl Core {
    /// What is known at once of a new span. This is all that most spans of a program cost.
    // Inlined: all that a plain span costs. Nothing that is called here may be out of line.
    #[inline]
    pub(crate) fn glance(&self, thread: &ThreadState, attrs: &span::Attributes<'_>) -> Glance {
        if !is_contextual(attrs) {
            return Glance::Unknown;
        }
        let Some(flags) = thread.flags(self.number, attrs.metadata()) else { return Glance::Unknown };
        if flags.matters() {
            return Glance::Inside(flags);
        }
        match thread.is_in_root(self.number, self.spans.epoch()) {
            Some(in_root) if !(in_root && flags.matters_under_root()) => Glance::Nothing,
            _ => Glance::Inside(flags),
        }
    }

    /// Opens a span if it matters.
    // Not inlined: plain spans never come here, and must not set up its stack frame.
    #[inline(never)]
    pub(crate) fn open<S>(
        &self,
        glance: Glance,
        attrs: &span::Attributes<'_>,
        id: &span::Id,
        ctx: &Context<'_, S>,
    ) where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let (flags, near) = match glance {
            Glance::Inside(flags) => (flags, self.current_ancestor()),
            _ => (self.flags(attrs.metadata()), None),
        };
        let (around, is_adopted) = match near {
            Some(around) => (Some(around), false),
            None => match self.look_around(flags, attrs, id, ctx) {
                Some(found) => found,
                None => return,
            },
        };
        if !flags.matters() && around.is_some_and(|around| !(around.is_root && flags.matters_under_root())) {
            return;
        }
        let id = id.into_u64();
        let mut state = self.spans.blank(id, flags);
        self.place(&mut state, id, around, is_adopted);
        if flags.schema.is_relevant {
            read(attrs, &mut state);
        }
        self.options.rules.place(flags, &mut state.span);
        self.inherit(&mut state, id);
        // Around it: what adopts it, or waits for it, is not the span itself.
        let (mut position, is_noted) = (outer_of(&state), self.is_noted(&state));
        // The root is not inside itself.
        position.in_aggregate_root &= !state.span.is_root;
        let pipeline = if state.span.is_root { state.pipeline() } else { None };
        let opened = is_noted.then(|| state.as_open_stage()).flatten();
        self.spans.insert(id, state);
        if pipeline.is_some() {
            self.runs.with_details(position.run, |details| details.pipeline = pipeline);
        }
        if is_noted {
            self.note_opened(flags, position, is_adopted, opened);
        }
    }

    /// The ancestor of a new span, and whether it is adopted there; `None` if its ancestors do not matter.
    #[cold]
    fn look_around<S>(
        &self,
        flags: CallsiteFlags,
        attrs: &span::Attributes<'_>,
        id: &span::Id,
        ctx: &Context<'_, S>,
    ) -> Option<(Option<Ancestor>, bool)>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let (around, is_adopted) = match self.parent_of(attrs, id, ctx) {
            Parent::None => (None, false),
            // A span that does not matter by itself only matters right under a root, where it is a stage if
            // no stages were declared.
            Parent::Real(parent) if !flags.matters() => (Some(self.root_ancestor(parent)?), false),
            Parent::Real(parent) => (self.ancestor(parent, ctx), false),
            // A9: GenAI spans opened with `parent: None` (rig does this) belong to the current span. Any other parentless span
            // starts a run.
            Parent::Current(current) if flags.schema.is_gen_ai => {
                let around = self.ancestor(current, ctx);
                (around, around.is_some())
            }
            Parent::Current(_) => (None, false),
        };
        (around.is_some() || flags.may_be_root()).then_some((around, is_adopted))
    }

    /// Prepares a span's state from what is around it.
    // Inlined: a dozen stores into one struct, which the compiler merges.
    #[inline]
    fn place(&self, state: &mut SpanState, id: u64, around: Option<Ancestor>, is_adopted: bool) {
        state.started = self.clock.now();
        state.is_adopted = is_adopted;
        let span = &mut state.span;
        span.kind = self.options.rules.first_kind(state.flags);
        match around {
            Some(Ancestor { span: parent, position, is_root }) => {
                (state.parent, state.position) = (parent, position);
                (span.is_root, span.is_child_of_root, span.outer) = (false, is_root, position.place);
            }
            None => {
                let run = self.runs.open(id, state.flags.schema, state.started);
                (state.parent, state.position) = (0, Position { run, root: id, ..Position::NOWHERE });
                (span.is_root, span.is_child_of_root, span.outer) = (true, false, Position::NOWHERE.place);
            }
        }
        (state.outer_aggregate, state.outer_limited) = (state.position.aggregate, state.position.limited);
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

    /// Whether a span's opening concerns its run, its journal or the span that adopts it.
    // Inlined: a few tests.
    #[inline]
    fn is_noted(&self, state: &SpanState) -> bool {
        // A declared stage makes its run accountable. Nearly always it is so already, which one load shows.
        let begins = state.span.is_stage
            && state.flags.is_declared_stage()
            && !self.is_accountable(state.position.run);
        begins
            || state.is_adopted
            || state.position.in_aggregate_root && !state.span.is_root
            || self.delivery.journal.is_some() && state.span.is_stage
    }

    /// Notes an opened span with its run, its journal and the span that adopts it.
    #[cold]
    fn note_opened(
        &self,
        flags: CallsiteFlags,
        position: Position,
        is_adopted: bool,
        opened: Option<crate::journal::OpenStage>,
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

/// Reads the fields of a span at its creation. Nothing is locked: a value's `Debug` runs its author's code, which may trace.
// Inlined: the visitor then lives on the stack of the caller and is not copied.
#[inline]
fn read(attrs: &span::Attributes<'_>, state: &mut SpanState) {
    let (schema, how) = (state.flags.schema, state.span.kind.accumulate());
    let left_text = with_thread_state(|thread| {
        let mut plain = PlainVisitor::new(schema, &thread.names, how, &mut state.span.reading);
        attrs.values().record(&mut plain);
        plain.left_text
    });
    if left_text {
        let mut texts = TextVisitor::new(schema);
        attrs.values().record(&mut texts);
        texts.add_to(how, &mut state.span.reading);
    }
}
