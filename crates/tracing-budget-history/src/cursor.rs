//! The end of a page: where the next one begins.

use std::fmt;
use std::str::FromStr;

use super::error::StoreError;
use super::sort::Sort;

/// The end of a page, as opaque text: pass it back unchanged for the next page.
///
/// It has the last run's id and sort key, not a number of runs to skip. So runs that are stored or deleted meanwhile
/// neither repeat nor hide others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(String);

/// The content of a cursor.
#[derive(Debug, PartialEq)]
pub(super) struct Position {
    /// The sort key; `None` where it is unknown.
    pub(super) key: Option<Key>,
    pub(super) run_id: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Key {
    Whole(i128),
    Real(f64),
}

impl Cursor {
    pub(super) fn new(sort: Sort, position: &Position) -> Self {
        let key = match &position.key {
            None => "-".to_owned(),
            Some(Key::Whole(number)) => format!("i{number}"),
            // The bits: a rounded key would repeat or skip the run at the end of the page.
            Some(Key::Real(number)) => format!("r{:016x}", number.to_bits()),
        };
        let plain = format!("{sort} {key} {}", position.run_id);
        Self(plain.bytes().map(|byte| format!("{byte:02x}")).collect())
    }

    pub(super) fn read(&self, sort: Sort) -> Result<Position, StoreError> {
        let fail = |reason| StoreError::Cursor { cursor: self.0.clone(), reason };
        let malformed = "expected what the page before gave as next";
        let plain = unhex(&self.0).ok_or_else(|| fail(malformed))?;
        let mut words = plain.splitn(3, ' ');
        let (Some(order), Some(key), Some(run_id)) = (words.next(), words.next(), words.next()) else {
            return Err(fail(malformed));
        };
        if order != sort.to_string() {
            return Err(fail("the list before had another order"));
        }
        let key = match key.split_at_checked(1) {
            Some(("-", "")) => None,
            Some(("i", digits)) => Some(Key::Whole(digits.parse().map_err(|_| fail(malformed))?)),
            Some(("r", bits)) => {
                let bits = u64::from_str_radix(bits, 16).map_err(|_| fail(malformed))?;
                Some(Key::Real(f64::from_bits(bits)))
            }
            _ => return Err(fail(malformed)),
        };
        Ok(Position { key, run_id: run_id.to_owned() })
    }

    /// The text of the cursor.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn unhex(text: &str) -> Option<String> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Result<Vec<u8>, _> =
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16)).collect();
    String::from_utf8(bytes.ok()?).ok()
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Cursor {
    /// Takes any text; [`Store::list`](crate::Store::list) checks it.
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Cursor {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl serde::Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Order, SortBy};

    #[test]
    fn a_cursor_is_read_back() {
        let sort = Sort { by: SortBy::Duration, order: Order::Asc };
        for key in [None, Some(Key::Whole(-5)), Some(Key::Real(47.27)), Some(Key::Whole(i128::MAX))] {
            let position = Position { key, run_id: "a run — with spaces".into() };
            let cursor = Cursor::new(sort, &position);
            assert_eq!(cursor.read(sort).ok(), Some(position));
            assert!(cursor.read(Sort::default()).is_err(), "another order");
        }
    }

    #[test]
    fn a_text_that_is_not_a_cursor_is_refused() {
        for text in ["", "zz", "abc", "é0", "7374", "ff"] {
            assert!(Cursor::from(text.to_owned()).read(Sort::default()).is_err(), "{text}");
        }
    }
}
