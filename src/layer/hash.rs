//! One hash of a span's id, for all that is looked up by it.

/// 2^64 over the golden ratio, made odd: Knuth's multiplicative hashing.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Threads that get a lane of their own.
pub(crate) const LANES: usize = 16;

/// The hash of a span's id. Its high bits are the good ones; each user takes others of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdHash {
    hash: u64,
    lane: usize,
}

/// Where in a span's id the registry keeps the number of the thread that the span was created on. Were it kept elsewhere,
/// threads would only meet more often.
const THREAD: u32 = 38;

impl IdHash {
    #[inline]
    pub(crate) fn of(id: u64) -> Self {
        Self { hash: id.wrapping_mul(MULTIPLIER), lane: (id >> THREAD) as usize % LANES }
    }

    /// Where in a map of up to 2^32 places.
    #[inline]
    pub(crate) fn place(self) -> usize {
        (self.hash >> 26) as u32 as usize
    }

    /// Which of the lanes, each on cache lines of its own: spans of one thread lie in one lane, and those of another thread
    /// in another, so that two threads seldom want the same lock or write the same line.
    #[inline]
    pub(crate) fn lane(self) -> usize {
        self.lane
    }

    /// Which of a few things in a lane; `count` is a power of two.
    #[inline]
    pub(crate) fn within(self, count: usize) -> usize {
        (self.hash >> 52) as usize & (count - 1)
    }
}
