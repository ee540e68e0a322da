//! A hash for maps in memory.

use std::hash::{BuildHasher, Hasher};

/// Multiply and fold, a word at a time, for keys that we make ourselves: span ids, addresses, short names.
///
/// Not for keys that an attacker picks: the standard hasher resists collisions and costs ten times as much. Not for values on
/// disk either, because it may change with any version: those have FNV-1a, in `crate::fnv`.
#[derive(Clone, Copy, Default)]
pub(crate) struct FastHash;

/// The state of [`FastHash`].
#[derive(Default)]
pub(crate) struct FastHasher(u64);

/// 2^64 over the golden ratio, made odd: Knuth's multiplicative hashing.
pub(super) const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

impl FastHasher {
    #[inline]
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(MULTIPLIER);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

impl Hasher for FastHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.mix(u64::from_le_bytes(word.try_into().unwrap_or_default()));
        }
        let mut rest = [0; 8];
        rest[..words.remainder().len()].copy_from_slice(words.remainder());
        self.mix(u64::from_le_bytes(rest) ^ (bytes.len() as u64).rotate_left(56));
    }

    #[inline]
    fn write_u8(&mut self, byte: u8) {
        self.mix(u64::from(byte));
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.mix(word as u64);
    }
}

impl BuildHasher for FastHash {
    type Hasher = FastHasher;

    #[inline]
    fn build_hasher(&self) -> FastHasher {
        FastHasher::default()
    }
}
