//! The `Layer` impl: it recognises what happened and hands it over.

use std::sync::Arc;

use tracing_core::{Dispatch, Event, Interest, Metadata, Subscriber, span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::callsite::Meaning;
use super::core::Core;
use super::here;

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
        // Which callsites are worth being on is for filters to say.
        Interest::always()
    }

    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // A second subscriber cannot come: the layer belongs to one.
        let _ = self.core.dispatch.set(dispatch.downgrade());
    }

    #[inline]
    fn on_new_span(&self, attrs: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        if !self.core.is_nothing(attrs) {
            self.core.open(attrs, id, ctx);
        }
    }

    #[inline]
    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        if self.core.table.may_have(id.into_u64()) {
            self.core.record(id.into_u64(), values);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        self.core.hear(event, &ctx);
    }

    #[inline]
    fn on_enter(&self, id: &span::Id, _: Context<'_, S>) {
        here::enter(self.core.number, id.into_u64());
    }

    #[inline]
    fn on_exit(&self, id: &span::Id, _: Context<'_, S>) {
        here::exit(self.core.number, id.into_u64());
        self.core.exit(id.into_u64());
    }

    #[inline]
    fn on_close(&self, id: span::Id, _: Context<'_, S>) {
        if self.core.table.may_have(id.into_u64()) {
            self.core.close(id.into_u64());
        }
    }
}
