//! The `Layer` impl: it recognises what happened and hands it over.

use std::sync::Arc;

use tracing_core::{Dispatch, Event, Interest, Metadata, Subscriber, span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::callsite::Meaning;
use super::core::Core;
use super::placing::Glance;
use super::recording::record;
use super::table::Found;
use super::thread_state::with_thread_state;

/// The layer that [`build`](crate::Builder::build) returns, before its filter is put around it.
pub(crate) struct BudgetLayer {
    pub(crate) core: Arc<Core>,
}

impl<S> Layer<S> for BudgetLayer
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        Meaning::of(metadata);
        // Filters decide which callsites are enabled. `never` here would silence a callsite for every other layer.
        Interest::always()
    }

    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // An error means that it is set already. It cannot differ: a layer belongs to one subscriber.
        let _ = self.core.dispatch.set(dispatch.downgrade());
    }

    // Inlined into the subscriber's generic code: most spans return from `glance` without a call.
    #[inline]
    fn on_new_span(&self, attrs: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        let is_done = with_thread_state(|thread| match self.core.glance(thread, attrs) {
            Glance::Nothing => true,
            Glance::Known(flags) => self.core.open_at_once(thread, flags, attrs, id.into_u64()),
            Glance::Unknown => false,
        });
        if !is_done {
            self.core.open(attrs, id, &ctx);
        }
    }

    // Inlined: most spans are not in the table, and that check is all that a record costs then.
    #[inline]
    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        match self.core.table.look_for(id.into_u64()) {
            Found::Nowhere => {}
            Found::Here(place) => {
                if record(place, id.into_u64(), values) {
                    self.core.record_more(id.into_u64(), values);
                }
            }
            Found::Elsewhere => self.core.record_elsewhere(id.into_u64(), values),
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        self.core.on_event(event, &ctx);
    }

    // Inlined: three stores into a thread-local.
    #[inline]
    fn on_enter(&self, id: &span::Id, _: Context<'_, S>) {
        with_thread_state(|thread| thread.enter(self.core.number, id.into_u64()));
    }

    // Inlined: a compare and a store.
    #[inline]
    fn on_exit(&self, id: &span::Id, _: Context<'_, S>) {
        with_thread_state(|thread| thread.exit(self.core.number, id.into_u64()));
        self.core.exit(id.into_u64());
    }

    // Inlined: most spans are not in the table, and that check is all that a close costs then.
    #[inline]
    fn on_close(&self, id: span::Id, _: Context<'_, S>) {
        match self.core.table.look_for(id.into_u64()) {
            Found::Nowhere => {}
            Found::Here(place) => self.core.close(place, id.into_u64()),
            Found::Elsewhere => self.core.close_taken(id.into_u64()),
        }
    }
}
