//! One hash of a span's id, for all that is looked up by it.

/// 2^64 over the golden ratio, made odd: Knuth's multiplicative hashing.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash of a span's id. Its high bits are the good ones; each user takes others of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdHash(u64);

impl IdHash {
    #[inline]
    pub(crate) fn of(id: u64) -> Self {
        Self(id.wrapping_mul(MULTIPLIER))
    }

    /// Which of 64 shards.
    #[inline]
    pub(crate) fn shard(self) -> usize {
        (self.0 >> 58) as usize
    }

    /// Which of 4,096 counters.
    #[inline]
    pub(crate) fn counter(self) -> usize {
        (self.0 >> 46) as usize & 0xfff
    }

    /// Where in a map of up to 2^32 places.
    #[inline]
    pub(crate) fn place(self) -> usize {
        (self.0 >> 26) as u32 as usize
    }
}
