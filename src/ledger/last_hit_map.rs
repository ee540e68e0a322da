//! Values by key, for keys that come in runs.

use std::collections::HashMap;
use std::hash::Hash;

use super::hash::FastHash;

/// Up to this many keys are compared one after another; that takes less than hashing one.
const FEW: usize = 8;

/// A map that looks first where it looked last. A stage makes one call after another, so that nearly every amount goes to
/// the same cell as the one before it.
#[derive(Clone, Debug)]
pub(crate) struct LastHitMap<K, V> {
    entries: Vec<(K, V)>,
    last: usize,
    /// Where each key is, once there are more than a [`FEW`].
    index: HashMap<K, usize, FastHash>,
}

impl<K: Copy + Eq + Hash, V: Default> LastHitMap<K, V> {
    /// The value of a key, made where there is none.
    #[inline(always)]
    pub(crate) fn entry(&mut self, key: K) -> &mut V {
        let is_there = self.entries.get(self.last).is_some_and(|(last, _)| *last == key);
        let at = if is_there { self.last } else { self.turn_to(key) };
        &mut self.entries[at].1
    }

    #[cold]
    fn turn_to(&mut self, key: K) -> usize {
        self.last = self.find(&key).unwrap_or_else(|| self.add(key));
        self.last
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

    /// Forgets everything, and keeps the room for it.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.index.clear();
        self.last = 0;
    }
}

impl<K, V> Default for LastHitMap<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), last: 0, index: HashMap::with_hasher(FastHash) }
    }
}

impl<K: Copy + Eq + Hash, V: Default + PartialEq> PartialEq for LastHitMap<K, V> {
    /// The order in which keys came does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len()
            && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(keys in prop::collection::vec(0..40_u32, 0..200)) {
            let (mut shelf, mut map) = (LastHitMap::default(), HashMap::new());
            for key in &keys {
                *shelf.entry(*key) += 1_u32;
                *map.entry(*key).or_insert(0_u32) += 1;
            }
            prop_assert_eq!(shelf.iter().count(), map.len());
            for (key, count) in &map {
                prop_assert_eq!(shelf.get(key), Some(count));
            }
        }
    }
}
