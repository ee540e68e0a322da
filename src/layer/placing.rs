//! Placing a new span: root, stage, call, or not relevant.

use std::sync::atomic::Ordering;

use tracing_core::{LevelFilter, Metadata, Subscriber, span};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::callsite::{Meaning, Naming};
use super::callsite_flags::CallsiteFlags;
use super::core::Core;
use super::parent::{Ancestor, Parent};
use super::reading::Manner;
use super::root::RootPart;
use super::table::{Open, Place};
use super::thread_state::{CachedAncestor, ThreadState, with_thread_state};
use super::visit::{PlainVisitor, TextVisitor};
use crate::ledger::{StageId, Symbol};

impl Core {
    pub(crate) fn flags(&self, metadata: &'static Metadata<'static>) -> CallsiteFlags {
        with_thread_state(|thread| {
            thread.flags(self.number, metadata).unwrap_or_else(|| {
                let flags = self.options.named.flags(Meaning::of(metadata));
                thread.keep_flags(self.number, metadata, flags);
                flags
            })
        })
    }

    /// What is known at once of a new span. This is all that most spans of a program cost, so nothing here is called that is
    /// not inlined.
    // Inlined: all that a plain span costs. Nothing that is called here may be out of line.
    #[inline]
    pub(crate) fn glance(&self, thread: &ThreadState, attrs: &span::Attributes<'_>) -> Glance {
        if !is_where_we_are(attrs) {
            return Glance::Unknown;
        }
        let Some(flags) = thread.flags(self.number, attrs.metadata()) else { return Glance::Unknown };
        if flags.matters() {
            return Glance::Known(flags);
        }
        // Relaxed: a thread that learns of a changed place through anything that orders the two threads also sees the new epoch.
        // Without such an order, either place is right.
        match thread.is_in_root(self.number, self.epoch.load(Ordering::Relaxed)) {
            Some(in_root) if !(in_root && flags.matters_under_root()) => Glance::Nothing,
            _ => Glance::Known(flags),
        }
    }

    /// Remembers a new span if it matters and this thread knows what is around, if its place is free and all that it records are
    /// plain values: as nearly always. False if not, and nothing is done.
    // Not inlined: plain spans never come here, and must not set up its stack frame.
    #[inline(never)]
    pub(crate) fn open_at_once(
        &self,
        thread: &ThreadState,
        flags: CallsiteFlags,
        attrs: &span::Attributes<'_>,
        id: u64,
    ) -> bool {
        // Relaxed: see `glance`.
        let epoch = self.epoch.load(Ordering::Relaxed);
        let around = thread.around_current(self.number, epoch);
        let Some(around) = around.or_else(|| self.find_around_current(thread, epoch)) else { return false };
        if !flags.matters() && !self.is_stage_in(around.is_root.get()) {
            return true;
        }
        let Some(mut room) = self.table.room(id) else { return false };
        let Some(open) = room.blank() else { return false };
        open.meaning = flags.meaning;
        if flags.meaning.is_relevant && !read(attrs, thread, open) {
            open.reading.wipe();
            return false;
        }
        let is_notable = self.fill(thread, flags, id, Some(around), false, open);
        room.take(id);
        if is_notable {
            self.record_opened(flags, id, false);
        }
        true
    }

    /// Remembers a new span if it matters.
    // Not inlined: the rare path. Its stack frame would otherwise be set up for every span.
    #[inline(never)]
    pub(crate) fn open<S>(&self, attrs: &span::Attributes<'_>, id: &span::Id, ctx: &Context<'_, S>)
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let flags = self.flags(attrs.metadata());
        if let Some((around, is_adopted)) = self.look_around(flags, attrs, id, ctx) {
            let around = around.map(CachedAncestor::from);
            self.remember(flags, attrs, id.into_u64(), around.as_ref(), is_adopted);
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
            Parent::Real(parent) if !flags.matters() => (Some(self.right_under_root(parent)?), false),
            Parent::Real(parent) => (self.around(parent, ctx), false),
            // A9: GenAI spans opened with `parent: None` (rig does this) belong to the current span. Any other parentless span
            // starts a run.
            Parent::Current(current) if flags.meaning.is_gen_ai => {
                let around = self.around(current, ctx);
                (around, around.is_some())
            }
            Parent::Current(_) => (None, false),
        };
        (around.is_some() || flags.may_be_root()).then_some((around, is_adopted))
    }

    /// Whether a span is a stage just for standing right in another, which may be a root.
    // Inlined: two tests.
    #[inline]
    fn is_stage_in(&self, root: bool) -> bool {
        root && self.options.named.stages.is_empty()
    }

    fn right_under_root(&self, parent: u64) -> Option<Ancestor> {
        match self.around_if_known(parent) {
            Some(around) => {
                Some(around).filter(|around| self.is_stage_in(around.is_root) && around.span == parent)
            }
            None => {
                // A plain span is no root; its ancestor is not looked up until something that matters is in it.
                with_thread_state(|thread| thread.keep_plain(self.number, parent));
                None
            }
        }
    }

    /// Remembers a span, wherever there is room. To format a value runs its own code, which may well trace: not while the span's
    /// place is held, and what was read until then is read again.
    fn remember(
        &self,
        flags: CallsiteFlags,
        attrs: &span::Attributes<'_>,
        id: u64,
        around: Option<&CachedAncestor>,
        is_adopted: bool,
    ) {
        let meaning = flags.meaning;
        let mut is_notable = false;
        let mut keep = |texts: Option<&TextVisitor>| {
            self.table.open(id, meaning, |open| {
                with_thread_state(|thread| {
                    let is_read = !meaning.is_relevant || read(attrs, thread, open);
                    match texts {
                        Some(texts) => texts.add_to(manner_of(meaning), &mut open.reading),
                        None if is_read => {}
                        None => {
                            open.reading.wipe();
                            return false;
                        }
                    }
                    is_notable = self.fill(thread, flags, id, around, is_adopted, open);
                    true
                })
            })
        };
        if !keep(None) {
            let mut texts = TextVisitor::new(meaning);
            attrs.values().record(&mut texts);
            keep(Some(&texts));
        }
        if is_notable {
            self.record_opened(flags, id, is_adopted);
        }
    }

    /// Passes an opened span on to the root that adopted it, the journal, and its run.
    #[cold]
    fn record_opened(&self, flags: CallsiteFlags, id: u64, is_adopted: bool) {
        let opened = self.table.with(id, |open| (open.place, open.is_stage, self.stage_to_journal(open)));
        let Some((place, is_stage, stage)) = opened else { return };
        if place.root != id && (is_adopted || place.in_container) {
            self.at_root(place, |root| {
                root.has_children = true;
                root.adopted += u64::from(is_adopted);
            });
        }
        if let Some(stage) = stage {
            self.journal_opened(place, stage);
        }
        if is_stage && flags.is_stage_anywhere() {
            self.ensure_run(place);
        }
    }

    /// Fills in the place of a span, from its ancestor and from its fields at its creation. Returns whether its root, the journal or
    /// its run has to be informed.
    // Inlined into both ways to open a span: a dozen stores into the same struct, which the compiler merges.
    #[inline(always)]
    fn fill(
        &self,
        thread: &ThreadState,
        flags: CallsiteFlags,
        id: u64,
        around: Option<&CachedAncestor>,
        is_adopted: bool,
        open: &mut Open,
    ) -> bool {
        let meaning = flags.meaning;
        open.started = self.clock.now();
        open.is_adopted = is_adopted;
        open.is_container = meaning.is_gen_ai
            && open.reading.operation().is_some_and(|operation| self.is_container(operation));
        open.is_call = meaning.is_call && !open.is_container;
        if open.is_container {
            open.reading.make_inclusive();
        }
        let stage = self.stage(flags, around, open);
        open.is_stage = stage.is_some();
        match around {
            Some(around) => {
                open.place = around.place.get();
                open.outer_collector = open.place.collector;
                open.is_concerned = is_adopted || flags.is_gate();
            }
            None => {
                let (run, in_container) = (Self::next_run(), open.is_container);
                open.root = Some(RootPart::default());
                open.place = Place { run, root: id, in_container, ..Place::NOWHERE };
                open.outer_collector = 0;
                open.is_concerned = true;
            }
        }
        if let Some(name) = stage {
            (open.outer, open.outer_limited) = (open.place.stage, open.place.limited);
            open.place.stage = Some(StageId::intern(name, open.outer));
            open.place.limited = open.outer_limited.with(self.options.limits.only(Some(name)));
        }
        if flags.collects_unless_call() && open.collects() {
            open.place.collector = id;
        }
        let begins = open.is_stage && flags.is_stage_anywhere() && !thread.is_at_work_on(open.place.run);
        begins || is_adopted || around.is_some() && open.place.in_container || self.journal.is_some()
    }

    /// The name of the stage that a span is, if it is one.
    // Inlined into `fill`, where half of its tests are known.
    #[inline(always)]
    fn stage(&self, flags: CallsiteFlags, around: Option<&CachedAncestor>, open: &Open) -> Option<Symbol> {
        let meaning = flags.meaning;
        if flags.is_stage_anywhere() {
            let recorded = open.reading.named(Naming::Stage).filter(|_| flags.has_stage_field());
            return recorded.or(Some(meaning.name));
        }
        if around.is_none_or(|around| !self.is_stage_in(around.is_root.get())) || flags.is_gate() {
            return None;
        }
        match open.reading.named(Naming::Agent) {
            Some(agent) if open.is_container => Some(agent),
            // A span without a name has none to give to a row.
            _ => Some(meaning.name).filter(|name| !name.as_str().is_empty()),
        }
    }
}

/// What is known of a new span before anything is looked up that is not this thread's own.
pub(crate) enum Glance {
    /// It does not matter: not by itself, nor as one right under a root.
    Nothing,
    /// It may matter.
    Known(CallsiteFlags),
    /// This thread has not cached its callsite, or its ancestor.
    Unknown,
}

/// Whether a new span is a child of the span that this thread entered last, according to its own stack: see `parent`.
// Inlined: two comparisons for every new span.
#[inline]
fn is_where_we_are(attrs: &span::Attributes<'_>) -> bool {
    attrs.is_contextual() && LevelFilter::current() <= LevelFilter::INFO
}

/// Reads the fields of a span at its creation; `false` if a value has to be formatted.
// Inlined: the visitor then lives on the stack of the caller and is not copied.
#[inline]
fn read(attrs: &span::Attributes<'_>, thread: &ThreadState, open: &mut Open) -> bool {
    let manner = manner_of(open.meaning);
    let mut plain = PlainVisitor::new(open.meaning, &thread.names, manner, &mut open.reading);
    attrs.values().record(&mut plain);
    !plain.left_text
}

/// How figures accumulate on a span before its operation is known.
// Inlined: one test of a flag.
#[inline]
fn manner_of(meaning: &Meaning) -> Manner {
    if meaning.is_call { Manner::Call } else { Manner::Sum }
}
