//! Names as numbers: a stage, model, provider or operation is compared by address, never by its letters.

use std::cell::Cell;
use std::fmt;
use std::hash::{Hash, Hasher};

use dashmap::DashMap;
use once_cell::sync::Lazy;

use super::hash::{FastHash, MULTIPLIER};

/// Distinct names kept in one process. Names live for ever, so that the hot path can copy eight bytes instead of
/// text; a hundred thousand of them take about ten megabytes. Whoever names a stage after each of his files gets
/// the rest in one row rather than a leak.
const CAPACITY: usize = 100_000;

/// The name that stands for all beyond [`CAPACITY`].
const OVERFLOW: &str = "(more names)";

/// Names that are found again without asking the shared table. A pipeline knows a few dozen, and two of them at one place
/// would drive each other out.
const RECENT_SLOTS: usize = 256;

static INTERNED: Lazy<DashMap<&'static str, Symbol, FastHash>> = Lazy::new(|| DashMap::with_hasher(FastHash));

thread_local! {
    static RECENT: SymbolCache = const { SymbolCache::new() };
}

/// Names that are found again without a look at what all threads share. None of them has blanks around it.
pub(crate) struct SymbolCache([Cell<Option<Symbol>>; RECENT_SLOTS]);

impl SymbolCache {
    pub(crate) const fn new() -> Self {
        Self([const { Cell::new(None) }; RECENT_SLOTS])
    }

    /// Where a name is looked for: by where the text lies. Most are literals, and always the same ones.
    #[inline]
    fn slot(&self, text: &str) -> &Cell<Option<Symbol>> {
        let hash = (text.as_ptr() as u64).wrapping_mul(MULTIPLIER);
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

    /// The name with this text if it takes no call to find it: a short one that was met lately.
    #[inline]
    pub(crate) fn get_short(&self, text: &str) -> Option<Symbol> {
        self.slot(text).get().filter(|name| is_short_and_same(name.as_str().as_bytes(), text.as_bytes()))
    }

    /// The name with this text, without the blanks around it; `None` if there is nothing else.
    #[inline(never)]
    pub(crate) fn intern_trimmed(&self, text: &str) -> Option<Symbol> {
        let found = self.get(text).or_else(|| Symbol::intern_trimmed(text));
        if let Some(found) = found {
            self.keep(text, found);
        }
        found
    }
}

/// An interned name: two are equal exactly when their texts are.
#[derive(Clone, Copy)]
pub(crate) struct Symbol(&'static &'static str);

impl Symbol {
    /// The name with this text.
    pub(crate) fn intern(text: &str) -> Self {
        RECENT.with(|recent| {
            recent.get(text).unwrap_or_else(|| {
                let name = Self::intern_shared(text);
                recent.keep(text, name);
                name
            })
        })
    }

    /// The name with this text, without the blanks around it; `None` if there is nothing else.
    pub(crate) fn intern_trimmed(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self::intern(text))
    }

    /// The text.
    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }

    fn intern_shared(text: &str) -> Self {
        if let Some(name) = INTERNED.get(text) {
            return *name;
        }
        let text = if INTERNED.len() < CAPACITY { text } else { OVERFLOW };
        let kept: &'static str = Box::leak(Box::from(text));
        *INTERNED.entry(kept).or_insert_with(|| Self(Box::leak(Box::new(kept))))
    }

    /// Whether two names that may not be there are the same, without a branch for those that are not.
    #[inline(always)]
    pub(crate) fn same_option(one: Option<Self>, two: Option<Self>) -> bool {
        let address = |name: Option<Self>| name.map_or(0, Self::address);
        address(one) == address(two)
    }

    /// Where the name is kept: what it is compared and hashed by.
    pub(crate) fn address(self) -> usize {
        std::ptr::from_ref(self.0) as usize
    }
}

/// Whether two texts are the same and four to 32 bytes long, as nearly all names are.
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

/// Whether two texts have the same first and the same last bytes: all of them where they have no more than twice as many.
#[inline]
fn have_same_ends<const N: usize>(one: &[u8], two: &[u8]) -> bool {
    let firsts = (one.first_chunk::<N>(), two.first_chunk::<N>());
    let lasts = (one.last_chunk::<N>(), two.last_chunk::<N>());
    match (firsts, lasts) {
        ((Some(first), Some(same)), (Some(last), Some(as_last))) => first == same && last == as_last,
        _ => false,
    }
}

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
    fn equal_texts_are_one_name_on_every_thread() {
        let here = Symbol::intern("discovery");
        let there =
            std::thread::spawn(|| Symbol::intern(&String::from("discovery"))).join().expect("no panic");
        assert_eq!(here, there);
        assert_ne!(here, Symbol::intern("review"));
        assert_eq!(here.as_str(), "discovery");
    }

    #[test]
    fn short_texts_are_the_same_when_every_byte_is() {
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
    fn blanks_around_what_is_told_are_no_part_of_it() {
        let blanks = " \u{a0}charts\n";
        assert_eq!(Symbol::intern(blanks).as_str(), blanks);
        for _ in 0..2 {
            assert_eq!(Symbol::intern_trimmed(blanks), Some(Symbol::intern("charts")));
            assert_eq!(Symbol::intern_trimmed(" "), None);
            assert_eq!(Symbol::intern_trimmed(""), None);
        }
    }
}
