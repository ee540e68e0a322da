//! The short form of a run's id.

/// Characters of a short id. The last 8 of a UUIDv7 are 32 random bits: among 1,000 runs, two share them once in 8,600
/// histories (the birthday bound, n² / 2³³).
const SHORT: usize = 8;

/// Ids up to this length are names that a person chose, such as `nightly-2026-04-19`, and are kept whole.
const WHOLE: usize = 20;

/// Returns the short form of a run's id: its last 8 characters, or all of an id of at most 20.
///
/// The end and not the beginning, because a UUIDv7 begins with its time: runs of one day begin alike. Every command and
/// page that takes an id accepts this form. The text is a part of the id as it came: pass it through
/// [`one_line`](super::columns::one_line) before it reaches a terminal.
///
/// ```
/// use tracing_budget::present::id::short;
///
/// assert_eq!(short("01a203ce-87bb-70e1-99c4-398a2f623e34"), "2f623e34");
/// assert_eq!(short("nightly-2026-04-19"), "nightly-2026-04-19");
/// ```
#[must_use]
pub fn short(run_id: &str) -> &str {
    // `nth(WHOLE)` exists only if there are more characters than WHOLE; counting them all could be slow for a foreign id.
    if run_id.chars().nth(WHOLE).is_none() {
        return run_id;
    }
    match run_id.char_indices().rev().nth(SHORT - 1) {
        Some((at, _)) => &run_id[at..],
        None => run_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_cut_by_characters_and_only_when_it_is_long() {
        let letters = |count| "é".repeat(count);
        assert_eq!(short(""), "");
        assert_eq!(short("a"), "a");
        assert_eq!(short(&letters(20)), letters(20));
        assert_eq!(short(&letters(21)), letters(8));
        assert_eq!(short(&"x".repeat(100)), "x".repeat(8));
    }
}
