//! Names as numbers: a stage, model, provider or operation is compared by address, never by its letters.

use std::cell::Cell;
use std::fmt;
use std::hash::{Hash, Hasher};

use dashmap::DashMap;
use once_cell::sync::Lazy;

use super::hash::FastHash;

/// Distinct names kept in one process. Names live for ever, so that the hot path can copy eight bytes instead of
/// text; a hundred thousand of them take about ten megabytes. Whoever names a stage after each of his files gets
/// the rest in one row rather than a leak.
const CAPACITY: usize = 100_000;

/// The name that stands for all beyond [`CAPACITY`].
const OVERFLOW: &str = "(more names)";

/// Names that one thread finds again without asking the shared table. A pipeline knows a few dozen.
const NEAR: usize = 64;

static ALL: Lazy<DashMap<&'static str, Name, FastHash>> = Lazy::new(|| DashMap::with_hasher(FastHash));

thread_local! {
    static NEARBY: [Cell<Option<Name>>; NEAR] = const { [const { Cell::new(None) }; NEAR] };
}

/// An interned name: two are equal exactly when their texts are.
#[derive(Clone, Copy)]
pub(crate) struct Name(&'static &'static str);

impl Name {
    /// The name with this text.
    #[inline]
    pub(crate) fn of(text: &str) -> Self {
        // By where the text lies: most are literals, and always the same ones. Where it is not, the shared table knows.
        let slot = (text.as_ptr() as usize >> 3 ^ text.len()) % NEAR;
        match NEARBY.try_with(|nearby| nearby[slot].get()) {
            Ok(Some(name)) if name.as_str() == text => name,
            _ => Self::remembered(text, slot),
        }
    }

    #[inline(never)]
    fn remembered(text: &str, slot: usize) -> Self {
        let name = Self::shared(text);
        let _ = NEARBY.try_with(|nearby| nearby[slot].set(Some(name)));
        name
    }

    /// The text.
    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }

    fn shared(text: &str) -> Self {
        if let Some(name) = ALL.get(text) {
            return *name;
        }
        let text = if ALL.len() < CAPACITY { text } else { OVERFLOW };
        let kept: &'static str = Box::leak(Box::from(text));
        *ALL.entry(kept).or_insert_with(|| Self(Box::leak(Box::new(kept))))
    }

    /// Where the name is kept: what it is compared and hashed by.
    pub(crate) fn address(self) -> usize {
        std::ptr::from_ref(self.0) as usize
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.address());
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_name_on_every_thread() {
        let here = Name::of("discovery");
        let there = std::thread::spawn(|| Name::of(&String::from("discovery"))).join().expect("no panic");
        assert_eq!(here, there);
        assert_ne!(here, Name::of("review"));
        assert_eq!(here.as_str(), "discovery");
    }
}
