//! What a thread remembers: which spans it has entered, and what it looked up last.

use std::cell::RefCell;
use std::sync::Arc;

use tracing_core::Metadata;

use super::class::Class;
use super::run::Run;

/// Callsites whose class a thread finds again without asking the shared table, by their address. A busy program
/// has a few dozen on its hot path.
const NEAR: usize = 64;

thread_local! {
    static HERE: RefCell<Here> = const { RefCell::new(Here::new()) };
}

struct Here {
    /// The layers and ids of the spans entered on this thread, innermost last. The registry's own stack would tell
    /// the same for several times the price, see `parent`.
    entered: Vec<(u32, u64)>,
    classes: [Option<(u32, usize, Class)>; NEAR],
    run: Option<Arc<Run>>,
}

impl Here {
    const fn new() -> Self {
        Self { entered: Vec::new(), classes: [None; NEAR], run: None }
    }
}

/// Runs `act` on what this thread remembers; not when the thread is being torn down, or is at it already.
#[inline]
fn with<T>(act: impl FnOnce(&mut Here) -> T) -> Option<T> {
    HERE.try_with(|here| here.try_borrow_mut().ok().map(|mut here| act(&mut here))).ok().flatten()
}

pub(crate) fn enter(layer: u32, span: u64) {
    with(|here| here.entered.push((layer, span)));
}

pub(crate) fn exit(layer: u32, span: u64) {
    with(|here| {
        // Guards may be dropped out of order, so the span need not be the innermost.
        if let Some(at) = here.entered.iter().rposition(|entered| *entered == (layer, span)) {
            here.entered.remove(at);
        }
    });
}

/// The innermost span of a layer that is entered on this thread.
pub(crate) fn current(layer: u32) -> Option<u64> {
    with(|here| here.entered.iter().rev().find(|(of, _)| *of == layer).map(|(_, span)| *span)).flatten()
}

/// The class of a callsite for a layer, worked out by `work_out` if this thread has not met it lately.
#[inline]
pub(crate) fn class(
    layer: u32,
    metadata: &'static Metadata<'static>,
    work_out: impl Fn(&'static Metadata<'static>) -> Class,
) -> Class {
    let address = std::ptr::from_ref(metadata) as usize;
    // Metadata are over a hundred bytes, so the low bits say little.
    let slot = (address >> 4 ^ address >> 10) % NEAR;
    let near = with(|here| match here.classes[slot] {
        Some((of, at, class)) if (of, at) == (layer, address) => Some(class),
        _ => None,
    });
    match near.flatten() {
        Some(class) => class,
        None => {
            let class = work_out(metadata);
            with(|here| here.classes[slot] = Some((layer, address, class)));
            class
        }
    }
}

/// Runs `act` on the run with this number if this thread was at work on it last.
#[inline]
pub(crate) fn with_run<T>(serial: u64, act: impl FnOnce(&Run) -> T) -> Option<T> {
    // The run is cloned out only on the slow path; `act` runs none of the user's code.
    with(|here| match &here.run {
        Some(run) if run.serial == serial => Some(act(run)),
        _ => None,
    })
    .flatten()
}

/// Remembers the run that this thread is at work on.
pub(crate) fn remember_run(run: &Arc<Run>) {
    with(|here| here.run = Some(Arc::clone(run)));
}

/// Forgets the run if it is the one that this thread remembers.
pub(crate) fn forget_run(serial: u64) {
    with(|here| here.run.take_if(|run| run.serial == serial));
}
