//! Which span a new one stands in.

use tracing_core::dispatcher::WeakDispatch;
use tracing_core::{LevelFilter, Subscriber, span};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::core::Core;
use super::here;
use super::table::{Open, Place};

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

impl Core {
    /// The span around a new one, as far as this layer sees spans.
    ///
    /// What is current is asked of this layer's own stack of entered spans: the registry's answer takes a look into
    /// its slab for each span that it finds. The stack misses spans that a filter hides from this layer, and one of
    /// these may have been created elsewhere than it is entered, as a task's span is. So the registry is asked where
    /// the stack is empty, and whenever levels are on that this layer does not see by default.
    pub(crate) fn parent_of<S>(
        &self,
        attrs: &span::Attributes<'_>,
        id: &span::Id,
        ctx: &Context<'_, S>,
    ) -> Parent
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        if attrs.is_root() {
            return self.current(ctx).map_or(Parent::None, Parent::Current);
        }
        if attrs.is_contextual() && LevelFilter::current() <= LevelFilter::INFO {
            if let Some(current) = here::current(self.number) {
                return Parent::Real(current);
            }
        }
        let registered = ctx.span(id).and_then(|span| span.parent().map(|parent| parent.id().into_u64()));
        registered.map_or(Parent::None, Parent::Real)
    }

    /// The current span, as far as this layer sees spans.
    pub(crate) fn current<S>(&self, ctx: &Context<'_, S>) -> Option<u64>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let here = here::current(self.number);
        if here.is_some() && LevelFilter::current() <= LevelFilter::INFO {
            return here;
        }
        let current = ctx.current_span();
        let current = current.id()?;
        let seen = |span: &span::Id| ctx.span(span).map(|span| span.id().into_u64());
        if let Some(current) = seen(current) {
            return Some(current);
        }
        // It is hidden from this layer, and `Context` only looks through spans that this thread has entered. Those that
        // it stands in, as a task's span does, are known to the registry.
        let dispatch = self.dispatch.get().and_then(WeakDispatch::upgrade);
        match dispatch.as_ref().and_then(|dispatch| dispatch.downcast_ref::<Registry>()) {
            Some(registry) => registry.span(current)?.scope().find_map(|around| seen(&around.id())),
            None => ctx.lookup_current().map(|span| span.id().into_u64()),
        }
    }

    /// The nearest span around a new one that matters, and what `look` sees of it. Walks outward past spans that do not
    /// matter, and remembers where it arrived.
    pub(crate) fn nearest<S, T>(
        &self,
        parent: u64,
        ctx: &Context<'_, S>,
        mut look: impl FnMut(u64, &mut Open) -> T,
    ) -> Option<T>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        match self.table.find(parent, |open| look(parent, open)) {
            Some(Ok(seen)) => return Some(seen),
            Some(Err(through)) => return self.table.with(through, |open| look(through, open)),
            None => {}
        }
        for around in ctx.span(&span::Id::from_u64(parent))?.scope().skip(1) {
            let around = around.id().into_u64();
            let (arrived, seen) = match self.table.find(around, |open| look(around, open)) {
                Some(Ok(seen)) => (around, Some(seen)),
                Some(Err(through)) => (through, self.table.with(through, |open| look(through, open))),
                None => continue,
            };
            self.table.insert_through(parent, arrived);
            return seen;
        }
        None
    }

    /// The place of the current span. Without a context, spans that do not matter are passed through the registry.
    pub(crate) fn current_place(&self, registry: Option<&Registry>) -> Option<Place> {
        let current = here::current(self.number)?;
        let place = |span| match self.table.find(span, |open| open.place) {
            Some(Ok(place)) => Some(place),
            Some(Err(through)) => self.table.with(through, |open| open.place),
            None => None,
        };
        place(current).or_else(|| {
            let around = registry?.span(&span::Id::from_u64(current))?;
            around.scope().find_map(|around| place(around.id().into_u64()))
        })
    }
}
