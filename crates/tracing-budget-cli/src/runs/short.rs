//! Ids short enough to be read and long enough to be clear.

use tracing_budget::present::columns::one_line;

/// The first two groups of a UUIDv7 are its millisecond: two runs rarely share it.
const CLEAR: usize = 13;

/// An id that is no longer than this is not shortened.
const SHORT: usize = 20;

/// The ids, each cut as far as it stays apart from the others. What is left can be typed in place of the id.
pub(crate) fn short_ids(ids: &[&str]) -> Vec<String> {
    ids.iter()
        .map(|id| {
            if id.chars().count() <= SHORT {
                return one_line(id);
            }
            let shared =
                ids.iter().filter(|other| *other != id).map(|other| common(id, other)).max().unwrap_or(0);
            // Cut behind a whole group where the next is not needed.
            let length = CLEAR.max(shared + 1);
            one_line(&id.chars().take(length).collect::<String>())
        })
        .collect()
}

/// How many characters both begin with.
fn common(one: &str, two: &str) -> usize {
    one.chars().zip(two.chars()).take_while(|(one, two)| one == two).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_cut_as_far_as_they_stay_apart() {
        let ids = [
            "01a203ce-87bb-70e1-99c4-398a2f623e34",
            "01a203ce-87bb-70e2-99c4-398a2f623e34",
            "01a203ff-87bb-70e2-99c4-398a2f623e34",
            "nightly",
        ];
        assert_eq!(short_ids(&ids), ["01a203ce-87bb-70e1", "01a203ce-87bb-70e2", "01a203ff-87bb", "nightly"]);
    }
}
