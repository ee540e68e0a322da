//! A sketch of the spans that are remembered: which are certainly not.

use std::sync::atomic::{AtomicU32, Ordering};

use super::hash::{IdHash, LANES};

/// Counters in a lane, so that a hundred open spans leave most of them at zero: 64 KiB a layer in all.
const COUNTERS: usize = 1024;

/// Counts spans by their hash. Most spans of a program mean nothing to this layer, and their records and closes are
/// turned away by one look at a counter instead of a lock and a search.
#[derive(Debug)]
pub(crate) struct Sketch(Box<[AtomicU32; LANES * COUNTERS]>);

impl Sketch {
    pub(crate) fn new() -> Self {
        Self(Box::new([const { AtomicU32::new(0) }; LANES * COUNTERS]))
    }

    #[inline]
    fn counter(&self, span: IdHash) -> &AtomicU32 {
        &self.0[(span.lane() * COUNTERS + span.within(COUNTERS)) % (LANES * COUNTERS)]
    }

    /// Whether the span may be among those added. A span's id reaches another thread only by something that orders the
    /// two, so whoever asks for a span sees it added; and whoever sees it removed sees what was done before that.
    #[inline]
    pub(crate) fn may_have(&self, span: IdHash) -> bool {
        self.counter(span).load(Ordering::Acquire) != 0
    }

    #[inline]
    pub(crate) fn add(&self, span: IdHash) {
        self.counter(span).fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn remove(&self, span: IdHash) {
        self.counter(span).fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_may_be_there_until_it_is_removed() {
        let sketch = Sketch::new();
        for span in 1..10_000 {
            sketch.add(IdHash::of(span));
        }
        assert!((1..10_000).all(|span| sketch.may_have(IdHash::of(span))));
        for span in 2..10_000 {
            sketch.remove(IdHash::of(span));
        }
        assert!(sketch.may_have(IdHash::of(1)));
        assert!(
            !(2..10_000).all(|span| sketch.may_have(IdHash::of(span))),
            "one span does not hide the absence of all others"
        );
    }
}
