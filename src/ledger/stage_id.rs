//! The identity of a stage's row: its name below the row of the stage around it.

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use dashmap::DashMap;
use once_cell::sync::Lazy;

use super::bounds::MORE_NAMES;
use super::hash::{FastHash, MULTIPLIER};
use super::last_hit_map::Key;
use super::symbol::Symbol;

/// Rows that a thread remembers, by name and parent. A program has a few dozen stages; two that share a slot only evict each other.
const RECENT_SLOTS: usize = 64;

/// Most stages inside one another that are rows of their own.
const DEEPEST: usize = 64;

static INTERNED: Lazy<DashMap<(Symbol, Option<StageId>), StageId, FastHash>> =
    Lazy::new(|| DashMap::with_hasher(FastHash));

type Recent = [Cell<Option<StageId>>; RECENT_SLOTS];

thread_local! {
    // `const`, so that access needs no check for lazy initialisation.
    static RECENT: Recent = const { [const { Cell::new(None) }; RECENT_SLOTS] };
}

/// A stage's row: stages of one name under different stages are different rows (A2). One word, compared by address.
#[derive(Clone, Copy)]
pub(crate) struct StageId(&'static Node);

struct Node {
    name: Symbol,
    parent: Option<StageId>,
    /// The number of stages around it and itself.
    depth: usize,
}

impl StageId {
    /// The row of a stage below the row of the stage around it.
    // Inlined: the hit in the thread's cache is a multiplication and two comparisons, for every stage that opens.
    #[inline]
    pub(crate) fn intern(name: Symbol, parent: Option<Self>) -> Self {
        RECENT.with(|recent| {
            let around = parent.map_or(0, Self::address);
            let hash = (name.address() ^ around.rotate_left(17)) as u64;
            let slot = &recent[(hash.wrapping_mul(MULTIPLIER) >> 58) as usize % RECENT_SLOTS];
            match slot.get() {
                Some(known) if known.name() == name && Self::same_option(known.parent(), parent) => known,
                _ => {
                    let found = Self::intern_shared(name, parent);
                    slot.set(Some(found));
                    found
                }
            }
        })
    }

    #[cold]
    fn intern_shared(name: Symbol, parent: Option<Self>) -> Self {
        if let Some(known) = INTERNED.get(&(name, parent)) {
            return *known;
        }
        // A recursion into ever deeper stages stays in the deepest row: each deeper one would repeat all names around it.
        let parent =
            parent.and_then(|around| if around.depth() < DEEPEST { parent } else { around.parent() });
        let depth = 1 + parent.map_or(0, Self::depth);
        *INTERNED
            .entry((name, parent))
            .or_insert_with(|| Self(Box::leak(Box::new(Node { name, parent, depth }))))
    }

    /// The stage's name.
    pub(crate) fn name(self) -> Symbol {
        self.0.name
    }

    /// The row of the stage around it.
    pub(crate) fn parent(self) -> Option<Self> {
        self.0.parent
    }

    /// The names of the stages around it and its own, joined by `/`.
    pub(crate) fn path(self) -> String {
        match self.parent() {
            Some(parent) => format!("{}/{}", parent.path(), self.name().as_str()),
            None => self.name().as_str().to_owned(),
        }
    }

    // Always inlined: cell keys are compared with it for every amount. `None` is address 0, which no row has.
    #[inline(always)]
    pub(crate) fn same_option(one: Option<Self>, two: Option<Self>) -> bool {
        let address = |stage: Option<Self>| stage.map_or(0, Self::address);
        address(one) == address(two)
    }

    fn address(self) -> usize {
        std::ptr::from_ref(self.0) as usize
    }

    fn depth(self) -> usize {
        self.0.depth
    }

    /// The order of two rows of one depth: by name, the outermost first.
    fn order(self, other: Self) -> Ordering {
        if self == other {
            return Ordering::Equal;
        }
        let around = match (self.parent(), other.parent()) {
            (Some(one), Some(two)) => one.order(two),
            (one, two) => one.is_some().cmp(&two.is_some()),
        };
        around.then_with(|| self.name().cmp(&other.name()))
    }
}

impl Key for StageId {
    fn rest(self) -> Self {
        Self::intern(Symbol::intern(MORE_NAMES), None)
    }
}

impl Key for Option<StageId> {
    fn rest(self) -> Self {
        self.map(StageId::rest)
    }
}

// By address: the table has one address per name and parent.
impl PartialEq for StageId {
    // Inlined: one comparison.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl Eq for StageId {}

impl Hash for StageId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.address());
    }
}

impl PartialOrd for StageId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for StageId {
    /// By the number of stages around, then by path: a parent comes before the stages inside it.
    fn cmp(&self, other: &Self) -> Ordering {
        if self == other {
            return Ordering::Equal;
        }
        // The depth once, and not at each level: that would take the square of it.
        self.depth().cmp(&other.depth()).then_with(|| self.order(*other))
    }
}

impl fmt::Debug for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_its_name_below_its_parent() {
        let stage = |name: &str, parent| StageId::intern(Symbol::intern(name), parent);
        let (a, b) = (stage("a", None), stage("b", None));
        let (in_a, in_b) = (stage("search", Some(a)), stage("search", Some(b)));
        assert_ne!(in_a, in_b);
        assert_eq!(in_a, stage("search", Some(a)));
        assert_eq!((in_a.name(), in_a.parent()), (in_b.name(), Some(a)));
        assert_eq!(stage("search", Some(in_a)).path(), "a/search/search");
        assert!(a < in_a && in_a < in_b && b < in_a);
    }
}
