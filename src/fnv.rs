//! FNV-1a, the hash of values on disk: they must be the same in every version.
//!
//! # Invariants
//!
//! - A width has its published basis and prime, and they never change.
//! - Against accidents only: collisions can be made on purpose. Absent: any use for keys of a map in memory, which have
//!   `ledger::FastHash`, ten times as fast.

// Parameters: <https://datatracker.ietf.org/doc/draft-eastlake-fnv/>. Two widths, because both are on disk already, and
// neither can be computed from the other.
macro_rules! fnv1a {
    ($(#[$meta:meta])* $name:ident, $word:ty, $basis:literal, $prime:literal) => {
        $(#[$meta])*
        pub(crate) fn $name(bytes: &[u8]) -> $word {
            bytes.iter().fold($basis, |hash, byte| (hash ^ <$word>::from(*byte)).wrapping_mul($prime))
        }
    };
}

fnv1a!(
    /// The fingerprint of a price file, in the name of its price book; and the hash in a name that is cut.
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
        assert_eq!(fnv1a_64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a_64(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
