//! A map from span ids, small enough to read and quick enough to be asked five times a span.

use super::hash::IdHash;

/// Open addressing: an entry is at its hash's place, or right behind those that were there first.
#[derive(Debug)]
pub(crate) struct IdMap<T> {
    /// A power of two of places; id 0 is no span's and marks a free one.
    places: Vec<(u64, Option<T>)>,
    len: usize,
    /// Spans that were put in, and taken out: counted here, as whoever does that has the lock and the cache line.
    pub(crate) opened: u64,
    pub(crate) closed: u64,
}

impl<T> Default for IdMap<T> {
    fn default() -> Self {
        Self { places: Vec::new(), len: 0, opened: 0, closed: 0 }
    }
}

impl<T> IdMap<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn mask(&self) -> usize {
        self.places.len().wrapping_sub(1)
    }

    #[inline]
    fn find(&self, id: u64, hash: IdHash) -> Option<usize> {
        let mask = self.mask();
        let mut at = hash.place() & mask;
        loop {
            match self.places.get(at)?.0 {
                found if found == id => return Some(at),
                0 => return None,
                _ => at = (at + 1) & mask,
            }
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: u64, hash: IdHash) -> Option<&mut T> {
        let at = self.find(id, hash)?;
        self.places[at].1.as_mut()
    }

    /// Puts a value under an id, and returns the one that was there.
    #[inline]
    pub(crate) fn insert(&mut self, id: u64, hash: IdHash, value: T) -> Option<T> {
        // A quarter stays free, so that searches end soon.
        if (self.len + 1) * 4 > self.places.len() * 3 {
            self.grow();
        }
        let mask = self.mask();
        let mut at = hash.place() & mask;
        while self.places[at].0 != 0 && self.places[at].0 != id {
            at = (at + 1) & mask;
        }
        let place = &mut self.places[at];
        place.0 = id;
        let old = place.1.replace(value);
        self.len += usize::from(old.is_none());
        old
    }

    #[inline]
    pub(crate) fn remove(&mut self, id: u64, hash: IdHash) -> Option<T> {
        let mut free = self.find(id, hash)?;
        let removed = self.places[free].1.take();
        let mask = self.mask();
        // Whatever had to go past this place may now be closer to its own, and a gap would hide it.
        let mut at = (free + 1) & mask;
        while self.places[at].0 != 0 {
            let home = IdHash::of(self.places[at].0).place() & mask;
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(free) & mask {
                self.places.swap(free, at);
                free = at;
            }
            at = (at + 1) & mask;
        }
        self.places[free] = (0, None);
        self.len -= 1;
        removed
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut T)> {
        self.places.iter_mut().filter_map(|(id, value)| value.as_mut().map(|value| (*id, value)))
    }

    #[cold]
    fn grow(&mut self) {
        let places = (self.places.len() * 2).max(8);
        let old = std::mem::replace(&mut self.places, (0..places).map(|_| (0, None)).collect());
        self.len = 0;
        for (id, value) in old {
            if let Some(value) = value {
                self.insert(id, IdHash::of(id), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((1..60_u64, any::<bool>()), 0..400), stride in 1..10_000_u64) {
            let (mut ours, mut theirs) = (IdMap::default(), HashMap::new());
            for (step, (id, inserts)) in steps.into_iter().enumerate() {
                let id = id * stride;
                let hash = IdHash::of(id);
                if inserts {
                    prop_assert_eq!(ours.insert(id, hash, step), theirs.insert(id, step));
                } else {
                    prop_assert_eq!(ours.remove(id, hash), theirs.remove(&id));
                }
                prop_assert_eq!(ours.len(), theirs.len());
                for (id, value) in &mut theirs {
                    prop_assert_eq!(ours.get_mut(*id, IdHash::of(*id)), Some(value));
                }
                prop_assert_eq!(ours.iter_mut().count(), theirs.len());
            }
        }
    }
}
