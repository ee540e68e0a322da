//! The known name that is most similar to an unknown one: the “did you mean” of every message.

/// Returns the candidate with the fewest edits from `name`, if they are few for its length. Case is ignored.
///
/// ```
/// use tracing_budget::present::nearest;
///
/// assert_eq!(nearest("statis", ["since", "status"].into_iter()), Some("status"));
/// assert_eq!(nearest("colour", ["since", "status"].into_iter()), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name: Vec<char> = name.chars().collect();
    // Two typing errors in a short name, one per four letters in a long one. Beyond that a similarity is chance.
    let mut bound = (name.len() / 4).clamp(2, 6);
    let mut best = None;
    for candidate in candidates {
        if candidate.len().abs_diff(name.len()) > bound {
            continue;
        }
        let edits = distance(&name, candidate);
        if edits <= bound && (best.is_none() || edits < bound) {
            bound = edits;
            best = Some(candidate);
        }
    }
    best
}

/// Returns Levenshtein's distance, without regard to case.
fn distance(left: &[char], right: &str) -> usize {
    let mut row: Vec<usize> = (0..=left.len()).collect();
    for (index, letter) in right.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, other) in left.iter().enumerate() {
            let changed = diagonal + usize::from(!other.eq_ignore_ascii_case(&letter));
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[left.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_its_model_and_another_name_finds_none() {
        let known = || ["claude-opus-4-5", "claude-sonnet-4-5", "gpt-5"].into_iter();
        assert_eq!(nearest("claude-sonet-4.5", known()), Some("claude-sonnet-4-5"));
        assert_eq!(nearest("GPT5", known()), Some("gpt-5"));
        assert_eq!(nearest("totally-different", known()), None);
        assert_eq!(nearest("", known()), None);
    }

    #[test]
    fn edits_are_counted() {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(distance(&letters("kitten"), "sitting"), 3);
        assert_eq!(distance(&letters(""), "abc"), 3);
        assert_eq!(distance(&letters("abc"), ""), 3);
    }
}
