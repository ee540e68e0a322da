//! Thread-local span stack, and caches that avoid shared state.
//!
//! Only `Cell`s of types without a destructor: they need no borrow flag, and the thread-local needs no flag for whether it was
//! dropped already. Finding a thread-local costs as much as a call, so a function that has it passes it on.
//!
//! # Invariants
//!
//! - No user code (a `Debug` impl of a field, a sink) runs while a reference to the thread-local is in use: it could trace, and
//!   change the stack below the caller.
//! - A cached ancestor is valid only for the epoch it was found in.

use std::cell::Cell;

use tracing_core::Metadata;

use super::ancestors::Ancestor;
use crate::attribution::CallsiteFlags;
use crate::ledger::SymbolCache;

/// Depth of the span stack that a thread remembers. Real programs enter fewer than 30 spans at once; below the 128th, the parent
/// is looked up in the registry, which is slower and still correct. An entry is about 100 bytes.
const DEPTH: usize = 128;

/// Callsites that a thread caches the flags of, by address. A busy program has a few dozen on its hot path; two that share an entry
/// only evict each other. A power of two, so that the modulo is a mask.
const CACHED_FLAGS: usize = 64;

/// A callsite's flags for one layer.
#[derive(Clone, Copy)]
struct CachedFlags {
    address: usize,
    layer: u32,
    flags: Option<CallsiteFlags>,
}

impl CachedFlags {
    const NONE: Self = Self { address: 0, layer: 0, flags: None };
}

/// A span that is entered.
struct Entered {
    /// The number of its layer; 0 once it was left while others inside of it were not.
    layer: Cell<u32>,
    span: Cell<u64>,
    /// The epoch in which the ancestor was found; 0 if it was not looked up.
    epoch: Cell<u64>,
    ancestor: Cell<Ancestor>,
    /// Whether the ancestor is a root: looked at for every plain span, where a copy of the whole would be most of the cost.
    is_root: Cell<bool>,
}

/// In the place of an epoch: the span does not matter by itself, so that it is no root.
const PLAIN: u64 = u64::MAX;

/// A thread's span stack, and its caches of callsites and names.
pub(crate) struct ThreadState {
    /// Number of spans entered; those beyond [`DEPTH`] are only counted.
    depth: Cell<usize>,
    /// The spans that are entered, innermost last. The registry has the same stack, at several times the cost: see `parent`.
    entered: [Entered; DEPTH],
    flags: [Cell<CachedFlags>; CACHED_FLAGS],
    /// Names that spans recorded.
    pub(crate) names: SymbolCache,
}

thread_local! {
    // `const`: every access would otherwise test whether the value is initialised.
    static THREAD_STATE: ThreadState = const { ThreadState::new() };
}

/// Runs `act` on what this thread remembers.
// Inlined: finding a thread-local costs as much as a call, so callers find it once and pass it on.
#[inline(always)]
pub(crate) fn with_thread_state<T>(act: impl FnOnce(&ThreadState) -> T) -> T {
    THREAD_STATE.with(act)
}

impl Entered {
    const fn empty() -> Self {
        let (ancestor, is_root) = (Cell::new(Ancestor::NOTHING), Cell::new(false));
        Self { layer: Cell::new(0), span: Cell::new(0), epoch: Cell::new(0), ancestor, is_root }
    }
}

impl ThreadState {
    const fn new() -> Self {
        Self {
            depth: Cell::new(0),
            entered: [const { Entered::empty() }; DEPTH],
            flags: [const { Cell::new(CachedFlags::NONE) }; CACHED_FLAGS],
            names: SymbolCache::new(),
        }
    }

    /// The last span that was entered; none where that is too deep to be remembered.
    // Inlined: one bounds check and one address.
    #[inline]
    fn last(&self) -> Option<&Entered> {
        self.entered.get(self.depth.get().wrapping_sub(1))
    }

    /// The innermost span of a layer. Nearly always the last: a program has one budget layer.
    // Inlined: the hit is one comparison; the search is out of line.
    #[inline]
    fn innermost(&self, layer: u32) -> Option<&Entered> {
        match self.last() {
            Some(last) if last.layer.get() == layer => Some(last),
            _ => self.innermost_below(layer),
        }
    }

    #[cold]
    fn innermost_below(&self, layer: u32) -> Option<&Entered> {
        self.entered.get(..self.depth.get())?.iter().rev().find(|entered| entered.layer.get() == layer)
    }

    // Inlined: a bounds check and four stores.
    #[inline]
    pub(crate) fn enter(&self, layer: u32, span: u64) {
        let depth = self.depth.get();
        if let Some(next) = self.entered.get(depth) {
            next.layer.set(layer);
            next.span.set(span);
            // The entry's last span had another ancestor. With its epoch left in place, that ancestor would pass for this span's.
            next.epoch.set(0);
        }
        // Counted beyond `DEPTH`, too: the exits of these spans would otherwise remove spans that are still entered.
        self.depth.set(depth + 1);
    }

    // Inlined: two comparisons and a store; guards dropped out of order are handled out of line.
    #[inline]
    pub(crate) fn exit(&self, layer: u32, span: u64) {
        match self.last() {
            Some(last) if last.span.get() == span && last.layer.get() == layer => {
                self.depth.set(self.depth.get() - 1);
            }
            _ => self.exit_out_of_order(layer, span),
        }
    }

    /// Guards may be dropped out of order.
    #[cold]
    fn exit_out_of_order(&self, layer: u32, span: u64) {
        let known = &self.entered[..self.depth.get().min(DEPTH)];
        match known.iter().rfind(|entered| (entered.layer.get(), entered.span.get()) == (layer, span)) {
            Some(left) => left.layer.set(0),
            None if self.depth.get() > DEPTH => self.depth.set(self.depth.get() - 1),
            // It was never entered here.
            None => {}
        }
        // Entries were marked, not removed, while others lay above them. They go once they are on top.
        while self.last().is_some_and(|last| last.layer.get() == 0) {
            self.depth.set(self.depth.get() - 1);
        }
    }

    /// The innermost span of a layer that is entered on this thread; `None` also where that is too deep to be remembered.
    // Inlined: two loads.
    #[inline]
    pub(crate) fn current(&self, layer: u32) -> Option<u64> {
        self.innermost(layer).map(|entered| entered.span.get())
    }

    /// The nearest span that matters from the innermost one outward that is entered on this thread, if nothing has changed its
    /// position since it was found.
    // Inlined: two loads and a comparison, for every span that matters.
    #[inline]
    pub(crate) fn current_ancestor(&self, layer: u32, epoch: u64) -> Option<&Cell<Ancestor>> {
        let innermost = self.innermost(layer)?;
        (innermost.epoch.get() == epoch).then_some(&innermost.ancestor)
    }

    /// The same of a span, if it is the innermost on this thread.
    pub(crate) fn ancestor(&self, layer: u32, span: u64, epoch: u64) -> Option<Ancestor> {
        let innermost = self.innermost(layer)?;
        let is_known = innermost.span.get() == span && innermost.epoch.get() == epoch;
        is_known.then(|| innermost.ancestor.get())
    }

    /// Keeps the nearest span that matters from a span outward, if that span is the innermost on this thread.
    pub(crate) fn keep_ancestor(&self, layer: u32, span: u64, epoch: u64, ancestor: Ancestor) {
        if let Some(current) = self.innermost(layer).filter(|current| current.span.get() == span) {
            current.epoch.set(epoch);
            current.ancestor.set(ancestor);
            current.is_root.set(ancestor.is_root);
        }
    }

    /// Whether the last span that this thread has entered is one of this layer that is in a run, as far as is known without
    /// a search, and whether it is the root.
    // Inlined: this decides that a plain span costs nothing more.
    #[inline]
    pub(crate) fn is_in_root(&self, layer: u32, epoch: u64) -> Option<bool> {
        match self.last() {
            Some(last) if last.layer.get() != layer => None,
            Some(last) if last.epoch.get() == epoch => Some(last.is_root.get()),
            Some(last) if last.epoch.get() == PLAIN => Some(false),
            _ => None,
        }
    }

    /// Keeps that a span does not matter by itself if it is the innermost on this thread.
    pub(crate) fn keep_plain(&self, layer: u32, span: u64) {
        if let Some(current) = self.innermost(layer).filter(|current| current.span.get() == span) {
            current.epoch.set(PLAIN);
        }
    }

    /// The flags of a callsite for a layer, if this thread has met it lately.
    // Inlined: two comparisons for every new span.
    #[inline]
    pub(crate) fn flags(&self, layer: u32, metadata: &'static Metadata<'static>) -> Option<CallsiteFlags> {
        let address = std::ptr::from_ref(metadata) as usize;
        let near = self.flags[flags_slot(address)].get();
        near.flags.filter(|_| near.address == address && near.layer == layer)
    }

    /// Remembers the flags of a callsite.
    pub(crate) fn keep_flags(&self, layer: u32, metadata: &'static Metadata<'static>, flags: CallsiteFlags) {
        let address = std::ptr::from_ref(metadata) as usize;
        self.flags[flags_slot(address)].set(CachedFlags { address, layer, flags: Some(flags) });
    }
}

/// Metadata is over a hundred bytes long, so the low four bits of its address hardly differ. The second shift mixes in the bits
/// that differ between crates.
// Inlined: shifts and a mask.
#[inline]
fn flags_slot(address: usize) -> usize {
    (address >> 4 ^ address >> 10) % CACHED_FLAGS
}
