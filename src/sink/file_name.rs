//! The file name of a run, for every possible id.
//!
//! Ids come from users, so they may contain separators, dots or control characters, and be long. A name made here is safe on
//! every common file system and still shows the id. No two ids share a name, also where the file system ignores case:
//!
//! | id | name |
//! |---|---|
//! | only `a-z 0-9 - _ .` | the id |
//! | with other bytes, or an unsafe start | those bytes as `%xx` |
//! | with capitals | followed by `~` and which of the characters are capitals, four to a hexadecimal digit |
//! | longer than [`LONGEST`] in this form | its beginning, `~h` and a 128-bit hash of the id |
//! | empty | `%empty` |

use std::fmt::Write;

use crate::fnv::fnv1a_128;

/// Most bytes of a name. File systems allow 255: the rest is for a number, `.json`, and the dot and `.tmp` of a claim.
const LONGEST: usize = 200;

/// Bytes of the hash of a longer name: the mark `~h` and 32 hexadecimal digits.
const HASH: usize = 2 + 32;

/// Names that Windows reserves for devices, with every extension.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// The name, without extension, of the file of a run with this id.
pub(super) fn file_stem(run_id: &str) -> String {
    if run_id.is_empty() {
        return "%empty".to_owned();
    }
    let stem = escape(run_id);
    let capitals = capitals(&stem);
    if stem.len() + capitals.len() <= LONGEST {
        return stem + &capitals;
    }
    let mut beginning: String = stem.chars().take(LONGEST - HASH).collect();
    // An escape that was cut in two would show a byte that the id does not contain.
    if let Some(cut) = beginning.char_indices().rev().take(2).find(|(_, c)| *c == '%') {
        beginning.truncate(cut.0);
    }
    // Two ids that were made to collide get numbered names, as two runs with one id do.
    format!("{beginning}~h{:032x}", fnv1a_128(run_id.as_bytes()))
}

fn escape(run_id: &str) -> String {
    // Ordinary ids have no byte to escape, so this is their exact length.
    let mut stem = String::with_capacity(run_id.len());
    let device = is_device(run_id);
    for (at, byte) in run_id.bytes().enumerate() {
        let safe = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => !(device && at == 0),
            b'_' => true,
            // At the start a dot hides the file and a dash makes it an option.
            b'.' | b'-' => at > 0,
            _ => false,
        };
        if safe {
            stem.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(stem, "%{byte:02x}");
        }
    }
    stem
}

fn is_device(run_id: &str) -> bool {
    let base = run_id.split('.').next().unwrap_or(run_id);
    let (name, digit) = match base.as_bytes() {
        [.., last] if base.len() == 4 && last.is_ascii_digit() => (&base[..3], true),
        _ => (base, false),
    };
    let numbered = name.eq_ignore_ascii_case("com") || name.eq_ignore_ascii_case("lpt");
    numbered == digit && DEVICES.iter().any(|device| name.eq_ignore_ascii_case(device))
}

/// Marks which characters are capitals; empty without any. Without the mark, `A` and `a` would be one file on a
/// file system that ignores case.
fn capitals(stem: &str) -> String {
    let mut marks = String::new();
    for four in stem.as_bytes().chunks(4) {
        let digit = four
            .iter()
            .enumerate()
            .fold(0, |bits, (at, byte)| bits | u32::from(byte.is_ascii_uppercase()) << at);
        marks.extend(char::from_digit(digit, 16));
    }
    let marks = marks.trim_end_matches('0');
    if marks.is_empty() { String::new() } else { format!("~{marks}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_ids_are_their_own_name() {
        for id in
            ["0193a5e2-7c1b-7f00-8000-0123456789ab", "nightly_2026-04-19", "v1.2", "0", "com", "console"]
        {
            assert_eq!(file_stem(id), id);
        }
    }

    #[test]
    fn unsafe_ids_are_still_recognisable() {
        for (id, stem) in [
            ("", "%empty"),
            ("../../etc/passwd", "%2e.%2f..%2fetc%2fpasswd"),
            ("/etc/passwd", "%2fetc%2fpasswd"),
            ("C:\\x", "C%3a%5cx~1"),
            ("a\0b", "a%00b"),
            (".hidden", "%2ehidden"),
            ("-rf", "%2drf"),
            ("100%", "100%25"),
            ("~", "%7e"),
            ("nul", "%6eul"),
            ("nul.txt", "%6eul.txt"),
            ("com1", "%63om1"),
            ("PR-123", "PR-123~3"),
            ("é", "%c3%a9"),
        ] {
            assert_eq!(file_stem(id), stem, "of {id:?}");
        }
    }

    #[test]
    fn a_long_id_keeps_its_beginning() {
        let long = "x".repeat(300);
        let stem = file_stem(&long);
        assert_eq!(stem.len(), LONGEST);
        assert!(stem.starts_with(&"x".repeat(100)));
        assert_ne!(stem, file_stem(&"x".repeat(301)));
        assert_eq!(file_stem(&"x".repeat(LONGEST)), "x".repeat(LONGEST));
    }

    /// Ids that are close to each other, and to the names that the encoding itself makes.
    fn ids() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[aA./%~2e-]{0,8}",
            "(?i)(con|nul|com1|lpt9|%empty|a~1|a%2fb)(\\.[ab])?",
            "[aAé]{150,320}",
        ]
    }

    proptest! {
        #[test]
        fn every_id_gives_a_safe_name(id in ids()) {
            let stem = file_stem(&id);
            prop_assert!((1..=LONGEST).contains(&stem.len()));
            prop_assert!(stem.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-%~".contains(&b)), "{stem:?}");
            prop_assert!(!stem.starts_with(['.', '-']), "{stem:?}");
            prop_assert!(!is_device(&stem), "{stem:?}");
        }

        #[test]
        fn two_ids_never_share_a_name(one in ids(), other in ids()) {
            prop_assume!(one != other);
            prop_assert_ne!(file_stem(&one).to_lowercase(), file_stem(&other).to_lowercase());
        }

        #[test]
        fn ids_that_differ_in_capitals_do_not_share_a_name(id in "[aB./%~]{1,12}", flip in any::<prop::sample::Index>()) {
            let mut other: Vec<char> = id.chars().collect();
            let at = flip.index(other.len());
            let c = other[at];
            other[at] = if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            let other: String = other.into_iter().collect();
            prop_assume!(id != other);
            prop_assert_ne!(file_stem(&id).to_lowercase(), file_stem(&other).to_lowercase());
        }
    }
}
