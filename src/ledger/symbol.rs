//! Interned names: a stage, model, provider or operation is compared by address and not by text.
//!
//! # Invariants
//!
//! - A name is kept for the life of the process, so that the hot path copies eight bytes instead of text: with its entry in
//!   the table, its bytes and about a hundred more. None is refused, whatever came before: the bound is that of each run's rows.
//! - What has a value of its own for every run or call, such as an id or a path, is no symbol: it would be kept for ever.

use std::cell::Cell;
use std::fmt;
use std::hash::{Hash, Hasher};

use dashmap::DashMap;
use once_cell::sync::Lazy;

use super::bounds;
use super::hash::{FastHash, MULTIPLIER};

/// Slots of a thread's cache. A pipeline uses a few dozen names. With 256 slots two of them rarely share a slot, where each
/// would evict the other.
const RECENT_SLOTS: usize = 256;

// A sharded map: threads that intern new names at the same time rarely contend for one lock. No other lock is taken while a
// shard is locked.
static INTERNED: Lazy<DashMap<&'static str, Symbol, FastHash>> = Lazy::new(|| DashMap::with_hasher(FastHash));

thread_local! {
    // `const`, so that access needs no check for lazy initialisation.
    static RECENT: SymbolCache = const { SymbolCache::new() };
}

/// A thread's cache of symbols, which avoids the shared table. It holds no text with surrounding white space, so that a hit
/// needs no trimming.
pub(crate) struct SymbolCache([Cell<Option<Symbol>>; RECENT_SLOTS]);

impl SymbolCache {
    pub(crate) const fn new() -> Self {
        Self([const { Cell::new(None) }; RECENT_SLOTS])
    }

    /// Returns the slot of a text, by its address: most names are literals, which have one address for the whole process.
    // Inlined: one multiplication and a shift.
    #[inline]
    fn slot(&self, text: &str) -> &Cell<Option<Symbol>> {
        let hash = (text.as_ptr() as u64).wrapping_mul(MULTIPLIER);
        // The top bits are the best mixed ones. The remainder lets the compiler drop the bounds check.
        &self.0[(hash >> (64 - RECENT_SLOTS.ilog2())) as usize % RECENT_SLOTS]
    }

    fn get(&self, text: &str) -> Option<Symbol> {
        self.slot(text).get().filter(|name| name.as_str() == text)
    }

    fn keep(&self, text: &str, name: Symbol) {
        if text.trim().len() == text.len() {
            self.slot(text).set(Some(name));
        }
    }

    /// Returns the cached symbol of a text of 4 to 32 bytes, without a function call.
    // Inlined into the field visitor, where a call per field would be measurable.
    #[inline]
    pub(crate) fn get_short(&self, text: &str) -> Option<Symbol> {
        self.slot(text).get().filter(|name| is_short_and_same(name.as_str().as_bytes(), text.as_bytes()))
    }

    /// Returns the symbol of a text without surrounding white space; `None` if nothing remains.
    // Never inlined: the slow path of `get_short`, which would otherwise grow every visitor.
    #[inline(never)]
    pub(crate) fn intern_trimmed(&self, text: &str) -> Option<Symbol> {
        let found = self.get(text).or_else(|| Symbol::intern_trimmed(text));
        if let Some(found) = found {
            self.keep(text, found);
        }
        found
    }
}

/// An interned name: two symbols are equal exactly when their texts are.
#[derive(Clone, Copy)]
pub(crate) struct Symbol(&'static &'static str);

impl Symbol {
    /// Returns the symbol of a text.
    pub(crate) fn intern(text: &str) -> Self {
        RECENT.with(|recent| {
            recent.get(text).unwrap_or_else(|| {
                let name = Self::intern_shared(text);
                recent.keep(text, name);
                name
            })
        })
    }

    /// Returns the symbol of a text without surrounding white space; `None` if nothing remains.
    pub(crate) fn intern_trimmed(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self::intern(text))
    }

    /// Returns the text.
    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }

    fn intern_shared(text: &str) -> Self {
        let text = &*bounds::name(text);
        if let Some(name) = INTERNED.get(text) {
            return *name;
        }
        let leaked: &'static str = Box::leak(Box::from(text));
        // Another thread may have inserted the text since: its symbol is used, and this thread's text leaks once.
        *INTERNED.entry(leaked).or_insert_with(|| Self(Box::leak(Box::new(leaked))))
    }

    /// Returns whether two optional symbols are equal, by address and without branches.
    // Always inlined: cell keys are compared with it for every amount. `None` is address 0, which no symbol has.
    #[inline(always)]
    pub(crate) fn same_option(one: Option<Self>, two: Option<Self>) -> bool {
        let address = |name: Option<Self>| name.map_or(0, Self::address);
        address(one) == address(two)
    }

    /// Returns the address by which the symbol is compared and hashed.
    pub(crate) fn address(self) -> usize {
        std::ptr::from_ref(self.0) as usize
    }
}

/// Returns whether two texts are equal and 4 to 32 bytes long, as nearly all names are.
// Inlined: for these lengths it compiles to a few loads and no call of `memcmp`.
#[inline]
fn is_short_and_same(one: &[u8], two: &[u8]) -> bool {
    one.len() == two.len()
        && match one.len() {
            8..=16 => have_same_ends::<8>(one, two),
            17..=32 => have_same_ends::<16>(one, two),
            4..=7 => have_same_ends::<4>(one, two),
            _ => false,
        }
}

/// Returns whether the first N and the last N bytes are equal. For texts of N to 2N bytes these are all bytes.
// Inlined with its only caller.
#[inline]
fn have_same_ends<const N: usize>(one: &[u8], two: &[u8]) -> bool {
    let firsts = (one.first_chunk::<N>(), two.first_chunk::<N>());
    let lasts = (one.last_chunk::<N>(), two.last_chunk::<N>());
    match (firsts, lasts) {
        ((Some(first), Some(same)), (Some(last), Some(as_last))) => first == same && last == as_last,
        _ => false,
    }
}

// By address: the table has one address per text.
impl PartialEq for Symbol {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl Eq for Symbol {}

impl Hash for Symbol {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.address());
    }
}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

// By text, and not by address: an order by address would differ from process to process.
impl Ord for Symbol {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_symbol_on_every_thread() {
        let here = Symbol::intern("discovery");
        let there =
            std::thread::spawn(|| Symbol::intern(&String::from("discovery"))).join().expect("no panic");
        assert_eq!(here, there);
        assert_ne!(here, Symbol::intern("review"));
        assert_eq!(here.as_str(), "discovery");
    }

    #[test]
    fn short_texts_are_equal_when_every_byte_is() {
        let text: String = ('a'..='z').cycle().take(40).collect();
        for len in 0..40 {
            let one = &text.as_bytes()[..len];
            assert_eq!(is_short_and_same(one, one), (4..=32).contains(&len), "{len}");
            for at in 0..len {
                let mut two = one.to_vec();
                two[at] = b'-';
                assert!(!is_short_and_same(one, &two), "{len} {at}");
            }
            assert!(!is_short_and_same(one, &text.as_bytes()[..len + 1]));
        }
    }

    #[test]
    fn surrounding_white_space_is_trimmed() {
        let padded = " \u{a0}charts\n";
        assert_eq!(Symbol::intern(padded).as_str(), padded);
        for _ in 0..2 {
            assert_eq!(Symbol::intern_trimmed(padded), Some(Symbol::intern("charts")));
            assert_eq!(Symbol::intern_trimmed(" "), None);
            assert_eq!(Symbol::intern_trimmed(""), None);
        }
    }
}
