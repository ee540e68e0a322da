//! The bounds of what a run keeps. What is beyond them is cut where it comes in, with a note of it.
//!
//! Figures have no bound: tokens, money and times beyond the bounds are in the sums, under a name for all that has none of its own.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

/// Most bytes of a name: of a stage, an agent, a model, a run, a gate, a tag. Names of people's making have fewer than a hundred.
pub(crate) const NAME: usize = 256;

/// Most bytes of a text: a reason, a message, the value of a tag or of a diagnostic. That is a screen.
pub(crate) const TEXT: usize = 4_096;

/// Most bytes of a JSON object with diagnostics or other recorded values.
pub(crate) const OBJECT: usize = 65_536;

/// Most rows of one kind that a run keeps: cells, stages, agents. A reader looks at dozens, and ten thousand are a document of
/// some megabytes.
pub(crate) const ROWS: usize = 10_000;

/// Most verdicts of gates that a run keeps one by one.
pub(crate) const VERDICTS: usize = 10_000;

/// The name of the row for all names beyond [`ROWS`].
pub(crate) const MORE_NAMES: &str = "(more names)";

/// A name that is not too long: otherwise its beginning and the hash of the whole, so that two long names stay two.
// Inlined: a comparison.
#[inline]
pub(crate) fn name(name: &str) -> Cow<'_, str> {
    if name.len() <= NAME { Cow::Borrowed(name) } else { cut_name(name).into() }
}

#[cold]
fn cut_name(name: &str) -> String {
    /// The mark `…#` and sixteen hexadecimal digits.
    const HASH: usize = "…#".len() + 16;
    format!("{}…#{:016x}", beginning(name, NAME - HASH), crate::fnv::fnv1a_64(name.as_bytes()))
}

/// A text that is not too long: otherwise its beginning, and how much of it was cut.
// Inlined: a comparison.
#[inline]
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    if text.len() <= TEXT { Cow::Borrowed(text) } else { cut_text(text).into() }
}

#[cold]
fn cut_text(text: &str) -> String {
    /// Room for the note.
    const NOTE: usize = 40;
    let kept = beginning(text, TEXT - NOTE);
    format!("{kept}… ({} bytes cut)", text.len() - kept.len())
}

/// Recorded values that are not too large together: otherwise their JSON as one text, which is cut, under this key.
pub(crate) fn object(key: &str, values: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let size: usize = values.iter().map(|(key, value)| key.len() + size(value)).sum();
    if size <= OBJECT {
        return values;
    }
    let json = Value::Object(values.into_iter().collect()).to_string();
    BTreeMap::from([(key.to_owned(), text(&json).into())])
}

/// About how many bytes of JSON a value is.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(|value| 1 + size(value)).sum(),
        Value::Object(map) => map.iter().map(|(key, value)| key.len() + size(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

/// The beginning of a text in at most so many bytes.
pub(crate) fn beginning(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_at_the_bound_are_whole_and_longer_ones_stay_different() {
        let long = "é".repeat(NAME / 2);
        assert_eq!(name(&long), long);
        let (one, two) = (format!("{long}1"), format!("{long}2"));
        assert_ne!(name(&one), name(&two));
        assert!(name(&one).len() <= NAME && name(&one).starts_with("ééé"), "{}", name(&one));
        // What was cut once is not cut again.
        assert_eq!(name(&name(&one)), name(&one));
    }

    #[test]
    fn a_text_has_how_much_of_it_was_cut() {
        let long = "x".repeat(10_000_000);
        let cut = text(&long);
        assert!(cut.len() <= TEXT && cut.ends_with("… (9995944 bytes cut)"), "{}", &cut[TEXT - 60..]);
        assert_eq!(text(&cut), cut);
        assert_eq!(text(&long[..TEXT]), long[..TEXT]);
    }
}
