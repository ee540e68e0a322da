//! The subscribers that spans are lived under.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Keeps the subscriber's own threads from doing anything from now on; it is given what lives a tree.
    pub quiet: Quiet,
}

/// See [`Listener::quiet`].
pub type Quiet = Box<dyn FnOnce(&mut dyn FnMut())>;

impl Listener {
    /// A subscriber that needs nothing else.
    pub fn alone(dispatch: Dispatch) -> Self {
        Self { dispatch, keep: Box::new(()), quiet: Box::new(|_| ()) }
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

/// A sink that drops what it gets, until it is told to hold the worker for ever.
fn build(builder: Builder) -> Listener {
    let (is_held, when_held) = channel();
    let hold = Arc::new(AtomicBool::new(false));
    let held = Arc::clone(&hold);
    let sink = move |_: &RunSummary| {
        while held.load(Ordering::Acquire) {
            let _ = is_held.send(());
            std::thread::park();
        }
    };
    let built = builder.project("benches").sink(sink).build();
    let (layer, guard): (_, BudgetGuard) = built.expect("nothing in these options can be wrong");
    let quiet = move |live: &mut dyn FnMut()| {
        hold.store(true, Ordering::Release);
        live();
        // A run without anything accountable never gets to the sink, and then there is nothing to do.
        let _ = when_held.recv_timeout(Duration::from_secs(3));
    };
    Listener { dispatch: registry().with(layer).into(), keep: Box::new(guard), quiet: Box::new(quiet) }
}
