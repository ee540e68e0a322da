//! How open spans lie in each other: the parent of a new span, and the nearest one around it that matters.

use tracing_core::dispatcher::WeakDispatch;
use tracing_core::{LevelFilter, Subscriber, span};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::position::Position;
use super::span_state::SpanState;
use super::span_table::SpanTable;
use super::thread_state::with_thread_state;

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
    pub(crate) position: Position,
    pub(crate) is_root: bool,
}

impl Ancestor {
    /// No ancestor has been found yet.
    pub(crate) const NOTHING: Self = Self { span: 0, position: Position::NOWHERE, is_root: false };

    fn of(span: u64, state: &SpanState) -> Self {
        Self { span, position: state.position, is_root: state.span.is_root }
    }
}

impl SpanTable {
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
            && let Some(current) = with_thread_state(|thread| thread.current(self.layer))
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
        let entered = with_thread_state(|thread| thread.current(self.layer));
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
        let dispatch = self.subscriber.get().and_then(WeakDispatch::upgrade);
        match dispatch.as_ref().and_then(|dispatch| dispatch.downcast_ref::<Registry>()) {
            Some(registry) => registry.span(current)?.scope().find_map(|around| seen(&around.id())),
            None => ctx.lookup_current().map(|span| span.id().into_u64()),
        }
    }

    /// The nearest span that matters, from a span outward. For a span that is entered on this thread, the answer is
    /// kept as long as it is: it cannot close meanwhile.
    pub(crate) fn ancestor<S>(&self, span: u64, ctx: &Context<'_, S>) -> Option<Ancestor>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        self.ancestor_if_known(span).or_else(|| {
            let found = self.walk(span, ctx)?;
            with_thread_state(|thread| thread.keep_ancestor(self.layer, span, self.epoch(), found));
            Some(found)
        })
    }

    /// The same, unless it takes a walk to find out.
    // Inlined: two loads and a comparison before anything is searched.
    #[inline]
    pub(crate) fn ancestor_if_known(&self, span: u64) -> Option<Ancestor> {
        let epoch = self.epoch();
        with_thread_state(|thread| thread.ancestor(self.layer, span, epoch)).or_else(|| {
            let found = self.with(span, |state| Ancestor::of(span, state))?;
            with_thread_state(|thread| thread.keep_ancestor(self.layer, span, epoch, found));
            Some(found)
        })
    }

    /// The nearest span that matters from the innermost one outward that is entered on this thread, unless it takes a walk.
    pub(crate) fn current_ancestor(&self) -> Option<Ancestor> {
        self.ancestor_if_known(with_thread_state(|thread| thread.current(self.layer))?)
    }

    /// A span if it is a root below which a span without a meaning of its own is a stage.
    pub(crate) fn root_ancestor(&self, parent: u64) -> Option<Ancestor> {
        match self.ancestor_if_known(parent) {
            Some(found) => Some(found).filter(|found| found.is_root && found.span == parent),
            None => {
                // A plain span is no root; its ancestor is not looked up until something that matters is in it.
                with_thread_state(|thread| thread.keep_plain(self.layer, parent));
                None
            }
        }
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
                    self.insert_through(span, known.span);
                }
                return known;
            }
        }
        None
    }

    /// What the table knows of a span: nothing, that it is reached through one that has gone, or what is around.
    fn known(&self, span: u64) -> Option<Option<Ancestor>> {
        match self.find(span, |state| Ancestor::of(span, state))? {
            Ok(around) => Some(Some(around)),
            Err(through) => Some(self.with(through, |state| Ancestor::of(through, state))),
        }
    }

    /// The position of the current span. Without a context, spans that do not matter are passed through the registry.
    pub(crate) fn current_position(&self, registry: Option<&Registry>) -> Option<Position> {
        let current = with_thread_state(|thread| thread.current(self.layer))
            .or_else(|| Some(registry?.current_span().id()?.into_u64()))?;
        let around = self.known(current).or_else(|| {
            let span = registry?.span(&span::Id::from_u64(current))?;
            span.scope().find_map(|around| self.known(around.id().into_u64()))
        });
        around.flatten().map(|around| around.position)
    }
}
