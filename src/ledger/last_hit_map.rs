//! A map for keys that repeat in runs.

use std::collections::HashMap;
use std::hash::Hash;

use super::bounds::ROWS;
use super::hash::FastHash;

/// Up to this many keys are compared one by one: eight comparisons of three addresses take less time than one hash.
/// Most runs have fewer cells than this, and pay for no hash table.
const FEW: usize = 8;

/// Most keys that a map keeps apart: ten times the rows of a document, so that the greatest of these are there in nearly every run,
/// and a run without end takes some tens of megabytes.
const MOST: usize = 10 * ROWS;

/// A key, and the key of all for which there is no place.
pub(crate) trait Key: Copy + Eq + Hash {
    /// The key of the row for the rest.
    fn rest(self) -> Self;
}

/// A map that checks the key of its last hit first. A stage makes one call after another, so nearly every amount goes to the
/// same cell as the amount before it.
#[derive(Clone, Debug)]
pub(crate) struct LastHitMap<K, V> {
    entries: Vec<(K, V)>,
    last: usize,
    /// The position of each key. Empty while there are at most [`FEW`] keys.
    index: HashMap<K, usize, FastHash>,
}

impl<K: Key, V: Default> LastHitMap<K, V> {
    /// Returns the value of a key, and inserts the default value for a new key.
    // Always inlined: it is called once per model call, and the check of the last hit is a few instructions.
    #[inline(always)]
    pub(crate) fn entry(&mut self, key: K) -> &mut V {
        let last = self.last;
        if last < self.entries.len() && self.entries[last].0 == key {
            // Returned here: after both paths have met, the bound would be checked again.
            return &mut self.entries[last].1;
        }
        let at = self.move_to(key);
        &mut self.entries[at].1
    }

    // Cold and out of line, so that the check of the last hit stays small in its callers.
    #[cold]
    fn move_to(&mut self, key: K) -> usize {
        self.last = self.find(&key).unwrap_or_else(|| self.add_bounded(key));
        self.last
    }

    /// Adds a key; beyond [`MOST`] of them, the key of the rest instead.
    fn add_bounded(&mut self, key: K) -> usize {
        if self.entries.len() < MOST {
            return self.add(key);
        }
        let rest = key.rest();
        self.find(&rest).unwrap_or_else(|| self.add(rest))
    }

    fn find(&self, key: &K) -> Option<usize> {
        if self.entries.len() <= FEW {
            self.entries.iter().position(|(known, _)| known == key)
        } else {
            self.index.get(key).copied()
        }
    }

    fn add(&mut self, key: K) -> usize {
        let at = self.entries.len();
        self.entries.push((key, V::default()));
        // The key that exceeds FEW builds the index of all keys. Later keys are added to it one by one.
        if at == FEW {
            self.index.extend(self.entries.iter().enumerate().map(|(at, (key, _))| (*key, at)));
        } else if at > FEW {
            self.index.insert(key, at);
        }
        at
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.find(key).map(|at| &self.entries[at].1)
    }

    /// Removes every entry and keeps the allocation, because ledgers are reused on the hot path.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.index.clear();
        self.last = 0;
    }
}

impl<K, V> Default for LastHitMap<K, V> {
    fn default() -> Self {
        // Allocates nothing: a run without usage never needs it.
        Self { entries: Vec::new(), last: 0, index: HashMap::with_hasher(FastHash) }
    }
}

impl<K: Key, V: Default + PartialEq> PartialEq for LastHitMap<K, V> {
    /// Ignores the order in which keys were inserted: parts of a run are merged in any order.
    fn eq(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len()
            && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Key for u32 {
        fn rest(self) -> Self {
            u32::MAX
        }
    }

    #[test]
    fn beyond_the_bound_all_keys_are_one() {
        let mut map = LastHitMap::default();
        for key in 0..MOST as u32 + 7 {
            *map.entry(key) += 1_u32;
            *map.entry(3) += 1;
        }
        assert_eq!(map.iter().count(), MOST + 1);
        assert_eq!(
            (map.get(&u32::MAX), map.get(&4), map.get(&3)),
            (Some(&7), Some(&1), Some(&(MOST as u32 + 8)))
        );
    }

    proptest! {
        #[test]
        fn behaves_like_a_hash_map(keys in prop::collection::vec(0..40_u32, 0..200)) {
            let (mut last_hit, mut map) = (LastHitMap::default(), HashMap::new());
            for key in &keys {
                *last_hit.entry(*key) += 1_u32;
                *map.entry(*key).or_insert(0_u32) += 1;
            }
            prop_assert_eq!(last_hit.iter().count(), map.len());
            for (key, count) in &map {
                prop_assert_eq!(last_hit.get(key), Some(count));
            }
        }
    }
}
