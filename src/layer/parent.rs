//! The parent of a new span.

use std::sync::atomic::Ordering;

use tracing_core::dispatcher::WeakDispatch;
use tracing_core::{LevelFilter, Subscriber, span};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::core::Core;
use super::table::{Open, Place};
use super::thread_state::{CachedAncestor, ThreadState, with_thread_state};

/// The span around a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parent {
    /// None: the span is a root.
    None,
    /// The registry keeps it open for as long as the new span is.
    Real(u64),
    /// The span was opened as a root although this one is current.
    Current(u64),
}

/// What a span sees of the nearest one around it that matters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ancestor {
    pub(crate) span: u64,
    pub(crate) place: Place,
    pub(crate) is_root: bool,
}

impl Ancestor {
    /// No ancestor has been found yet.
    pub(crate) const NOTHING: Self = Self { span: 0, place: Place::NOWHERE, is_root: false };

    fn of(span: u64, open: &Open) -> Self {
        Self { span, place: open.place, is_root: open.root.is_some() }
    }
}

impl Core {
    /// The span around a new one, as far as this layer sees spans.
    ///
    /// The current span comes from this thread's own stack of entered spans: the registry's answer takes a look into its
    /// slab for each span that it finds. The stack misses spans that a filter hides from this layer, and one of these may
    /// have been created elsewhere than it is entered, as a task's span is. So the registry is queried where the stack is
    /// empty, and whenever levels are on that this layer does not see by default.
    // Inlined: two branches on the attributes.
    #[inline]
    pub(crate) fn parent_of<S>(
        &self,
        attrs: &span::Attributes<'_>,
        id: &span::Id,
        ctx: &Context<'_, S>,
    ) -> Parent
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        if attrs.is_contextual()
            && LevelFilter::current() <= LevelFilter::INFO
            && let Some(current) = with_thread_state(|thread| thread.current(self.number))
        {
            return Parent::Real(current);
        }
        if attrs.is_root() {
            return self.current(ctx).map_or(Parent::None, Parent::Current);
        }
        let registered = ctx.span(id).and_then(|span| span.parent().map(|parent| parent.id().into_u64()));
        registered.map_or(Parent::None, Parent::Real)
    }

    /// The current span, as far as this layer sees spans.
    pub(crate) fn current<S>(&self, ctx: &Context<'_, S>) -> Option<u64>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let entered = with_thread_state(|thread| thread.current(self.number));
        if entered.is_some() && LevelFilter::current() <= LevelFilter::INFO {
            return entered;
        }
        let current = ctx.current_span();
        let current = current.id()?;
        let seen = |span: &span::Id| ctx.span(span).map(|span| span.id().into_u64());
        if let Some(current) = seen(current) {
            return Some(current);
        }
        // It is hidden from this layer, and `Context` only looks through spans that this thread has entered. Those that
        // it is in, such as a task's span, are known to the registry.
        let dispatch = self.dispatch.get().and_then(WeakDispatch::upgrade);
        match dispatch.as_ref().and_then(|dispatch| dispatch.downcast_ref::<Registry>()) {
            Some(registry) => registry.span(current)?.scope().find_map(|around| seen(&around.id())),
            None => ctx.lookup_current().map(|span| span.id().into_u64()),
        }
    }

    /// The nearest span around that matters, from a span outward. For a span that is entered on this thread, the answer is
    /// kept as long as it is: it cannot close meanwhile.
    pub(crate) fn around<S>(&self, span: u64, ctx: &Context<'_, S>) -> Option<Ancestor>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        self.around_if_known(span).or_else(|| {
            let around = self.walk(span, ctx)?;
            // Relaxed: see `glance` in `placing`.
            with_thread_state(|thread| {
                thread.keep_around(self.number, span, self.epoch.load(Ordering::Relaxed), around)
            });
            Some(around)
        })
    }

    /// The same, unless it takes a walk to find out.
    // Inlined: two loads and a comparison before anything is searched.
    #[inline]
    pub(crate) fn around_if_known(&self, span: u64) -> Option<Ancestor> {
        // Relaxed: see `glance` in `placing`.
        let epoch = self.epoch.load(Ordering::Relaxed);
        with_thread_state(|thread| thread.around(self.number, span, epoch)).or_else(|| {
            let around = self.table.with(span, |open| Ancestor::of(span, open))?;
            with_thread_state(|thread| thread.keep_around(self.number, span, epoch, around));
            Some(around)
        })
    }

    /// What is around the innermost span that is entered on this thread, if that matters by itself.
    // Not inlined: it takes a slot lock. Inlined, its stack frame would be set up for every span.
    #[inline(never)]
    pub(crate) fn find_around_current<'a>(
        &self,
        thread: &'a ThreadState,
        epoch: u64,
    ) -> Option<&'a CachedAncestor> {
        let current = thread.current(self.number)?;
        let around = self.table.with(current, |open| Ancestor::of(current, open))?;
        thread.keep_around(self.number, current, epoch, around);
        thread.around_current(self.number, epoch)
    }

    /// Walks outward past spans that do not matter, and remembers where it arrived.
    fn walk<S>(&self, span: u64, ctx: &Context<'_, S>) -> Option<Ancestor>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        if let Some(known) = self.known(span) {
            return known;
        }
        for around in ctx.span(&span::Id::from_u64(span))?.scope().skip(1) {
            let around = around.id().into_u64();
            if let Some(known) = self.known(around) {
                if let Some(known) = known {
                    self.table.insert_through(span, known.span);
                }
                return known;
            }
        }
        None
    }

    /// What the table knows of a span: nothing, that it is reached through one that has gone, or what is around.
    fn known(&self, span: u64) -> Option<Option<Ancestor>> {
        match self.table.find(span, |open| Ancestor::of(span, open))? {
            Ok(around) => Some(Some(around)),
            Err(through) => Some(self.table.with(through, |open| Ancestor::of(through, open))),
        }
    }

    /// The place of the current span. Without a context, spans that do not matter are passed through the registry.
    pub(crate) fn current_place(&self, registry: Option<&Registry>) -> Option<Place> {
        let current = with_thread_state(|thread| thread.current(self.number))
            .or_else(|| Some(registry?.current_span().id()?.into_u64()))?;
        let around = self.known(current).or_else(|| {
            let span = registry?.span(&span::Id::from_u64(current))?;
            span.scope().find_map(|around| self.known(around.id().into_u64()))
        });
        around.flatten().map(|around| around.place)
    }
}
