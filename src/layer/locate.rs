//! Where the caller is: in a run, under no limits, or where limits cannot be enforced.
//!
//! A limit fails closed: a caller in no run is only let through where no layer with limits is responsible for it.

use std::ptr;
use std::sync::Arc;

use tracing_core::dispatcher::{Dispatch, WeakDispatch, get_default};
use tracing_core::subscriber::NoSubscriber;
use tracing_core::{Level, Subscriber, span};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::budget_layer::BudgetLayer;
use super::core::Core;
use super::position::Position;
use super::thread_state::with_thread_state;
use super::{installed, probe};
use crate::limit::OutsideOfRun;

/// Where a caller is.
pub(crate) enum Location {
    /// In a run.
    Run(Arc<Core>, Position),
    /// In no run, and under no limits: without a layer, or with one that is switched off or has no limits.
    Unlimited,
    /// In no run of a layer with limits.
    Outside(Arc<Core>, OutsideOfRun),
}

/// Where the caller is.
pub(crate) fn locate() -> Location {
    get_default(|dispatch| {
        let Some(core) = layer_of(dispatch) else { return without_layer(dispatch) };
        match core.spans.current_position(dispatch.downcast_ref()) {
            Some(position) => Location::Run(core, position),
            None if core.options.limits.is_empty() => Location::Unlimited,
            None => {
                let why = core.why_outside(dispatch);
                Location::Outside(core, why)
            }
        }
    })
}

/// The first layer in a subscriber, whatever it is wrapped in.
fn layer_of(dispatch: &Dispatch) -> Option<Arc<Core>> {
    let Some(layer) = dispatch.downcast_ref::<BudgetLayer>() else { return wrapped_layer_of(dispatch) };
    // `Option` and `Vec` do not pass it on.
    layer.core.spans.learn_subscriber(dispatch);
    Some(Arc::clone(&layer.core))
}

/// The layer in a `reload`, which no downcast passes through.
#[cold]
fn wrapped_layer_of(dispatch: &Dispatch) -> Option<Arc<Core>> {
    let layers = installed::all();
    if layers.is_empty() {
        return None;
    }
    // Two subscribers are the same if they have the same registry.
    let registry = |dispatch: &Dispatch| dispatch.downcast_ref::<Registry>().map(ptr::from_ref);
    if let Some(here) = registry(dispatch) {
        let is_here = |core: &&Arc<Core>| core.dispatch().is_some_and(|known| registry(&known) == Some(here));
        if let Some(core) = layers.iter().find(is_here) {
            return Some(Arc::clone(core));
        }
    }
    let found = probe::layer_in(dispatch)?;
    let core = layers.into_iter().find(|core| core.spans.layer == found)?;
    core.spans.learn_subscriber(dispatch);
    Some(core)
}

/// The location of a caller with a subscriber that leads to no layer.
#[cold]
fn without_layer(dispatch: &Dispatch) -> Location {
    // A thread without any subscriber has lost it, as a runtime's threads do under `set_default`. A subscriber without a layer is
    // a user's choice. One that hides everything, the probe too, may have a layer in it that never learnt of its subscriber.
    let is_lost = dispatch.is::<NoSubscriber>();
    let hides_all = !is_lost && probe::hides_errors(dispatch);
    let may_be_responsible = |core: &Arc<Core>| {
        let options = &core.options;
        !options.limits.is_empty()
            && !options.is_scoped
            && (is_lost || hides_all && core.spans.subscriber.get().is_none())
    };
    match installed::all().into_iter().find(may_be_responsible) {
        None => Location::Unlimited,
        Some(core) if is_lost => Location::Outside(core, OutsideOfRun::NoSubscriber),
        Some(core) => Location::Outside(core, OutsideOfRun::Filtered),
    }
}

impl Core {
    /// The subscriber that the layer is a part of, as far as it is known.
    pub(crate) fn dispatch(&self) -> Option<Dispatch> {
        self.spans.subscriber.get().and_then(WeakDispatch::upgrade)
    }

    /// Why a caller is in no run.
    #[cold]
    fn why_outside(&self, dispatch: &Dispatch) -> OutsideOfRun {
        if with_thread_state(|thread| thread.current(self.spans.layer)).is_some() {
            // The layer sees the span and made no root of it.
            return OutsideOfRun::NoRoot;
        }
        let registry = dispatch.downcast_ref::<Registry>();
        let current = registry.and_then(|registry| registry.span(registry.current_span().id()?));
        if let Some(span) = current.and_then(|span| span.scope().find(is_hidden)) {
            return OutsideOfRun::Hidden { span: span.name() };
        }
        if probe::hides_info(dispatch) { OutsideOfRun::Filtered } else { OutsideOfRun::NoSpan }
    }

    /// An error if a filter hides a span around the root of a run: the root may be a part of the run that is meant, with limits
    /// of its own, and every other part would have them again.
    pub(crate) fn check_whole_run(&self, position: Position) -> Result<(), OutsideOfRun> {
        // Named roots are what the program means by a run.
        if !self.options.rules.roots.is_empty() {
            return Ok(());
        }
        let Some(dispatch) = self.dispatch() else { return Ok(()) };
        let root = dispatch
            .downcast_ref::<Registry>()
            .and_then(|registry| registry.span(&span::Id::from_u64(position.root)));
        match root.and_then(|root| root.scope().skip(1).find(is_hidden)) {
            None => Ok(()),
            Some(span) => Err(OutsideOfRun::Hidden { span: span.name() }),
        }
    }
}

/// Whether a span that the layer did not see was hidden by a filter of the program's. Finer spans are hidden by the layer's own.
fn is_hidden(span: &SpanRef<'_, Registry>) -> bool {
    *span.metadata().level() <= Level::INFO
}
