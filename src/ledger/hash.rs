//! A fast hash for maps in memory, with keys that this crate makes: span ids, addresses, short names.

use std::hash::{BuildHasher, Hasher};

/// Multiplies and folds one word at a time.
///
/// Never use it for keys that an attacker chooses: it does not resist crafted collisions. The standard hasher does, at about
/// ten times the cost. Never use it for values on disk: it may change with any version. Those have FNV-1a, in `crate::fnv`.
#[derive(Clone, Copy, Default)]
pub(crate) struct FastHash;

/// The state of [`FastHash`].
#[derive(Default)]
pub(crate) struct FastHasher(u64);

/// 2^64 over the golden ratio, made odd: Knuth's multiplicative hashing.
pub(super) const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

impl FastHasher {
    // Inlined with the methods below: each is a few instructions, and a call would cost more than the work.
    #[inline]
    fn mix(&mut self, word: u64) {
        // The high half depends on all bits of the key, the low half on the low ones. Folding keeps both.
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
        // The length is mixed in, or `"a"` and `"a\0"` would have one hash.
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
