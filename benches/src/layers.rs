//! The subscribers that spans are lived under.

use std::any::Any;
use std::sync::Arc;

use tracing::Dispatch;
use tracing_budget::{BudgetGuard, BuildError, RunSummary};
use tracing_core::LevelFilter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, Registry, registry};

/// A subscriber, and what has to live as long.
pub struct Listener {
    /// What to make the default.
    pub dispatch: Dispatch,
    /// Whatever ends the subscriber's own threads when it is dropped.
    pub keep: Box<dyn Any + Send>,
    /// Waits until the subscriber's own threads have nothing left to do.
    pub rest: Rest,
}

/// See [`Listener::rest`].
pub type Rest = Box<dyn Fn()>;

impl Listener {
    /// A subscriber that needs nothing else.
    pub fn alone(dispatch: Dispatch) -> Self {
        Self { dispatch, keep: Box::new(()), rest: Box::new(|| ()) }
    }
}

/// A layer that does nothing: what it costs to be a layer.
struct Nothing;

impl Layer<Registry> for Nothing {}

/// Only the registry, which keeps spans for layers.
pub fn registry_alone() -> Listener {
    Listener::alone(registry().into())
}

/// The registry and a layer that does nothing, behind the application's filter for all layers.
pub fn no_op() -> Listener {
    Listener::alone(registry().with(Nothing).with(LevelFilter::INFO).into())
}

/// The registry and a layer that does nothing, behind the filter that ours has by default.
pub fn no_op_filtered() -> Listener {
    Listener::alone(registry().with(Nothing.with_filter(LevelFilter::INFO)).into())
}

/// Ours, as it is by default.
pub fn ours() -> Listener {
    listen(|sink| tracing_budget::layer().sink(sink).build())
}

/// Ours, with a limit that is never reached.
pub fn ours_limited() -> Listener {
    listen(|sink| tracing_budget::layer().limit_usd("1000000").sink(sink).build())
}

/// Ours, switched off.
pub fn ours_off() -> Listener {
    listen(|sink| tracing_budget::layer().enabled(false).sink(sink).build())
}

/// Ours, switched off, without its filter; the application has one for all its layers.
pub fn ours_unfiltered_off() -> Listener {
    listen_behind(|sink| tracing_budget::layer().enabled(false).sink(sink).unfiltered().build())
}

/// Ours, switched off, beside a layer that wants the same spans.
pub fn ours_off_beside() -> Listener {
    let built = tracing_budget::layer().enabled(false).build();
    let (layer, guard) = built.expect("nothing in these options can be wrong");
    resting(registry().with(Nothing.with_filter(LevelFilter::INFO)).with(layer).into(), guard)
}

/// Ours, with stages declared, none of which runs.
pub fn ours_declared() -> Listener {
    listen(|sink| tracing_budget::layer().sink(sink).stages(STAGES).build())
}

/// Ours, without its filter; the application has one for all its layers.
pub fn ours_unfiltered() -> Listener {
    listen_behind(|sink| tracing_budget::layer().sink(sink).unfiltered().build())
}

/// Ours, without its filter and with stages declared.
pub fn ours_unfiltered_declared() -> Listener {
    listen_behind(|sink| tracing_budget::layer().sink(sink).stages(STAGES).unfiltered().build())
}

const STAGES: [&str; 4] = ["discovery", "implementation", "assessment", "review"];

type Built<L> = Result<(L, BudgetGuard), BuildError>;
type Drain = fn(&RunSummary);

fn listen<L: Layer<Registry> + Send + Sync>(build: impl FnOnce(Drain) -> Built<L>) -> Listener {
    let (layer, guard) = build(|_| ()).expect("nothing in these options can be wrong");
    resting(registry().with(layer).into(), guard)
}

fn listen_behind<L: Layer<Registry> + Send + Sync>(build: impl FnOnce(Drain) -> Built<L>) -> Listener {
    let (layer, guard) = build(|_| ()).expect("nothing in these options can be wrong");
    resting(registry().with(layer).with(LevelFilter::INFO).into(), guard)
}

fn resting(dispatch: Dispatch, guard: BudgetGuard) -> Listener {
    let guard = Arc::new(guard);
    let keep = Box::new(Arc::clone(&guard));
    Listener { dispatch, keep, rest: Box::new(move || guard.flush().expect("the sink takes everything")) }
}
