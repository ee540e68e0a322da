//! Hashes: a fast one for maps in memory, and FNV-1a for values on disk.

use std::hash::{BuildHasher, Hasher};

/// Multiply and fold, a word at a time, for keys that we make ourselves: span ids, addresses, short names.
///
/// Not for keys that an attacker picks: the standard hasher resists collisions and costs ten times as much. Not for values on
/// disk either: it may change with any version, and [`fnv1a_128`] may not.
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

/// FNV-1a (<https://datatracker.ietf.org/doc/draft-eastlake-fnv/>) of one width. Two widths are on disk already, and neither
/// can be computed from the other.
///
/// Against accidents only: collisions can be made on purpose.
macro_rules! fnv1a {
    ($(#[$meta:meta])* $name:ident, $word:ty, $basis:literal, $prime:literal) => {
        $(#[$meta])*
        pub(crate) fn $name(bytes: &[u8]) -> $word {
            bytes.iter().fold($basis, |hash, byte| (hash ^ <$word>::from(*byte)).wrapping_mul($prime))
        }
    };
}

fnv1a!(
    /// The fingerprint of a price file, in the name of its price book.
    #[cfg(feature = "prices")]
    fnv1a_64, u64, 0xcbf2_9ce4_8422_2325, 0x0100_0000_01b3
);

fnv1a!(
    /// The hash in a file name for a long run id.
    fnv1a_128, u128, 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, 0x0000_0000_0100_0000_0000_0000_0000_013b
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_on_disk_have_the_published_hashes() {
        assert_eq!(fnv1a_128(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a_128(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        #[cfg(feature = "prices")]
        {
            assert_eq!(fnv1a_64(b""), 0xcbf2_9ce4_8422_2325);
            assert_eq!(fnv1a_64(b"a"), 0xaf63_dc4c_8601_ec8c);
        }
    }
}
