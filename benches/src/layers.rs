//! The subscribers that spans are lived under.

use std::any::Any;
use std::sync::mpsc::channel;
use std::time::Duration;

use tracing::Dispatch;
use tracing_budget::{BudgetGuard, Builder, RunSummary};
use tracing_core::LevelFilter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, Registry, registry};

/// A subscriber, and what has to live as long.
pub struct Listener {
    /// What to make the default.
    pub dispatch: Dispatch,
    /// Whatever ends the subscriber's own threads when it is dropped.
    pub keep: Box<dyn Any + Send>,
    /// Given that a tree has been lived: returns when the subscriber's own threads do nothing from now on, whatever
    /// happens.
    pub quiet: Box<dyn FnOnce()>,
}

impl Listener {
    /// A subscriber that needs nothing else.
    pub fn alone(dispatch: Dispatch) -> Self {
        Self { dispatch, keep: Box::new(()), quiet: Box::new(|| ()) }
    }
}

/// A layer that does nothing: what it costs to be a layer.
struct Nothing;

impl Layer<Registry> for Nothing {}

/// Only the registry, which keeps spans for layers.
pub fn registry_alone() -> Listener {
    Listener::alone(registry().into())
}

/// The registry and a layer that does nothing.
pub fn no_op() -> Listener {
    Listener::alone(registry().with(Nothing).into())
}

/// The registry and a layer that does nothing, behind the filter that ours has by default.
pub fn no_op_filtered() -> Listener {
    Listener::alone(registry().with(Nothing.with_filter(LevelFilter::INFO)).into())
}

/// Ours, as it is by default.
pub fn ours() -> Listener {
    build(tracing_budget::layer())
}

/// Ours, with stages declared, none of which runs.
pub fn ours_declared() -> Listener {
    build(tracing_budget::layer().stages(STAGES))
}

/// Ours, without its filter.
pub fn ours_unfiltered() -> Listener {
    build(tracing_budget::layer().unfiltered())
}

/// Ours, without its filter and with stages declared.
pub fn ours_unfiltered_declared() -> Listener {
    build(tracing_budget::layer().unfiltered().stages(STAGES))
}

const STAGES: [&str; 4] = ["discovery", "implementation", "assessment", "review"];

/// A sink that never returns keeps the worker from doing anything at times of its own choosing.
fn build(builder: Builder) -> Listener {
    let (is_quiet, when_quiet) = channel();
    let sink = move |_: &RunSummary| {
        let _ = is_quiet.send(());
        loop {
            std::thread::park();
        }
    };
    let built = builder.project("benches").sink(sink).build();
    let (layer, guard): (_, BudgetGuard) = built.expect("nothing in these options can be wrong");
    let quiet = move || {
        // A run without anything accountable never gets to the sink, and its worker has nothing to do.
        let _ = when_quiet.recv_timeout(Duration::from_secs(3));
    };
    Listener { dispatch: registry().with(layer).into(), keep: Box::new(guard), quiet: Box::new(quiet) }
}
