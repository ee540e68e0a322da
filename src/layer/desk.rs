//! The runs and models that a thread used last.
//!
//! An entry is taken out and put back: that moves a pointer. Cloning an `Arc` instead would write its count, on a cache line that
//! all threads share.
//!
//! # Invariants
//!
//! - No user code runs while an entry is taken out: it could trace, find the entry missing, and put another in its place.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::models::{Model, ModelName, Recent};
use super::run::Run;
use super::thread_state::with_thread_state;
use crate::ledger::Symbol;

/// Runs that a thread caches beside the last one: a server's thread switches between several. Eight, as a thread of a busy server
/// polls a handful of requests in turn. A run that ended on another thread stays until another run takes its entry.
const NEAR_RUNS: usize = 8;

/// Models that a thread caches beside the last one. A pipeline calls two or three; two that share an entry only evict each other.
const NEAR_MODELS: usize = 8;

/// A model as an emitter names it, for one layer.
pub(crate) struct NearModel {
    pub(crate) layer: u32,
    pub(crate) name: ModelName,
    pub(crate) model: Arc<Model>,
    pub(crate) recent: Recent,
}

impl NearModel {
    // Inlined: three comparisons on the path of every call.
    #[inline(always)]
    fn is(&self, layer: u32, (provider, model): ModelName) -> bool {
        self.layer == layer
            && Symbol::same_option(self.name.0, provider)
            && Symbol::same_option(self.name.1, model)
    }
}

/// What one thread is at work on.
pub(crate) struct Desk {
    /// The run that was booked in last, and others.
    run: Cell<Option<Arc<Run>>>,
    runs: [Cell<Option<Arc<Run>>>; NEAR_RUNS],
    /// The model that was called last, and others.
    model: Cell<Option<Box<NearModel>>>,
    models: [Cell<Option<Box<NearModel>>>; NEAR_MODELS],
    /// The number of this thread among those that book; 0 until it has one.
    number: Cell<usize>,
}

thread_local! {
    // `const`, as in `thread_state`: no test for initialisation at every access.
    static DESK: Desk = const { Desk::new() };
}

/// Runs `act` on this thread's desk, or on an empty one if the thread is ending and its own is dropped already.
// Inlined: the closures are large, and passing them by pointer would spill what they capture.
#[inline(always)]
pub(crate) fn at_desk<T>(mut act: impl FnMut(&Desk) -> T) -> T {
    match DESK.try_with(&mut act) {
        Ok(done) => done,
        Err(_) => away(&mut act),
    }
}

#[cold]
fn away<T>(act: &mut dyn FnMut(&Desk) -> T) -> T {
    // Spans may close in the destructor of another thread-local. They are counted like all others, only without a cache.
    act(&Desk::new())
}

impl Desk {
    const fn new() -> Self {
        let runs = [const { Cell::new(None) }; NEAR_RUNS];
        let models = [const { Cell::new(None) }; NEAR_MODELS];
        Self { run: Cell::new(None), runs, model: Cell::new(None), models, number: Cell::new(0) }
    }

    /// The number of this thread: threads that book are counted.
    // Inlined: a load and a branch; `take_number` runs once per thread.
    #[inline]
    pub(crate) fn number(&self) -> usize {
        match self.number.get() {
            0 => self.take_number(),
            number => number,
        }
    }

    #[cold]
    fn take_number(&self) -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        // Relaxed: only the uniqueness of the number matters, nothing is published with it.
        self.number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        self.number.get()
    }

    /// Takes out the run with this number if this thread used it lately. The caller puts it back.
    // Inlined: the hit is a swap and a comparison. The miss is out of line.
    #[inline(always)]
    pub(crate) fn take_run(&self, serial: u64) -> Option<Arc<Run>> {
        match self.run.take() {
            Some(run) if run.serial == serial => Some(run),
            other => self.take_other_run(other, serial),
        }
    }

    /// Takes up a run that is not the last one, which makes room for it.
    #[cold]
    fn take_other_run(&self, last: Option<Arc<Run>>, serial: u64) -> Option<Arc<Run>> {
        let place = &self.runs[run_slot(serial)];
        match place.take() {
            Some(wanted) if wanted.serial == serial => {
                self.lay_aside(last);
                with_thread_state(|thread| thread.turn_to(serial));
                Some(wanted)
            }
            another => {
                place.set(another);
                self.run.set(last);
                None
            }
        }
    }

    fn lay_aside(&self, run: Option<Arc<Run>>) {
        if let Some(run) = run {
            self.runs[run_slot(run.serial)].set(Some(run));
        }
    }

    /// Puts down the run that was taken up.
    // Inlined: one store.
    #[inline(always)]
    pub(crate) fn put_down_run(&self, run: Arc<Run>) {
        put(&self.run, run);
    }

    /// Turns to a run.
    pub(crate) fn keep_run(&self, run: Arc<Run>) {
        with_thread_state(|thread| thread.turn_to(run.serial));
        // It may lie aside already.
        let (last, aside) = (self.run.take(), self.runs[run_slot(run.serial)].take());
        [aside, last].into_iter().flatten().filter(|other| other.serial != run.serial).for_each(|other| {
            self.lay_aside(Some(other));
        });
        self.put_down_run(run);
    }

    /// Turns away from a run that has ended.
    pub(crate) fn forget_run(&self, serial: u64) {
        drop(self.take_run(serial));
        with_thread_state(|thread| {
            if thread.is_at_work_on(serial) {
                thread.turn_to(0);
            }
        });
    }

    /// Takes out what this thread remembers of a model. The caller puts it back.
    // Inlined: the hit is a swap and a comparison. The miss is out of line.
    #[inline(always)]
    pub(crate) fn take_model(&self, layer: u32, name: ModelName) -> Option<Box<NearModel>> {
        match self.model.take() {
            Some(near) if near.is(layer, name) => Some(near),
            other => self.take_other_model(other, layer, name),
        }
    }

    /// Takes up a model that is not the one that was called last, which makes room for it.
    #[cold]
    fn take_other_model(
        &self,
        last: Option<Box<NearModel>>,
        layer: u32,
        name: ModelName,
    ) -> Option<Box<NearModel>> {
        let wanted = self.models[model_slot(name)].take();
        if let Some(last) = last {
            self.models[model_slot(last.name)].set(Some(last));
        }
        wanted.filter(|near| near.is(layer, name))
    }

    /// Puts down a model.
    // Inlined: one store.
    #[inline(always)]
    pub(crate) fn put_down_model(&self, near: Box<NearModel>) {
        put(&self.model, near);
    }
}

/// Turns this thread to a run.
pub(crate) fn keep_run(run: Arc<Run>) {
    let mut run = Some(run);
    at_desk(|desk| run.take().into_iter().for_each(|run| desk.keep_run(run)));
}

fn run_slot(serial: u64) -> usize {
    serial as usize % NEAR_RUNS
}

// Inlined: a shift and a mask.
#[inline]
fn model_slot((provider, model): ModelName) -> usize {
    // Names are allocated 16 bytes apart at least, so the low four bits of an address hardly differ.
    model.or(provider).map_or(0, Symbol::address) / 16 % NEAR_MODELS
}

/// Puts a value into a cell that is nearly always empty.
// Inlined: the drop of an old value is out of line, as there is nearly never one.
#[inline(always)]
fn put<T>(cell: &Cell<Option<T>>, value: T) {
    if let Some(old) = cell.replace(Some(value)) {
        drop_rarely(old);
    }
}

#[cold]
fn drop_rarely<T>(old: T) {
    drop(old);
}
