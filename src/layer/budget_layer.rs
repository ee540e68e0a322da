//! The `Layer` impl: it recognises what happened and hands it over.

use std::sync::Arc;

use tracing_core::{Dispatch, Event, Interest, Metadata, Subscriber, span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::callsites::schema_of;
use super::core::Core;
use super::open::Glance;
use super::slots::Found;
use super::span_state::SpanState;
use super::thread_state::with_thread_state;
use super::{installed, probe};

/// The layer that [`build`](crate::Builder::build) returns, before its filter is put around it.
pub(crate) struct BudgetLayer {
    pub(crate) core: Arc<Core>,
}

impl Drop for BudgetLayer {
    /// The layer has left its subscriber, or that is gone: its limits apply to no caller any more.
    fn drop(&mut self) {
        installed::remove(&self.core);
    }
}

impl<S> Layer<S> for BudgetLayer
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn on_layer(&mut self, _: &mut S) {
        self.core.spans.note_installed();
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Also here: a layer that is put into a `reload` later is not passed to `on_layer`.
        self.core.spans.note_installed();
        if !probe::meet(metadata, self.core.spans.layer) {
            schema_of(metadata);
        }
        // Filters decide which callsites are enabled. `never` here would silence a callsite for every other layer.
        Interest::always()
    }

    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.core.spans.learn_subscriber(dispatch);
    }

    // Always inlined into the subscriber's generic code: most spans return from `glance` without a call.
    #[inline(always)]
    fn on_new_span(&self, attrs: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        let glance = with_thread_state(|thread| self.core.glance(thread, attrs));
        if !matches!(glance, Glance::Nothing) {
            // The thread is looked for again: with all in one closure, that would be a function of its own.
            let opened = with_thread_state(|thread| self.core.open(thread, glance, attrs, id, &ctx));
            if opened.is_more {
                self.core.open_rest(opened, attrs, id.into_u64());
            }
        }
    }

    // Inlined: most spans are not in the table, and that check is all that a record costs then.
    #[inline]
    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        match self.core.spans.look_for(id.into_u64()) {
            Found::Nowhere => {}
            found => self.core.record(found, id.into_u64(), values),
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        self.core.on_event(event, &ctx);
    }

    // Inlined: three stores into a thread-local.
    #[inline]
    fn on_enter(&self, id: &span::Id, _: Context<'_, S>) {
        with_thread_state(|thread| thread.enter(self.core.spans.layer, id.into_u64()));
    }

    // Inlined: a compare and a store.
    #[inline]
    fn on_exit(&self, id: &span::Id, _: Context<'_, S>) {
        with_thread_state(|thread| thread.exit(self.core.spans.layer, id.into_u64()));
        if std::thread::panicking() {
            // A panic that unwinds through a span is its failure (A12), even if it is caught further out and the span closes normally.
            self.core.spans.with(id.into_u64(), SpanState::note_panic);
        }
    }

    // Inlined: most spans are not in the table, and that check is all that a close costs then.
    #[inline]
    fn on_close(&self, id: span::Id, _: Context<'_, S>) {
        match self.core.spans.look_for(id.into_u64()) {
            Found::Nowhere => {}
            found => self.core.close(found, id.into_u64()),
        }
    }
}
