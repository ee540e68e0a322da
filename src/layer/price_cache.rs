//! The models that a thread called last, with what it remembers of their prices.
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

use super::pricer::{Held, Model};
use crate::attribution::{ModelName, PriceTerms};
use crate::ledger::Symbol;

/// Models that a thread caches beside the last one. A pipeline calls two or three; two that share an entry only evict each other.
const NEAR_MODELS: usize = 8;

/// A model as an emitter names it, in one price book of one layer.
pub(crate) struct NearModel {
    /// The number of the book.
    pub(crate) book: u32,
    pub(crate) name: ModelName,
    pub(crate) terms: PriceTerms,
    pub(crate) model: Arc<Model>,
    pub(crate) held: Held,
}

impl NearModel {
    // Inlined: five comparisons on the path of every call.
    #[inline(always)]
    fn is(&self, book: u32, (provider, model): ModelName, terms: PriceTerms) -> bool {
        self.book == book
            && self.terms.is(terms)
            && Symbol::same_option(self.name.0, provider)
            && Symbol::same_option(self.name.1, model)
    }
}

/// A thread's cache of models, and its number.
pub(crate) struct PriceCache {
    /// The model that was called last, and others.
    model: Cell<Option<Box<NearModel>>>,
    models: [Cell<Option<Box<NearModel>>>; NEAR_MODELS],
    /// The number of this thread among those that book; 0 until it has one.
    number: Cell<usize>,
}

thread_local! {
    // `const`, as in `thread_state`: no test for initialisation at every access.
    static PRICE_CACHE: PriceCache = const { PriceCache::new() };
}

/// Runs `act` on this thread's cache, or on an empty one if the thread is ending and its own is dropped already.
// Inlined: the closures are large, and passing them by pointer would spill what they capture.
#[inline(always)]
pub(crate) fn with_price_cache<T>(act: impl Fn(&PriceCache) -> T + Copy) -> T {
    match PRICE_CACHE.try_with(act) {
        Ok(done) => done,
        Err(_) => away(act),
    }
}

#[cold]
fn away<T>(act: impl FnOnce(&PriceCache) -> T) -> T {
    // Spans may close in the destructor of another thread-local. They are counted like all others, only without a cache.
    act(&PriceCache::new())
}

impl PriceCache {
    const fn new() -> Self {
        let models = [const { Cell::new(None) }; NEAR_MODELS];
        Self { model: Cell::new(None), models, number: Cell::new(0) }
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

    /// Takes out what this thread remembers of a model. The caller puts it back.
    // Inlined: the hit is a swap and a comparison. The miss is out of line.
    #[inline(always)]
    pub(crate) fn take_model(&self, book: u32, name: ModelName, terms: PriceTerms) -> Option<Box<NearModel>> {
        match self.model.take() {
            Some(near) if near.is(book, name, terms) => Some(near),
            other => self.take_other_model(other, book, name, terms),
        }
    }

    /// Takes up a model that is not the one that was called last, which makes room for it.
    #[cold]
    fn take_other_model(
        &self,
        last: Option<Box<NearModel>>,
        book: u32,
        name: ModelName,
        terms: PriceTerms,
    ) -> Option<Box<NearModel>> {
        let wanted = self.models[model_slot(name)].take();
        if let Some(last) = last {
            self.models[model_slot(last.name)].set(Some(last));
        }
        wanted.filter(|near| near.is(book, name, terms))
    }
}

/// Puts a model back into this thread's cache.
// Inlined: one store.
#[inline(always)]
pub(crate) fn put_back(near: Box<NearModel>) {
    let mut near = Some(near);
    let _ = PRICE_CACHE.try_with(|cache| {
        if let Some(last) = cache.model.replace(near.take()) {
            drop_rarely(last);
        }
    });
    // If the thread is ending and its cache is dropped already, so is the model.
    if let Some(near) = near {
        drop_rarely(near);
    }
}

// Inlined: a shift and a mask.
#[inline]
fn model_slot((provider, model): ModelName) -> usize {
    // Names are allocated 16 bytes apart at least, so the low four bits of an address hardly differ.
    model.or(provider).map_or(0, Symbol::address) / 16 % NEAR_MODELS
}

#[cold]
fn drop_rarely<T>(old: T) {
    drop(old);
}
